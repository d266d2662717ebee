"""What the bars of a MusicXML score say of the order in which they are played, whoever says it: bar lines, signs, words
or `<sound>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from xml.etree.ElementTree import Element

from training.corpus.repeats import Signs

_DA_CAPO = re.compile(r"(?<!\w)(d\.?\s*c\.?|da\s*capo)(?!\w)", re.IGNORECASE)
_DAL_SEGNO = re.compile(r"(?<!\w)(d\.?\s*s\.?|d[ae]l\s*segno|dal\s*(%|𝄋|§|\ue047))(?!\w)", re.IGNORECASE)
_TO_CODA = re.compile(r"(?<!\w)(to|al|alla|zur|à la)\s+(the\s+)?(coda(?!\w)|𝄌|\ue048)", re.IGNORECASE)
_CODA = re.compile(r"\W*(coda|𝄌|\ue048)\W*(coda\W*)?", re.IGNORECASE)
_SEGNO = re.compile(r"\W*(segno|𝄋|\ue047)\W*(segno\W*)?", re.IGNORECASE)
_CODA_SIGN, _SEGNO_SIGN = re.compile("\\s*[𝄌\ue048]\\s*"), re.compile("\\s*[𝄋\ue047]\\s*")
_FINE = re.compile(r"\W*(il\s+)?fine\W*", re.IGNORECASE)
_WITH_REPEATS = re.compile(r"with\s+repeats?|con\s+(le\s+)?r(ip|ep)eti[zct]", re.IGNORECASE)
_LONGEST_WORDS = 80
_OUTSIDE: frozenset[int] = frozenset()


def signs_of(parts: Sequence[Element]) -> list[Signs]:
    """Of each bar what any of the parts says of it."""
    return [_together(bars) for bars in zip_longest(*(_of_part(part.findall("measure")) for part in parts))]


def _together(bars: Sequence[Signs | None]) -> Signs:
    there = [bar for bar in bars if bar is not None]
    names = ("begins", "segno", "coda", "to_coda", "fine", "da_capo", "dal_segno", "again")
    said = {name: any(getattr(bar, name) for bar in there) for name in names}
    endings = next((bar.endings for bar in there if bar.endings), _OUTSIDE)
    return Signs(times=max(bar.times for bar in there), endings=endings, **said)


def _of_part(measures: Sequence[Element]) -> list[Signs]:
    passes = _endings(measures)
    found = [replace(_of_measure(measure), endings=own) for measure, own in zip(measures, passes, strict=True)]
    for index, measure in enumerate(measures[:-1]):
        if "segno" in _late_signs(measure):
            found[index + 1] = replace(found[index + 1], segno=True)
    return found


def _endings(measures: Sequence[Element]) -> list[frozenset[int]]:
    """Of each bar the passes of its ending, none outside. One without a number is the next after the one before it."""
    found: list[frozenset[int]] = []
    now = _OUTSIDE
    for index, measure in enumerate(measures):
        marks = [each for line in measure.findall("barline") for each in line.findall("ending")]
        for mark in marks:
            if mark.get("type") == "start":
                now = _passes(mark) or frozenset({max(found[-1] if found else (), default=0) + 1})
        over = any(mark.get("type") in ("stop", "discontinue") for mark in marks) or _leads_back(measure)
        found.append(now)
        if over or (marks and not _stops_later(measures[index + 1 :])):
            now = _OUTSIDE
    return found


def _stops_later(following: Sequence[Element]) -> bool:
    """Whether an ending is ended before the next one begins. following: the bars behind the one that it begins in."""
    for measure in following:
        for mark in measure.iter("ending"):
            return mark.get("type") != "start"
    return False


def _passes(mark: Element) -> frozenset[int]:
    text = mark.get("number") or mark.text or ""
    found: set[int] = set()
    for low, high in re.findall(r"(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?", text):
        found |= set(range(int(low), max(int(high or low), int(low)) + 1))
    return frozenset(found)


def _repeats(measure: Element, direction: str) -> list[Element]:
    return [r for line in measure.findall("barline") for r in line.findall("repeat") if r.get("direction") == direction]


def _leads_back(measure: Element) -> bool:
    return bool(_repeats(measure, "backward"))


def _of_measure(measure: Element) -> Signs:
    back = _repeats(measure, "backward")
    sounds = [each.attrib for each in measure.iter("sound")]
    words = [_words(direction) for direction in measure.findall("direction")]
    back_to_start, back_to_sign = _any(_DA_CAPO, words), _any(_DAL_SEGNO, words)
    jumps = [text for text in words if _DA_CAPO.search(text) or _DAL_SEGNO.search(text)]
    others = [text for text in words if text not in jumps]
    late = _late_signs(measure)
    to_coda = _any(_TO_CODA, others) or _told(sounds, "tocoda") or "coda" in late
    coda = measure.find("direction/direction-type/coda") is not None or any(map(_CODA.fullmatch, others))
    segno = measure.find("direction/direction-type/segno") is not None or any(map(_SEGNO.fullmatch, others))
    return Signs(
        begins=bool(_repeats(measure, "forward")) or _told(sounds, "forward-repeat"),
        times=max((_times(each) for each in back), default=1),
        segno=(segno or _told(sounds, "segno")) and "segno" not in late,
        coda=(coda or _told(sounds, "coda")) and not to_coda,
        to_coda=to_coda,
        fine=any(map(_FINE.fullmatch, others)) or _told(sounds, "fine"),
        da_capo=(back_to_start or _told(sounds, "dacapo")) and not back_to_sign,
        dal_segno=back_to_sign or _told(sounds, "dalsegno"),
        again=any(each.get("after-jump") == "yes" for each in back) or _any(_WITH_REPEATS, jumps),
    )


def _any(pattern: re.Pattern[str], texts: Sequence[str]) -> bool:
    return any(pattern.search(text) for text in texts)


def _told(sounds: Sequence[dict[str, str]], name: str) -> bool:
    return any(said.get(name, "no").strip().lower() not in ("no", "") for said in sounds)


def _words(direction: Element) -> str:
    text = " ".join((each.text or "").strip() for each in direction.iter() if each.tag in ("words", "symbol"))
    return text if len(text) <= _LONGEST_WORDS else ""


def _times(repeat: Element) -> int:
    number = re.fullmatch(r"\s*(\d{1,4})\s*", repeat.get("times") or "")
    return max(int(number[1]), 2) if number else 2


def _late_signs(measure: Element) -> list[str]:
    """Signs that stand behind the last note of their bar: a segno belongs to the next bar, a coda leads away."""
    found: list[str] = []
    for element in reversed(list(measure)):
        if element.tag in ("note", "backup", "forward"):
            return found
        if element.tag == "direction":
            for kind in element.findall("direction-type"):
                found += [sign.tag for sign in kind if sign.tag in ("segno", "coda")]
    return []  # a bar without any note
