"""`improv ctl`, `status` and `watch`: a socket for this user, and the programs that speak through it."""
