"""Where the music's seconds and beats lie on the clock: from an anchor of our own, or along another program's beats.

Pure: whoever asks says what time it is. The *external clock* is another program's MIDI clock.
"""

from __future__ import annotations

import math

from improv.midi.messages import CLOCKS_PER_BEAT
from improv.music.position import Position
from improv.player.protocol import Bend, ClockIn, Pulses

SIXTEENTHS = 4  # of a beat
ALMOST = 1e-6  # beats: more than the rounding of their sums


class Timeline:
    """Own time: second 0 of the music is at `anchor_s`. Synced: its beats are the external clock's, at that pace."""

    def __init__(self, anchor_s: float, offset_s: float = 0.0) -> None:
        self.anchor_s = anchor_s
        self.offset_s = offset_s  # so much later than the external clock's ticks are our beats
        self.news: ClockIn | None = None  # the last word of the external clock, or of the person's beat
        self._line: ClockIn | None = None  # that by which we go; None: our own time
        self._ahead_beats = 0.0  # beat of the song less Position.beat

    @property
    def synced(self) -> bool:
        """Whether the external clock gives the time."""
        return self._line is not None

    def due_s(self, position: Position, music_s: float) -> float:
        """Clock time of a moment of the music that belongs to (or is near) the step at `position`."""
        if self._line is None:
            return self.anchor_s + music_s
        beats = (music_s - position.music_s) / (position.step_s * position.ticks_per_beat)
        return self._when_s(self._line, self.song_beat(position) + beats)

    def music_s(self, position: Position, at_s: float) -> float:
        """The inverse of `due_s`."""
        if self._line is None:
            return max(0.0, at_s - self.anchor_s)
        beats = self._beat_at(self._line, at_s) - self.song_beat(position)
        return max(0.0, position.music_s + beats * position.step_s * position.ticks_per_beat)

    def song_beat(self, position: Position) -> float:
        """Beats since the song began: the external clock's song, or our own piece."""
        return position.beat + self._ahead_beats

    @property
    def news_bpm(self) -> float | None:
        """The tempo that was heard last; None as long as nothing was."""
        return self.news and self.news.tempo_bpm

    # -------------------------------------------------------------------------------------------------- own time

    def begin_at(self, position: Position, due_s: float, *, anew: bool) -> None:
        """Own time from here on: the step at `position` is due at due_s. anew: the song begins with it."""
        self._line = None
        self.anchor_s = due_s - position.music_s
        if anew:
            self._ahead_beats = -position.beat

    # ------------------------------------------------------------------------------------------------------- synced

    def join(self, position: Position, now_s: float, grace_s: float, beats_per_bar: float = 0.0) -> float | None:
        """Go by the external clock as it was heard: the step at `position` comes with its next sixteenth, or next bar.

        grace_s: so late its sixteenth may be already. Returns the song's beat, or None if nothing was heard.
        """
        if self.news is None:
            return None
        self._line = self.news
        grid = beats_per_bar or 1 / SIXTEENTHS
        beat = max(0.0, math.ceil(self._beat_at(self.news, now_s - grace_s) / grid - ALMOST) * grid)
        self._ahead_beats = beat - position.beat
        return beat

    def shift_s(self, at_s: float) -> float:
        """How much later than by the line so far is what is due at at_s, by what was heard."""
        if self._line is None or self.news is None:
            return 0.0
        return self._when_s(self.news, self._beat_at(self._line, at_s)) - at_s

    def bend(self, now_s: float) -> Bend:
        """Go by what was heard from now on; what was scheduled is to be moved as the returned record says."""
        assert self._line is not None
        assert self.news is not None
        bend = Bend(now_s, now_s + self.shift_s(now_s), self.news.period_s / self._line.period_s)
        self._line = self.news
        return bend

    # -------------------------------------------------------------------------------------------------- clock out

    def pulses(self, position: Position, following: Position) -> Pulses:
        """The ticks of MIDI clock in the step between two positions, and the metronome's click at its beginning."""
        from_s, to_s = self.due_s(position, position.music_s), self.due_s(following, following.music_s)
        from_tick = CLOCKS_PER_BEAT * self.song_beat(position)
        to_tick = CLOCKS_PER_BEAT * self.song_beat(following)
        first, end = (math.ceil(tick - CLOCKS_PER_BEAT * ALMOST) for tick in (from_tick, to_tick))
        period_s = (to_s - from_s) / (to_tick - from_tick)
        on_beat = (position.tick - position.bar_tick) % position.ticks_per_beat == 0
        click = 2 if position.tick == position.bar_tick else 1 if on_beat else 0
        return Pulses(first, end - first, from_s + (first - from_tick) * period_s, period_s, click)

    def _when_s(self, line: ClockIn, beat: float) -> float:
        return line.at_s + (CLOCKS_PER_BEAT * beat - line.tick) * line.period_s + self.offset_s

    def _beat_at(self, line: ClockIn, at_s: float) -> float:
        return (line.tick + (at_s - self.offset_s - line.at_s) / line.period_s) / CLOCKS_PER_BEAT
