"""Control on the spot: what this computer's own commands may ask of the running unit."""
