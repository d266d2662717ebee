"""MusicXML before music21 reads it: what it would misread, lose or stumble over is left out or said plainly.

What does not sound goes (`unsounding`), what sounds elsewhere is put there (`transposing`), empty bars under a repeat
sign get their notes (`measure_repeats`), tempi get numbers, and the order of bars is told apart (`jumps`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from training.corpus import jumps, measure_repeats, tempo_words, unsounding
from training.corpus.note_values import QUARTERS, dotted
from training.corpus.repeats import Signs
from training.corpus.score import Rejected
from training.corpus.transposing import to_sounding_pitch
from training.corpus.xml_text import root_of


class Prepared(NamedTuple):
    """text: MusicXML of what sounds. signs: of each bar, None where music21
    is to find them. done: what was changed. drums: notes of drums left out."""

    text: str
    signs: list[Signs] | None
    done: tuple[str, ...]
    drums: int


def prepared(content: bytes) -> Prepared:
    """MusicXML as it sounds. Rejected when it is no MusicXML."""
    root = partwise(content)
    parts = root.findall("part")
    signs = jumps.signs_of(parts)
    found = unsounding.Found()
    drums = unsounding.drum_parts(root)
    moved = repeated = 0
    for part in parts:
        repeated += measure_repeats.write_out(part)
        unsounding.silence(part, part.get("id", "") in drums, found)
        moved += to_sounding_pitch(part)
        _Tempi().tell(part)
    _list_parts(root, parts)
    done = [f"{count} {what}" for what, count in found.items()]
    if moved:
        done.append("transposing instruments are read at sounding pitch")
    if repeated:
        done.append(f"{repeated} bars under a repeat sign sound as those before")
    text = ElementTree.tostring(root, encoding="unicode")
    return Prepared(text, signs, tuple(done), found[unsounding.DRUMS])


def partwise(content: bytes) -> Element:
    """The root of a MusicXML score, part by part. Rejected when it is no MusicXML."""
    root = root_of(content)
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise Rejected(f"no score (its XML begins with <{root.tag[:40]}>)")
    return root


def _list_parts(root: Element, parts: list[Element]) -> None:
    """Every part stands in the list of parts, or music21 would not see it; what else the head holds goes."""
    listed = root.find("part-list")
    if listed is None:
        listed = Element("part-list")
    for child in list(root):
        if child not in parts:
            root.remove(child)
    known = {part.get("id", "") for part in listed.iter("score-part")}
    for part in parts:
        if part.get("id", "") not in known:
            SubElement(SubElement(listed, "score-part", id=part.get("id", "")), "part-name")
    root.insert(0, listed)


class _Tempi:
    """The tempi of a part on the way through it, in quarter notes a minute."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._main: float | None = None
        self._now: float | None = None

    def tell(self, part: Element) -> None:
        """Every direction with a tempo says a number that music21 reads; all other directions go."""
        for measure in part.iter("measure"):
            for element in list(measure):
                if element.tag == "sound":
                    if (bpm := _sounds(element)) is None:
                        measure.remove(element)
                    else:
                        self._hold(bpm, passing=self._main is not None)
                elif element.tag == "direction" and not self._said(element):
                    measure.remove(element)

    def _hold(self, bpm: float, *, passing: bool) -> None:
        self._now = bpm
        if not passing:
            self._main = bpm
            self._first = self._first or bpm

    def _said(self, direction: Element) -> bool:
        """Whether a direction tells a tempo; only what tells it is left in it."""
        words = " ".join(each.text or "" for each in direction.iter("words"))
        sound = next((bpm for each in direction.iter("sound") if (bpm := _sounds(each)) is not None), None)
        marks = [mark for each in direction.iter("metronome") if (mark := _mark(each)) is not None]
        plain = [bpm for mark in marks if (bpm := _bpm(mark)) is not None]
        changed = tempo_words.modulation_in(words) if not marks else None
        for each in direction.findall("sound"):
            direction.remove(each)
        for kind in direction.findall("direction-type"):
            direction.remove(kind)
        bpm = next(iter(plain), None)
        if bpm is None:
            bpm = sound if sound is not None else tempo_words.tempo_in(words)
        if bpm is not None:
            bare = not (plain or words)  # a program's: it plays what is written as a ritardando
            passing = self._main is not None and (bare or tempo_words.is_passing(words))
            self._hold(bpm, passing=passing)
        elif changed is not None or (marks and self._now):
            old, new = changed or _units(marks[0])
            bpm = self._now * new / old if self._now else None
            if bpm is not None:
                self._hold(bpm, passing=False)
        else:
            bpm = self._return(words)
        if bpm is None:
            return False
        direction.insert(0, _metronome(bpm))
        return True

    def _return(self, words: str) -> float | None:
        """The tempo to which words lead back."""
        if tempo_words.leads_to_first(words):
            bpm = self._first
        elif tempo_words.leads_back(words):
            bpm = self._main
        else:
            return None
        if bpm is None or bpm == self._now:
            return None
        self._hold(bpm, passing=False)
        return bpm


def _sounds(sound: Element) -> float | None:
    """The tempo that a <sound> tells; its other words go."""
    bpm = tempo_words.number_in(sound.get("tempo", "")) if sound.get("tempo") else None
    sound.attrib.clear()
    if bpm is not None:
        sound.set("tempo", f"{bpm:g}")
    return bpm


def _mark(metronome: Element) -> list[Element] | None:
    """The units of a metronome mark with their dots, and what it says a minute; None where it is of another kind."""
    found = [each for each in metronome if each.tag in ("beat-unit", "beat-unit-dot", "per-minute")]
    return found if found and found[0].tag == "beat-unit" else None


def _bpm(mark: list[Element]) -> float | None:
    said = next((tempo_words.number_in(each.text or "") for each in mark if each.tag == "per-minute"), None)
    return None if said is None else said * _units(mark)[0]


def _units(mark: list[Element]) -> tuple[float, float]:
    """The first and the last unit of a mark, in quarter notes."""
    units: list[tuple[float, int]] = []
    for each in mark:
        if each.tag == "beat-unit":
            units.append((QUARTERS.get((each.text or "").strip(), 1.0), 0))
        elif each.tag == "beat-unit-dot":
            units[-1] = (units[-1][0], units[-1][1] + 1)
    return dotted(*units[0]), dotted(*units[-1])


def _metronome(bpm: float) -> Element:
    kind = Element("direction-type")
    mark = SubElement(kind, "metronome")
    SubElement(mark, "beat-unit").text = "quarter"
    SubElement(mark, "per-minute").text = f"{bpm:g}"
    return kind


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
