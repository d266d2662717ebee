"""The player's process: a queue in order of time, the ledger of what sounds, the ports."""
