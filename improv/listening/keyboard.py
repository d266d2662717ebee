"""What the person's hands and foot do: keys and sustain pedal in, notes out. Pure, bounded in memory and time."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

REMEMBERED_NOTES = 512
LONGEST_KEY_S = 20.0  # a key that is held for longer was forgotten, or its note-off was lost
LONGEST_PEDAL_S = 60.0  # a pedal likewise; nobody lets a minute of music ring on
# Ten fingers cannot strike more within so short a time: what comes beyond is a flood, and only its beginning is heard.
MOST_STRIKES, STRIKES_WITHIN_S = 16, 0.05


class Heard(NamedTuple):
    """Which keys are the person's part. lowest, highest: 0..127. channels: 0..15, none: all of them."""

    lowest: int = 0
    highest: int = 127
    channels: frozenset[int] = frozenset()

    def has(self, channel: int, pitch: int) -> bool:
        """Whether a key belongs to it."""
        return self.lowest <= pitch <= self.highest and (not self.channels or channel in self.channels)


ALL_HEARD = Heard()


class PersonNote(NamedTuple):
    """A note of the person's. pitch: 0..127. velocity: 1..127. on_s, off_s: of the clock; off_s is that of the key,
    None while it is down. pedalled: the sustain pedal was down when it was struck.
    """

    pitch: int
    velocity: int
    on_s: float
    off_s: float | None = None
    channel: int = 0
    pedalled: bool = False


class Keyboard:
    """Which keys are down, what the pedal holds, and the last notes."""

    def __init__(self) -> None:
        self._down: dict[tuple[int, int], PersonNote] = {}  # (channel, pitch)
        self._sustained: dict[int, float] = {}  # pitch -> when its key was let go under the pedal
        self._pedals: dict[int, float] = {}  # channel -> when it went down
        self._ended: deque[PersonNote] = deque(maxlen=REMEMBERED_NOTES)
        self._recent: deque[float] = deque(maxlen=MOST_STRIKES)
        self.ignored = 0  # strikes of a flood

    @property
    def down(self) -> frozenset[int]:
        """Pitches of the keys that are down."""
        return frozenset(pitch for _, pitch in self._down)

    @property
    def sounding(self) -> frozenset[int]:
        """The same, and what the pedal holds."""
        return self.down | frozenset(self._sustained)

    @property
    def pedal(self) -> bool:
        """Whether a sustain pedal is down."""
        return bool(self._pedals)

    def sustained(self) -> list[int]:
        """Pitches that only the pedal holds, the latest last."""
        return [pitch for pitch in self._sustained if pitch not in self.down]

    def notes(self, since_s: float) -> list[PersonNote]:
        """The notes that were struck after `since_s`, in the order of their onsets; at most REMEMBERED_NOTES."""
        late = [note for note in self._ended if note.on_s > since_s]
        return sorted([*late, *(note for note in self._down.values() if note.on_s > since_s)], key=_onset)

    def strike(self, channel: int, pitch: int, velocity: int, at_s: float) -> bool:
        """A key went down. False: it is one of a flood and was not heard."""
        if len(self._recent) == MOST_STRIKES and at_s - self._recent[0] < STRIKES_WITHIN_S:
            self.ignored += 1
            return False
        self._recent.append(at_s)
        self.release(channel, pitch, at_s)  # struck again without a note-off
        self._sustained.pop(pitch, None)
        self._down[channel, pitch] = PersonNote(pitch, velocity, at_s, None, channel, bool(self._pedals))
        return True

    def release(self, channel: int, pitch: int, at_s: float) -> bool:
        """A key went up. False: it was not down."""
        note = self._down.pop((channel, pitch), None)
        if note is None:
            return False
        self._ended.append(note._replace(off_s=at_s))
        if channel in self._pedals:
            self._sustained.pop(pitch, None)
            self._sustained[pitch] = at_s
        return True

    def press_pedal(self, channel: int, at_s: float, *, down: bool) -> None:
        """The sustain pedal of a channel went down or up."""
        if down:
            self._pedals.setdefault(channel, at_s)
            return
        self._pedals.pop(channel, None)
        if not self._pedals:
            self._sustained.clear()

    def tidy(self, now_s: float) -> list[int]:
        """Let go what has been held for too long, keys and pedals; returns the pitches of those keys."""
        for channel in [one for one, at_s in self._pedals.items() if now_s - at_s > LONGEST_PEDAL_S]:
            self.press_pedal(channel, now_s, down=False)
        late = [key for key, note in self._down.items() if now_s - note.on_s > LONGEST_KEY_S]
        for channel, pitch in late:
            self.release(channel, pitch, now_s)
            self._sustained.pop(pitch, None)
        self._sustained = {pitch: at_s for pitch, at_s in self._sustained.items() if now_s - at_s <= LONGEST_KEY_S}
        return [pitch for _, pitch in late]

    def let_go(self, channel: int, now_s: float) -> list[int]:
        """All notes off on a channel: its keys and its pedal; returns the pitches of the keys that were down."""
        pitches = [pitch for one, pitch in self._down if one == channel]
        for pitch in pitches:
            self.release(channel, pitch, now_s)
        self.press_pedal(channel, now_s, down=False)
        return pitches

    def clear(self, now_s: float) -> None:
        """The instrument went away: who knows what happened to its keys."""
        for channel, pitch in list(self._down):
            self.release(channel, pitch, now_s)
        self._pedals.clear()
        self._sustained.clear()


def _onset(note: PersonNote) -> float:
    return note.on_s
