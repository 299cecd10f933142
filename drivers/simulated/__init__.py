"""What carries a unit, as programs to test and to train with: a car, a robot."""
