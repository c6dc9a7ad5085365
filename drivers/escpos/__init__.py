"""ESC/POS receipt printers: composing, status codecs, TCP 9100, and confirmed printing."""
