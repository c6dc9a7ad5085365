"""The ESC/POS printer twin: parser, mechanism, typesetter and engine without I/O, and a TCP shell around them."""
