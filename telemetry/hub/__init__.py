"""The reference hub: judging what units say, acknowledging it, commanding."""
