"""Chords and keys as numbers: the words that analysis, plan and networks share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
_FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_MIXED = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LARGE, _SMALL = frozenset({4, 7, 8, 11}), frozenset({3, 6, 9, 10})
"""Intervals of a chord: major third, fifths, major seventh; and the smaller ones."""
_DIMINISHED = ("dim", "hdim7", "dim7")
_SHARP_KEYS = frozenset({2, 4, 7, 9, 11, 13, 16, 18, 20, 23})
_FLAT_KEYS = frozenset({1, 3, 5, 6, 8, 10, 12, 14, 15, 17, 19, 22})
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
        return self._named(_FLATS[self.root], _FLATS)

    def name_in(self, key: int) -> str:
        """As it is spelled in a key 0..23: F#m in D major, Gbm in Db major. Diminished chords lead upward, so they are
        spelled with sharps; a bass that is a tone of the chord is spelled as its interval above the root.
        """
        names = _SHARPS if key in _SHARP_KEYS else _FLATS if key in _FLAT_KEYS else _MIXED
        root = (_SHARPS if QUALITIES[self.quality] in _DIMINISHED else names)[self.root]
        interval = (self.bass - self.root) % 12
        if interval in _LARGE:
            names = _FLATS if root.endswith("b") else _SHARPS
        elif interval in _SMALL:
            names = _SHARPS if root.endswith("#") else _FLATS
        return self._named(root, names)

    def _named(self, root: str, classes: Sequence[str]) -> str:
        slash = "" if self.bass == self.root else f"/{classes[self.bass]}"
        return f"{root}{_SUFFIXES[self.quality]}{slash}"


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


def _class_of(text: str, whole: str, kind: str = "chord") -> tuple[int, str]:
    """Pitch class of the note name that the text begins with, and what follows it."""
    letters = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    if not text or text[0].upper() not in letters:
        raise ValueError(f"{kind} {whole!r} must begin with a note, A to G")
    sign = {"#": 1, "b": -1, "♯": 1, "♭": -1}.get(text[1:2], 0)
    return (letters[text[0].upper()] + sign) % 12, text[2 if sign else 1 :]


def key_name(key: int) -> str:
    """0..23 -> C major .. B minor, as their signatures are written: C# minor, Db major."""
    tonic = (_SHARPS if key in _SHARP_KEYS else _FLATS)[key % 12]
    return f"{tonic} {'minor' if key >= MINOR_KEYS else 'major'}"


KEY_NAMES = tuple(key_name(key) for key in range(2 * MINOR_KEYS))
"""By number, as they are shown."""
_MODES = {
    "": 0,
    "M": 0,
    "maj": 0,
    "major": 0,
    "dur": 0,
    "m": MINOR_KEYS,
    "min": MINOR_KEYS,
    "minor": MINOR_KEYS,
    "moll": MINOR_KEYS,
}


def key_named(name: str) -> int:
    """A key 0..23 from its name: D minor, Dm, F# major, bb minor, Eb. ValueError says what is allowed."""
    tonic, mode = _class_of(name.strip(), name, "key")
    word = mode.strip() if len(mode.strip()) == 1 else mode.strip().lower()
    if word not in _MODES:
        raise ValueError(f"key {name!r}: a note is followed by major or minor, as in D minor")
    return tonic + _MODES[word]


def chord_of(pitches: Iterable[int]) -> Chord | None:
    """The chord that these keys are, its bass the lowest, in root position if it can be; None where they are none.

    pitches: MIDI pitches; fewer than three pitch classes are no chord.
    """
    keys = sorted(pitches)
    classes = {pitch % 12 for pitch in keys}
    if len(classes) < 3:
        return None
    bass = keys[0] % 12
    for root in sorted(classes, key=lambda root: (root - bass) % 12):
        for quality, tones in enumerate(TONES):
            if {(root + tone) % 12 for tone in tones} == classes:
                return Chord(root, quality, bass)
    return None


def scale_classes(key: int) -> tuple[int, ...]:
    """Pitch classes of a key 0..23, the tonic first; minor with its leading tone."""
    return tuple((key + tone) % 12 for tone in SCALES[key >= MINOR_KEYS])
