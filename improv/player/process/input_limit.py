"""How much of the input goes on to the engine: what hands and knobs can send, whatever a program sends. Pure.

A control that is turned keeps its last value; a key that was let through is always let go.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from improv.midi.messages import CONTROL_CHANGE, POLYTOUCH, key_of, kind_of

CONTROL_EVERY_S = 0.005  # of one control: a knob of ours is heard in a sixteenth, 200 values a second are smooth
NOTES_AT_ONCE, NOTES_PER_S = 88, 100.0  # note-ons: both arms on the keys, and faster than anybody plays for long
CONTROLS_AT_ONCE, CONTROLS_PER_S = 200, 500.0  # of all controls together


class Arrived(NamedTuple):
    """A message and when it came, in seconds of the monotonic clock."""

    at_s: float
    message: bytes


class _Bucket:
    """Fills at a steady rate; each message takes one."""

    def __init__(self, at_once: float, per_s: float) -> None:
        self._at_once, self._per_s = at_once, per_s
        self._left, self._at_s = at_once, float("-inf")

    def take(self, at_s: float) -> bool:
        self._left = min(self._at_once, self._left + max(at_s - self._at_s, 0.0) * self._per_s)
        self._at_s = max(at_s, self._at_s)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class InputLimit:
    """`feed` every channel message, `pop_due` those that go on, in the order in which they do."""

    def __init__(self) -> None:
        self._notes = _Bucket(NOTES_AT_ONCE, NOTES_PER_S)
        self._controls = _Bucket(CONTROLS_AT_ONCE, CONTROLS_PER_S)
        self._down: set[tuple[int, int]] = set()  # (channel, pitch) of keys that were let through
        self._passed_s: dict[bytes, float] = {}
        self._kept: dict[bytes, Arrived] = {}  # the last value of each control that waits
        self._ready: deque[Arrived] = deque()
        self.left_out = 0
        """Messages that will never go on: notes beyond the rate, values between two of a control."""

    def feed(self, message: bytes, at_s: float) -> None:
        """A channel message that came at at_s."""
        if (key := key_of(message)) is not None:
            self._key(key, Arrived(at_s, message))
            return
        which = message[:2] if kind_of(message) in (CONTROL_CHANGE, POLYTOUCH) else message[:1]
        if which in self._kept:
            self.left_out += 1
        elif at_s - self._passed_s.get(which, float("-inf")) >= CONTROL_EVERY_S and self._controls.take(at_s):
            self._passed_s[which] = at_s
            self._ready.append(Arrived(at_s, message))
            return
        self._kept[which] = Arrived(at_s, message)

    def _key(self, key: tuple[int, int, int], arrived: Arrived) -> None:
        channel, pitch, velocity = key
        if velocity and self._notes.take(arrived.at_s):
            self._down.add((channel, pitch))
        elif velocity or (channel, pitch) not in self._down:
            self.left_out += 1
            return
        else:
            self._down.discard((channel, pitch))
        self._ready.append(arrived)

    def pop_due(self, now_s: float) -> list[Arrived]:
        """What goes on by now."""
        for which in [which for which in self._kept if self._may_pass(which, now_s)]:
            if not self._controls.take(now_s):
                break
            self._passed_s[which] = now_s
            self._ready.append(self._kept.pop(which))
        due = list(self._ready)
        self._ready.clear()
        return due

    def _may_pass(self, which: bytes, now_s: float) -> bool:
        return now_s - self._passed_s.get(which, float("-inf")) >= CONTROL_EVERY_S

    @property
    def waits(self) -> bool:
        """Whether the last value of a control is still to go on."""
        return bool(self._kept)
