"""Key and chord of what the person plays, from notes in seconds. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from improv.listening.keyboard import PersonNote
from improv.music.attributes import TEMPERLEY_MAJOR, TEMPERLEY_MINOR, FloatArray, Key
from improv.music.chord import Chord, chord_named

KEY_HALF_LIFE_S = 8.0
KEY_LEAST_S = 2.0  # of sounding notes before a key is named
# Of three notes the chord is looked for in what sounds now, else in what was struck in the last beat or two.
CHORD_WINDOW_S = 1.2
# Semitones above the root, and how much the chord's own tones weigh; a name for people.
QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
}
_LONGER_COSTS = 0.12  # a chord of four notes must explain so much more than one of three
_BASS_WEIGHS = 0.35
_LEAST_FIT = 0.62
PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


class PersonChord(NamedTuple):
    """root, bass: pitch classes 0..11. quality: one of QUALITIES. fit: 0..1, share of the sound that it explains."""

    root: int
    quality: str
    bass: int
    fit: float = 1.0

    @property
    def classes(self) -> frozenset[int]:
        """Its pitch classes."""
        return frozenset((self.root + step) % 12 for step in QUALITIES[self.quality])

    @property
    def chord(self) -> Chord:
        """As the planner has it."""
        return chord_named(self.name)

    @property
    def name(self) -> str:
        """For people: C, Am, G7/B."""
        over = "" if self.bass == self.root else f"/{PITCH_NAMES[self.bass]}"
        return f"{PITCH_NAMES[self.root]}{self.quality}{over}"


def key_name(key: Key) -> str:
    """For people: C major, A minor."""
    return f"{PITCH_NAMES[key.tonic]} {'major' if key.major else 'minor'}"


def _standard(rows: FloatArray) -> FloatArray:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    return np.asarray(centred / centred.std(axis=-1, keepdims=True))


_PROFILES = _standard(
    np.stack([np.roll(profile, tonic) for profile in (TEMPERLEY_MAJOR, TEMPERLEY_MINOR) for tonic in range(12)])
)
_TEMPLATES = [(root, quality) for quality in QUALITIES for root in range(12)]


def _template(root: int, quality: str) -> FloatArray:
    row = np.zeros(12)
    row[[(root + step) % 12 for step in QUALITIES[quality]]] = 1.0
    return row


_TEMPLATE_ROWS = np.stack([_template(root, quality) for root, quality in _TEMPLATES])
_TEMPLATE_COST = np.array([_LONGER_COSTS * (len(QUALITIES[quality]) - 3) for _, quality in _TEMPLATES])


def histogram(notes: Sequence[PersonNote], now_s: float, half_life_s: float = KEY_HALF_LIFE_S) -> FloatArray:
    """Seconds that each pitch class sounded, (12,), the more recent weighing more. A note counts 2 s at most."""
    weights = np.zeros(12)
    for note in notes:
        end_s = now_s if note.off_s is None else note.off_s
        seconds = min(max(end_s - note.on_s, 0.05), 2.0)
        weights[note.pitch % 12] += seconds * 0.5 ** ((now_s - note.on_s) / half_life_s)
    return weights


def key_in(notes: Sequence[PersonNote], now_s: float) -> tuple[Key, float] | None:
    """The key that fits best and how clearly, 0..1: its correlation over that of the next one that is no relative.

    None before anything worth a name sounded.
    """
    weights = histogram(notes, now_s)
    if weights.sum() < KEY_LEAST_S / 4 or np.count_nonzero(weights) < 3:
        return None
    fits = _PROFILES @ _standard(weights[None])[0] / 12
    best = int(fits.argmax())
    clear = float(min(max((fits[best] - np.sort(fits)[-4]) / 0.25, 0.0), 1.0)) * max(float(fits[best]), 0.0)
    return Key(best % 12, best < 12), clear


def chord_in(notes: Sequence[PersonNote], sounding: frozenset[int], now_s: float) -> PersonChord | None:
    """The chord of what sounds, or was struck just now; None where no chord explains it."""
    struck = [note for note in notes if now_s - note.on_s < CHORD_WINDOW_S]
    weights, pitches = np.zeros(12), set(sounding)
    for pitch in sounding:
        weights[pitch % 12] += 1.0
    if np.count_nonzero(weights) < 3:
        for note in struck:
            weights[note.pitch % 12] += 0.5
            pitches.add(note.pitch)
    if np.count_nonzero(weights) < 2 or not pitches:
        return None
    bass = min(pitches) % 12
    weights = np.minimum(weights, 2.0)
    weights[bass] += _BASS_WEIGHS
    weights /= weights.sum()
    missing = 0.1 * (_TEMPLATE_ROWS * (weights[None] == 0)).sum(axis=1)
    roots = np.array([_BASS_WEIGHS * 0.3 if root == bass else 0.0 for root, _ in _TEMPLATES])
    scores = _TEMPLATE_ROWS @ weights - missing - _TEMPLATE_COST + roots
    best = int(scores.argmax())
    root, quality = _TEMPLATES[best]
    fit = float(_TEMPLATE_ROWS[best] @ weights)
    return PersonChord(root, quality, bass, fit) if fit >= _LEAST_FIT else None
