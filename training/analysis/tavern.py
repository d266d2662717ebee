"""Human analyses to check ours against: TAVERN's themes and variations with Roman numerals by two annotators.

TAVERN (Devaney, Arthur, Condit-Schultz and Nisula 2015, "Theme and Variation Encodings with Roman Numerals") holds a
Humdrum file for each phrase and annotator: notes in **kern, harmony in **harm. The files' names tell work, variation,
number of the phrase and a letter that phrases of like melody share.
"""

from __future__ import annotations

import re
import zipfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from improv.errors import InputError
from training.analysis.chords import QUALITIES
from training.analysis.kern import KernNote, joined, read_kern
from training.analysis.keys import MINOR
from training.analysis.music import Music, TimeSignature, music

_NAME = re.compile(
    r"(?P<work>[A-Z]+\d+)_(?P<variation>\d+)_(?P<number>\d+)(?P<letter>[a-z]+)_(?P<annotator>[ab])\.krn$"
)


class Harmony(NamedTuple):
    """One Roman numeral. beat: quarter notes from the beginning. root: 0..11, -1 where the label has none.

    quality: a number into QUALITIES, -1 with the root. key: the key that the piece is in; applied: that of the numeral,
    which differs in V7/V (0..11 major, 12..23 minor). inversion: 0 root position, 1..3.
    """

    beat: float
    text: str
    root: int
    quality: int
    inversion: int
    key: int
    applied: int


@dataclass(frozen=True)
class Phrase:
    """beat, end_beat: from the variation's beginning. letter: phrases of like melody share it."""

    beat: float
    end_beat: float
    letter: str


@dataclass(frozen=True)
class Analysed:
    """One theme or variation. harmonies: of annotator a and b. bar_lines: beats. phrases: in order."""

    work: str
    variation: str
    music: Music
    phrases: tuple[Phrase, ...]
    harmonies: tuple[tuple[Harmony, ...], tuple[Harmony, ...]]
    bar_lines: tuple[float, ...]


def read_tavern(archive: Path) -> Iterator[Analysed]:
    """The variations that both annotators analysed in whole, in order of work and number.

    InputError when the file is not there or is no such archive.
    """
    if not archive.is_file():
        raise InputError(f"the analyses {archive} are not there; give the zip archive of TAVERN's folder Joined")
    with zipfile.ZipFile(archive) as zipped:
        found: dict[tuple[str, str], dict[tuple[str, str], dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        for name in sorted(zipped.namelist()):
            if match := _NAME.search(PurePosixPath(name).name):
                piece = found[match["work"], match["variation"]]
                piece[match["number"], match["letter"]][match["annotator"]] = zipped.read(name).decode(
                    "utf-8", "replace"
                )
    if not found:
        raise InputError(f"{archive} holds no file named as TAVERN's analyses are, such as M265_01_01a_a.krn")
    for (work, variation), phrases in sorted(found.items()):
        whole = [(letter, texts) for (_, letter), texts in sorted(phrases.items()) if len(texts) == 2]
        if whole:
            yield _joined(work, variation, whole)


def _joined(work: str, variation: str, phrases: list[tuple[str, dict[str, str]]]) -> Analysed:
    """The phrases of (letter, text by annotator) one behind the other."""
    at = Fraction(0)
    notes: list[KernNote] = []
    lines: list[float] = []
    told: tuple[list[Harmony], list[Harmony]] = ([], [])
    spans: list[Phrase] = []
    metres: list[tuple[float, tuple[int, int]]] = []
    for letter, texts in phrases:
        files = [read_kern(texts[annotator]) for annotator in "ab"]
        for side, file in zip(told, files, strict=True):
            harms = (label for label in file.labels if label.kind == "**harm")
            side.extend(harmony(float(label.beat + at), label.text, label.key) for label in harms)
        first = files[0]
        notes.extend(note._replace(beat=note.beat + at) for note in first.notes)
        lines.extend(float(line + at) for line in first.bar_lines)
        metres.extend((float(beat + at), metre) for beat, metre in first.metres)
        spans.append(Phrase(float(at), float(at + first.length_beats), letter))
        at += first.length_beats
    onset, duration, pitch, track = (np.array(column) for column in zip(*joined(notes), strict=True))
    signatures = _signatures(sorted(set(lines)), metres)
    piece = music(onset, duration, pitch, track=track, time_signatures=signatures)
    return Analysed(work, variation, piece, tuple(spans), (tuple(told[0]), tuple(told[1])), tuple(lines))


def _signatures(lines: list[float], metres: list[tuple[float, tuple[int, int]]]) -> tuple[TimeSignature, ...]:
    """Signatures that draw the bar lines which are written, where they do not follow by themselves."""
    changes = [beat for beat, _ in metres]

    def signature(beat: float) -> TimeSignature:
        return TimeSignature(beat, *metres[max(bisect_right(changes, beat + 1e-6) - 1, 0)][1])

    out = [signature(0.0)]
    for line in lines:
        here, last = signature(line), out[-1]
        apart = (line - last.beat) % (4 * last.numerator / last.denominator)
        if min(apart, abs(apart - 4 * last.numerator / last.denominator)) > 1e-6 or (
            here.numerator,
            here.denominator,
        ) != (last.numerator, last.denominator):
            out.append(here)
    if len(out) > 1 and out[1].beat < 4 * out[0].numerator / out[0].denominator:  # a pickup
        out[0] = TimeSignature(0.0, round(out[1].beat * 4), 16)
    return tuple(out)


_NUMERAL = re.compile(r"(?P<sign>[-#]?)(?P<degree>VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(?P<rest>.*)$")
_DEGREES = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}
_MAJOR_SCALE, _MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
_SIXTHS = ("Gn", "Fr", "Lt")  # augmented sixth chords: German, French, Italian


def harmony(beat: float, cell: str, key: int) -> Harmony:
    """A cell of **harm in a key: its duration is left out, what stands in brackets (another reading) too."""
    text = re.sub(r"\[.*?\]", "", re.sub(r"^[\d.%]+", "", cell.strip()))
    numeral, *applied = text.split("/")
    within = key
    for part in reversed(applied):
        if match := _NUMERAL.match(part):
            within = _degree(match, within) + (MINOR if match["degree"].islower() else 0)
    tonic = within % 12
    if numeral.startswith("Cc"):  # the six-four of a cadence: the notes are those of the tonic
        quality = "min" if within >= MINOR else "maj"
        return Harmony(beat, text, tonic, QUALITIES.index(quality), 2, key, within)
    if numeral.startswith(_SIXTHS):
        return Harmony(beat, text, (tonic + 8) % 12, QUALITIES.index("dom7"), 0, key, within)
    if numeral.startswith("N"):
        return Harmony(beat, text, (tonic + 1) % 12, QUALITIES.index("maj"), int("b" in numeral), key, within)
    match = _NUMERAL.match(numeral)
    if match is None:
        return Harmony(beat, text, -1, -1, 0, key, within)
    inversion = next(("bcd".index(c) + 1 for c in match["rest"] if c in "bcd"), 0)
    return Harmony(beat, text, _degree(match, within), QUALITIES.index(_quality(match)), inversion, key, within)


def _degree(match: re.Match[str], key: int) -> int:
    """The pitch class of a numeral in a key; the seventh degree is raised in minor where its chord is diminished."""
    degree = _DEGREES[match["degree"].upper()]
    minor = key >= MINOR and not match["sign"]
    above = (_MINOR_SCALE if minor else _MAJOR_SCALE)[degree]
    if minor and degree == 6 and match["rest"].startswith("o"):
        above = 11
    return (key + above + {"": 0, "#": 1, "-": -1}[match["sign"]]) % 12


def _quality(match: re.Match[str]) -> str:
    rest, major = match["rest"], match["degree"].isupper()
    if rest.startswith("o"):
        return "dim7" if rest.startswith("oD7") else "hdim7" if rest.startswith("om7") else "dim"
    if "+" in rest:
        return "aug"
    if "7" not in rest:
        return "maj" if major else "min"
    if not major:
        return "min7"
    return "dom7" if match["degree"] == "V" or match["sign"] else "maj7"
