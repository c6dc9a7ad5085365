"""The pure domain: money, tokens, instruments, rules, grants, events, `decide`, `evolve` and the fold. No I/O."""
