"""One module for each command of `improv` that does more than a few lines."""
