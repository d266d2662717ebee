"""What follows what: as people have it, a little surer of itself in minor than in major."""

from __future__ import annotations

import numpy as np
import pytest

from improv.plan import harmony
from improv.plan.corpus_counts import VALID, FloatArray, corpus_counts
from improv.plan.harmony import Colour, coloured


def entropy(table: FloatArray) -> float:
    """Mean bits of the next chord, over the chords that occur."""
    rows = table[VALID]
    rows = rows[rows.sum(axis=1) > 0]
    return float(-(rows * np.log2(np.maximum(rows, 1e-12))).sum(axis=1).mean())


def test_every_row_is_a_distribution_and_only_major_is_more_open_than_peoples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = [coloured(corpus_counts(), mode, Colour()) for mode in (0, 1)]
    for table in ours:
        assert np.allclose(table[VALID].sum(axis=1), 1)
    monkeypatch.setattr(harmony, "SURENESS", (1, 1))
    theirs = [coloured(corpus_counts(), mode, Colour()) for mode in (0, 1)]
    assert entropy(ours[0]) > entropy(theirs[0])
    assert entropy(ours[1]) < entropy(theirs[1])
