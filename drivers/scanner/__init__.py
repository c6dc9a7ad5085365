"""Scanners that send bytes: framing, the serial line, duplicate reads."""
