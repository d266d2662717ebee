"""Evaluations and corpora as pages."""
