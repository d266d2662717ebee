"""What outlives the engine: a supervisor, the memory that both share, and what an engine needs to go on from there."""
