"""From music to token streams on disk, split by work."""
