"""An ending that was asked for: its last bars, the dominant, the last chord. Pure functions of a snapshot."""

from __future__ import annotations

from dataclasses import replace

from improv.improviser import biases
from improv.improviser.snapshot import Snapshot
from improv.model import conditioning
from improv.music.attributes import FloatArray, key_of

KEY_CHOSEN_BARS = 2  # before its end an ending decides for the key that it closes in


def updated(snapshot: Snapshot, *, ending: bool, ending_bars: int) -> Snapshot:
    """The snapshot with the end that is on its way, or without one. ending_bars: bars from the next bar line on."""
    if not ending:
        if snapshot.end_tick is None and snapshot.end_key is None:
            return snapshot
        return replace(snapshot, end_tick=None, end_key=None)
    position, end_tick, end_key = snapshot.position, snapshot.end_tick, snapshot.end_key
    if end_tick is None:
        end_tick = position.tick + position.ticks_to_bar_line + ending_bars * position.bar_ticks
    if end_key is None and end_tick - position.tick <= KEY_CHOSEN_BARS * position.bar_ticks:
        end_key = key_of(snapshot.feedback.home)
    return replace(snapshot, end_tick=end_tick, end_key=end_key)


def nearness(snapshot: Snapshot) -> float | None:
    """How near the end is, 0..1; None when none was asked for."""
    left = _ticks_left(snapshot)
    return None if left is None else conditioning.ending_value(left / snapshot.position.bar_ticks)


def is_over(snapshot: Snapshot) -> bool:
    """Whether the step is the end itself: nothing follows."""
    left = _ticks_left(snapshot)
    return left is not None and left <= 0


def is_final_chord(snapshot: Snapshot) -> bool:
    """Whether the step is the first of the last bar."""
    return _ticks_left(snapshot) == snapshot.position.bar_ticks


def is_dominant(snapshot: Snapshot) -> bool:
    """Whether the step is the one half a bar before the last bar: the dominant begins."""
    bar_ticks = snapshot.position.bar_ticks
    return snapshot.end_key is not None and _ticks_left(snapshot) == bar_ticks + _half_bar(bar_ticks)


def is_held(snapshot: Snapshot) -> bool:
    """Whether the last chord sounds on."""
    left = _ticks_left(snapshot)
    return left is not None and left < snapshot.position.bar_ticks


def chord(snapshot: Snapshot) -> tuple[int, int, int] | None:
    """Pitch classes of the triad that the step has to be, its root first; None where the model is free."""
    if snapshot.end_key is None:
        return None
    if is_final_chord(snapshot):
        return snapshot.end_key.triad
    return snapshot.end_key.dominant if is_dominant(snapshot) else None


def place_biases(snapshot: Snapshot) -> tuple[FloatArray, ...]:
    """Nats for the starts of the 128 pitches: toward the key of the end, then toward the dominant seventh as well."""
    left = _ticks_left(snapshot)
    if snapshot.end_key is None or left is None:
        return ()
    bar_ticks = snapshot.position.bar_ticks
    home = biases.home_bias(snapshot.end_key)
    if 0 < left - bar_ticks < _half_bar(bar_ticks):
        return home, biases.cadence_bias(snapshot.end_key)
    return (home,)


def _ticks_left(snapshot: Snapshot) -> int | None:
    return None if snapshot.end_tick is None else snapshot.end_tick - snapshot.position.tick


def _half_bar(bar_ticks: int) -> int:
    return max(1, bar_ticks // 2)
