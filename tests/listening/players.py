"""Scripted people: what they strike, in seconds, with the beats that they meant."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from improv.listening.listener import Listener

RIGHT = ((0, 1, 2, 3), (0, 1, 2, 2.5, 3), (0, 0.5, 1, 1.5, 2, 3), (0, 1.5, 2, 3, 3.5), (0, 1, 1.5, 2, 3))
LEFT = ((0, 2), (0, 1, 2, 3), (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5))


class Struck(NamedTuple):
    """A key that a scripted player strikes."""

    at_s: float
    pitch: int
    velocity: int
    beat: float


def player(
    seed: int, bpm: float, bars: int = 8, *, swing: bool = False, jitter_s: float = 0.008, start_s: float = 1.0
) -> list[Struck]:
    """A tune over a bass in C major, four beats a bar; the first beat of a bar is a little louder."""
    rng = np.random.default_rng(seed)
    right, left = RIGHT[rng.integers(len(RIGHT))], LEFT[rng.integers(len(LEFT))]
    struck = []
    for bar in range(bars):
        bass = (36, 41, 43, 36)[bar % 4]
        for place, low in [*((p, False) for p in right), *((p, True) for p in left)]:
            beat = 4 * bar + place
            late = 1 / 6 if swing and place % 1 == 0.5 else 0.0
            at_s = start_s + (beat + late) * 60 / bpm + float(rng.normal(0, jitter_s))
            pitch = bass if low else 60 + int(rng.choice([0, 2, 4, 5, 7, 9, 11, 12]))
            accent = 14 if place == 0 else 5 if place % 1 == 0 else 0
            struck.append(Struck(at_s, pitch, int(66 + accent + rng.normal(0, 4)), beat))
    return sorted(struck)


def on(pitch: int, velocity: int = 70, channel: int = 0) -> bytes:
    return bytes((0x90 | channel, pitch, velocity))


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes((0x80 | channel, pitch, 0))


def pedal(value: int, channel: int = 0) -> bytes:
    return bytes((0xB0 | channel, 64, value))


def listened(struck: list[Struck], hold_s: float = 0.2) -> Listener:
    """A listener that heard it all; each key is held for hold_s at most."""
    listener = Listener()
    events = [(one.at_s, on(one.pitch, one.velocity)) for one in struck]
    events += [(one.at_s + hold_s, off(one.pitch)) for one in struck]
    for at_s, message in sorted(events, key=lambda event: event[0]):
        listener.receive(message, at_s)
    return listener
