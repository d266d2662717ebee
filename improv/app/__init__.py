"""The program: the command line, the daemon's life from start to end, and what the terminal shows."""
