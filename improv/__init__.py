"""BrainMusic: piano music, improvised with feeling, on a MIDI port."""

__version__ = "0.1.0"
