"""What a technician does to a board: identity, settings, images."""
