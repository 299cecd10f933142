"""The body of the unit: platforms, sensors, boards, and whether all that must be there is."""
