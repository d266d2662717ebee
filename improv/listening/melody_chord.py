"""The chords that go with a melody: bar by bar, what was heard in the bar so far and what people let follow. Pure.

A bar begins with what usually follows the bar before; each note of the melody then speaks for the chords that hold it.
So the chord is there before the bar, and turns as soon as the melody tells otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.listening.beat import Beat
from improv.listening.keyboard import PersonNote
from improv.music.attributes import FloatArray, Key
from improv.music.chord import TONES, Chord

STAYS = 0.12  # of the chords last for another bar
# Nats for a chord that holds the tone of a beat for a beat's length, and against one that does not; off the beat less.
HOLDS_NATS, LACKS_NATS, OFF_BEAT = 2.0, 1.4, 0.4
ON_BEAT, EARLY_BEATS, LONGEST_BEATS = 0.12, 0.1, 2.0
# Triads of a key: semitones above its tonic, and quality (of music.chord): major; minor with its leading tone.
MAJOR_TRIADS = ((0, 0), (2, 1), (4, 1), (5, 0), (7, 0), (9, 1), (11, 2))
MINOR_TRIADS = ((0, 1), (2, 2), (3, 0), (5, 1), (7, 0), (8, 0), (10, 0), (11, 2))


class MelodyChords:
    """Ask it at every moment with `look`."""

    def __init__(self, follows: tuple[FloatArray, FloatArray]) -> None:
        """follows: of major and minor, (12, 12): how often a root comes after another, in semitones above the tonic."""
        self._follows = follows
        self._key: Key | None = None
        self._line_s = 0.0  # of the bar that is under way
        self._before = np.ones(1)  # chances in the bar before
        self._now = np.ones(1)

    def look(self, key: Key | None, notes: Sequence[PersonNote], beat: Beat, per_bar: int, now_s: float) -> None:
        """Take in what was played up to now_s. notes: of the last bar and more, ascending. key: None: nothing known."""
        if key is None:
            return
        if key != self._key:
            self._key = key
            self._before = self._now = np.full(len(self._triads()), 1 / len(self._triads()))
        line_s, period_s = bar_line(beat, per_bar, now_s), beat.period_s
        if line_s - self._line_s > per_bar * period_s / 2:
            last = [note for note in notes if self._line_s <= note.on_s + EARLY_BEATS * period_s < line_s]
            self._before = self._judged(self._expected(self._before), last, beat, now_s)
            self._line_s = line_s
        here = [note for note in notes if note.on_s + EARLY_BEATS * period_s >= self._line_s]
        self._now = self._judged(self._expected(self._before), here, beat, now_s)

    @property
    def chord(self) -> Chord | None:
        """The likeliest one of this bar."""
        return self._chord(self._now)

    @property
    def following(self) -> Chord | None:
        """The likeliest one of the next bar."""
        return None if self._key is None else self._chord(self._expected(self._now))

    def _triads(self) -> tuple[tuple[int, int], ...]:
        assert self._key is not None
        return MAJOR_TRIADS if self._key.major else MINOR_TRIADS

    def _chord(self, chances: FloatArray) -> Chord | None:
        if self._key is None:
            return None
        root, quality = self._triads()[int(chances.argmax())]
        root = (self._key.tonic + root) % 12
        return Chord(root, quality, root)

    def _expected(self, chances: FloatArray) -> FloatArray:
        """What a bar after one with these chances would be."""
        assert self._key is not None
        roots = [root for root, _ in self._triads()]
        table = self._follows[0 if self._key.major else 1][np.ix_(roots, roots)].copy()
        np.fill_diagonal(table, 0.0)
        table = (1 - STAYS) * table / table.sum(axis=1, keepdims=True) + STAYS * np.eye(len(roots))
        return np.asarray(chances @ table)

    def _judged(self, chances: FloatArray, notes: Sequence[PersonNote], beat: Beat, now_s: float) -> FloatArray:
        assert self._key is not None
        weights = np.zeros(12)
        for note in notes:
            end_s = now_s if note.off_s is None else min(note.off_s, now_s)
            beats = min(max((end_s - note.on_s) / beat.period_s, 0.25), LONGEST_BEATS)
            on = abs((beat.phase(note.on_s) + 0.5) % 1.0 - 0.5) < ON_BEAT
            weights[(note.pitch - self._key.tonic) % 12] += beats * (1.0 if on else OFF_BEAT)
        held = np.array(
            [sum(weights[(root + tone) % 12] for tone in TONES[quality]) for root, quality in self._triads()]
        )
        nats = np.log(chances + 1e-6) + HOLDS_NATS * held - LACKS_NATS * (weights.sum() - held)
        chances = np.exp(nats - nats.max())
        return np.asarray(chances / chances.sum())


def bar_line(beat: Beat, per_bar: int, now_s: float) -> float:
    """When the bar that is under way began; keys that come a little early are already in the next."""
    beats = (now_s - beat.at_s) / beat.period_s + beat.beat_in_bar + EARLY_BEATS
    return beat.at_s + ((beats // per_bar) * per_bar - beat.beat_in_bar) * beat.period_s
