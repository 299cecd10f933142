"""Searches: what a hub has looked for, who is like it, what of the area was seen, and its end."""
