"""The configuration file: its types, its layers, and what is wrong with it."""
