"""What carries the unit: autopilot, vehicle or robot, each behind the same seam."""
