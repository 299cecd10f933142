"""One YAML file per kind of unit, laid over the built-in defaults."""
