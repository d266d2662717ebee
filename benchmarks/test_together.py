"""What the response card counts."""

from __future__ import annotations

from benchmarks.duo import Stage
from benchmarks.persons import Person


def test_the_pedal_is_no_note() -> None:
    played = Stage().play(Person("nobody", ()), 6.0, "solo", "calm")
    assert len(played.ours)
    assert played.ours[:, 2].max() <= 108
    assert len(played.planned_s) > len(played.ids)  # it was down, though
