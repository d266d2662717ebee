"""Key and chord of what the person plays, from notes in seconds. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from improv.listening.keyboard import PersonNote
from improv.music.attributes import TEMPERLEY_MAJOR, TEMPERLEY_MINOR, FloatArray, Key
from improv.music.chord import MINOR_KEYS, Chord, chord_named, scale_classes

# Chosen on 80 performances that nothing else here is measured on: of random tones of what is believed most lie in the
# key of 8 s around them (docs/measured/together.md).
KEY_HALF_LIFE_S = 3.0
KEY_NATS_PER_S = 3.0  # how much a second of sound says of the key
KEY_NAMED_FROM = 0.2  # chance of the likeliest
NATURAL_SEVENTH = 10  # of minor
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


def _seventh(key: int) -> tuple[int, ...]:
    """The natural one of a minor key; its scale has the leading tone."""
    return ((key + NATURAL_SEVENTH) % 12,) if key >= MINOR_KEYS else ()


# A chance for each pitch class, in each of 24 keys: majors from C, then minors; and whether it is in its scale.
_CHANCES = [np.roll(profile / profile.sum(), at) for profile in (TEMPERLEY_MAJOR, TEMPERLEY_MINOR) for at in range(12)]
_LOG_CHANCES: FloatArray = np.log(np.stack(_CHANCES))
_SCALES = [np.isin(np.arange(12), [*scale_classes(key), *_seventh(key)]) for key in range(24)]
_IN_SCALE = np.stack(_SCALES).astype(np.float64)
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


def key_chances(notes: Sequence[PersonNote], now_s: float, half_life_s: float = KEY_HALF_LIFE_S) -> FloatArray:
    """How likely each of 24 keys is, (24,), majors from C and then minors; all alike where nothing was played.

    Bayes' rule on Temperley's profiles, as if each bit of sound were drawn from that of the key.
    """
    nats = KEY_NATS_PER_S * (_LOG_CHANCES @ histogram(notes, now_s, half_life_s))
    chances = np.exp(nats - nats.max())
    return np.asarray(chances / chances.sum())


def likeliest(chances: FloatArray) -> tuple[Key, float] | None:
    """The likeliest of 24 keys and its chance; None where that is none to speak of."""
    best = int(chances.argmax())
    return (Key(best % 12, best < MINOR_KEYS), float(chances[best])) if chances[best] >= KEY_NAMED_FROM else None


def tones(chances: FloatArray) -> FloatArray:
    """How likely each pitch class is a tone of the key that is meant, (12,)."""
    return np.asarray(chances @ _IN_SCALE)


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
    return chord_of(np.minimum(weights, 2.0), min(pitches) % 12)


def chord_of(weights: FloatArray, bass: int) -> PersonChord | None:
    """The chord that explains most of a sound; None where none does. weights: of each pitch class, (12,), some above 0.
    bass: the lowest one.
    """
    weights = weights.copy()
    weights[bass] += _BASS_WEIGHS
    weights /= weights.sum()
    missing = 0.1 * (_TEMPLATE_ROWS * (weights[None] == 0)).sum(axis=1)
    roots = np.array([_BASS_WEIGHS * 0.3 if root == bass else 0.0 for root, _ in _TEMPLATES])
    scores = _TEMPLATE_ROWS @ weights - missing - _TEMPLATE_COST + roots
    best = int(scores.argmax())
    root, quality = _TEMPLATES[best]
    fit = float(_TEMPLATE_ROWS[best] @ weights)
    return PersonChord(root, quality, bass, fit) if fit >= _LEAST_FIT else None
