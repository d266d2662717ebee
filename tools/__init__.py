"""What keeps the project: shared by tests and benchmarks, or run by hand. Nothing of it is shipped."""

from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
TINY = REPOSITORY / "tests" / "models" / "tiny.onnx"
"""The tiny real model (tests/make_tiny_model.py)."""
