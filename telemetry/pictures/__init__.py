"""Pictures on their way to the hub: a spool of their own, so that they never cost an event."""
