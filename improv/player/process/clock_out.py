"""MIDI clock to another program: ticks, start, stop, continue and song position, from what the engine planned.

Pure: no waiting, no ports. All `*_s` are seconds of the monotonic clock.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from improv.midi.messages import CLOCK, CLOCKS_PER_SIXTEENTH, CONTINUE, START, STOP, song_position
from improv.player.protocol import Bend, Pulses

LATE_S = 0.05  # a tick so late is left out: the listener is told the position anew, and no burst confuses its tempo
SAME_S = 1e-4  # more than the rounding of a sum of seconds
POSITIONS = 1 << 14  # a song position has 14 bits


class Pulse(NamedTuple):
    """What is due at due_s: a tick of the song (None: only a click; -1: the end), a click (0, 1 a beat, 2 a bar)."""

    due_s: float
    tick: int | None
    click: int


END = -1


class ClockOut:
    """Nothing is sent that was not planned: when the engine stands still, so does the clock."""

    def __init__(self) -> None:
        self._pulses: deque[Pulse] = deque()
        self._next_tick: int | None = None  # the one that the listener expects; None while its song stands

    @property
    def running(self) -> bool:
        return self._next_tick is not None

    def plan(self, pulses: Pulses) -> None:
        """Ticks to be sent. What was planned for the same ticks or times, and what follows it, is forgotten."""
        while self._pulses and not self._stands(self._pulses[-1], pulses):
            self._pulses.pop()
        if pulses.ticks == 0:
            self._pulses.append(Pulse(pulses.due_s, None, pulses.click))
        for number in range(pulses.ticks):
            click = pulses.click if number == 0 else 0
            self._pulses.append(Pulse(pulses.due_s + number * pulses.period_s, pulses.tick + number, click))

    @staticmethod
    def _stands(pulse: Pulse, pulses: Pulses) -> bool:
        earlier = pulse.due_s < pulses.due_s - SAME_S
        return earlier and (pulse.tick is None or pulses.ticks == 0 or pulse.tick < pulses.tick)

    def bend(self, bend: Bend) -> None:
        """Move what is planned."""
        self._pulses = deque(pulse._replace(due_s=bend.moved_s(pulse.due_s)) for pulse in self._pulses)

    def stop_at(self, due_s: float) -> None:
        """The song stops at due_s; what was planned from then on is forgotten."""
        while self._pulses and self._pulses[-1].due_s >= due_s - SAME_S:
            self._pulses.pop()
        self._pulses.append(Pulse(due_s, END, 0))

    def next_due_s(self) -> float | None:
        return self._pulses[0].due_s if self._pulses else None

    def pop_due(self, now_s: float, lead_s: float = 0.0) -> list[tuple[float, bytes, int]]:
        """What is due: (due_s, message or empty, click)."""
        due: list[tuple[float, bytes, int]] = []
        while self._pulses and self._pulses[0].due_s <= now_s + lead_s:
            pulse = self._pulses.popleft()
            if pulse.tick == END:
                due += [(pulse.due_s, message, 0) for message in self.stop()]
            elif now_s - pulse.due_s <= LATE_S:
                messages = [] if pulse.tick is None else self._tick(pulse.tick)
                due += [(pulse.due_s, message, 0) for message in messages]
                if pulse.click:
                    due.append((pulse.due_s, b"", pulse.click))
        return due

    def stop(self) -> list[bytes]:
        """Stop the listener's song now, if it runs."""
        messages = [bytes((STOP,))] if self.running else []
        self._next_tick = None
        return messages

    def _tick(self, tick: int) -> list[bytes]:
        """The tick, after the place from which the listener is to go on if it expects another one."""
        messages = []
        if tick != self._next_tick:
            messages = self.stop()
            if tick % CLOCKS_PER_SIXTEENTH:
                return messages  # a song position is told in sixteenths: wait for the next one
            place = song_position(tick // CLOCKS_PER_SIXTEENTH % POSITIONS)
            messages += [bytes((START,))] if tick == 0 else [place, bytes((CONTINUE,))]
        self._next_tick = tick + 1
        return [*messages, bytes((CLOCK,))]
