"""After the ignition: what the car's switches say, when the unit sleeps, and what then rests."""
