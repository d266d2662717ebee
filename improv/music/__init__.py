"""The words that all share: notes, positions, keys, moods, attributes and limits."""
