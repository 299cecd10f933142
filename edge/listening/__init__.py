"""What a unit hears: microphones through the ear to the hub."""
