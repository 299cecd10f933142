"""The run-time link with a board: frames, what is in them, and who keeps it alive."""
