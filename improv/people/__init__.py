"""The people for whom music is made: plans, limits, notes, sessions, and the takes of these."""
