"""Whether a note that comes in is our own, come back: by MIDI thru, a loop in a DAW, a piano that reports what it is
made to play. Neither a late copy nor one in another octave is a person. Pure, bounded.

One note that we played a moment ago proves nothing: a person in the same key strikes the same pitches. An echo is told
by its path: again and again so many semitones away and so much later. A path is taken for sure when it brought back
enough of what was sent since it was first seen; equal velocities count double, for people seldom hit them. A path that
brings back one of our first notes is believed at once. Later, when others have not come back, one note is a person's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

LATEST_S = 1.0  # beyond an output's latency
EARLY_S = 0.02  # a message may seem to come before the deadline that it was sent for
TOLERANCE_S = 0.025
SHIFTS = (0, 12, -12, 24, -24)
SENT_NOTES = 400
SURE_POINTS, SAME_VELOCITY_POINTS = 3, 2
FIRST_NOTES, LATE_POINTS = 6, 8  # of ours; points of a path that is first seen after them
SURE_SHARE, LOST_SHARE, JUDGED_NOTES = 0.5, 0.2, 12
TENTATIVE_S = 4.0  # without a further note a path that is not sure is forgotten
MOST_PATHS = 64
DELAY_FOLLOWS = 0.2


class OutputPath(NamedTuple):
    """What an output does to notes: semitones and seconds."""

    transpose: int = 0
    latency_s: float = 0.0


class _Sent(NamedTuple):
    number: int
    pitch: int
    velocity: int
    on_s: float


@dataclass(slots=True)
class _Path:
    shift: int
    delay_s: float
    since: int  # number of the sent note that it was first seen with
    seen_s: float
    points: int = 0
    sure: bool = False
    brought: deque[int] = field(default_factory=lambda: deque(maxlen=64))  # numbers of the notes that came back


class EchoGuard:
    """Tell it what is sent, ask it of what comes in."""

    def __init__(self, outputs: Sequence[OutputPath] = (OutputPath(),)) -> None:
        self.outputs = tuple(outputs)
        self._sent: deque[_Sent] = deque(maxlen=SENT_NOTES)
        self._number = 0
        self._paths: list[_Path] = []
        self._held: set[tuple[int, int]] = set()  # (channel, pitch) of echoes that are down

    @property
    def hears_itself(self) -> bool:
        """Whether a path is known by which what we play comes back."""
        return any(path.sure for path in self._paths)

    def sent(self, pitch: int, velocity: int, on_s: float) -> None:
        """A note of ours is on the wire at on_s. What is taken back is told by `unsent`."""
        self._number += 1
        self._sent.append(_Sent(self._number, pitch, velocity, on_s))

    def struck(self, channel: int, pitch: int, velocity: int, at_s: float) -> bool:
        """A note came in. True: it is ours."""
        ours = self._by_sure_path(pitch, at_s) or self._by_new_path(pitch, velocity, at_s)
        if ours:
            if len(self._held) < 256:
                self._held.add((channel, pitch))
        else:
            self._held.discard((channel, pitch))
        return ours

    def released(self, channel: int, pitch: int) -> bool:
        """A note-off came in. True: it ends a note of ours."""
        if (channel, pitch) not in self._held:
            return False
        self._held.discard((channel, pitch))
        return True

    # ----------------------------------------------------------------------------------------------------- paths

    def _shifts(self) -> frozenset[int]:
        return frozenset(shift + output.transpose for shift in SHIFTS for output in self.outputs)

    def _latest_s(self) -> float:
        return LATEST_S + max((output.latency_s for output in self.outputs), default=0.0)

    def _by_sure_path(self, pitch: int, at_s: float) -> bool:
        for path in [path for path in self._paths if path.sure]:
            for sent in reversed(self._sent):
                off_s = at_s - sent.on_s - path.delay_s
                if off_s > TOLERANCE_S + 0.05:
                    break
                if sent.pitch + path.shift == pitch and abs(off_s) <= TOLERANCE_S and sent.number not in path.brought:
                    path.delay_s += DELAY_FOLLOWS * off_s
                    path.seen_s = at_s
                    path.brought.append(sent.number)
                    return True
            self._doubt(path, at_s)
        return False

    def _doubt(self, path: _Path, at_s: float) -> None:
        """A sure path that brings nothing back any more is none."""
        due = [one.number for one in self._sent if at_s - one.on_s - path.delay_s > TOLERANCE_S][-JUDGED_NOTES:]
        if len(due) == JUDGED_NOTES and sum(number in path.brought for number in due) < LOST_SHARE * JUDGED_NOTES:
            self._paths.remove(path)

    def _by_new_path(self, pitch: int, velocity: int, at_s: float) -> bool:
        self._paths = [path for path in self._paths if path.sure or at_s - path.seen_s <= TENTATIVE_S][-MOST_PATHS:]
        shifts, latest_s, ours = self._shifts(), self._latest_s(), False
        for sent in reversed(self._sent):
            delay_s = at_s - sent.on_s
            if delay_s > latest_s + TOLERANCE_S:
                break
            shift = pitch - sent.pitch
            if delay_s < -EARLY_S or shift not in shifts:
                continue
            same = velocity == sent.velocity
            path = self._path(shift, delay_s, sent.number, at_s)
            if sent.number in path.brought:
                continue
            path.brought.append(sent.number)
            path.points += SAME_VELOCITY_POINTS if same else 1
            path.seen_s = at_s
            due = [n for n in self._sent if n.number >= path.since and at_s - n.on_s - path.delay_s > -TOLERANCE_S]
            share = sum(one.number in path.brought for one in due) / max(len(due), 1)
            early = path.since <= FIRST_NOTES
            enough = path.points >= (SURE_POINTS if early else LATE_POINTS) and len(path.brought) > 1
            path.sure = path.sure or (enough and share >= SURE_SHARE)
            ours = ours or (same and early) or path.sure
        return ours

    def _path(self, shift: int, delay_s: float, number: int, at_s: float) -> _Path:
        for path in self._paths:
            if path.shift == shift and abs(path.delay_s - delay_s) <= TOLERANCE_S:
                return path
        path = _Path(shift, delay_s, number, at_s)
        self._paths.append(path)
        return path
