"""What a unit sees: pictures through detector, tracker and ground to those who watch."""
