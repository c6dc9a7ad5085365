"""The story of two shops: one beep, end to end, told by real programs and checked from what they left on disk."""
