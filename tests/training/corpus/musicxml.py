"""MusicXML written by hand, a bar at a time, for tests that want one oddity in a plain score."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

STEPS = "CDEF"
PITCHES = [72, 74, 76, 77]


def note(step: str, octave: int = 5, quarters: int = 1, inside: str = "", before: str = "") -> str:
    """One note. before: elements in front of its pitch (grace, cue, chord); inside: elements after its type."""
    timed = "" if "<grace" in before else f"<duration>{quarters}</duration>"
    kind = {1: "quarter", 2: "half", 4: "whole"}[quarters]
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{before}{pitch}{timed}<voice>1</voice><type>{kind}</type>{inside}</note>"


BAR = "".join(note(step) for step in STEPS)


def attributes(beats: int = 4, more: str = "") -> str:
    time = f"<time><beats>{beats}</beats><beat-type>4</beat-type></time>"
    key = "<key><fifths>0</fifths></key>"
    return (
        f"<attributes><divisions>1</divisions>{key}{time}<clef><sign>G</sign><line>2</line></clef>{more}</attributes>"
    )


def score(*bars: str, more: str = "", name: str = "Piano", second: Sequence[str] = ()) -> bytes:
    """A score of one part, or of two. more: what the first bar's attributes say beside 4/4."""
    names = [name, "Piano"][: 2 if second else 1]
    listed = "".join(f'<score-part id="P{i}"><part-name>{n}</part-name></score-part>' for i, n in enumerate(names))
    parts = _part(0, bars, more) + (_part(1, second, "") if second else "")
    text = f'<score-partwise version="4.0"><part-list>{listed}</part-list>{parts}</score-partwise>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()


def _part(index: int, bars: Sequence[str], more: str) -> str:
    written = []
    for number, bar in enumerate(bars, 1):
        head = attributes(more=more) if number == 1 and "<attributes>" not in bar else ""
        written.append(f'<measure number="{number}">{head}{bar}</measure>')
    return f'<part id="P{index}">{"".join(written)}</part>'


def direction(kind: str, sound: str = "") -> str:
    return f"<direction><direction-type>{kind}</direction-type>{sound}</direction>"


def metronome(per_minute: str, unit: str = "quarter", dotted: bool = False) -> str:
    dot = "<beat-unit-dot/>" if dotted else ""
    return f"<metronome><beat-unit>{unit}</beat-unit>{dot}<per-minute>{per_minute}</per-minute></metronome>"


def repeat(side: str, direction: str, ending: str = "") -> str:
    return f'<barline location="{side}">{ending}<repeat direction="{direction}"/></barline>'


def packed(files: dict[str, bytes], container: str | None = None) -> bytes:
    """A zip of files; container: what META-INF/container.xml names, if there is one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        if container is not None:
            named = f'<container><rootfiles><rootfile full-path="{container}"/></rootfiles></container>'
            file.writestr("META-INF/container.xml", named)
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()
