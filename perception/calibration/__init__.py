"""What a camera's lens and mount are, measured from pictures of things that are known."""
