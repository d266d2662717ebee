"""The person's track of an exported take: every strike is there, and each ends where the key says so."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import mido
from hypothesis import given
from hypothesis import strategies as st

from improv.midi.reading import read_music
from improv.takes.export.midi import _person
from tests.midi.smf import off, on

TICKS_PER_S = 960


def strikes(happening: list[tuple[float, bytes]], seconds: float = 4.0) -> list[tuple[int, int, int, int]]:
    """(onset, end, pitch, velocity) of the exported track, in ticks, as the reader of MIDI files finds them."""
    music: Any = SimpleNamespace(person=happening, seconds=seconds)
    time: Any = SimpleNamespace(tick_at=lambda at_s: round(at_s * TICKS_PER_S))
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    file.tracks.append(_person(music, time))
    out = io.BytesIO()
    file.save(file=out)
    music = read_music(out.getvalue())
    assert not music.notices
    return [(note.onset, note.end, note.pitch, note.velocity) for note in music.notes]


def test_a_held_key_that_is_struck_again_sounds_twice() -> None:
    assert strikes([(0.0, on(67, 70)), (0.5, on(67, 90)), (1.0, off(67))]) == [(0, 480, 67, 70), (480, 960, 67, 90)]
    both = [(0.0, on(67, 70)), (0.5, on(67, 90)), (1.0, off(67)), (2.0, off(67))]
    assert strikes(both) == [(0, 480, 67, 70), (480, 960, 67, 90)]


def test_strikes_within_one_tick_come_one_after_the_other() -> None:
    assert strikes([(1.0, on(60)), (1.0, on(60)), (1.0, on(60)), (1.0, off(60))]) == [
        (960, 961, 60, 80),
        (961, 962, 60, 80),
        (962, 963, 60, 80),
    ]


def test_a_key_that_is_never_let_go_ends_with_the_take() -> None:
    assert strikes([(1.0, on(60)), (2.0, on(60, channel=1))]) == [(960, 3840, 60, 80), (1920, 3840, 60, 80)]


KEYS = st.tuples(st.integers(0, 3000), st.integers(60, 62), st.integers(0, 1), st.booleans())


@given(st.lists(KEYS, min_size=1, max_size=20, unique_by=lambda key: key[0]))
def test_every_strike_is_exported_and_ends_at_the_next_word_of_its_key(raw: list[tuple[int, int, int, bool]]) -> None:
    raw = sorted(raw)
    messages = [(at / 1000, (on if down else off)(pitch, channel=channel)) for at, pitch, channel, down in raw]
    if not any(down for *_, down in raw):
        return
    right = []
    for index, (at, pitch, channel, down) in enumerate(raw):
        if down:
            following = [later for later, p, c, _ in raw[index + 1 :] if (p, c) == (pitch, channel)]
            right.append((round(at * 0.96), round(following[0] * 0.96) if following else 3840, pitch, 80))
    for found, (onset, end, pitch, velocity) in zip(strikes(messages), sorted(right), strict=True):
        assert found[2:] == (pitch, velocity)
        assert abs(found[0] - onset) <= 2  # within one tick strikes come one after the other
        assert abs(found[1] - end) <= 2
