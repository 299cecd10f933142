"""How dense a crowd is, on the ground that is seen."""
