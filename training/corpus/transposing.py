"""Transposing instruments of MusicXML at sounding pitch, wherever in a part the instrument changes."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element

from training.corpus.xml_text import number

_STEPS = "CDEFGAB"
_SEMITONES = (0, 2, 4, 5, 7, 9, 11)
_STEPS_OF_SEMITONES = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
_SPELLED = "CCDEEFFGAABB"  # the step of each semitone in C
_MOST_ALTERED = 2


class Move(NamedTuple):
    """From written to sounding pitch: steps of the staff and semitones, octaves among them."""

    diatonic: int
    chromatic: int


_NONE = Move(0, 0)


def to_sounding_pitch(part: Element) -> bool:
    """Put a part's notes and keys where they sound; no <transpose> is left. Whether anything was moved."""
    moves: dict[str, Move] = {}  # by the number of the staff; "" for all others
    moved = False
    for element in part.iter():
        if element.tag == "attributes":
            _read(element, moves)
            for key in element.findall("key"):
                _move_key(key, moves.get(key.get("number", ""), moves.get("", _NONE)))
        elif element.tag == "note" and (pitch := element.find("pitch")) is not None:
            move = moves.get((element.findtext("staff") or "").strip(), moves.get("", _NONE))
            if move != _NONE:
                moved = True
                _move(pitch, move)
    return moved


def _read(attributes: Element, moves: dict[str, Move]) -> None:
    for transpose in attributes.findall("transpose"):
        chromatic, octaves = _number(transpose.findtext("chromatic")), _number(transpose.findtext("octave-change"))
        double = transpose.find("double")
        if double is not None:
            octaves += 1 if double.get("above") == "yes" else -1
        diatonic = transpose.findtext("diatonic")
        steps = _steps_of(chromatic) if diatonic is None else _number(diatonic)
        if abs(_fifths(Move(steps, chromatic))) > _MOST_FIFTHS:  # no interval: the semitones are what sounds
            steps = _steps_of(chromatic)
        staff = transpose.get("number", "")
        if not staff:
            moves.clear()
        moves[staff] = Move(steps + 7 * octaves, chromatic + 12 * octaves)
        attributes.remove(transpose)


_MOST_FIFTHS = 7


def _number(text: str | None) -> int:
    try:
        return round(number(text))
    except (ValueError, OverflowError):
        return 0


def _steps_of(chromatic: int) -> int:
    octaves, within = divmod(abs(chromatic), 12)
    steps = 7 * octaves + _STEPS_OF_SEMITONES[within]
    return steps if chromatic >= 0 else -steps


def _fifths(move: Move) -> int:
    """By how many fifths an interval moves a key."""
    return 7 * move.chromatic - 12 * move.diatonic


def _move_key(key: Element, move: Move) -> None:
    fifths = key.find("fifths")
    if fifths is None or move == _NONE:
        return
    moved = _number(fifths.text) + _fifths(move)
    fifths.text = str(moved if abs(moved) <= _MOST_FIFTHS else moved - 12 if moved > 0 else moved + 12)


def _move(pitch: Element, move: Move) -> None:
    step = (pitch.findtext("step") or "").strip().upper()
    octave, alter = pitch.find("octave"), pitch.find("alter")
    if step not in _STEPS or not step or octave is None:
        return
    altered = number(alter.text if alter is not None else None)
    place = 7 * _number(octave.text) + _STEPS.index(step)
    sounds = 12 * (place // 7) + _SEMITONES[place % 7] + altered + move.chromatic
    place += move.diatonic
    altered = sounds - 12 * (place // 7) - _SEMITONES[place % 7]
    if abs(altered) > _MOST_ALTERED:
        octaves, within = divmod(round(sounds), 12)
        spelled = _SPELLED[within]
        place = 7 * octaves + _STEPS.index(spelled)
        altered = sounds - 12 * octaves - _SEMITONES[place % 7]
    for child in list(pitch):
        pitch.remove(child)
    for tag, text in (("step", _STEPS[place % 7]), ("alter", f"{altered:g}"), ("octave", str(place // 7))):
        child = Element(tag)
        child.text = text
        pitch.append(child)
