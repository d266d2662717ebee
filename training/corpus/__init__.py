"""From files to music that can be learned from: reading, cleaning, measuring, naming."""
