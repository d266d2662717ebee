"""Make tests/models/tiny.onnx, the tiny real model that the daemon's tests play with, so that they need no torch.

    python -m tests.make_tiny_model

The whole road on 60 Bach chorales that come with music21 (evenly spread over its corpus, some 50 of them in four parts):
prepare, train the preset `tiny` with its fixed seed on one thread, export, evaluate. It takes about a minute. On one
machine the weights are the same each time; only the date in the metadata differs. The model is small and knows only
chorales, which is all that the tests want of it; tests/models/tiny.md says how good it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from training import evaluate, export, prepare, train

MODEL = Path(__file__).with_name("models") / "tiny.onnx"
CHORALES = 60


def main() -> int:
    """Run each program as a user would; the first that fails ends it with its exit code."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-tiny-") as scratch:
        data, run = f"{scratch}/tiny", f"{scratch}/run"
        best = f"{run}/best.pt"
        options = ["--dataset", data]
        MODEL.with_suffix(".md").unlink(missing_ok=True)
        return (
            prepare.main(["music21:bach", "--limit", str(CHORALES), "--out", data])
            or train.main([data, "--preset", "tiny", "--out", run, "--device", "cpu", "--threads", "1"])
            or export.main([best, *options, "--out", str(MODEL)])
            or evaluate.main(
                [str(MODEL), *options, "--out", scratch, "--checkpoint", best, "--card", str(MODEL.with_suffix(".md"))]
            )
        )


if __name__ == "__main__":
    sys.exit(main())
