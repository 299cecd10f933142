"""Setting up a receiver: what it is, what it sends and how often, and at which speed."""
