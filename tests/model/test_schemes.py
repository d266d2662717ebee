"""Melody RNN's schemes by hand: the oracles that networks and vocabularies are held against."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from improv.model.vocabulary.melody import NO_EVENT, NOTE_OFF
from improv.model.vocabulary.melody_schemes import LABELS
from tests.model import melody_oracles as oracles

C4, D4, E4 = 2 + 12, 2 + 14, 2 + 16
melodies = st.lists(st.integers(0, 37), min_size=1, max_size=80)


def test_lookback_by_hand() -> None:
    events = [C4, 0, D4, 0] * 4 + [C4, 0, E4, 0]
    row = oracles.lookback_input(events, 16)
    assert row.shape == (121,)
    assert np.flatnonzero(row[:38]).tolist() == [C4]
    assert np.flatnonzero(row[38:76]).tolist() == [events[1]], "what followed it a bar ago"
    assert np.flatnonzero(row[76:114]).tolist() == [NO_EVENT], "nothing was there two bars ago"
    assert row[114:119].tolist() == [1, -1, -1, -1, 1], "the next step is 17"
    assert row[119:].tolist() == [1, 0]
    assert [oracles.lookback_label(events, i) for i in range(4)] == [C4, 39, D4, 39]
    assert [oracles.lookback_label(events, i) for i in range(16, 20)] == [38, 39, E4, 39]


def test_the_longer_look_back_goes_first() -> None:
    assert oracles.lookback_label([C4] * 40, 32) == 39
    assert oracles.lookback_label([C4] * 40, 31) == 38
    assert oracles.attention_label([C4] * 40, 32) == 39


def test_attention_by_hand() -> None:
    events = [C4, 0, E4, D4, NOTE_OFF] + [0] * 11
    row = oracles.attention_input(events, 3)
    assert row.shape == (74,)
    assert np.flatnonzero(row[:36]).tolist() == [14]
    assert row[36:40].tolist() == [1, 0, 1, -1], "it sounds, is not silent, was struck, and fell"
    assert row[40:42].tolist() == [0, 0]
    assert row[42:49].tolist() == [-1, -1, 1, -1, -1, -1, -1], "the next step is 4"
    assert row[49] == 0
    assert np.flatnonzero(row[50:62]).tolist() == [0, 5, 7] == np.flatnonzero(row[62:]).tolist(), "C, F and G major"
    rest = oracles.attention_input(events, 15)
    assert not rest[:36].any()
    assert rest[36:40].tolist() == [0, 1, 0, -1]
    assert rest[49] == 1, "the next step begins a bar"
    assert [oracles.attention_label(events, i) for i in range(5)] == [12, 39, 16, 14, 37]
    assert oracles.attention_label([C4] * 40 + [0], 40) == 36


def test_the_last_three_different_notes() -> None:
    b_major = [2 + pitch for pitch in (11, 13, 15, 16, 18)]
    row = oracles.attention_input([C4, *b_major[:3], b_major[0]], 4)
    assert np.flatnonzero(row[62:]).tolist() == np.flatnonzero(oracles.keys_of([59, 61, 63])).tolist()
    assert oracles.keys_of([]).tolist() == [1.0] * 12


@given(melodies)
def test_labels_lead_back_to_the_events(events: list[int]) -> None:
    for label_of, event_of in (
        (oracles.lookback_label, oracles.lookback_event),
        (oracles.attention_label, oracles.attention_event),
    ):
        again: list[int] = []
        for position in range(len(events)):
            label = label_of(events, position)
            assert 0 <= label < LABELS
            again.append(event_of(label, again))
        assert again == events


@given(melodies, st.data())
def test_inputs_know_nothing_of_what_comes(events: list[int], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(events) - 1))
    for make in (oracles.lookback_input, oracles.attention_input):
        assert np.array_equal(make(events, position), make(events[: position + 1], position))
