"""What was tried once for a table in the docs."""
