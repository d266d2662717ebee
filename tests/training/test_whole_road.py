"""What `make train-tiny` does: corpus -> labels -> tokens -> torch -> ONNX -> a model that plays, on real music."""

from __future__ import annotations

import re
from pathlib import Path

from improv.config import Config
from improv.config.adapters import render
from improv.model.onnx_model import OnnxModel
from improv.music.mood import CORNERS
from tests import make_tiny_model


def test_the_whole_road_ends_in_a_model_that_plays_and_beats_a_markov_chain(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "tiny.onnx"
    assert make_tiny_model.main([str(out)]) == 0
    model = OnnxModel(out, "cpu")
    steps = render(model, Config(), 20, seed=1, mood=CORNERS["calm"])
    assert sum(len(step.started) for step in steps) > 20
    row = re.search(
        r"\| test \| overall \| \d+ \| \d+ \| ([\d.]+) .*?\| ([\d.]+) .*?\| ([\d.]+) ",
        out.with_suffix(".md").read_text(),
    )
    assert row is not None
    hidden, _, markov = (float(value) for value in row.groups())
    assert hidden < markov - 0.2
    assert model.contract.held_out_loss == round(hidden, 4)
