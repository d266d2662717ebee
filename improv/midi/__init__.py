"""MIDI messages and MIDI files."""
