"""What can be made of a take: a MIDI file, a picture, a report, sound."""
