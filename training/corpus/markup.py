"""MusicXML before music21 reads it: what it would misread or lose is put into words that it understands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from training.corpus.score import Rejected, first_line

_NUMBER = r"\d+(?:[.,]\d+)?"
_TEMPO = re.compile(rf"({_NUMBER})(?:\s*(?:-|–|—|\.\.+|…|to|bis|à|/)\s*({_NUMBER}))?")
_GLYPH_QUARTERS = {
    "\u2669": 1.0,
    "\u266a": 0.5,
    "\U0001d15d": 4.0,
    "\U0001d15e": 2.0,
    "\U0001d15f": 1.0,
    "\U0001d160": 0.5,
    "\U0001d161": 0.25,
    "\ue1d2": 4.0,  # the private letters of music fonts (SMuFL)
    "\ue1d3": 2.0,
    "\ue1d5": 1.0,
    "\ue1d7": 0.5,
    "\ue1d9": 0.25,
}
_WORDS_TEMPO = re.compile(rf"([{''.join(_GLYPH_QUARTERS)}])\s*(\.?)\s*=\s*[^\d=]{{0,8}}({_NUMBER}.*)")
_OF_CUES = ("pitch", "unpitched", "rest", "cue", "tie", "notations", "lyric", "notehead", "accidental")
_SLOWEST_BPM, _FASTEST_BPM = 10.0, 600.0


def prepared(content: bytes) -> tuple[str, tuple[str, ...]]:
    """MusicXML text with numbers for tempi and without cue notes, and what was changed. Rejected when it is no
    MusicXML.
    """
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Rejected(f"damaged score ({type(error).__name__}: {first_line(error)})") from None
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise Rejected(f"no score (its XML begins with <{root.tag[:40]}>)")
    cues = 0
    for measure in root.iter("measure"):
        cues += _silence_cues(measure)
        for direction in measure.iter("direction"):
            _tell_tempo(direction)
    return ElementTree.tostring(root, encoding="unicode"), (f"{cues} cue notes are silent",) if cues else ()


def number_in(text: str) -> float | None:
    """Beats a minute as people write them: 60, ca. 60, (60), 58-63 (its middle). None where there is no number."""
    found = _TEMPO.search(text)
    if found is None:
        return None
    low, high = (float(part.replace(",", ".")) if part else None for part in found.groups())
    assert low is not None
    bpm = low if high is None or high <= low else (low + high) / 2
    return bpm if _SLOWEST_BPM <= bpm <= _FASTEST_BPM else None


def _tell_tempo(direction: Element) -> None:
    """A direction with a metronome mark that is no plain number, or a mark in words, gets one that is."""
    sound = next((each for each in direction.iter("sound") if each.get("tempo")), None)
    marks = list(direction.iter("metronome"))
    for mark in marks:
        said = mark.find("per-minute")
        if said is None:
            continue
        bpm = number_in(said.text or "")
        if bpm is not None:
            said.text = f"{bpm:g}"
        elif sound is not None:
            _remove(direction, mark)
    if sound is None and not marks and (bpm := _in_words(direction)) is not None:
        ElementTree.SubElement(direction, "sound", tempo=f"{bpm:g}")


def _in_words(direction: Element) -> float | None:
    """Quarter notes a minute in words such as "Allegro (♩ = 120)"."""
    words = "".join(each.text or "" for each in direction.iter("words"))
    for whole in ("\U0001d161", "\U0001d160", "\U0001d15f", "\U0001d15e"):  # a note may be put together of its parts
        words = words.replace(unicodedata.normalize("NFD", whole), whole)
    found = _WORDS_TEMPO.search(words)
    if found is None:
        return None
    bpm = number_in(found[3])
    unit = _GLYPH_QUARTERS[found[1]] * (1.5 if found[2] else 1.0)
    return None if bpm is None else bpm * unit


def _remove(direction: Element, mark: Element) -> None:
    for kind in direction.findall("direction-type"):
        if mark in list(kind):
            kind.remove(mark)
            if not len(kind):
                direction.remove(kind)


def _silence_cues(measure: Element) -> int:
    """Cue notes keep their time and lose their sound: the first of a chord becomes a rest, the others vanish.

    Returns how many there are.
    """
    cues = 0
    for note in list(measure.findall("note")):
        if note.find("cue") is None:
            continue
        cues += 1
        if note.find("grace") is not None or note.find("chord") is not None:
            measure.remove(note)
            continue
        for child in list(note):
            if child.tag in (
                "pitch",
                "unpitched",
                "rest",
                "cue",
                "tie",
                "notations",
                "lyric",
                "notehead",
                "accidental",
            ):
                note.remove(child)
        note.insert(0, Element("rest"))
    return cues


def _partwise(timewise: Element) -> Element:
    """A score that is written measure by measure, written part by part."""
    root = Element("score-partwise", timewise.attrib)
    parts: dict[str, Element] = {}
    for child in timewise:
        if child.tag != "measure":
            root.append(child)
            continue
        for part, measure in _of_measure(child):
            if part not in parts:
                parts[part] = ElementTree.SubElement(root, "part", id=part)
            parts[part].append(measure)
    return root


def _of_measure(measure: Element) -> Iterator[tuple[str, Element]]:
    for part in measure.findall("part"):
        copy = Element("measure", measure.attrib)
        copy.extend(list(part))
        yield part.get("id", ""), copy
