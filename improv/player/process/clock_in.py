"""MIDI clock of another program, followed in phase: a line through its ticks that jitter, lumps and gaps do not shake.

Pure: no waiting, no ports. Whoever feeds it says when a message arrived. All `*_s` are seconds of the monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from improv.midi.messages import CLOCK, CLOCKS_PER_BEAT, CLOCKS_PER_SIXTEENTH, CONTINUE, SONG_POSITION, START, STOP
from improv.player.protocol import ClockIn

SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0
LONGEST_PERIOD_S, SHORTEST_PERIOD_S = 60 / SLOWEST_BPM / CLOCKS_PER_BEAT, 60 / FASTEST_BPM / CLOCKS_PER_BEAT
FLOOD_TICKS = 64  # so many at more than twice the rate of the fastest tempo are no clock
FIRST_PERIOD_S = 60 / 120 / CLOCKS_PER_BEAT  # believed until the ticks say otherwise
# Weight of that belief beside the squares of the ticks' distances from their middle: 3 ms of jitter against the 8 ms
# that periods from 60 to 180 bpm are spread about it, squared. From the third tick on the ticks have the say.
PRIOR_SQUARES = 0.14
FIRST_TICKS = 8  # fitted together, tick by tick; none of them is an outlier, as nobody knows yet off what
# The line forgets as an average over so many ticks does: +-3 ms of jitter become 0.5 ms of phase, and a tempo that
# rises by 1 % a bar is followed 1 ms late.
MEMORY_TICKS = 56
OUTLIER = 0.75  # a tick so many periods off the line is not believed at once; a tempo 7 % faster leads so far off it
OUTLIERS = 12  # so many in a row are: ticks were lost, or the tempo jumped
SAME_TEMPO = 0.1  # a row after a gap: as far as this from the tempo so far, ticks were lost in the gap
# Without a tick for so long while the master runs the clock is lost, and with it the ticks meanwhile. After a shorter
# gap ticks were lost if all later ones are off by whole periods (JACK drops what it cannot hand over); else the master
# itself stood still (an overloaded program), and its count goes on where it was.
LOST_S, WHOLE = 0.25, 0.1
MOST_NEWS = 4  # between two calls of `news`: of a flood of starts the last ones count
TELL_EVERY_S = 0.05
TELL_FIRST_TICKS = 12  # after a start every tick is told


class Line(NamedTuple):
    """Tick `tick` is at `at_s`, and one more every `period_s`."""

    tick: int
    at_s: float
    period_s: float

    def when_s(self, tick: float) -> float:
        """When the master reaches a tick (of 24 a beat) of its song."""
        return self.at_s + (tick - self.tick) * self.period_s


class ClockFollower:
    """`feed` every clock message, `news` what the engine should know."""

    def __init__(self) -> None:
        self.running = False
        self._line: Line | None = None  # in ticks since the first; the song's own count begins at _origin
        self._count = 0  # the number that the next tick has
        self._origin = 0
        self._position = 0  # tick of the song, while it stands
        self._weight = 0  # ticks that the line rests on
        self._first: list[float] = []  # when they arrived, as long as there are fewer than FIRST_TICKS
        self._outliers: list[float] = []  # when they arrived
        self._believed_s = 0.0  # arrival of the last tick that was believed
        self._error_s = 0.0  # how far it was off the line
        self._prior_s = FIRST_PERIOD_S
        self._awaited = ""  # "start" or "continue": it takes effect with the first tick after it
        self._last_s = float("-inf")
        self._arrivals: deque[float] = deque(maxlen=FLOOD_TICKS)
        self._flooded = self._lost = False
        self._news: deque[ClockIn] = deque(maxlen=MOST_NEWS)
        self._told_s, self._told_count, self._told_since_start = float("-inf"), -1, 0

    @property
    def line(self) -> Line | None:
        """Of the song's ticks, as of the last that was believed; None until there was one."""
        return self._line and self._line._replace(tick=self._line.tick - self._origin)

    def feed(self, message: bytes, at_s: float) -> None:
        """A clock message (CLOCK_MESSAGES) that arrived at at_s."""
        status = message[0]
        if status == CLOCK:
            self._tick(at_s)
        elif status in (START, CONTINUE):
            self._stand()
            self._awaited = "start" if status == START else "continue"
            self._position = 0 if status == START else self._position
        elif status == STOP:
            if self.running:
                self._stand()
                self._tell("stop", at_s)
            self._awaited = ""
        elif status == SONG_POSITION and len(message) == 3:
            self._position = CLOCKS_PER_SIXTEENTH * (message[1] | message[2] << 7)
            if self.running:
                self._origin = self._count - self._position
                self._tell("position", at_s)

    def news(self, now_s: float) -> list[ClockIn]:
        """What happened since the last call; the line itself at most every TELL_EVERY_S."""
        if self.running and not self._lost and now_s - self._last_s > LOST_S:
            self._lost = True
            self._tell("lost", now_s)
        soon = self._told_since_start < TELL_FIRST_TICKS or now_s - self._told_s >= TELL_EVERY_S
        if self.running and soon and self._line and self._line.tick > self._told_count:
            self._tell("", now_s)
        told = list(self._news)
        self._news.clear()
        return told

    # ------------------------------------------------------------------------------------------------------ ticks

    def _stand(self) -> None:
        if self.running:
            self._position = self._count - self._origin
        self.running = self._lost = False

    def _tick(self, at_s: float) -> None:
        self._last_s = at_s
        if self._is_flood(at_s):
            return
        if self._line is None:
            self._restart(at_s, FIRST_PERIOD_S)
        elif self._awaited and abs(at_s - self._line.when_s(self._count)) > self._line.period_s / 4:
            self._restart(at_s, self._line.period_s)  # a clock that does not run on while its song stands
        else:
            self._follow(self._line, at_s)
        if self._awaited:
            self._origin = self._count - self._position
            event, self._awaited, self.running, self._told_since_start = self._awaited, "", True, 0
            self._tell(event, at_s)
        elif self._lost:
            self._lost = False
            self._tell("back", at_s)
        self._count += 1

    def _restart(self, at_s: float, period_s: float) -> None:
        self._line, self._weight, self._first = Line(self._count, at_s, period_s), 1, [at_s]
        self._prior_s, self._believed_s, self._error_s = period_s, at_s, 0.0
        self._outliers.clear()

    def _begin(self, at_s: float) -> None:
        """The line through the first ticks."""
        self._first.append(at_s)
        self._believed_s = at_s
        last_s, period_s = fitted(self._first, self._prior_s, PRIOR_SQUARES)
        self._line, self._weight = Line(self._count, last_s, _in_range(period_s)), len(self._first)

    def _follow(self, line: Line, at_s: float) -> None:
        if self._weight < FIRST_TICKS:
            if at_s - self._believed_s > LOST_S:
                self._restart(at_s, line.period_s)
            else:
                self._begin(at_s)
            return
        predicted_s = line.when_s(self._count)
        error_s = at_s - predicted_s
        if abs(error_s) > OUTLIER * line.period_s:
            self._outliers.append(at_s)
            if len(self._outliers) == OUTLIERS:
                self._believe_outliers(line)
            return
        self._outliers.clear()
        self._believed_s, self._error_s = at_s, error_s
        n = self._weight
        self._weight = min(n + 1, MEMORY_TICKS)
        # Gains of a least-squares line through the last n ticks, updated tick by tick (the expanding-memory and then
        # fading g-h filter of Brookner, "Tracking and Kalman Filtering Made Easy", 1998).
        phase_gain, period_gain = 2 * (2 * n + 1) / ((n + 1) * (n + 2)), 6 / ((n + 1) * (n + 2))
        period_s = _in_range(line.period_s + period_gain * error_s)
        self._line = Line(self._count, predicted_s + phase_gain * error_s, period_s)

    def _believe_outliers(self, line: Line) -> None:
        """A whole row is off the line: the clock was lost, the master stood still, or its tempo jumped."""
        times, self._outliers = self._outliers, []
        last_s, period_s = fitted(times)
        if period_s < SHORTEST_PERIOD_S / 2:  # the beginning of a flood
            self._count -= len(times)
            return
        middle_s, middle = sum(times) / len(times), (len(times) - 1) / 2
        off = (middle_s + middle * line.period_s - line.when_s(self._count)) / line.period_s
        # A tempo that changed little carries the ticks off the line one by one; who stood still leaves it at once.
        drifted = abs(self._error_s) > OUTLIER / 2 * line.period_s
        whole = abs(off - round(off)) < WHOLE * MEMORY_TICKS / self._weight
        lost = times[0] - self._believed_s > LOST_S or (whole and not drifted)
        if lost and abs(period_s / line.period_s - 1) < SAME_TEMPO:
            last_s, period_s = middle_s + middle * line.period_s, line.period_s
            self._count += round(off)
        self._line, self._weight = Line(self._count, last_s, _in_range(period_s)), OUTLIERS

    def _is_flood(self, at_s: float) -> bool:
        """More ticks than any tempo has: they mean nothing, and the line goes on without them."""
        self._arrivals.append(at_s)
        flooded = len(self._arrivals) == FLOOD_TICKS and at_s - self._arrivals[0] < FLOOD_TICKS * SHORTEST_PERIOD_S / 2
        if flooded and not self._flooded:
            self._count -= len(self._outliers)
            self._outliers.clear()
            self._tell("flood", at_s)
        self._flooded = flooded
        return flooded

    def _tell(self, event: str, now_s: float) -> None:
        line = self.line or Line(self._position, now_s, FIRST_PERIOD_S)
        self._told_s, self._told_count = now_s, self._line.tick if self._line else -1
        self._told_since_start += 1
        self._news.append(ClockIn(event, self.running, line.tick, line.at_s, line.period_s))


def fitted(times: Sequence[float], period_s: float = 0.0, squares: float = 0.0) -> tuple[float, float]:
    """Where the last of these ticks is and the period, by a least-squares line; `squares` is the weight of period_s."""
    middle_s, middle = sum(times) / len(times), (len(times) - 1) / 2
    rise = sum((number - middle) * (at_s - middle_s) for number, at_s in enumerate(times))
    run = sum((number - middle) ** 2 for number in range(len(times)))
    slope = (rise + squares * period_s) / (run + squares)
    return middle_s + middle * slope, slope


def _in_range(period_s: float) -> float:
    return min(max(period_s, SHORTEST_PERIOD_S), LONGEST_PERIOD_S)
