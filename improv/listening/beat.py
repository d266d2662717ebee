"""Where the person's beat is: tempo and phase from the moments at which keys are struck, at every moment of the clock.

Three parts. `beat_belief` keeps many readings of tempo and place alive beside each other. `beat_line` follows the
likeliest one finely, steady or swaying. `metre_level` judges which multiple of it people would count as the beat.

Pure: whoever asks says what time it is. What is struck within CHORD_SPREAD_S is one onset, so there are never more than
some 30 a second; each costs about 0.6 ms.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from improv.listening.beat_belief import FASTEST_BPM, FEELS, LONGEST_SILENCE_S, SLOWEST_BPM, BeatBelief
from improv.listening.beat_line import PARTS, STEADY, SWAYING, BeatLine, Place
from improv.listening.metre_level import READINGS, Reading, Struck, judged

CHORD_SPREAD_S = 0.035  # keys struck within it are one onset
LEAST_ONSETS = 6
# The line is drawn anew where the belief has been elsewhere for so many onsets: another tempo (share) or place (beats).
ELSEWHERE_ONSETS, OTHER_TEMPO, OTHER_PLACE = 3, 0.10, 0.13
# A pulse so many times as fast is the same one, told by `metre_level`.
SAME_PULSE = (0.25, 1 / 3, 0.5, 1.0, 2.0, 3.0, 4.0)
REMEMBERED_ONSETS, KEPT_ONSETS = 96, 8  # kept: those of a pulse that is no more
# Another reading is believed when the last judgments (mean, nats) speak for it by so much.
JUDGMENT_FADES_ONSETS, CHANGES_FROM_NATS = 6.0, 0.7
JUDGED_EACH = 8  # onsets of a new line are judged each, later every second one
# Places of the beat by feel, in twelfths; an onset belongs rather to one where many fell lately.
GRIDS = ((0, 6, 3, 9), (0, 8, 4, 6))
SHARES = ((0.5, 0.3, 0.1, 0.1), (0.5, 0.3, 0.15, 0.05))
SHARE_FADES_ONSETS, LEAST_SHARE = 24.0, 0.02
ON_BEAT, DOWNBEAT_FADES = 0.12, 0.96
# Most music begins on a downbeat: that is worth a strong accent. Another beat becomes it where it is so much stronger.
FIRST_ACCENT, DOWNBEAT_STAYS = 1.0, 0.6


class Beat(NamedTuple):
    """What is believed of the person's beat.

    tempo_bpm: of the beat, 40..220. at_s: the clock's time of one of its beats. confidence: 0 (free playing, or too
    little was heard) .. 1. swung: the second eighth of a beat comes late.
    beat_in_bar: which beat of the bar the one at at_s is; 0 is the downbeat.
    """

    tempo_bpm: float
    at_s: float
    confidence: float
    swung: bool = False
    beat_in_bar: int = 0

    @property
    def period_s(self) -> float:
        return 60.0 / self.tempo_bpm

    def phase(self, at_s: float) -> float:
        """Beats since the last beat at a moment, 0..1."""
        return ((at_s - self.at_s) / self.period_s) % 1.0


class _Onset(NamedTuple):
    """Keys struck together. at_s: the mean of their moments."""

    first_s: float
    at_s: float
    strength: float
    lowest: int
    keys: int

    def joined(self, at_s: float, strength: float, pitch: int) -> _Onset:
        keys = self.keys + 1
        mean_s = self.at_s + (at_s - self.at_s) / keys
        return _Onset(self.first_s, mean_s, max(self.strength, strength), min(self.lowest, pitch), keys)

    @property
    def weight(self) -> float:
        """A low note and a chord mark the beat."""
        return self.strength + 0.25 * max(0.0, (60 - self.lowest) / 24) + 0.1 * (self.keys - 1)


class BeatTracker:
    """Feed it with `strike`, ask it with `beat`."""

    def __init__(self, beats_per_bar: int = 4) -> None:
        """beats_per_bar: for the downbeat."""
        self._beats_per_bar = max(beats_per_bar, 1)
        self._belief = BeatBelief()
        self._waiting: _Onset | None = None
        self._mean, self._square = 0.5, 0.05  # of weights
        self._onsets = 0
        self._last_s = -math.inf
        self._began_s = -math.inf  # of the first onset after a silence
        self._down: int | None = None
        self._lines: tuple[BeatLine, ...] = ()
        self._struck: deque[Struck] = deque(maxlen=REMEMBERED_ONSETS)
        self._accents: deque[float] = deque(maxlen=REMEMBERED_ONSETS)
        self._judgment = np.zeros(len(READINGS))
        self._judgments = 0
        self._shares = np.array(SHARES)
        self._elsewhere = self._feel = 0
        self._share = 0.0

    def strike(self, at_s: float, velocity: int, pitch: int = 60) -> None:
        """A key was struck at `at_s`, not earlier than the ones before. velocity: 1..127. pitch: 0..127."""
        waiting, strength = self._waiting, velocity / 127
        if waiting is not None and at_s - waiting.first_s < CHORD_SPREAD_S:
            self._waiting = waiting.joined(at_s, strength, pitch)
            return
        if waiting is not None:
            self._take(waiting)
        self._waiting = _Onset(at_s, at_s, strength, pitch, 1)

    def beat(self, now_s: float) -> Beat | None:
        """What is believed at `now_s`; None before the first onsets."""
        waiting = self._waiting
        if waiting is not None and now_s - waiting.first_s >= CHORD_SPREAD_S:
            self._waiting = None
            self._take(waiting)
        line = self._best()
        if line is None:
            return None
        beats, period_s = line.at(now_s)
        if now_s - self._last_s > 4 * period_s:  # no word for a while: the tempo that it goes around
            period_s = line.mean_period_s
        whole = math.floor(beats)
        bpm = min(max(60.0 / period_s, SLOWEST_BPM), FASTEST_BPM)
        # A pulse that the belief counts in several ways is no less sure for it.
        sure = self._belief.metrical * min(max(self._share, line.closeness), 1.0)
        at_s = now_s - (beats - whole) * period_s
        return Beat(bpm, at_s, sure, FEELS[self._feel] == "swung", (whole - self._downbeat()) % self._beats_per_bar)

    # --------------------------------------------------------------------------------------------------- onsets

    def _take(self, onset: _Onset) -> None:
        accent = self._accent(onset.weight)
        self._belief.take(onset.at_s, accent)
        self._onsets += 1
        if onset.at_s - self._last_s > LONGEST_SILENCE_S:
            self._lines = ()
            self._struck.clear()
            self._accents.clear()
            self._began_s, self._down = onset.at_s, None
        self._last_s = onset.at_s
        self._accents.append(accent)
        self._struck.append(Struck(0.0, onset.at_s, onset.strength, onset.lowest, onset.keys))
        if self._onsets >= LEAST_ONSETS:
            self._follow(onset)

    def _accent(self, weight: float) -> float:
        """-1 weak .. 1 strong, against the onsets so far."""
        deviation = math.sqrt(max(self._square, 0.0025))
        accent = math.tanh((weight - self._mean) / deviation)
        share = max(0.08, 1 / (self._onsets + 1))
        off = weight - self._mean
        self._mean += share * off
        self._square += share * (off * off - self._square)
        return accent

    # --------------------------------------------------------------------------------------------------- the line

    def _follow(self, onset: _Onset) -> None:
        """Move the fine lines with the onset, or to where the belief is by now; judge which pulse is the beat."""
        believed = self._belief.read()
        self._feel, self._share = believed.feel, believed.share
        before = self._best()
        for each in self._lines:
            part = each.move(onset.at_s, self._places(), onset.keys)
            if each is before:
                self._remember(each, onset.at_s, part)
        line = self._best()
        elsewhere = line is None or not _same_pulse(line, onset.at_s, believed.period_s, believed.phase)
        self._elsewhere = self._elsewhere + 1 if elsewhere else 0
        if line is None or self._elsewhere >= ELSEWHERE_ONSETS:
            self._draw(onset.at_s, believed.period_s, believed.phase)
        self._judge()

    def _places(self) -> list[Place]:
        shares = self._shares[self._feel]
        return [Place(part, -math.log(share)) for part, share in zip(GRIDS[self._feel], shares, strict=True)]

    def _remember(self, line: BeatLine, at_s: float, part: int | None) -> None:
        beats = line.at(at_s)[0] if part is None else part / PARTS
        self._struck[-1] = self._struck[-1]._replace(beats=beats)
        if part is not None and (place := part % PARTS) in GRIDS[self._feel]:
            shares = self._shares[self._feel]
            shares += (np.array([place == one for one in GRIDS[self._feel]]) - shares) / SHARE_FADES_ONSETS
            np.maximum(shares, LEAST_SHARE, out=shares)

    def _draw(self, at_s: float, period_s: float, phase: float) -> None:
        """Begin the lines anew, through the last onsets as they would have been."""
        line = self._best()
        if line is not None:  # as nearly as fast as before: what was judged to be the beat stays one
            ratio = min((0.5, 1.0, 2.0), key=lambda one: abs(math.log(period_s * one / line.period_s)))
            period_s, phase = period_s * ratio, phase / ratio % 1.0
            while len(self._struck) > KEPT_ONSETS:
                self._struck.popleft()
                self._accents.popleft()
        begin_s = at_s - phase * period_s
        number = 0 if line is None else round(line.at(begin_s)[0])
        self._lines = tuple(BeatLine(begin_s, period_s, player, number * PARTS) for player in (STEADY, SWAYING))
        self._elsewhere = 0
        self._down = None
        self._shares = np.array(SHARES)
        self._judgment[:] = 0.0
        self._judgments = 0
        for index, one in enumerate(self._struck):
            self._struck[index] = one._replace(beats=number + (one.at_s - begin_s) / period_s)

    def _best(self) -> BeatLine | None:
        return max(self._lines, key=lambda line: line.foresight, default=None)

    # --------------------------------------------------------------------------------------------------- the beat

    def _judge(self) -> None:
        """Which reading of the pulse is the beat; the line becomes that one."""
        line = self._best()
        if line is None:
            return
        self._judgments += 1
        if self._judgments > JUDGED_EACH and self._judgments % 2:  # it costs as much as all the rest
            return
        nats = judged(self._struck, 60 / line.mean_period_s, self._struck[-1].beats)
        share = max(1 / JUDGMENT_FADES_ONSETS, 1 / self._judgments)
        self._judgment += share * (np.maximum(nats, -12.0) - self._judgment)
        best = int(self._judgment.argmax())
        if best and self._judgment[best] - self._judgment[0] > CHANGES_FROM_NATS:
            self._count(READINGS[best])

    def _count(self, reading: Reading) -> None:
        """Count another pulse from now on."""
        shift = reading.shift + round(self._struck[-1].beats) - round(self._struck[-1].beats * reading.ratio)
        for line in self._lines:
            line.rescale(reading.ratio, round(shift * PARTS))
        for index, one in enumerate(self._struck):
            self._struck[index] = one._replace(beats=one.beats * reading.ratio + shift)
        self._judgment[:] = 0.0
        self._judgments = 0
        self._down = None
        self._shares = np.array(SHARES)

    def _downbeat(self) -> int:
        """Which of the beats in a bar is the strongest: an onset on it speaks for it, as far as it is an accent, and
        the very first one by itself.
        """
        sums = np.zeros(self._beats_per_bar)
        fade = 1.0
        for one, accent in zip(reversed(self._struck), reversed(self._accents), strict=True):
            beat = round(one.beats)
            if abs(one.beats - beat) < ON_BEAT:
                sums[beat % self._beats_per_bar] += fade * accent
                fade *= DOWNBEAT_FADES
        if self._struck and self._struck[0].at_s == self._began_s:
            sums[round(self._struck[0].beats) % self._beats_per_bar] += fade * FIRST_ACCENT
        if self._down is None or sums.max() - sums[self._down] > DOWNBEAT_STAYS:
            self._down = int(sums.argmax())
        return self._down


def _same_pulse(line: BeatLine, at_s: float, period_s: float, phase: float) -> bool:
    """Whether a belief is about the line's pulse, counted as it is or slower or faster."""
    beats, own_s = line.at(at_s)
    ratio = min(SAME_PULSE, key=lambda one: abs(math.log(own_s / period_s / one)))
    if abs(math.log(own_s / period_s / ratio)) > OTHER_TEMPO:
        return False
    # The slower beat of the two lies on one of the faster's.
    faster = beats * max(ratio, 1.0) - phase * max(1 / ratio, 1.0)
    return abs((faster + 0.5) % 1.0 - 0.5) <= OTHER_PLACE
