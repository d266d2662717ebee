"""MusicXML, Humdrum **kern and ABC through music21. Run it in a worker with a time limit: some files take minutes."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

from training.corpus.midi import first_line
from training.corpus.score import DEFAULT_TEMPO_BPM, Rejected, Score, notes_of

SUFFIXES = (".mxl", ".musicxml", ".xml", ".krn", ".abc")
MAX_BYTES = 32 << 20
_VELOCITY = 80  # scores have marks, no velocities; the piece is told to have no dynamics


def read_score(content: bytes, suffix: str) -> tuple[Score, int]:
    """The score in a file's bytes and its number of parts. suffix: one of SUFFIXES. Rejected when it cannot be read."""
    if len(content) > MAX_BYTES:
        raise Rejected(f"{len(content)} bytes, more than {MAX_BYTES}")
    # music21 reads packed MusicXML only from a path; a folder of its own keeps it from any name in the file.
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        path = Path(folder) / f"score{suffix}"
        path.write_bytes(content)
        # music21 tells every oddity of a file on the terminal, where the progress bar is.
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = _parse(path)
    return _score(parsed), len(parsed.parts)


def _parse(path: Path) -> Any:
    from music21 import converter
    from music21.exceptions21 import Music21Exception
    from music21.stream import Opus

    try:
        # Without its store: music21 would fill the temporary folder with pickles of files that are gone.
        parsed: Any = converter.parseFile(path, forceSource=True, storePickle=False)
        if isinstance(parsed, Opus):
            raise Rejected(f"{len(parsed.scores)} pieces in one file: split it")
        stripped: Any = parsed.stripTies()
    except Rejected:
        raise
    except Music21Exception as error:
        raise Rejected(f"music21 cannot read it ({first_line(error)})") from None
    except (MemoryError, RecursionError) as error:
        raise Rejected(f"music21 cannot read it ({type(error).__name__})") from None
    except Exception as error:  # damaged files raise anything: KeyError, AttributeError, ParseError, zlib.error
        raise Rejected(f"damaged score ({type(error).__name__}: {first_line(error)})") from None
    return stripped


def _score(parsed: Any) -> Score:
    parts = list(parsed.parts) or [parsed]
    rows = [row for index, part in enumerate(parts) for row in _rows(part, parsed, index)]
    if not rows:
        raise Rejected("no notes")
    marks = _tempos(parsed)
    return Score(
        notes=notes_of(rows),
        tempos=marks or ((0.0, DEFAULT_TEMPO_BPM),),
        meters=_meters(parts[0]) or ((0.0, 4.0),),
        has_tempo=bool(marks),
        has_dynamics=False,
    )


def _rows(part: Any, parsed: Any, index: int) -> list[tuple[float, float, int, int, int, int]]:
    instrument = part.getInstrument(returnDefault=True)
    program = instrument.midiProgram if instrument.midiProgram is not None else 0
    return [
        (float(n.getOffsetInHierarchy(parsed)), float(n.duration.quarterLength), p.midi, _VELOCITY, program, index)
        for n in part.recurse().notes
        for p in n.pitches
        if 0 <= p.midi <= 127
    ]


def _tempos(parsed: Any) -> tuple[tuple[float, float], ...]:
    """Every metronome mark with a number, in quarter notes a minute."""
    marks: dict[float, float] = {}
    for mark in parsed.recurse().getElementsByClass("MetronomeMark"):
        if mark.number:
            marks[float(mark.getOffsetInHierarchy(parsed))] = float(mark.getQuarterBPM())
    return tuple(sorted(marks.items()))


def _meters(part: Any) -> tuple[tuple[float, float], ...]:
    meters = [
        (float(t.getOffsetInHierarchy(part)), float(t.barDuration.quarterLength))
        for t in part.recurse().getElementsByClass("TimeSignature")
    ]
    measures = part.getElementsByClass("Measure")
    if meters and len(measures) > 1 and 0 < measures[1].offset < meters[0][1]:
        # An upbeat: the bar grid begins with the first full bar, one bar length before it lies the virtual first bar.
        meters[0] = (float(measures[1].offset) - meters[0][1], meters[0][1])
    return tuple(meter for meter in meters if meter[1] > 0)
