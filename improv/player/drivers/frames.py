"""Seconds of the monotonic clock to frames of a JACK server, so steady that equal distances stay equal."""

from __future__ import annotations

import statistics
from collections import deque

COUNTER = 1 << 32  # JACK's frame counter starts again after a day (48 kHz)
LOOKS = 5  # measurements whose median is believed: a single one may be a stalled machine's
TOLERANCE_S = 0.0005  # so far the two clocks may be apart before the mapping moves
JUMP_S = 0.01  # farther apart than this, something stood still: no gliding
GLIDE = 8  # part of the distance that is made up for at each look


def unwrap(frame: int, near: int) -> int:
    """The frame number without the counter's limit that is nearest to `near`."""
    return near + (frame - near + COUNTER // 2) % COUNTER - COUNTER // 2


class FrameClock:
    """Maps deadlines to frames at the nominal rate; what the clocks drift apart is made up for in steps of few frames.

    A mapping that followed every measurement would move each note by its error; this one holds still while it is
    right to half a millisecond.
    """

    def __init__(self, frames_per_s: int) -> None:
        self._rate = frames_per_s
        self._looks: deque[float] = deque(maxlen=LOOKS)
        self._offset: float | None = None  # frame at second 0

    def look(self, now_s: float, frame: int) -> None:
        """Tell what the server's frame was at now_s. To be called about once a second."""
        self._looks.append(frame - now_s * self._rate)
        middle = statistics.median(self._looks)
        if self._offset is None:
            self._offset = middle
            return
        apart = middle - self._offset
        if abs(apart) > JUMP_S * self._rate:
            self._offset = middle
        elif abs(apart) > TOLERANCE_S * self._rate:
            self._offset += round(apart / GLIDE)

    def frame_at(self, due_s: float) -> int:
        """The frame that is nearest to due_s. Needs one look."""
        assert self._offset is not None
        return round(due_s * self._rate + self._offset)

    def second_at(self, frame: int) -> float:
        """The second of a frame. Needs one look."""
        assert self._offset is not None
        return (frame - self._offset) / self._rate
