"""What MusicXML notates and nobody plays on a piano: cues, slashes, drums, grace notes, symbols, drawings.

Only what music is made of is left, so that a strange beam or bar line costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement

from training.corpus.note_values import QUARTERS, dotted
from training.corpus.xml_text import number

_OF_NOTES = ("chord", "pitch", "rest", "duration", "tie", "voice", "type", "dot", "time-modification", "staff")
_OF_MEASURES = ("note", "backup", "forward", "attributes", "direction", "sound")
_OF_ATTRIBUTES = ("divisions", "key", "time", "staves", "transpose")
CHORD_SYMBOLS, GRACE_NOTES, DRUMS = "chord symbols are text", "grace notes are left out", "drum notes dropped"
_CUES, _SLASHES = "cue notes are silent", "slashes are silent"
_DRUM_CHANNEL = 10  # counted from 1, as MusicXML does

Found = Counter[str]


def drum_parts(root: Element) -> set[str]:
    """The ids of the parts that play on the drums' channel alone."""
    found = set()
    for part in root.iter("score-part"):
        channels = {(each.text or "").strip() for each in part.iter("midi-channel")}
        if channels == {str(_DRUM_CHANNEL)}:
            found.add(part.get("id", ""))
    return found


def silence(part: Element, drums: bool, found: Found) -> None:
    """Leave out of a part what does not sound; its time stays. drums: whether all of it is. found: what it was."""
    slashed: set[str] = set()  # staves that are written in slashes, "" for all
    percussion: set[str] = set()
    divisions = 1.0
    for measure in part.iter("measure"):
        for element in list(measure):
            if element.tag == "attributes":
                divisions = _positive(element.findtext("divisions"), divisions)
                _styles(element, slashed, percussion)
            elif element.tag == "harmony":
                found[CHORD_SYMBOLS] += 1
        for notes in list(_chords(measure)):
            _silence_chord(measure, notes, found, slashed, {""} if drums else percussion)
        for element in list(measure):
            if element.tag not in _OF_MEASURES:
                measure.remove(element)
            elif element.tag == "note":
                _plain(element, divisions)
            elif element.tag == "attributes":
                _plain_attributes(element)


def _styles(attributes: Element, slashed: set[str], percussion: set[str]) -> None:
    for style in attributes.findall("measure-style"):
        slash = style.find("slash")
        if slash is not None:
            (slashed.add if slash.get("type") == "start" else slashed.discard)(style.get("number", ""))
    for clef in attributes.findall("clef"):
        number = clef.get("number", "")
        drums = (clef.findtext("sign") or "").strip().lower() == "percussion"
        (percussion.add if drums else percussion.discard)("" if number == "1" else number)


def _chords(measure: Element) -> Iterator[list[Element]]:
    """The notes of a bar, those that are struck together as one list."""
    notes: list[Element] = []
    for note in measure.findall("note"):
        if note.find("chord") is not None and notes:
            notes.append(note)
            continue
        if notes:
            yield notes
        notes = [note]
    if notes:
        yield notes


def _silence_chord(
    measure: Element, notes: list[Element], found: Found, slashed: set[str], percussion: set[str]
) -> None:
    if notes[0].find("grace") is not None:
        for note in notes:
            found[_CUES if note.find("cue") is not None else GRACE_NOTES] += 1
            measure.remove(note)
        return
    sounding = []
    for note in notes:
        why = _why_silent(note, slashed, percussion)
        if why:
            found[why] += 1
        else:
            sounding.append(note)
    if not sounding:
        for note in notes[1:]:
            measure.remove(note)
        for child in list(notes[0]):
            if child.tag in ("pitch", "unpitched", "rest", "tie", "notations"):
                notes[0].remove(child)
        notes[0].insert(0, Element("rest"))
        return
    for note in notes:
        if note not in sounding:
            measure.remove(note)
    if (sign := sounding[0].find("chord")) is not None:
        sounding[0].remove(sign)


def _why_silent(note: Element, slashed: set[str], percussion: set[str]) -> str:
    if note.find("rest") is not None:
        return ""
    if note.find("cue") is not None:
        return _CUES
    staff = (note.findtext("staff") or "").strip()
    staff = "" if staff == "1" else staff
    if note.find("unpitched") is not None or staff in percussion or ("" in percussion and not staff):
        return DRUMS
    slash = (note.findtext("notehead") or "").strip() == "slash"
    return _SLASHES if slash or "" in slashed or (staff or "1") in slashed else ""


def _plain(note: Element, divisions: float) -> None:
    """A note without what is drawn of it. What is tied in notation alone is tied."""
    note.attrib.clear()
    notations = note.findall("notations")
    signs = [tied.get("type", "") for each in notations for tied in each.findall("tied")]
    ornaments = [sign for each in notations for sign in each.findall("ornaments")]
    for child in list(note):
        if child.tag not in _OF_NOTES:
            note.remove(child)
    if note.find("tie") is None:
        for kind in signs:
            if kind in ("start", "stop"):
                SubElement(note, "tie", type=kind)
    if ornaments:
        SubElement(note, "notations").extend(ornaments)
    if note.find("duration") is None and (length := _written_length(note)):
        SubElement(note, "duration").text = f"{length * divisions:g}"


def _written_length(note: Element) -> float:
    """Quarter notes that a note lasts by its shape, 0 where that is not told."""
    length = dotted(QUARTERS.get((note.findtext("type") or "").strip(), 0.0), len(note.findall("dot")))
    actual = _positive(note.findtext("time-modification/actual-notes"), 1.0)
    return length * _positive(note.findtext("time-modification/normal-notes"), 1.0) / actual


def _plain_attributes(attributes: Element) -> None:
    for child in list(attributes):
        if child.tag not in _OF_ATTRIBUTES or (child.tag == "time" and _strange(child)):
            attributes.remove(child)


def _strange(time: Element) -> bool:
    return any(_positive(each.text, 0.0) <= 0 for each in time.findall("beat-type"))


def _positive(text: str | None, otherwise: float) -> float:
    value = number(text)
    return value if 0 < value < float("inf") else otherwise
