"""Chords and keys as numbers: the words that analysis, plan and networks share."""

from __future__ import annotations

from typing import NamedTuple

QUALITIES = ("maj", "min", "dim", "aug", "dom7", "maj7", "min7", "hdim7", "dim7")
"""Qualities by number. hdim7: half-diminished."""
TONES = (
    (0, 4, 7),
    (0, 3, 7),
    (0, 3, 6),
    (0, 4, 8),
    (0, 4, 7, 10),
    (0, 4, 7, 11),
    (0, 3, 7, 10),
    (0, 3, 6, 10),
    (0, 3, 6, 9),
)
"""Semitones above the root, for each quality."""
UNKNOWN = -1
MINOR_KEYS = 12
"""Keys by number: 0..11 major from C, 12..23 minor from C."""
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11))
"""Semitones above the tonic: major, harmonic minor."""
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_SUFFIXES = ("", "m", "dim", "aug", "7", "maj7", "m7", "m7b5", "dim7")
_OTHERWISE = {
    "min": "m",
    "-": "m",
    "maj": "",
    "M7": "maj7",
    "min7": "m7",
    "-7": "m7",
    "o": "dim",
    "o7": "dim7",
    "+": "aug",
}


class Chord(NamedTuple):
    """root, bass: pitch classes 0..11. quality: number in QUALITIES."""

    root: int
    quality: int
    bass: int

    @property
    def classes(self) -> tuple[int, ...]:
        """Its pitch classes, the root first."""
        return tuple((self.root + tone) % 12 for tone in TONES[self.quality])

    def moved(self, semitones: int) -> Chord:
        """The same chord higher."""
        return Chord((self.root + semitones) % 12, self.quality, (self.bass + semitones) % 12)

    @property
    def name(self) -> str:
        """As on a lead sheet: Am, G7/B."""
        slash = "" if self.bass == self.root else f"/{_NAMES[self.bass]}"
        return f"{_NAMES[self.root]}{_SUFFIXES[self.quality]}{slash}"


def chord_named(name: str) -> Chord:
    """A chord from a lead sheet's name: C, F#m, Bb7, Dm7/F. ValueError says what is allowed."""
    head, _, below = name.strip().partition("/")
    root, rest = _class_of(head, name)
    try:
        quality = _SUFFIXES.index(_OTHERWISE.get(rest, rest))
    except ValueError:
        allowed = ", ".join(suffix or "(nothing)" for suffix in _SUFFIXES)
        raise ValueError(f"chord {name!r}: {rest!r} is no kind of chord; there are: {allowed}") from None
    bass, left = _class_of(below, name) if below else (root, "")
    if left:
        raise ValueError(f"chord {name!r}: {below!r} is no bass note; give a letter as in C/E")
    return Chord(root, quality, bass)


def _class_of(text: str, whole: str) -> tuple[int, str]:
    """Pitch class of the note name that the text begins with, and what follows it."""
    letters = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    if not text or text[0].upper() not in letters:
        raise ValueError(f"chord {whole!r} must begin with a note, A to G")
    sign = {"#": 1, "b": -1, "♯": 1, "♭": -1}.get(text[1:2], 0)
    return (letters[text[0].upper()] + sign) % 12, text[2 if sign else 1 :]


def key_name(key: int) -> str:
    """0..23 -> C major .. B minor."""
    return f"{_NAMES[key % 12]} {'minor' if key >= MINOR_KEYS else 'major'}"


def scale_classes(key: int) -> tuple[int, ...]:
    """Pitch classes of a key 0..23, the tonic first; minor with its leading tone."""
    return tuple((key + tone) % 12 for tone in SCALES[key >= MINOR_KEYS])
