"""The chords that go with a melody: bar by bar, what was heard in the bar so far and what people let follow. Pure.

A bar begins with what usually follows the bar before; each note of the melody then speaks for the chords that hold it.
So the chord is there before the bar, and turns as soon as the melody tells otherwise. All keys are thought of at once,
each as far as it is likely: before the key is known its chords are guessed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.listening.beat import Beat
from improv.listening.keyboard import PersonNote
from improv.music.attributes import FloatArray
from improv.music.chord import MINOR_KEYS, TONES, Chord

STAYS = 0.12  # of the chords last for another bar
# Nats for a chord that holds the tone of a beat for a beat's length, and against one that does not; off the beat less.
HOLDS_NATS, LACKS_NATS, OFF_BEAT = 2.0, 1.4, 0.4
ON_BEAT, EARLY_BEATS, LONGEST_BEATS = 0.12, 0.1, 2.0
# Triads of a key: semitones above its tonic, quality (of music.chord), and how readily music begins with it: major;
# minor with its leading tone.
MAJOR_TRIADS = ((0, 0, 1.0), (2, 1, 0.45), (4, 1, 0.3), (5, 0, 0.75), (7, 0, 0.85), (9, 1, 0.6), (11, 2, 0.1))
MINOR_TRIADS = (
    (0, 1, 1.0),
    (2, 2, 0.2),
    (3, 0, 0.5),
    (5, 1, 0.75),
    (7, 0, 0.85),
    (8, 0, 0.6),
    (10, 0, 0.3),
    (11, 2, 0.1),
)
KEYS, QUALITIES = 24, 3
CHORDS = tuple((root, quality) for root in range(12) for quality in range(QUALITIES))
_HOLDS = np.array([[(tone - root) % 12 in TONES[quality] for tone in range(12)] for root, quality in CHORDS], float)


class MelodyChords:
    """Ask it at every moment with `look`."""

    def __init__(self, follows: tuple[FloatArray, FloatArray]) -> None:
        """follows: of major and minor, (12, 12): how often a root comes after another, in semitones above the tonic."""
        self._follows = np.zeros((KEYS, len(CHORDS), len(CHORDS)))
        self._first = np.zeros((KEYS, len(CHORDS)))
        for key in range(KEYS):
            triads = MAJOR_TRIADS if key < MINOR_KEYS else MINOR_TRIADS
            roots = [root for root, _, _ in triads]
            table = follows[0 if key < MINOR_KEYS else 1][np.ix_(roots, roots)].copy()
            np.fill_diagonal(table, 0.0)
            table = (1 - STAYS) * table / table.sum(axis=1, keepdims=True) + STAYS * np.eye(len(roots))
            chords = [(key + root) % 12 * QUALITIES + quality for root, quality, _ in triads]
            self._follows[key][np.ix_(chords, chords)] = table
            begins = np.array([share for _, _, share in triads])
            self._first[key, chords] = begins / begins.sum()
        self._line_s: float | None = None  # of the bar that is under way
        self._foreseen = self._first  # chances of this bar before it was heard, (keys, chords), 0 for chords of others
        self._now = self._first
        self._keys = np.zeros(KEYS)

    def look(self, keys: Sequence[float], notes: Sequence[PersonNote], beat: Beat, per_bar: int, now_s: float) -> None:
        """Take in what was played up to now_s. keys: chances of the 24, majors from C and then minors; empty: nothing
        known. notes: of the last bar and more, ascending.
        """
        if not keys:
            return
        self._keys = np.array(keys)
        line_s, bar_s = bar_line(beat, per_bar, now_s), per_bar * beat.period_s
        early_s = EARLY_BEATS * beat.period_s
        if self._line_s is None or line_s < self._line_s - bar_s / 2:
            self._line_s = line_s
        elif line_s > self._line_s + bar_s / 2:
            last = [note for note in notes if self._line_s <= note.on_s + early_s < line_s]
            self._foreseen = self._expected(self._judged(self._foreseen, last, beat, now_s))
            self._line_s = line_s
        here = [note for note in notes if note.on_s + early_s >= self._line_s]
        self._now = self._judged(self._foreseen, here, beat, now_s)

    @property
    def chord(self) -> Chord | None:
        """The likeliest one of this bar; None where nothing is known."""
        return self._likeliest(self._now)

    @property
    def following(self) -> Chord | None:
        """The likeliest one of the next bar."""
        return self._likeliest(self._expected(self._now))

    def _likeliest(self, chances: FloatArray) -> Chord | None:
        if not self._keys.any():
            return None
        root, quality = CHORDS[int((self._keys @ chances).argmax())]
        return Chord(root, quality, root)

    def _expected(self, chances: FloatArray) -> FloatArray:
        """What a bar after one with these chances would be, in each key."""
        return np.asarray((chances[:, None, :] @ self._follows)[:, 0])

    def _judged(self, chances: FloatArray, notes: Sequence[PersonNote], beat: Beat, now_s: float) -> FloatArray:
        weights = np.zeros(12)
        for note in notes:
            end_s = now_s if note.off_s is None else min(note.off_s, now_s)
            beats = min(max((end_s - note.on_s) / beat.period_s, 0.25), LONGEST_BEATS)
            on = abs((beat.phase(note.on_s) + 0.5) % 1.0 - 0.5) < ON_BEAT
            weights[note.pitch % 12] += beats * (1.0 if on else OFF_BEAT)
        held = _HOLDS @ weights
        nats = np.log(chances + 1e-6) + HOLDS_NATS * held - LACKS_NATS * (weights.sum() - held)
        chances = np.exp(nats - nats.max(axis=1, keepdims=True)) * (self._first > 0)
        return np.asarray(chances / (chances.sum(axis=1, keepdims=True) + 1e-12))


def bar_line(beat: Beat, per_bar: int, now_s: float) -> float:
    """When the bar that is under way began; keys that come a little early are already in the next."""
    beats = (now_s - beat.at_s) / beat.period_s + beat.beat_in_bar + EARLY_BEATS
    return beat.at_s + ((beats // per_bar) * per_bar - beat.beat_in_bar) * beat.period_s
