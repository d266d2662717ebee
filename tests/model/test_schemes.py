"""The published configurations beside the families' own: Melody RNN's schemes, Performance RNN's conditioning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.vocabulary import PerformanceEncoding
from improv.model.vocabulary import melody_schemes as schemes
from improv.model.vocabulary import performance_controls as controls
from improv.model.vocabulary.melody import NO_EVENT, NOTE_OFF
from improv.music.note import Note

C4, D4, E4 = 2 + 12, 2 + 14, 2 + 16
melodies = st.lists(st.integers(0, 37), min_size=1, max_size=80)


def test_lookback_by_hand() -> None:
    events = [C4, 0, D4, 0] * 4 + [C4, 0, E4, 0]
    row = schemes.lookback_input(events, 16)
    assert row.shape == (121,)
    assert np.flatnonzero(row[:38]).tolist() == [C4]
    assert np.flatnonzero(row[38:76]).tolist() == [events[1]], "what followed it a bar ago"
    assert np.flatnonzero(row[76:114]).tolist() == [NO_EVENT], "nothing was there two bars ago"
    assert row[114:119].tolist() == [1, -1, -1, -1, 1], "the next step is 17"
    assert row[119:].tolist() == [1, 0]
    assert [schemes.lookback_label(events, i) for i in range(4)] == [C4, 39, D4, 39]
    assert [schemes.lookback_label(events, i) for i in range(16, 20)] == [38, 39, E4, 39]


def test_the_longer_look_back_goes_first() -> None:
    assert schemes.lookback_label([C4] * 40, 32) == 39
    assert schemes.lookback_label([C4] * 40, 31) == 38
    assert schemes.attention_label([C4] * 40, 32) == 39


def test_attention_by_hand() -> None:
    events = [C4, 0, E4, D4, NOTE_OFF] + [0] * 11
    row = schemes.attention_input(events, 3)
    assert row.shape == (74,)
    assert np.flatnonzero(row[:36]).tolist() == [14]
    assert row[36:40].tolist() == [1, 0, 1, -1], "it sounds, is not silent, was struck, and fell"
    assert row[40:42].tolist() == [0, 0]
    assert row[42:49].tolist() == [-1, -1, 1, -1, -1, -1, -1], "the next step is 4"
    assert row[49] == 0
    assert np.flatnonzero(row[50:62]).tolist() == [0, 5, 7] == np.flatnonzero(row[62:]).tolist(), "C, F and G major"
    rest = schemes.attention_input(events, 15)
    assert not rest[:36].any()
    assert rest[36:40].tolist() == [0, 1, 0, -1]
    assert rest[49] == 1, "the next step begins a bar"
    assert [schemes.attention_label(events, i) for i in range(5)] == [12, 39, 16, 14, 37]
    assert schemes.attention_label([C4] * 40 + [0], 40) == 36


def test_the_last_three_different_notes() -> None:
    b_major = [2 + pitch for pitch in (11, 13, 15, 16, 18)]
    row = schemes.attention_input([C4, *b_major[:3], b_major[0]], 4)
    assert np.flatnonzero(row[62:]).tolist() == np.flatnonzero(schemes.keys_of([59, 61, 63])).tolist()
    assert schemes.keys_of([]).tolist() == [1.0] * 12


@given(melodies)
def test_labels_lead_back_to_the_events(events: list[int]) -> None:
    for label_of, event_of in (
        (schemes.lookback_label, schemes.lookback_event),
        (schemes.attention_label, schemes.attention_event),
    ):
        again: list[int] = []
        for position in range(len(events)):
            label = label_of(events, position)
            assert 0 <= label < schemes.LABELS
            again.append(event_of(label, again))
        assert again == events


@given(melodies, st.data())
def test_inputs_know_nothing_of_what_comes(events: list[int], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(events) - 1))
    for make in (schemes.lookback_input, schemes.attention_input):
        assert np.array_equal(make(events, position), make(events[: position + 1], position))


# ------------------------------------------------------------------------------------------------------- performance


@pytest.mark.parametrize(
    ("density", "place"), [(0, 0), (0.99, 0), (1, 1), (3.9, 2), (15, 4), (63, 6), (64, 7), (500, 7)]
)
def test_the_bins_of_the_density(density: float, place: int) -> None:
    assert np.flatnonzero(controls.density_bins(density)).tolist() == [place]


def test_conditioning_by_hand() -> None:
    # Six notes in the first second and a half, then silence for four seconds, then one note more.
    notes = [Note(25 * i, 60 + (i % 2), 25, 80) for i in range(6)] + [Note(550, 72, 100, 80)]
    ids = PerformanceEncoding().encode(notes)
    density = controls.densities(ids)
    assert density[0] == 2.0
    assert density[1:4] == [2.0] * 3, "kept until the next shift of time"
    later = next(i for i, token in enumerate(ids) if token == 72)
    assert density[later] == pytest.approx(1 / 3)
    first = controls.histograms(ids)[0]
    assert first.sum() == pytest.approx(1)
    assert first[0] == pytest.approx((0.75 + 0.01) / (1.5 + 0.12))
    assert first[1] == pytest.approx((0.75 + 0.01) / (1.5 + 0.12))
    assert controls.histograms(ids)[later][0] == pytest.approx((1 + 0.01) / (1 + 0.12))


def test_the_sizes_of_the_inputs() -> None:
    ids = PerformanceEncoding().encode([Note(0, 60, 10, 80)])
    assert controls.controls(ids, histogram=False).shape == (len(ids), 8)
    assert controls.controls(ids, density=False).shape == (len(ids), 12)
    assert controls.controls(ids).shape == (len(ids), 20)
    unset = controls.controls(ids, optional=True)
    assert unset.shape == (len(ids), 21)
    assert unset[:, 0].all()
    assert not unset[:, 1:].any()
    assert not controls.controls(ids, optional=False)[:, 0].any()
