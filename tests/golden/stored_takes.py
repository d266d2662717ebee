"""The takes in tests/golden/takes, recorded with version 0.x and never made anew (see README.md), as files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from improv.model.onnx_model import Model
from improv.takes import recreate, take
from improv.takes.journal import Record
from tests.conftest import TINY
from tests.golden.digests import Number
from tests.golden.scripted import TunePlayer

FOLDER = Path(__file__).parent / "takes"
SCRIPTED, EVENTFUL, LED, LED_ON = (
    *("2026-01-01T10-00-00", "2026-01-01T11-00-00", "2026-01-01T12-00-00"),
    "2026-01-01T12-00-09",  # continues the one before it
)
IDS = (SCRIPTED, EVENTFUL, LED, LED_ON)


def unpack(folder: Path) -> dict[str, Path]:
    """Write the takes into a folder, under the names that they had; id -> path."""
    paths: dict[str, Path] = {}
    for take_id in IDS:
        paths[take_id] = folder / f"{take_id}.take"
        paths[take_id].write_bytes(gzip.decompress((FOLDER / f"{take_id}.take.gz").read_bytes()))
    return paths


def model_of(take_id: str, load: Callable[[Path], Model]) -> Model:
    """Who played a take. load: from a path to a model."""
    return TunePlayer() if take_id == SCRIPTED else load(TINY)


def offered(offer: Record) -> Model:
    """The model that an `offer` record of the scripted take tells of."""
    return TunePlayer(str(offer["asked"]))


def recreated(path: Path, model: Model) -> tuple[list[Record], list[Record], recreate.Comparison]:
    """What the journal says, what comes out when the take is made again, and how they compare."""
    records = recreate.chain(path)
    made, comparison = recreate.recreated(records, model, offered)
    return records, made, comparison


def lines(read: take.Take, number: Number) -> list[str]:
    """All that a take says of what was heard, as lines."""
    found: list[list[object]] = [["take", read.take_id, number(read.seconds), read.ended, read.damaged]]
    found += [["note", n.note_id, n.pitch, n.velocity, number(n.on_s), number(n.off_s)] for n in read.notes]
    for s in read.steps:
        place = [s.tick, number(s.music_s), number(s.at_s), number(s.tempo_bpm), s.bar, s.bar_tick]
        metre = [number(s.beats_per_bar), s.ticks_per_beat]
        found.append(["step", *place, *metre, number(s.mood.valence), number(s.mood.arousal)])
    found += [["person", number(m.at_s), m.message.hex()] for m in read.person]
    found += [["target", number(c.at_s), number(c.target.valence), number(c.target.arousal)] for c in read.changes]
    found += [["command", number(c.at_s), c.text] for c in read.commands]
    found += [["written", *each] for each in read.written]
    return [repr(line) for line in found]
