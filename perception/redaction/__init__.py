"""What makes a picture fit to leave the unit: faces, heads and plates covered for good."""
