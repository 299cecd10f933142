"""From pixels to the ground: cameras, poses, positions with their error."""
