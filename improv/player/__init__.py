"""Ports and deadlines. The modules beside this file run in the engine's process, `process/` in the player's."""
