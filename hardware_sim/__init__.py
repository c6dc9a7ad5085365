"""Stand-ins for every device and network at the wire, and a virtual shop. Never imports the gateway or the centre."""
