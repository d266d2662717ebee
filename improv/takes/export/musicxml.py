"""A piece as MusicXML 4.0, to be read and printed: two staves, a voice for what begins and ends together.

Onsets and ends lie on a twelfth of a quarter, the finest grid of what people read (sixteenths and triplets). Nothing of
how it was played is in it but the tempo, the loudness of the beginning and the moods.
"""

from __future__ import annotations

import xml.etree.ElementTree as Tree
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from improv.listening.hands import hands
from improv.midi.grid_file import FILE_TICKS_PER_BEAT
from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.mood import nearest_name
from improv.takes.export.midi import time_signature
from improv.takes.export.music import Music
from improv.takes.export.timeline import Timeline

DIVISIONS = 12  # of a quarter
MOST_VOICES = 4  # of a staff: what MusicXML's readers know
RECENT_NOTES = 12  # what a hand is guessed by, where none is known
TEMPO_TOLD = 0.06  # a tempo is written where it is further from the last one, as a share
DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
# Divisions -> (type, dots, in a triplet), the longest first.
NOTE_VALUES = {
    72: ("whole", 1, False),
    48: ("whole", 0, False),
    36: ("half", 1, False),
    24: ("half", 0, False),
    18: ("quarter", 1, False),
    12: ("quarter", 0, False),
    9: ("eighth", 1, False),
    8: ("quarter", 0, True),
    6: ("eighth", 0, False),
    4: ("eighth", 0, True),
    3: ("16th", 0, False),
    2: ("16th", 0, True),
    1: ("32nd", 0, True),
}
_SHARPS = (("C", 0), ("C", 1), ("D", 0), ("E", -1), ("E", 0), ("F", 0), ("F", 1), ("G", 0), ("A", -1), ("A", 0))
SPELLING = (*_SHARPS, ("B", -1), ("B", 0))
"""By pitch class: step and alteration, the spelling of the keys nearest to C."""


class _Chord(NamedTuple):
    """Notes of a hand that begin and end together, in divisions."""

    onset: int
    end: int
    pitches: tuple[int, ...]


class _Bar(NamedTuple):
    onset: int
    end: int
    beats: float


def musicxml(music: Music) -> bytes:
    """The score as the bytes of a file (UTF-8, not compressed)."""
    time = Timeline(music.steps)
    staves = [_voices(chords) for chords in _chords(music, time)]
    ends = [chord.end for voices in staves for chords in voices for chord in chords]
    last = max([1, *ends, *(round(tick * DIVISIONS / FILE_TICKS_PER_BEAT) + 1 for tick in time.step_ticks[-1:])])
    score = Tree.Element("score-partwise", version="4.0")
    Tree.SubElement(Tree.SubElement(score, "work"), "work-title").text = music.title
    listed = Tree.SubElement(Tree.SubElement(score, "part-list"), "score-part", id="P1")
    Tree.SubElement(listed, "part-name").text = "Piano"
    part = Tree.SubElement(score, "part", id="P1")
    words = _words(music, time)
    beats = 0.0
    for number, bar in enumerate(_bars(time, last), start=1):
        measure = Tree.SubElement(part, "measure", number=str(number))
        if number == 1 or bar.beats != beats:
            _attributes(measure, bar.beats, first=number == 1)
            beats = bar.beats
        for _, text, tempo in (found for found in words if bar.onset <= found[0] < bar.end):
            _direction(measure, text, tempo)
        _measure(measure, bar, staves)
    Tree.indent(score)
    body = Tree.tostring(score, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n{body}\n'.encode()


def _chords(music: Music, time: Timeline) -> tuple[list[_Chord], list[_Chord]]:
    """Of the right and of the left hand, by onset."""
    rate = Fraction(DIVISIONS, FILE_TICKS_PER_BEAT)
    grouped: tuple[dict[tuple[int, int], set[int]], ...] = ({}, {})
    recent: list[int] = []
    for note in music.notes:
        onset = round(time.grid_tick_at(note.on_s) * rate)
        end = max(round(time.grid_tick_at(note.off_s) * rate), onset + 1)
        recent = [*recent[1 - RECENT_NOTES :], note.pitch]
        hand = note.hand if note.hand >= 0 else _hand(note.pitch, recent)
        grouped[hand].setdefault((onset, end), set()).add(note.pitch)
    right, left = (
        [_Chord(onset, end, tuple(sorted(pitches))) for (onset, end), pitches in sorted(grouped[hand].items())]
        for hand in (RIGHT, LEFT)
    )
    return right, left


def _hand(pitch: int, recent: Sequence[int]) -> int:
    left, right = hands(recent)
    if left is None or right is None:
        return LEFT if right is None else RIGHT
    return LEFT if abs(pitch - left.mean) < abs(pitch - right.mean) else RIGHT


def _voices(chords: Sequence[_Chord]) -> list[list[_Chord]]:
    """Each chord in the first voice that is free; where none is, the voice that is free soonest is cut short."""
    voices: list[list[_Chord]] = [[]]
    for chord in chords:
        voice = next((voice for voice in voices if not voice or voice[-1].end <= chord.onset), None)
        if voice is None and len(voices) < MOST_VOICES:
            voices.append(voice := [])
        if voice is None:
            voice = min(voices, key=lambda each: (each[-1].end, each[-1].onset))
            before = voice.pop()
            if before.onset < chord.onset:
                voice.append(before._replace(end=chord.onset))
            else:  # they begin together: one chord, as long as the shorter
                pitches = tuple(sorted({*before.pitches, *chord.pitches}))
                chord = _Chord(chord.onset, min(before.end, chord.end), pitches)
        voice.append(chord)
    return voices


def _bars(time: Timeline, end: int) -> Iterator[_Bar]:
    """The bars from the beginning to past `end`; one that a new metre cuts short keeps the length that it had."""
    changes = [(round(tick * DIVISIONS / FILE_TICKS_PER_BEAT), beats) for tick, beats in time.meters] or [(0, 4.0)]
    at, beats = 0, changes[0][1]
    while at < end:
        due = [change for change in changes if change[0] <= at]
        beats = due[-1][1] if due else beats
        there = at + max(round(beats * DIVISIONS), 1)
        there = min([there, *(tick for tick, _ in changes if at < tick)])
        yield _Bar(at, there, beats)
        at = there


def _words(music: Music, time: Timeline) -> list[tuple[int, str, float]]:
    """(division, mood or empty, tempo or 0) where one of them is another than before, on bar lines."""
    found = []
    name, tempo = "", 0.0
    for step, tick in zip(music.steps, time.step_ticks, strict=True):
        if step.tick != step.bar_tick:
            continue
        new_name = nearest_name(step.mood)
        faster = abs(step.tempo_bpm / tempo - 1) > TEMPO_TOLD if tempo else True
        if new_name != name or faster:
            at = round(tick * DIVISIONS / FILE_TICKS_PER_BEAT)
            found.append((at, new_name if new_name != name else "", step.tempo_bpm if faster else 0.0))
            name, tempo = new_name, step.tempo_bpm if faster else tempo
    return found


def _attributes(measure: Tree.Element, beats: float, *, first: bool) -> None:
    attributes = Tree.SubElement(measure, "attributes")
    if first:
        Tree.SubElement(attributes, "divisions").text = str(DIVISIONS)
    numerator, denominator = time_signature(beats)
    time = Tree.SubElement(attributes, "time")
    Tree.SubElement(time, "beats").text = str(numerator)
    Tree.SubElement(time, "beat-type").text = str(denominator)
    if first:
        Tree.SubElement(attributes, "staves").text = "2"
        for number, sign, line in (("1", "G", "2"), ("2", "F", "4")):
            clef = Tree.SubElement(attributes, "clef", number=number)
            Tree.SubElement(clef, "sign").text = sign
            Tree.SubElement(clef, "line").text = line


def _direction(measure: Tree.Element, text: str, tempo_bpm: float) -> None:
    direction = Tree.SubElement(measure, "direction", placement="above")
    if text:
        Tree.SubElement(Tree.SubElement(direction, "direction-type"), "words").text = text
    if tempo_bpm:
        metronome = Tree.SubElement(Tree.SubElement(direction, "direction-type"), "metronome")
        Tree.SubElement(metronome, "beat-unit").text = "quarter"
        Tree.SubElement(metronome, "per-minute").text = f"{tempo_bpm:.0f}"
    Tree.SubElement(direction, "staff").text = "1"
    if tempo_bpm:
        Tree.SubElement(direction, "sound", tempo=f"{tempo_bpm:.2f}")


def _measure(measure: Tree.Element, bar: _Bar, staves: Sequence[Sequence[Sequence[_Chord]]]) -> None:
    """The notes of a bar: voices one after the other, each brought back to the bar line first."""
    begun = False
    for staff, voices in enumerate(staves, start=1):
        for number, chords in enumerate(voices):
            inside = [chord for chord in chords if chord.onset < bar.end and chord.end > bar.onset]
            if not inside and number:
                continue
            if begun:
                Tree.SubElement(Tree.SubElement(measure, "backup"), "duration").text = str(bar.end - bar.onset)
            begun = True
            _voice(measure, bar, inside, staff, (staff - 1) * MOST_VOICES + number + 1)


def _voice(measure: Tree.Element, bar: _Bar, chords: Sequence[_Chord], staff: int, voice: int) -> None:
    at = bar.onset
    for chord in chords:
        onset, end = max(chord.onset, bar.onset), min(chord.end, bar.end)
        _rests(measure, at, onset, staff, voice)
        lengths = list(_lengths(onset - bar.onset, end - onset))
        for index, length in enumerate(lengths):
            tied_before = index > 0 or chord.onset < bar.onset
            tied_after = index < len(lengths) - 1 or chord.end > bar.end
            for place, pitch in enumerate(chord.pitches):
                _note(measure, pitch, length, staff, voice, chord=place > 0, ties=(tied_before, tied_after))
        at = end
    _rests(measure, at, bar.end, staff, voice)


def _rests(measure: Tree.Element, at: int, until: int, staff: int, voice: int) -> None:
    if until > at:
        for length in _lengths(at, until - at):
            _note(measure, None, length, staff, voice)


def _lengths(at: int, total: int) -> Iterator[int]:
    """What a length is written as, note values tied to each other. at: divisions after the bar line.

    What begins between the quarters goes to the next one first, so that beats stay to be seen.
    """
    to_beat = -at % DIVISIONS
    if 0 < to_beat < total:
        yield from _lengths(at, to_beat)
        yield from _lengths(at + to_beat, total - to_beat)
        return
    while total:
        length = next(value for value in NOTE_VALUES if value <= total)
        yield length
        total -= length


def _note(
    measure: Tree.Element,
    pitch: int | None,
    length: int,
    staff: int,
    voice: int,
    *,
    chord: bool = False,
    ties: tuple[bool, bool] = (False, False),
) -> Tree.Element:
    """A note, or a rest without pitch. ties: to the note before and to the one after."""
    note = Tree.SubElement(measure, "note")
    if chord:
        Tree.SubElement(note, "chord")
    if pitch is None:
        Tree.SubElement(note, "rest")
    else:
        _pitch(note, pitch)
    Tree.SubElement(note, "duration").text = str(length)
    kinds = [kind for kind, tied in zip(("stop", "start"), ties, strict=True) if tied]
    for kind in kinds:
        Tree.SubElement(note, "tie", type=kind)
    Tree.SubElement(note, "voice").text = str(voice)
    name, dots, triplet = NOTE_VALUES[length]
    Tree.SubElement(note, "type").text = name
    for _ in range(dots):
        Tree.SubElement(note, "dot")
    if triplet:
        modification = Tree.SubElement(note, "time-modification")
        Tree.SubElement(modification, "actual-notes").text = "3"
        Tree.SubElement(modification, "normal-notes").text = "2"
    Tree.SubElement(note, "staff").text = str(staff)
    if kinds:
        notations = Tree.SubElement(note, "notations")
        for kind in kinds:
            Tree.SubElement(notations, "tied", type=kind)
    return note


def _pitch(note: Tree.Element, pitch: int) -> None:
    step, alter = SPELLING[pitch % 12]
    element = Tree.SubElement(note, "pitch")
    Tree.SubElement(element, "step").text = step
    if alter:
        Tree.SubElement(element, "alter").text = str(alter)
    Tree.SubElement(element, "octave").text = str(pitch // 12 - 1)
