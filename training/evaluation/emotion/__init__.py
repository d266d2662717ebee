"""Whether moods are heard as they are commanded."""
