"""What is plugged into this computer, by names that stay."""
