"""Open Sound Control and OSCQuery."""
