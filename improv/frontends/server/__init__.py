"""The process of the frontends: who is let in, who hears what."""
