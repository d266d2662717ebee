"""How long a hardware piano needs for a note, by velocity: single notes are played, its own echo is listened for.

A player piano tells over its MIDI output what its key sensors saw. What is measured is the way there and back; the two
milliseconds of the cables are in it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from improv.clock import Clock
from improv.errors import InputError
from improv.midi.messages import key_of
from improv.player.protocol import Link, PlannedNote, Received, Schedule

VELOCITIES = (1, 8, 16, 24, 32, 48, 64, 80, 96, 112, 127)
REPEATS = 3
NOTE_S, LISTEN_S = 0.4, 1.0  # the hammer of the softest note takes about 0.2 s; the key needs time to come back
PREPARE_S = 0.3
THRU_MS = 3.0  # no hammer is so fast: these are our own messages, sent straight back
POLL_S = 0.05
LARGEST_MS = 500.0  # what the configuration allows


class Calibration(NamedTuple):
    """latency_ms: of the fastest note. velocity_delay_ms: how much longer each velocity took.

    silent: velocities that gave no echo. warning: a sentence, or empty.
    """

    latency_ms: float
    velocity_delay_ms: dict[int, float]
    silent: tuple[int, ...]
    warning: str


def measure(
    link: Link,
    clock: Clock,
    *,
    velocities: Sequence[int] | None = None,
    repeats: int = REPEATS,
    pitch: int = 60,
    channel: int = 0,
    tell: Callable[[str], object] = str,
) -> Calibration:
    """Play every velocity `repeats` times. InputError when no note at all comes back."""
    velocities = VELOCITIES if velocities is None else velocities
    delays_ms: dict[int, list[float]] = {velocity: [] for velocity in velocities}
    number = 0
    for velocity in velocities:
        for _ in range(repeats):
            delay_s = _play(link, clock, PlannedNote(number, channel, pitch, velocity, 0.0, 0.0))
            number += 1
            if delay_s is not None:
                delays_ms[velocity].append(1000 * delay_s)
        found = delays_ms[velocity]
        tell(f"velocity {velocity:>3}: " + (f"{statistics.median(found):6.1f} ms" if found else "silent"))
    return evaluate(delays_ms)


def evaluate(delays_ms: dict[int, list[float]]) -> Calibration:
    """The table from the delays of each velocity; the median of the repeats counts."""
    medians = {velocity: statistics.median(found) for velocity, found in delays_ms.items() if found}
    if not medians:
        raise InputError(
            "no note came back: is the piano switched on, is its MIDI output connected, and is midi.input its port?"
        )
    fastest = min(medians.values())
    slowest = max(medians.values()) - fastest
    warning = ""
    if max(medians.values()) < THRU_MS:
        warning = "every note came back at once: this is a MIDI thru, not the piano's keys"
    elif slowest > LARGEST_MS or fastest > LARGEST_MS:
        raise InputError(f"a note took {fastest + slowest:.0f} ms: more than {LARGEST_MS:g} ms cannot be made up for")
    delays = {velocity: round(max(median - fastest, 0.0), 1) for velocity, median in sorted(medians.items())}
    silent = tuple(velocity for velocity, found in sorted(delays_ms.items()) if not found)
    return Calibration(round(max(fastest, 0.0), 1), delays, silent, warning)


def _play(link: Link, clock: Clock, note: PlannedNote) -> float | None:
    """Seconds from the message to its echo, or None."""
    on_s = clock.now() + PREPARE_S
    link.send(Schedule((note._replace(on_s=on_s, off_s=on_s + NOTE_S),)))
    heard: float | None = None
    end_s = on_s + NOTE_S + LISTEN_S
    while clock.now() < end_s:
        link.beat()
        for record in link.poll(min(POLL_S, max(end_s - clock.now(), 0.0))):
            if isinstance(record, Received) and heard is None and _begins(record.message, note.pitch):
                heard = record.received_s - on_s
    return heard


def _begins(message: bytes, pitch: int) -> bool:
    key = key_of(message)
    return key is not None and key[1] == pitch and key[2] > 0
