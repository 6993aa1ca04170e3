"""What is true of a whole organization."""
