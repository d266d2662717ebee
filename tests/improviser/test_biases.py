"""Biases for networks with a plan."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from improv.improviser import biases
from improv.improviser.feedback import Feedback
from improv.improviser.settings import BiasStrengths
from improv.improviser.step_biases import StepBiases
from improv.model.vocabulary import HandsEncoding
from improv.model.vocabulary.hands import RIGHT


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


def _step_biases(line: int, started: tuple[int, ...] = ()) -> StepBiases:
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
