"""A recording through the same chain as on the unit: the same input gives the same events."""
