"""Make tests/models/tiny.onnx, the tiny real model that the daemon's tests play with, so that they need no torch.

    python -m tests.make_tiny_model [OUT.onnx]

The whole road on 60 Bach chorales of music21 (evenly spread over its corpus; 50 of them are in four parts): prepare,
train the preset `tiny` with its fixed seed on one thread, export, evaluate. It takes half a minute. On one machine the
weights are the same each time; only the date in the metadata differs. The model is small and knows only chorales, which
is all that the tests want of it; the card beside it says how good it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from training.__main__ import main as training

MODEL = Path(__file__).with_name("models") / "tiny.onnx"
CHORALES = 60


def make(model: Path) -> int:
    """Run each program as a user would; the first that fails ends it with its exit code."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-tiny-") as scratch:
        data, run = f"{scratch}/tiny", f"{scratch}/run"
        checkpoint, card = f"{run}/best.pt", model.with_suffix(".md")
        card.unlink(missing_ok=True)
        return (
            training(["prepare", "music21:bach", "--limit", str(CHORALES), "--out", data])
            or training(["train", data, "--preset", "tiny", "--out", run, "--device", "cpu", "--threads", "1"])
            or training(["export", checkpoint, "--dataset", data, "--out", str(model)])
            or training(
                [
                    "evaluate",
                    str(model),
                    "--dataset",
                    data,
                    "--out",
                    scratch,
                    "--excerpts",
                    "0",
                    "--checkpoint",
                    checkpoint,
                    "--card",
                    str(card),
                ]
            )
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.make_tiny_model", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=MODEL)
    return make(parser.parse_args(arguments).out)


if __name__ == "__main__":
    sys.exit(main())
