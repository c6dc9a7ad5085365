"""Devices at the counter: codecs (bytes to values, no I/O), transports (move bytes) and thin shells that join them."""
