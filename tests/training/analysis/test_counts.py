"""What is counted of people's pieces is what stands in them, in the form that the planner reads."""

from __future__ import annotations

import json

import numpy as np
import pytest

from improv.plan import corpus_counts
from improv.plan.plan import AUTHENTIC
from tests.training.analysis.tunes import alberti, block, cadence_in_c, moved, of_rows
from training.analysis import analyse
from training.analysis.music import Music
from training.analysis.stretches import stretches
from training.dataset.corpus_counts import Counts, Found

TONIC, SUBDOMINANT, DOMINANT = (corpus_counts.state_of(root, quality, 0) for root, quality in ((0, 0), (5, 0), (7, 4)))


def tune(bars: int = 16, semitones: int = 0) -> Music:
    """I IV V7 I, half a bar each, over and over."""
    rows = [row for start in range(0, 4 * bars, 8) for row in moved(cadence_in_c(), semitones, start)]
    return of_rows(rows)


def counted(*pieces: Music, beat_s: float | None = 0.5) -> Counts:
    counts = Counts()
    for music in pieces:
        found = analyse(music)
        lines = np.append(found.bars.start, found.bars.end_tick) / 12
        bar_s = None if beat_s is None else lines * beat_s
        counts.add(Found(music, found, stretches(music, found, bar_s)))
    return counts


def test_chords_are_counted_from_the_tonic_whatever_the_key() -> None:
    counts = counted(tune(), tune(semitones=5)).harmony
    for pair in ((TONIC, SUBDOMINANT), (SUBDOMINANT, DOMINANT), (DOMINANT, TONIC)):
        assert counts.pairs[(0, *pair)] >= 14
    assert counts.opening == {(0, TONIC): 2}
    assert sum(n for (mode, *_), n in counts.pairs.items() if mode) == 0


def test_chords_change_every_half_bar() -> None:
    counts = counted(tune()).harmony
    rate = corpus_counts.rate_of(1.5)
    changed, stayed = (
        sum(n for (_, r, strength, change), n in counts.changes.items() if r == rate and (strength, change) == at)
        for at in ((1, 1), (1, 0))
    )
    assert (changed, stayed) == (0, 32)


def test_phrases_close_with_a_cadence_out_of_the_dominant() -> None:
    counts = counted(tune()).forms
    assert counts.last_cadence == {AUTHENTIC: 1}
    assert {row[1:4] for row in counts.closes} == {(AUTHENTIC, DOMINANT, TONIC)}


def test_a_figure_that_is_moved_is_counted_by_the_way_of_its_root() -> None:
    first = [*alberti(0, 48, 52, 55), *alberti(2, 48, 52, 55), *block(0, 4, 36, 72)]
    rows = [row for bar in range(16) for row in moved(first, 7 * (bar % 2), 4 * bar)]
    counts = counted(of_rows(rows)).returns
    assert counts.moves[0, 0, 0] >= 12
    assert sum(counts.moves.values()) == 15


def test_speed_is_not_counted_where_the_tempo_is_not_the_piece_s_own() -> None:
    assert sum(counted(tune()).harmony.rates.values()) > 0
    silent = counted(tune(), beat_s=None)
    assert not silent.harmony.rates
    assert not silent.harmony.single
    assert silent.harmony.pairs == counted(tune()).harmony.pairs


def test_the_planner_reads_what_was_counted() -> None:
    pieces = [tune(16, 0), tune(24, 3), tune(32, -4)]
    content = json.loads(json.dumps(counted(*pieces).as_json()))
    read = corpus_counts.counts_from(content)
    assert read.follows[0].shape == (corpus_counts.STATES, corpus_counts.STATES)
    assert read.follows[0].sum(axis=1) == pytest.approx(1.0)
    assert read.follows[0][DOMINANT].argmax() == TONIC
    assert int(read.opening[0].argmax()) == TONIC
    assert read.closes[0][AUTHENTIC][0][:2] == (DOMINANT, TONIC)
    assert read.metres[0][0] == "4/4"


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format"):
        corpus_counts.counts_from({"format": 1})
