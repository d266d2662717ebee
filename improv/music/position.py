"""Where the music stands: ticks, bars and seconds, tempo that follows without a jolt. Pure values."""

from __future__ import annotations

from typing import NamedTuple

# A commanded tempo is approached over about a beat: each sixteenth closes this share of the gap (1 - e^(-1/4 * 2)).
TEMPO_APPROACH_PER_SIXTEENTH = 0.4

ALMOST = 1e-6  # beats: more than the rounding of their sums


class Position(NamedTuple):
    """The start of one grid step.

    tick: steps since the music began. music_s: seconds since then, pauses not counted. tempo_bpm: quarters per minute.
    bar_tick: tick of the current bar's line. beats_per_bar: quarters.
    """

    tick: int
    music_s: float
    tempo_bpm: float
    bar_tick: int
    beats_per_bar: float
    ticks_per_beat: int
    bar: int = 1
    rubato: float = 1.0
    """How much faster than tempo_bpm the music runs just now."""
    beat: float = 0.0
    """Quarters since the music began, whatever tempo, metre and length of ticks there were since."""

    @property
    def step_s(self) -> float:
        """Length of one tick in seconds."""
        return 60.0 / (self.tempo_bpm * self.rubato) / self.ticks_per_beat

    @property
    def beat_in_bar(self) -> float:
        """Quarters since the bar line."""
        return (self.tick - self.bar_tick) / self.ticks_per_beat

    @property
    def bar_ticks(self) -> int:
        """Steps in a bar."""
        return max(1, round(self.beats_per_bar * self.ticks_per_beat))

    @property
    def ticks_to_bar_line(self) -> int:
        """0 on a bar line, else the steps until the next one."""
        return -(self.tick - self.bar_tick) % self.bar_ticks

    def ticks_to_line(self, step_ticks: int) -> int:
        """Ticks until the next multiple of step_ticks within the bar, or the next bar line; at least 1."""
        into = self.tick - self.bar_tick
        return min(step_ticks - into % step_ticks, self.bar_ticks - into % self.bar_ticks)

    def next(self, tempo_bpm: float, ticks: int = 1) -> Position:
        """The step that begins so many ticks later, its tempo on the way to `tempo_bpm`."""
        tick = self.tick + ticks
        line = tick - self.bar_tick >= self.bar_ticks
        share = 1 - (1 - TEMPO_APPROACH_PER_SIXTEENTH * 4 / self.ticks_per_beat) ** ticks
        return self._replace(
            tick=tick,
            beat=self.beat + ticks / self.ticks_per_beat,
            music_s=self.music_s + ticks * self.step_s,
            tempo_bpm=self.tempo_bpm + share * (tempo_bpm - self.tempo_bpm),
            bar_tick=tick if line else self.bar_tick,
            bar=self.bar + 1 if line else self.bar,
        )

    def at_beat(self, beat: float) -> Position:
        """The same moment elsewhere in the song: `beat` quarters after its beginning, where bar 1 began."""
        bars, into = divmod(beat + ALMOST, self.beats_per_bar)
        return self._replace(bar=int(bars) + 1, bar_tick=self.tick - round(into * self.ticks_per_beat))
