"""Cars: over CAN, and through an OBD-II adapter."""
