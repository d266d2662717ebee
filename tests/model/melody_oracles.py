"""Melody RNN's inputs and labels of `lookback` and `attention` one step at a time, as published (Waite 2016).

What the networks compute from their state and the vocabularies write is held against these. events: the ids of
`improv.model.vocabulary.melody`, one a step; the layout of the inputs stands in `melody_schemes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.melody import LOWEST, NO_EVENT, NOTE_OFF, PUBLISHED_CLASSES
from improv.model.vocabulary.melody_schemes import (
    ATTENTION_BITS,
    FIRST_REPEAT,
    IN_KEY,
    LOOK_BACKS,
    LOOKBACK_BITS,
    PITCHES,
    STEPS_PER_BAR,
    repeats,
)

FloatArray = NDArray[np.float64]


def _event_at(events: Sequence[int], position: int) -> int:
    return events[position] if position >= 0 else NO_EVENT


def _counter(step: int, bits: int) -> list[float]:
    """Binary digits of a step as -1 and 1, the lowest first."""
    return [1.0 if step >> bit & 1 else -1.0 for bit in range(bits)]


def _one_hot(size: int, place: int) -> list[float]:
    row = [0.0] * size
    row[place] = 1.0
    return row


def _repeat_label(events: Sequence[int], position: int) -> int | None:
    """38 or 39 when the event is as one or two bars ago, two bars first; before the beginning nothing happened."""
    for index in reversed(range(len(LOOK_BACKS))):
        if events[position] == _event_at(events, position - LOOK_BACKS[index]):
            return FIRST_REPEAT + index
    return None


def _repeated(label: int, before: Sequence[int]) -> int:
    return _event_at(before, len(before) - LOOK_BACKS[label - FIRST_REPEAT])


def lookback_input(events: Sequence[int], position: int) -> FloatArray:
    """What the network sees at a step, shape (121,)."""
    row = _one_hot(PUBLISHED_CLASSES, events[position])
    for steps in LOOK_BACKS:
        row += _one_hot(PUBLISHED_CLASSES, _event_at(events, position - steps + 1))
    row += _counter(position + 1, LOOKBACK_BITS)
    row += [float(repeats(events, position, steps)) for steps in LOOK_BACKS]
    return np.array(row)


def lookback_label(events: Sequence[int], position: int) -> int:
    """What the network is to say of a step, 0..39."""
    repeat = _repeat_label(events, position)
    return events[position] if repeat is None else repeat


def lookback_event(label: int, before: Sequence[int]) -> int:
    """The event behind a label after the events before it."""
    return label if label < FIRST_REPEAT else _repeated(label, before)


def keys_of(pitches: Sequence[int]) -> FloatArray:
    """1 for every major key that holds the most of these notes, shape (12,); ties all count."""
    fits = IN_KEY @ np.bincount(np.asarray(pitches, dtype=np.int64) % 12, minlength=12)
    return np.asarray((fits == fits.max()).astype(np.float64))


def attention_input(events: Sequence[int], position: int) -> FloatArray:
    """What the network sees at a step, shape (74,)."""
    pitch: int | None = None
    struck, direction = False, 0.0
    all_notes: list[int] = []
    recent: list[int] = []  # the last three different pitches, the newest last
    for event in events[: position + 1]:
        if event == NO_EVENT:
            struck = False
        elif event == NOTE_OFF:
            pitch = None
        else:
            pitch, struck = LOWEST + event - 2, True
            if recent and pitch != recent[-1]:
                direction = 1.0 if pitch > recent[-1] else -1.0
            recent = [*(other for other in recent if other != pitch), pitch][-3:]
            all_notes.append(pitch)
    row = [0.0] * PITCHES if pitch is None else _one_hot(PITCHES, pitch - LOWEST)
    row += [float(pitch is not None), float(pitch is None), float(struck), direction]
    row += [float(repeats(events, position, steps)) for steps in LOOK_BACKS]
    row += _counter(position + 1, ATTENTION_BITS)
    row.append(float((position + 1) % STEPS_PER_BAR == 0))
    return np.concatenate([row, keys_of(all_notes), keys_of(recent)])


def attention_label(events: Sequence[int], position: int) -> int:
    """What the network is to say of a step, 0..39."""
    repeat = _repeat_label(events, position)
    if repeat is not None:
        return repeat
    event = events[position]
    return PITCHES + event if event in (NO_EVENT, NOTE_OFF) else event - 2


def attention_event(label: int, before: Sequence[int]) -> int:
    """The event behind a label after the events before it."""
    if label >= FIRST_REPEAT:
        return _repeated(label, before)
    return label - PITCHES if label >= PITCHES else label + 2
