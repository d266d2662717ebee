"""Page, OSC and `improv ctl`. The modules beside this file run in the engine's process, all others in their own."""
