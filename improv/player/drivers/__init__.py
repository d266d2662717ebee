"""The MIDI systems: one module each."""
