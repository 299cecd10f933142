"""The unit's file, looked into: what it names is opened, before a unit is to run with it."""
