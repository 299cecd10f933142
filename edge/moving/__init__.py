"""Orders to what carries the unit: missions, hold, home, drive, stop; and the limits they keep."""
