"""Cameras: sources of frames, decoding, and the loop that joins them. Needs the `camera` extra."""
