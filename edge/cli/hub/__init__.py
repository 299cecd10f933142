"""Commands from the hub's side of the broker: hear, send, judge."""
