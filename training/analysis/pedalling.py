"""What people do with the sustain pedal, as the foot of the improviser sees it: moments, and what was done at each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from improv.improviser.pedalling import (
    BAR_LINE,
    BEAT,
    HALF_BEAT,
    MIDDLE,
    RINGING,
    WINDOW_BEATS,
    Moment,
    Struck,
    clashes,
    lately,
)
from improv.music.score import Score, merged
from training.analysis.analysis import Analysis
from training.analysis.keys import MINOR
from training.analysis.music import TICKS_PER_BEAT, BoolArray, FloatArray, Music

_STRENGTHS = {1: BEAT, 2: MIDDLE, 3: BAR_LINE}
_STEPS = 40
EARLY = 0.1
"""Of a half beat: what the foot does so much before a moment belongs to it."""


class Treadle(NamedTuple):
    """The pedal of a piece in beats and seconds. down, up: of each span, ascending; down_s, up_s: the same places."""

    down: FloatArray
    up: FloatArray
    down_s: FloatArray
    up_s: FloatArray

    def is_down(self, beats: FloatArray) -> BoolArray:
        """Whether it is down at each beat."""
        if not len(self.down):
            return np.zeros(len(beats), dtype=bool)
        at = np.searchsorted(self.down, beats, side="right") - 1
        return np.asarray((at >= 0) & (beats < self.up[np.maximum(at, 0)]))


def treadle(score: Score) -> Treadle:
    """The sustain pedal of a score."""
    spans = np.array(merged(score.pedals), dtype=np.float64).reshape(-1, 2)
    return Treadle(spans[:, 0], spans[:, 1], score.seconds(spans[:, 0]), score.seconds(spans[:, 1]))


class Decision(NamedTuple):
    """A moment and what was done there. down: the pedal was down before it. lifted: it rose in it. ends_down: it was
    down as the next moment came. up_s, down_s: seconds from the moment to the first rise and to the first press in it.
    """

    moment: Moment
    down: bool
    lifted: bool
    ends_down: bool
    up_s: float
    down_s: float


def decisions(score: Score, music: Music, analysis: Analysis) -> Iterator[Decision]:
    """Every half of a felt beat of a piece in order."""
    foot, slots = treadle(score), analysis.slots
    start = np.stack([slots.start, slots.start + slots.length // 2], axis=1).ravel()
    length = np.repeat(slots.length / 2, 2)
    beats = start / TICKS_PER_BEAT
    early = EARLY * length / TICKS_PER_BEAT
    edges = np.append(beats - early, beats[-1] + length[-1] / TICKS_PER_BEAT - early[-1])
    down = foot.is_down(edges)
    second = score.seconds(beats)
    beat_s = (score.seconds(beats + 1.0) - second).tolist()
    changed = np.diff(analysis.chords.root, prepend=-2) != 0
    changed |= np.diff(analysis.chords.quality, prepend=-2) != 0
    first_up, first_down = np.searchsorted(foot.up, edges), np.searchsorted(foot.down, edges)
    playing = _Playing(music, analysis, first_tick=int(start[0]))
    moved = -(10**6)
    for index, tick in enumerate(start.tolist()):
        half = index % 2 == 1
        strength = HALF_BEAT if half else _STRENGTHS[int(slots.strength[index // 2])]
        new, bass, low, harsh = playing.until(tick)
        onsets, articulation, together = lately(playing.struck, tick, TICKS_PER_BEAT)
        moment = Moment(
            strength=strength,
            change=bool(changed[index // 2]) and not half,
            strikes=bool(new),
            bass=bass,
            since_beats=(tick - moved) / TICKS_PER_BEAT,
            beat_s=beat_s[index],
            onsets=onsets,
            minor=bool(analysis.keys[index // 2] >= MINOR),
            articulation=articulation,
            together=together,
            low_clash=low,
            clash=harsh,
        )
        ups, downs = slice(first_up[index], first_up[index + 1]), slice(first_down[index], first_down[index + 1])
        up_s, down_s = foot.up_s[ups], foot.down_s[downs]
        lifted, pressed = len(up_s) > 0, len(down_s) > 0
        if lifted or pressed:
            moved = tick
            playing.ring_anew(tick)
        yield Decision(
            moment,
            bool(down[index]),
            lifted,
            bool(down[index + 1]),
            float(up_s[0] - second[index]) if lifted else math.nan,
            float(down_s[0] - second[index]) if pressed else math.nan,
        )


def offset(logit: FloatArray, done: BoolArray) -> float:
    """What somebody adds to the logits of a curve, drawn towards 0 as if it were 1 in the mean, by Newton's method."""
    own = 0.0
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-(logit + own)))
        own += (float((done - share).sum()) - own) / (float((share * (1 - share)).sum()) + 1.0)
    return own


class _Playing:
    """The notes as they come, on the grid of the analysis."""

    def __init__(self, music: Music, analysis: Analysis, first_tick: int) -> None:
        order = np.argsort(music.onset_ticks, kind="stable")
        columns = (music.onset_ticks, music.end_ticks, music.pitch, analysis.hand)
        self._rows = list(zip(*(column[order].tolist() for column in columns), strict=True))
        self._next = 0
        self.struck: list[Struck] = []
        self._ringing: list[tuple[int, int]] = []  # pitch, end of the key
        while self._next < len(self._rows) and self._rows[self._next][0] < first_tick:
            self._next += 1

    def until(self, tick: int) -> tuple[list[int], bool, bool, bool]:
        """Play up to a tick and what begins there: its pitches, whether the left hand is in it, and how it clashes with
        what rings."""
        new: list[tuple[int, int, int, int]] = []
        while self._next < len(self._rows) and self._rows[self._next][0] <= tick:
            row = self._rows[self._next]
            self._next += 1
            self.struck.append(Struck(row[0], row[3], row[1] - row[0], 1))
            if row[0] == tick:
                new.append(row)
            else:
                self._ringing.append((row[2], row[1]))
        low, harsh = clashes((row[2] for row in new), (pitch for pitch, _ in self._ringing))
        self._ringing = (self._ringing + [(row[2], row[1]) for row in new])[-RINGING:]
        self.struck = [one for one in self.struck if one.tick > tick - WINDOW_BEATS * TICKS_PER_BEAT]
        return [row[2] for row in new], any(row[3] == 1 for row in new), low, harsh

    def ring_anew(self, tick: int) -> None:
        """The dampers fell: only what is held rings on."""
        self._ringing = [(pitch, end) for pitch, end in self._ringing if end > tick]
