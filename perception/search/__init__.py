"""Looking for a description: colours by name, what of an area was seen. No face, no identity."""
