"""Offline: corpus -> labels -> tokens -> PyTorch -> ONNX, and evaluation. May import improv; improv never imports it."""
