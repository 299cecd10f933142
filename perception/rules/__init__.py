"""From tracks on the ground to what a patrol wants to hear of: zones and rules."""
