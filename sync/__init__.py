"""The journal and the wire: hash chain, batches, topics, outbox logic (sans-IO) and the MQTT shell."""
