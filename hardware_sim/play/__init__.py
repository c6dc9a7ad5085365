"""The playground: two shops side by side, with everything of theirs to touch in a browser."""
