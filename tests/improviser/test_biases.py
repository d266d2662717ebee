"""Biases for networks with a plan."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from improv.improviser import biases
from improv.improviser.feedback import Feedback
from improv.improviser.settings import BiasStrengths
from improv.improviser.step_biases import StepBiases
from improv.model.vocabulary import HandsEncoding
from improv.model.vocabulary.hands import LEFT, RIGHT


def test_what_clashes_and_is_not_in_the_chord_is_made_rarer() -> None:
    nats = biases.clash_bias([60, 71], chord=(0, 4, 7))
    assert nats[61] == nats[73] == nats[59] == -biases.CLASH_BIAS
    assert nats[72] == 0  # a chord tone, whatever it clashes with
    assert nats[64] == nats[65] == 0
    assert not biases.clash_bias([], chord=(0, 4, 7)).any()


def test_a_line_is_drawn_a_step_on_and_away_from_its_own_tone() -> None:
    nats = biases.line_bias(72)
    assert nats[70] == nats[71] == nats[73] == nats[74] == biases.STEP_BIAS
    assert nats[72] == -biases.TONE_AGAIN_BIAS
    assert nats[69] == nats[75] == nats[60] == nats[84] == 0


def test_a_figure_breaks_its_chord() -> None:
    nats = biases.figure_bias(55, chord=(0, 4, 7))
    assert nats[48] == nats[52] == nats[60] == nats[64] == 0
    assert nats[55] == -biases.FIGURE_STEP_BIAS  # again, as a step is
    assert nats[50] == nats[59] == -biases.FIGURE_CHORD_BIAS
    assert nats[53] == nats[57] == -biases.FIGURE_CHORD_BIAS - biases.FIGURE_STEP_BIAS


def _step_biases(line: int, started: tuple[int, ...] = (), **more: Any) -> StepBiases:
    encoding, none = HandsEncoding(), BiasStrengths(**{field.name: 0.0 for field in fields(BiasStrengths)})
    step = StepBiases(
        encoding,
        none,
        Feedback(),
        place=np.zeros(128),
        density=0.0,
        dissonance=0.2,
        intensity=0.35,
        recall=None,
        sounding=np.zeros(12),
        last_chord=(),
        line=line,
        **more,
    )
    for token_id in started:
        step.chose(token_id)
    return step


def test_the_right_hand_alone_is_drawn_by_its_line_and_plays_as_often_as_before() -> None:
    encoding = HandsEncoding()
    logits, legal = np.zeros(encoding.size), np.ones(encoding.size, dtype=np.bool_)
    _step_biases(line=72).lay_on(logits, legal, None)
    starts = logits[encoding.starts]
    right, left = starts[encoding.start_hands == RIGHT], starts[encoding.start_hands != RIGHT]
    pitches = encoding.start_pitches[encoding.start_hands == RIGHT]
    assert not left.any()
    assert right[pitches == 74] > right[pitches == 80] > right[pitches == 72]
    assert np.isclose(np.exp(right).sum(), len(right))


def test_without_a_line_nothing_is_drawn() -> None:
    encoding = HandsEncoding()
    logits = np.zeros(encoding.size)
    _step_biases(line=0).lay_on(logits, np.ones(encoding.size, dtype=np.bool_), None)
    assert not logits.any()


def test_hands_double_short_notes_more_rarely_than_long_ones() -> None:
    encoding, all_legal = HandsEncoding(), np.ones(HandsEncoding().size, dtype=np.bool_)
    struck = encoding.starts.start + 40  # of the left hand
    octave, fifth = struck + 12, struck + 7
    for lengths, extra in (((3, 3), biases.FAST_OCTAVE_BIAS), ((12, 12), 0.0)):
        logits = np.zeros(encoding.size)
        _step_biases(0, (struck,), lengths=lengths).lay_on(logits, all_legal, None)
        assert np.isclose(logits[fifth] - logits[octave], extra)
        assert np.isclose(-logits[fifth], biases.THICK_BIAS + (biases.FAST_THICK_BIAS[0] if extra else 0.0))
        assert not logits[encoding.starts][encoding.start_hands == RIGHT].any()


def test_a_left_hand_in_short_notes_is_drawn_to_its_chord_and_plays_as_often_as_before() -> None:
    encoding = HandsEncoding()
    logits = np.zeros(encoding.size)
    _step_biases(0, planned_chord=(0, 4, 7), figure=55).lay_on(logits, np.ones(encoding.size, dtype=np.bool_), None)
    starts = logits[encoding.starts]
    left, pitches = starts[encoding.start_hands == LEFT], encoding.start_pitches[encoding.start_hands == LEFT]
    assert left[pitches == 60] > left[pitches == 62] > left[pitches == 57]
    assert np.isclose(np.exp(left).sum(), len(left))
