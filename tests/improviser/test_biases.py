"""Biases for networks with a plan."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from improv.improviser import biases
from improv.improviser.feedback import Feedback
from improv.improviser.settings import BiasStrengths
from improv.improviser.step_biases import Bass, Closing, StepBiases
from improv.improviser.step_chooser import at_plan
from improv.model.plan_inputs import CADENCES
from improv.model.vocabulary import HandsEncoding
from improv.model.vocabulary.hands import LEFT, RIGHT, TABLE
from improv.music.chord import Chord
from improv.plan.plan import AUTHENTIC, HALF, METRES, PlannedBar, Texture, TimedChord


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
    nats = biases.figure_bias(55, chord=frozenset((0, 4, 7)))
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


def test_where_a_phrase_closes_time_goes_on_in_long_steps_to_its_end_and_not_beyond() -> None:
    nats = biases.closing_shift_bias(24, rest_ticks=12)
    assert (np.diff(nats[:12]) > 0).all()
    assert nats[11] - nats[2] > 5  # a quarter before a sixteenth
    assert not nats[12:].any()


def test_where_a_phrase_closes_notes_last_and_the_right_hand_rests_after_its_chord() -> None:
    encoding = HandsEncoding()
    all_legal = np.ones(encoding.size, dtype=np.bool_)
    longer = TABLE.slice_of("LENGTH_RIGHT")
    for arrives in (True, False):
        logits = np.zeros(encoding.size)
        _step_biases(0, closing=Closing(arrives, 24)).lay_on(logits, all_legal, None)
        right = logits[encoding.starts][encoding.start_hands == RIGHT]
        assert (right == (0.0 if arrives else -biases.CLOSING_LINE_BIAS)).all()
        assert (np.diff(logits[longer]) > 0).all()


def test_a_chord_begins_with_its_bass_and_only_with_it() -> None:
    encoding = HandsEncoding()
    all_legal = np.ones(encoding.size, dtype=np.bool_)
    logits = np.zeros(encoding.size)
    _step_biases(0, bass=Bass(7, 2.0)).lay_on(logits, all_legal, None)
    starts, left = logits[encoding.starts], encoding.start_hands == LEFT
    assert (starts[left & (encoding.start_pitches % 12 == 7)] == 2.0).all()
    assert not starts[~left].any()
    assert not starts[left & (encoding.start_pitches % 12 != 7)].any()
    logits = np.zeros(encoding.size)
    _step_biases(0, (encoding.starts.start + 10,), bass=Bass(7, 2.0)).lay_on(logits, all_legal, None)
    assert (logits[encoding.starts][left] == -biases.THICK_BIAS).all()  # the chord has its bass already


@pytest.mark.parametrize("cadence", range(len(CADENCES)))
def test_a_phrase_closes_on_the_last_chord_of_a_cadence_alone(cadence: int) -> None:
    chord = Chord(7, 0, 7)
    bar = PlannedBar(
        number=3, tick=144, metre=METRES["4/4"], chords=(TimedChord(0, Chord(0, 0, 4), 0), TimedChord(24, chord, 0)),
        piece=0, phrase=0, phrase_bar=3, bars_left=0, cadence=cadence, section="A", texture=Texture(48, 67, 4, 4),
    )  # fmt: skip
    cadences = cadence in (HALF, AUTHENTIC)
    assert at_plan(bar, 12).closing is None
    assert at_plan(bar, 12).bass is None
    assert at_plan(bar, 0).bass == Bass(4, biases.BASS_BIAS)
    assert at_plan(bar, 24).bass == Bass(7, biases.CLOSING_BASS_BIAS if cadences else biases.BASS_BIAS)
    closing = at_plan(bar, 24).closing
    assert closing == (Closing(arrives=True, rest_ticks=12 if cadence == HALF else 24) if cadences else None)
    assert (at_plan(bar, 36).closing is None) == (cadence != AUTHENTIC)
    assert at_plan(replace(bar, bars_left=1), 24).closing is None
