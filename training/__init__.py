"""Offline: corpus -> labels -> tokens -> torch -> ONNX, and evaluation. May import improv; improv never imports it."""
