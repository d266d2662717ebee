"""Training runs: schedule, loop, record, fine-tuning, sweeps."""
