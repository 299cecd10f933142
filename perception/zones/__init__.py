"""Places that rules are about: from the file to the question of who is inside, and how surely."""
