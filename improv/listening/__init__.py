"""What is heard of the person who plays along: keys, beat, chord, phrases. Pure; the time is passed in."""
