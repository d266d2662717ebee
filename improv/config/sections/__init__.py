"""The sections of config.yaml, one module a subject, and what each value may be."""
