"""Chooses the notes: controls, model and sampling in, planned steps out. No ports, no threads, no clock."""
