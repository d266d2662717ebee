"""Models that can be stepped: what they say of themselves, what they are told, and their vocabularies."""
