"""The `patrol-edge` command: one module per command group."""
