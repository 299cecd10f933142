"""What the unit tells of itself: positions, state, health, and what is wrong, as findings."""
