"""The subcommands of `comptoir`, a module each, so that each loads only what it needs."""
