"""Bars that MusicXML writes as a repeat sign and leaves empty: they sound as the bars before."""

from __future__ import annotations

import copy
import re
from xml.etree.ElementTree import Element, SubElement

from training.corpus.xml_text import number


def write_out(part: Element) -> int:
    """Give each empty bar under a measure-repeat sign the notes of the bar that it repeats. Returns how many there are.

    A bar that has notes is played as it is written.
    """
    measures = part.findall("measure")
    active: dict[str, int] = {}  # staff ("" for all) -> how many bars the pattern has
    filled = 0
    for index, measure in enumerate(measures):
        for style in measure.iter("measure-style"):
            _follow(style, active)
        for staff, bars in active.items():
            if 0 < bars <= index and not _sounding(measure, staff):
                filled += _fill(measure, measures[index - bars], staff)
    return filled


def _follow(style: Element, active: dict[str, int]) -> None:
    sign = style.find("measure-repeat")
    if sign is None:
        return
    staff = style.get("number", "")
    if sign.get("type") == "start":
        bars = re.search(r"\d+", sign.text or "")
        active[staff] = max(int(bars[0][:3]), 1) if bars else 1
    else:
        active.pop(staff, None)


def _of(note: Element, staff: str) -> bool:
    return not staff or (note.findtext("staff") or "1").strip() == staff


def _sounding(measure: Element, staff: str) -> bool:
    return any(_of(note, staff) and note.find("rest") is None for note in measure.findall("note"))


def _fill(measure: Element, source: Element, staff: str) -> int:
    """Lay the notes of a bar over the rests of another. Returns whether there were any."""
    copied = [(at, note) for at, note in _placed(source) if _of(note, staff)]
    if not any(note.find("rest") is None for _, note in copied):
        return 0
    for rest in measure.findall("note"):
        if _of(rest, staff):
            _become_a_gap(rest)
    now = _end(measure)
    for at, note in copied:
        if note.find("chord") is None:
            _go(measure, at - now)
            now = at + _duration(note)
        measure.append(copy.deepcopy(note))
    return 1


def _become_a_gap(rest: Element) -> None:
    rest.tag = "forward"
    for child in list(rest):
        if child.tag != "duration":
            rest.remove(child)


def _placed(measure: Element) -> list[tuple[float, Element]]:
    now, found = 0.0, []
    for element in measure:
        if element.tag == "note":
            found.append((now, element))
        now += _step(element)
    return found


def _end(measure: Element) -> float:
    return sum(_step(element) for element in measure)


def _step(element: Element) -> float:
    """By how much an element moves the place of the next, in divisions."""
    if element.tag == "note" and element.find("chord") is None and element.find("grace") is None:
        return _duration(element)
    return {"forward": 1, "backup": -1}.get(element.tag, 0) * _duration(element)


def _duration(element: Element) -> float:
    return number(element.findtext("duration"))


def _go(measure: Element, by: float) -> None:
    if by:
        SubElement(SubElement(measure, "forward" if by > 0 else "backup"), "duration").text = f"{abs(by):g}"
