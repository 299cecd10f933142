"""Commands for the unit's own computer: its crew and its technicians."""
