"""What the unit says and shines, as far as this computer drives it itself."""
