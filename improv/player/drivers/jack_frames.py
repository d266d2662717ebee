"""Seconds of the monotonic clock to frames of a JACK server, so steady that equal distances stay equal."""

from __future__ import annotations

COUNTER = 1 << 32  # JACK's frame counter starts again after a day (48 kHz)
SPAN_S = 0.1  # of the starts of cycles seen in two such spans, the earliest is believed: the others woke late
TOLERANCE_S = 0.0005  # so far the two clocks may be apart before the mapping moves
JUMP_S = 0.005  # farther apart than this, something stood still: no gliding
GLIDE = 8  # part of the distance that is made up for after each span


def unwrap(frame: int, near: int) -> int:
    """The frame number without the counter's limit that is nearest to `near`."""
    return near + (frame - near + COUNTER // 2) % COUNTER - COUNTER // 2


class FrameClock:
    """Maps deadlines to frames at the nominal rate; what the clocks drift apart is made up for in steps of few frames.

    A mapping that followed every measurement would move each note by its error; this one holds still while it is
    right to half a millisecond. After an XRun (`lost`) the server's count has fallen behind for good: then the first
    cycle is believed at once, and earlier ones within the next span.
    """

    def __init__(self, frames_per_s: int) -> None:
        self._rate = frames_per_s
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lost = False
        self._offset: float | None = None  # frame at second 0
        self._now = self._before = float("-inf")  # the largest offsets seen in this span and the one before
        self._span_ends_s = 0.0
        self._settling = True

    def look(self, now_s: float, frame: int) -> None:
        """Tell at the start of a cycle, or a little later, which frame it begins with. A look that is late errs low."""
        if self._lost:  # told by another thread
            self._begin_anew()
        seen = frame - now_s * self._rate
        if self._offset is None or (self._settling and seen > self._offset):
            self._offset = seen
        if seen > self._now:
            self._now = seen
        if now_s >= self._span_ends_s:
            self._end_span(now_s)

    def lost(self) -> None:
        """The server told of an XRun. May be called by any thread."""
        self._lost = True

    def frame_at(self, due_s: float) -> int:
        """The frame that is nearest to due_s. Needs one look."""
        assert self._offset is not None
        return round(due_s * self._rate + self._offset)

    def second_at(self, frame: int) -> float:
        """The second of a frame. Needs one look."""
        assert self._offset is not None
        return (frame - self._offset) / self._rate

    def _end_span(self, now_s: float) -> None:
        assert self._offset is not None
        if self._span_ends_s:  # else this is the first look of all
            self._settling = False
            apart = max(self._now, self._before) - self._offset
            if abs(apart) > JUMP_S * self._rate:
                self._offset += apart
            elif abs(apart) > TOLERANCE_S * self._rate:
                self._offset += round(apart / GLIDE)
            self._before, self._now = self._now, float("-inf")
        self._span_ends_s = now_s + SPAN_S
