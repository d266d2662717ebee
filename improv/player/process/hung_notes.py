"""Notes that a player before this one may have left sounding: their ends are sent until one must have arrived. Pure.

A message that is sent right after a port was opened or connected may get lost: the graph of a JACK server is in order
a cycle or more later, and a person may connect the synthesiser again after a minute.
"""

from __future__ import annotations

from collections.abc import Iterable

from improv.midi.messages import all_off, released

REPEATS_S = (0.0, 0.15, 0.5, 1.5, 4.0)  # after the opening, and after each change of what is connected
OWED_S = 600.0  # after so long nobody believes that the note still sounds

Key = tuple[int, int]  # channel, pitch


class HungNotes:
    """The keys, and when their ends are due. All `*_s` are seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._keys: dict[Key, float] = {}  # until when the key is owed an end
        self._channels: set[int] = set()  # on which nothing of our own sounded yet: all notes off cuts nothing there
        self._due_s: list[float] = []

    def add(self, keys: Iterable[Key], now_s: float) -> None:
        """These may sound."""
        added = dict.fromkeys(keys, now_s + OWED_S)
        self._keys |= added
        self._channels |= {channel for channel, _ in added}
        self.renew(now_s)

    def renew(self, now_s: float) -> None:
        """Something was connected: it has not heard the ends yet."""
        if self._keys:
            self._due_s = [now_s + after_s for after_s in REPEATS_S]

    def pop_before(self, key: Key) -> list[bytes]:
        """What is to be sent before a note of our own, with an end of its own, begins on the key: the end of the hung
        one, if the key is owed one. A synthesiser that counts would else hold it for ever.
        """
        self._channels.discard(key[0])
        return [] if self._keys.pop(key, None) is None else [released(*key)]

    def pop_due(self, now_s: float) -> list[bytes]:
        """What is to be sent now: the end of each key, and all notes off."""
        if not self._due_s or now_s < self._due_s[0]:
            return []
        while self._due_s and self._due_s[0] <= now_s:
            del self._due_s[0]
        self._keys = {key: until_s for key, until_s in self._keys.items() if now_s < until_s}
        channels = self._channels & {channel for channel, _ in self._keys}
        return [released(channel, pitch) for channel, pitch in sorted(self._keys)] + all_off(sorted(channels))
