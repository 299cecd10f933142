"""Where the unit is, from all that tells of it: receivers, wheels, gyros; and who to believe."""
