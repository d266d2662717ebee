"""What is decided ahead of the notes."""
