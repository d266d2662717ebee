"""What the response card counts."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np

from benchmarks import pairs, together
from benchmarks.duo import Played, Stage
from benchmarks.persons import Person, PersonNote, of_file, of_hands


def test_the_pedal_is_no_note() -> None:
    played = Stage().play(Person("nobody", ()), 6.0, "solo", "calm")
    assert len(played.ours)
    assert played.ours[:, 2].max() <= 108
    assert len(played.planned_s) > len(played.ids)  # it was down, though


def two_hands(path: Path) -> Path:
    midi = mido.MidiFile(ticks_per_beat=480)
    for pitch, velocity in ((48, 50), (72, 80)):
        track = midi.add_track()
        for index in range(4):
            track.append(mido.Message("note_on", note=pitch + index, velocity=velocity, time=240))
            track.append(mido.Message("note_off", note=pitch + index, time=240))
    midi.save(path)
    return path


def test_hands_of_a_file_are_told_apart_and_keep_their_time(tmp_path: Path) -> None:
    path = two_hands(tmp_path / "both.mid")
    hands = of_hands(path, 10.0)
    assert hands is not None
    right, left = hands
    assert [note.pitch for note in right.notes] == [72, 73, 74, 75]
    assert [note.pitch for note in left.notes] == [48, 49, 50, 51]
    assert sorted((*right.notes, *left.notes)) == list(of_file(path, 10.0).notes)
    midi = mido.MidiFile(path)
    del midi.tracks[1:]
    midi.save(path)
    assert of_hands(path, 10.0) is None


def test_a_note_misses_the_keys_that_were_struck_after_it_was_chosen() -> None:
    person = Person("one", (PersonNote(1.0, 1.5, 60, 70), PersonNote(1.18, 1.5, 64, 70)))
    ours = np.array([[1.2, 1.4, 50, 60], [1.3, 1.4, 52, 60]])
    played = Played(ours, [1, 2], {1: 1.1, 2: 1.25}, [], [], 0, 0.0)
    assert np.allclose(pairs.deaf_s(person, played), [0.02, 0.0])


def test_the_ear_is_asked_for_the_tempo_of_the_moment() -> None:
    measured = together.ear(2, first_seed=1002)
    assert measured["players"] == 2
    assert measured["steady"]["found"]["mean"] == 1.0
    assert measured["rubato"]["found_or_octave"]["mean"] >= measured["rubato"]["found"]["mean"]
