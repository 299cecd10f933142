"""What the unit says and shines: who may, for how long, and what forbids it."""
