"""Networks, their checkpoints, and their way to ONNX."""
