"""Commands from the hub: who may say what, verified, done once, answered, journaled."""
