"""What the timing benchmark computes from what it saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ardour import BPM, Note, compared, places
from benchmarks.stamper import Arrival, Stamps, build
from benchmarks.timing import _against_grid, _lateness, _spacing

NO_STALLS = Stamps([], [], True)


def test_standstills_touch_what_was_due_then_and_shortly_after() -> None:
    stamps = Stamps([], [(10.0, 10.02)], True)
    assert stamps.stalled(10.01, 10.03)
    assert stamps.stalled(9.99, 10.001)
    assert stamps.stalled(10.022, 10.022)
    assert not stamps.stalled(10.03, 10.031)
    assert not stamps.stalled(9.0, 9.5)


def test_lateness() -> None:
    found = _lateness([0.0001] * 98 + [0.002, 0.006], 3, NO_STALLS)
    assert found["late_ms"] == {"p50": 0.1, "p99": 6.0, "worst": 6.0}
    assert (found["within_1_ms_percent"], found["within_5_ms_percent"]) == (98, 99)
    assert found["left_out_for_standstills"] == 3


def test_a_grid_begins_with_its_earliest_note() -> None:
    sent_s = [10 + i * 0.1 + late_s + note * 1e-4 for i, late_s in enumerate((0.004, 0.0, 0.001)) for note in range(4)]
    assert _against_grid(sent_s, NO_STALLS)["late_ms"] == {"p50": 1.0, "p99": 4.0, "worst": 4.0}


def test_spacing_counts_each_change_once() -> None:
    frames = [1000 + 4800 * chord + (5 if chord >= 3 else 0) for chord in range(6) for _ in range(4)]
    found = _spacing([Arrival(frame, 0.0, b"\x90\x3c\x50") for frame in frames])
    assert found == {
        "note_ons": 24,
        "distances_not_exact": 1,
        "of_these_beside_an_xrun": 0,
        "xruns": 0,
        "not_exact": 12,
        "largest_error_frames": 5,
    }


def test_an_xrun_explains_the_distance_after_it() -> None:
    ons = [
        Arrival(1000 + 4800 * chord + 7 * (chord >= 3), 0.1 * chord, b"\x90\x3c\x50")
        for chord in range(6)
        for _ in range(4)
    ]
    assert _spacing(ons, [0.25])["of_these_beside_an_xrun"] == 1
    assert _spacing(ons, [0.35])["of_these_beside_an_xrun"] == 0


def test_without_a_compiler_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="there is no C compiler"):
        build(tmp_path)


def sent(*notes: tuple[float, int]) -> list[dict[str, float]]:
    return [{"due_s": beat * 60 / BPM, "pitch": pitch} for beat, pitch in notes]


def test_what_a_recording_lacks_is_told_by_its_place() -> None:
    played = [(beat / 4, pitch) for beat in range(20) for pitch in (48 + beat, 60 + beat)]
    recorded = sorted(Note(beat + 0.3, pitch) for beat, pitch in played)
    assert compared(sent(*reversed(played)), recorded) == {
        "sent": 40,
        "recorded": 40,
        "not_recorded_before": 0,
        "not_recorded_between": 0,
        "not_recorded_after": 0,
        "not_sent": 0,
    }
    surplus = Note(recorded[20].beat, 100)
    found = compared(sent(*played), sorted([*recorded[2:10], *recorded[11:38], surplus]))
    assert (found["not_recorded_before"], found["not_recorded_between"], found["not_recorded_after"]) == (2, 1, 2)
    assert found["not_sent"] == 1
    assert compared(sent(*played), [])["not_recorded_before"] == 40


def test_places_are_told_of_the_first_notes_of_chords_after_two_bars() -> None:
    beats = [beat / 4 + 0.002 for beat in range(64)]
    found = places(sorted([*beats, *(beat + 0.001 for beat in beats)]), BPM)
    assert (found["chords"]["ticks"], found["on_bar_lines"]["ticks"]) == (32, 2)
    assert found["chords"]["mean_ms"] == found["on_bar_lines"]["worst_ms"] == 1.0
