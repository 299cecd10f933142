"""What a bundle carries, tried on this unit before the unit changes over to it, kind by kind."""
