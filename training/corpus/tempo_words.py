"""Numbers for tempi out of the words in which people and programs write them."""

from __future__ import annotations

import re
import unicodedata

_NUMBER = r"\d+(?:[.,]\d+)?"
_TEMPO = re.compile(rf"({_NUMBER})(?:\s*(?:-|–|—|\.\.+|…|to|bis|à|/)\s*({_NUMBER}))?")
_UNITS = {  # quarter notes of a beat
    "\u2669": 1.0,
    "\u266a": 0.5,
    "\U0001d15d": 4.0,
    "\U0001d15e": 2.0,
    "\U0001d15f": 1.0,
    "\U0001d160": 0.5,
    "\U0001d161": 0.25,
    # the private letters of music fonts (SMuFL): single notes, and those of metronome marks
    "\ue1d2": 4.0,
    **dict.fromkeys("\ue1d3\ue1d4", 2.0),
    **dict.fromkeys("\ue1d5\ue1d6", 1.0),
    **dict.fromkeys("\ue1d7\ue1d8", 0.5),
    **dict.fromkeys("\ue1d9\ue1da", 0.25),
    "\ueca2": 4.0,
    **dict.fromkeys("\ueca3\ueca4", 2.0),
    **dict.fromkeys("\ueca5\ueca6", 1.0),
    **dict.fromkeys("\ueca7\ueca8", 0.5),
    **dict.fromkeys("\ueca9\uecaa", 0.25),
    # the letters of older music fonts
    "w": 4.0,
    "h": 2.0,
    "q": 1.0,
    "e": 0.5,
    "x": 0.25,
    "whole": 4.0,
    "semibreve": 4.0,
    "half": 2.0,
    "minim": 2.0,
    "quarter": 1.0,
    "crotchet": 1.0,
    "eighth": 0.5,
    "quaver": 0.5,
    "sixteenth": 0.25,
    "semiquaver": 0.25,
}
_LETTERS = "|".join(sorted((unit for unit in _UNITS if unit.isascii()), key=len, reverse=True))
_GLYPHS = "".join(unit for unit in _UNITS if not unit.isascii())
_DOT = "[.·\u2022\ue1e7\uecb7\U0001d16d]"
_UNIT = rf"((?<!\w)dotted[ -])?\[?((?<!\w)(?:{_LETTERS})|[{_GLYPHS}])(?:[ -]note)?\]?\s*({_DOT}?)"
_MARK = re.compile(rf"{_UNIT}\s*[=≈]\s*[^\d=]{{0,8}}({_NUMBER}.*)", re.IGNORECASE)
_MODULATION = re.compile(rf"{_UNIT}\s*=\s*{_UNIT}(?!\w)", re.IGNORECASE)
_OF_QUARTERS = re.compile(
    rf"(?:(?<!\w)M\.?\s?M\.?\s*=?|(?<![^\W_])tempo\s*[=:])\s*(?:ca?\.?\s*|circa\s*)?({_NUMBER}.*)"
    rf"|(?<![\w.,])({_NUMBER})\s*(?:bpm|BPM)(?!\w)",
    re.IGNORECASE,
)
_DOUBLE = re.compile(r"dop+io\s+movimento|double\s+(the\s+)?(time|tempo|speed)", re.IGNORECASE)
_FIRST = re.compile(r"(?<!\w)tempo\s*(i|1|primo|[1i]\s*(mo|[°º]))(?!\w)|erstes\s+tempo", re.IGNORECASE)
_BACK = re.compile(r"(?<!\w)(a|in|al|au)\s+tempo(?!\w)|im\s+(tempo|zeitma[sß]+)(?!\w)|mouv(t|ement)\.?$", re.IGNORECASE)
_PASSING = re.compile(
    r"(?<!\w)(rit|rall|riten|ritard|accel|string|allarg|calando|smorz|morendo|slarg|cedez|cédez)", re.IGNORECASE
)
_SLOWEST_BPM, _FASTEST_BPM = 10.0, 600.0


def number_in(text: str) -> float | None:
    """Beats a minute as people write them: 60, ca. 60, (60), 58-63 (its middle). None where there is no number."""
    found = _TEMPO.search(text)
    if found is None:
        return None
    low, high = (float(part.replace(",", ".")) if part else None for part in found.groups())
    assert low is not None
    bpm = low if high is None or high <= low else (low + high) / 2
    return bpm if _SLOWEST_BPM <= bpm <= _FASTEST_BPM else None


def tempo_in(words: str) -> float | None:
    """Quarter notes a minute in words such as "Allegro (♩ = 120)", "h. = 60", "M.M. 72" or "96 bpm"; else None."""
    words = _composed(words)
    if found := _MARK.search(words):
        bpm = number_in(found[4])
        return None if bpm is None else bpm * _quarters(found[1], found[2], found[3])
    if found := _OF_QUARTERS.search(words):
        return number_in(found[1] or found[2])
    return None


def modulation_in(words: str) -> tuple[float, float] | None:
    """The two lengths, in quarter notes, of words such as "♩ = ♪": a beat from now on lasts as the other did before."""
    words = _composed(words)
    if found := _MODULATION.search(words):
        return _quarters(*found.groups()[:3]), _quarters(*found.groups()[3:])
    return (1.0, 2.0) if _DOUBLE.search(words) else None


def leads_to_first(words: str) -> bool:
    """Whether the words ask for the tempo of the beginning (Tempo I)."""
    return bool(_FIRST.search(words))


def leads_back(words: str) -> bool:
    """Whether the words ask for the tempo that held before it was left (a tempo)."""
    return bool(_BACK.search(words.strip()))


def is_passing(words: str) -> bool:
    """Whether the words leave a tempo to come back to it (rit., accel.)."""
    return bool(_PASSING.search(words))


def _quarters(dotted: str | None, unit: str, dot: str | None) -> float:
    return _UNITS[unit if unit in _UNITS else unit.lower()] * (1.5 if dotted or dot else 1.0)


def _composed(words: str) -> str:
    for whole in ("\U0001d161", "\U0001d160", "\U0001d15f", "\U0001d15e"):  # a note may be put together of its parts
        words = words.replace(unicodedata.normalize("NFD", whole), whole)
    return words
