"""Pieces of music on a grid, read from MIDI files, folders, zip archives and music21's own corpus."""

from __future__ import annotations

import itertools
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.encodings.base import quantise
from improv.errors import InputError
from improv.notes import Note

FloatArray = NDArray[np.float64]

MIDI_SUFFIXES = (".mid", ".midi", ".kar")
MAX_NOTES = 200_000
MAX_NOTE_BEATS = 256  # longer than any held note of real music: a lost note-off
MAX_BEATS = 20_000  # nearly three hours at 120 bpm: a damaged time, and 80 000 rows of conditioning
MAX_ARCHIVE_BYTES = 1 << 30
# Scores without a tempo (the chorales) are measured as if played at the pace of a congregation.
NOMINAL_TEMPO_BPM = 72.0


class Rejected(Exception):  # noqa: N818 - a verdict on a file, no fault of the program
    """A file that cannot be used; the text says why."""


@dataclass(frozen=True)
class Piece:
    """One piece on a grid of `ticks_per_beat` steps.

    step_s: seconds of each step's start, shape (steps + 1,). beat_in_bar, beats_per_bar: quarter notes, shape (steps,).
    has_dynamics, has_tempo: whether velocities and tempo come from the source.
    """

    name: str
    work: str
    source: str
    notes: tuple[Note, ...]
    step_s: FloatArray
    beat_in_bar: FloatArray
    beats_per_bar: FloatArray
    has_dynamics: bool
    has_tempo: bool

    @property
    def steps(self) -> int:
        return len(self.beat_in_bar)


@dataclass(frozen=True)
class Item:
    """One thing to read: `path` on disk, `name` for people, `source` for the model card."""

    name: str
    source: str
    path: Path | None
    music21_path: str = ""


def work_of(name: str) -> str:
    """The work that a file belongs to: its name less the number of a movement, prelude or étude at the end."""
    if name.startswith("bwv"):
        return name.split(".")[0]
    stem = PurePosixPath(name).with_suffix("").as_posix()
    return re.sub(r"([-_.]?[a-z]?\d+)$", "", stem, flags=re.IGNORECASE) or stem


def collect(source: str, unpack_to: Path) -> Iterator[Item]:
    """Everything that a SOURCE names: a MIDI file, a folder, a zip archive, or `music21:bach` chorales."""
    if source.startswith("music21:"):
        yield from _collect_music21(source.removeprefix("music21:"))
        return
    path = Path(source)
    if not path.exists():
        raise InputError(f"source {source!r} is not there; give a folder, a zip archive, a MIDI file or music21:bach")
    if zipfile.is_zipfile(path):
        folder = Path(tempfile.mkdtemp(dir=unpack_to))  # two archives of one name must not fall into one folder
        _unpack(path, folder)
        yield from _collect_folder(folder, path.stem)
    elif path.is_dir():
        yield from _collect_folder(path, path.resolve().name)
    else:
        yield Item(path.name, path.name, path)


def _collect_folder(folder: Path, source: str) -> Iterator[Item]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        yield Item(path.relative_to(folder).as_posix(), source, path)


def _collect_music21(composer: str) -> Iterator[Item]:
    if composer != "bach":
        raise InputError(f"music21:{composer} is not supported; there is: music21:bach (the chorales)")
    from music21 import corpus

    for path in sorted(corpus.getComposer("bach"), key=str):
        if path.suffix in (".mxl", ".xml") and path.name.startswith("bwv"):
            yield Item(path.stem, "music21:bach", None, str(path))


def _unpack(archive: Path, folder: Path) -> None:
    """Extract an archive; InputError when it would write outside, is absurdly large, damaged or locked."""
    try:
        _extract(archive, folder)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise InputError(f"{archive} cannot be unpacked, it is damaged or locked ({_first_line(error)})") from None


def _extract(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as unzipped:
        total = sum(info.file_size for info in unzipped.infolist())
        if total > MAX_ARCHIVE_BYTES:
            raise InputError(f"{archive}: unpacks to {total} bytes, allowed are {MAX_ARCHIVE_BYTES}")
        for info in unzipped.infolist():
            target = (folder / info.filename).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise InputError(f"{archive}: the member {info.filename!r} would be written outside of its folder")
        unzipped.extractall(folder)


def read(item: Item, ticks_per_beat: int) -> Piece:
    """The piece behind an item, on a grid. Raises Rejected with the reason when it cannot be used."""
    if item.path is None:
        return _read_music21(item, ticks_per_beat)
    if item.path.suffix.lower() not in MIDI_SUFFIXES:
        raise Rejected("not a MIDI file")
    return _read_midi(item, item.path, ticks_per_beat)


def _read_midi(item: Item, path: Path, rate: int) -> Piece:
    import symusic

    content = path.read_bytes()
    if not content:
        raise Rejected("empty file")
    try:
        # From bytes, because symusic tells the format by the suffix and knows no .kar.
        score: Any = symusic.Score.from_midi(content)
    except Exception as error:  # symusic raises RuntimeError, ValueError and its own kinds for damaged files
        raise Rejected(f"damaged MIDI file ({_first_line(error)})") from None
    ppq = score.ticks_per_quarter
    if ppq <= 0:
        raise Rejected("no ticks per quarter note")
    played = [note for track in score.tracks if not track.is_drum for note in track.notes]
    rows = [(n.start / ppq, n.duration / ppq, n.pitch, n.velocity) for n in played]
    if not rows:
        raise Rejected("only drums" if any(t.notes for t in score.tracks) else "no notes")
    tempos = [(t.time / ppq, t.qpm) for t in score.tempos] or [(0.0, 120.0)]
    meters = [(t.time / ppq, 4 * t.numerator / t.denominator) for t in score.time_signatures if t.denominator > 0]
    velocities = {row[3] for row in rows}
    return _on_grid(item, rows, tempos, meters, rate, has_dynamics=len(velocities) > 4, has_tempo=bool(score.tempos))


def _on_grid(
    item: Item,
    rows: list[tuple[float, float, int, int]],
    tempos: list[tuple[float, float]],
    meters: list[tuple[float, float]],
    rate: int,
    *,
    has_dynamics: bool,
    has_tempo: bool,
) -> Piece:
    """rows: (onset_beats, duration_beats, pitch, velocity). tempos: (beat, bpm). meters: (beat, beats per bar)."""
    if len(rows) > MAX_NOTES:
        raise Rejected(f"{len(rows)} notes, more than {MAX_NOTES}")
    if max(row[1] for row in rows) > MAX_NOTE_BEATS:
        raise Rejected(f"a note of more than {MAX_NOTE_BEATS} beats")
    if not all(1 <= bpm <= 1000 for _, bpm in tempos):
        raise Rejected("a tempo outside 1..1000 bpm")
    if max(row[0] + row[1] for row in rows) > MAX_BEATS:
        raise Rejected(f"longer than {MAX_BEATS} beats")
    meters = [m for m in meters if m[1] > 0] or [(0.0, 4.0)]
    first_beat = _bar_start(min(row[0] for row in rows), meters)
    notes = set()
    for onset, duration, pitch, velocity in rows:
        start = quantise(onset - first_beat, rate)
        end = max(quantise(onset + duration - first_beat, rate), start + 1)
        notes.add(Note(start, pitch, end - start, max(velocity, 1)))
    steps = max(note.end for note in notes)
    beats = first_beat + np.arange(steps + 1) / rate
    starts, per_bar = _bars(beats[:-1], meters)
    return Piece(
        name=item.name,
        work=f"{item.source}/{work_of(item.name)}",
        source=item.source,
        notes=tuple(sorted(notes)),
        step_s=_seconds(beats, tempos),
        beat_in_bar=beats[:-1] - starts,
        beats_per_bar=per_bar,
        has_dynamics=has_dynamics,
        has_tempo=has_tempo,
    )


def _seconds(beats: FloatArray, tempos: list[tuple[float, float]]) -> FloatArray:
    """Seconds of each beat through the tempo map."""
    tempos = sorted(tempos, key=itemgetter(0))  # of two at one beat the later in the file holds
    if tempos[0][0] > 0:
        tempos.insert(0, (0.0, tempos[0][1]))
    at = np.array([beat for beat, _ in tempos])
    beat_s = 60 / np.array([bpm for _, bpm in tempos])
    elapsed = np.concatenate([[0.0], np.cumsum(np.diff(at) * beat_s[:-1])])
    segment = np.clip(np.searchsorted(at, beats, side="right") - 1, 0, None)
    seconds = elapsed[segment] + (beats - at[segment]) * beat_s[segment]
    return np.asarray(seconds - seconds[0], dtype=np.float64)


def _bars(beats: FloatArray, meters: list[tuple[float, float]]) -> tuple[FloatArray, FloatArray]:
    """For each beat the start of its bar and that bar's length, in quarter notes."""
    meters = sorted(meters, key=itemgetter(0))
    at = np.array([beat for beat, _ in meters])
    length = np.array([per_bar for _, per_bar in meters])
    segment = np.clip(np.searchsorted(at, beats + 1e-9, side="right") - 1, 0, None)
    into = beats - at[segment]
    return at[segment] + np.floor(into / length[segment] + 1e-9) * length[segment], length[segment]


def _bar_start(beat: float, meters: list[tuple[float, float]]) -> float:
    starts, _ = _bars(np.array([beat]), meters)
    return float(starts[0])


def _read_music21(item: Item, rate: int) -> Piece:
    from music21 import converter

    score: Any = converter.parse(item.music21_path).stripTies()
    rows = [
        (float(n.getOffsetInHierarchy(score)), float(n.duration.quarterLength), p.midi, 80)
        for n in score.recurse().notes
        for p in n.pitches
    ]
    if not rows:
        raise Rejected("no notes")
    if len(score.parts) != 4:
        raise Rejected("not a four-part chorale")
    part = score.parts[0]
    meters = [
        (float(t.getOffsetInHierarchy(part)), float(t.barDuration.quarterLength))
        for t in part.recurse().getElementsByClass("TimeSignature")
    ]
    measures = part.getElementsByClass("Measure")
    if meters and len(measures) > 1 and 0 < measures[1].offset < meters[0][1]:
        # An upbeat: the bar grid begins with the first full bar, one bar length before it lies the virtual first bar.
        meters[0] = (float(measures[1].offset) - meters[0][1], meters[0][1])
    return _on_grid(item, rows, [(0.0, NOMINAL_TEMPO_BPM)], meters, rate, has_dynamics=False, has_tempo=False)


def opening(piece: Piece) -> str:
    """The intervals and steps between the first 24 top notes: the same in any key, so that the same tune is found."""
    tops: dict[int, int] = {}
    for note in piece.notes:
        tops[note.onset] = max(tops.get(note.onset, 0), note.pitch)
    line = sorted(tops.items())[:25]
    return " ".join(f"{b[1] - a[1]}:{b[0] - a[0]}" for a, b in itertools.pairwise(line))


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Where archives are unpacked while they are read."""
    return tempfile.TemporaryDirectory(prefix="brainmusic-")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
