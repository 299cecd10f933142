"""Lines to a unit elsewhere: a bundle handed over through SSH or a serial console, and its echo."""
