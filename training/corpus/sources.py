"""What there is to read: files in folders and archives, single files, and the corpus that comes with music21."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from improv.errors import InputError
from improv.midi.packed import MIDI_SUFFIXES
from training.corpus.archives import is_archive, unpack
from training.corpus.containers import hidden_suffix
from training.corpus.formats import SCORE_SUFFIXES

DRAWN_SUFFIXES = (".krn", ".mxl", ".musicxml", ".xml")
"""Of scores whose bar lines are taken over by the MIDI file of the same name."""
MUSIC_SUFFIXES = (*MIDI_SUFFIXES, *SCORE_SUFFIXES)
_ABC_TUNE = re.compile(rb"(?m)^(?=X:)")
# What recorders, phones and programs call a file in several languages, with numbers, dates and marks between.
_GIVEN_WORDS = (
    "recording|record|rec|recorded|track|trk|take|audio|midi|mid|untitled|unnamed|new|my|file|song|songs|piece|session|"
    "improvisation|improv|impro|jam|piano|keyboard|voice|memo|note|notes|clip|part|bounce|export|mix|master|project|idea|"
    "sketch|draft|test|live|copy|final|performance|music|data|no|nr|vol|"
    "aufnahme|aufzeichnung|stück|stueck|spur|lied|neu|neue|neues|unbenannt|ohne titel|kopie|klavier|probe|versuch|"
    "prise|enregistrement|piste|sans titre|morceau|essai|nouveau|grabación|grabacion|pista|sin título|registrazione|"
    "traccia|brano|nuovo|gravação|gravacao|faixa|opname|nagranie|запись|трек|録音|录音"
)
_GIVEN_BY_A_PROGRAM = re.compile(
    rf"(?:{_GIVEN_WORDS}|am|pm|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|[\W_]|\d|(?<=\d)[thz](?=\d))+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Item:
    """One thing to read: `path` on disk, `name` for people, `source` for the model card.

    twin: the name of a MIDI file of the same source that holds the same piece; then this one is not read, but for its
    bar lines. written: of a MIDI file, such a score.
    part: which tune of a book of tunes (ABC), from 1; 0 for the whole file.
    """

    name: str
    source: str
    path: Path
    twin: str = ""
    part: int = 0
    written: Path | None = None

    @property
    def suffix(self) -> str:
        """The name's, in small letters; that of its kind where a name hides a MIDI file or a packed score."""
        suffix = self.path.suffix.lower()
        return suffix if suffix in MUSIC_SUFFIXES else hidden_suffix(self.path) or suffix

    def content(self) -> bytes:
        """The bytes to be read: the file's, or one tune's with the head of its book."""
        content = self.path.read_bytes()
        if not self.part:
            return content
        head, *tunes = _ABC_TUNE.split(content)
        return head + tunes[self.part - 1]


def told(name: str) -> str:
    """A file's name for people and tables: bytes that are no UTF-8 are written out, as in `Fl\\xfcgel.mid`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def work_of(name: str) -> str:
    """The work that a file's name tells of: the name less the number of a movement, prelude or étude at its end.

    A name that a recorder or a program gives (Recording 01, track12, 2024-05-01) tells of no work: it is its own.
    """
    if name.startswith("bwv"):
        return name.split(".")[0]
    path = PurePosixPath(name).with_suffix("")
    if _GIVEN_BY_A_PROGRAM.fullmatch(path.name):
        return path.as_posix()
    stem = path.as_posix()
    return re.sub(r"([-_.]?[a-z]?\d+)$", "", stem, flags=re.IGNORECASE) or stem


def collect(source: str, unpack_to: Path) -> Iterator[Item]:
    """Everything that a SOURCE names: a file, a folder, a zip or tar archive, or `music21:<composer>`."""
    if source.startswith("music21:"):
        yield from _collect_music21(source.removeprefix("music21:"))
        return
    path = Path(source)
    if not path.exists():
        raise InputError(f"source {source!r} is not there; give a folder, an archive, a file or music21:<composer>")
    if is_archive(path):
        folder = Path(tempfile.mkdtemp(dir=unpack_to))  # two archives of one name must not fall into one folder
        unpack(path, folder)
        yield from _collect_folder(folder, _archive_name(path))
    elif path.is_dir():
        yield from _collect_folder(path, path.resolve().name)
    else:
        yield from _tunes(Item(told(path.name), told(path.name), path))


def _archive_name(path: Path) -> str:
    return path.stem.removesuffix(".tar")


def _collect_folder(folder: Path, source: str) -> Iterator[Item]:
    """The files of a folder and of those below it; what is hidden by a dot in front, also a whole folder, is not."""
    paths = sorted(p for p in folder.rglob("*") if not _is_hidden(p.relative_to(folder)) and p.is_file())
    twins = {_piece_name(p): told(p.relative_to(folder).as_posix()) for p in paths if p.suffix.lower() in MIDI_SUFFIXES}
    scores = {_piece_name(p): p for p in reversed(paths) if p.suffix.lower() in DRAWN_SUFFIXES}
    for path in paths:
        item = Item(told(path.relative_to(folder).as_posix()), told(source), path)
        if item.suffix in SCORE_SUFFIXES:
            item = replace(item, twin=twins.get(_piece_name(path), ""))
        elif item.suffix in MIDI_SUFFIXES:
            item = replace(item, written=scores.get(_piece_name(path)))
        yield from _tunes(item)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _piece_name(path: Path) -> str:
    """What the files of one piece share: the stem, less a composer in front as in Schubert_Franz__lc4986000."""
    return path.stem.rsplit("__", 1)[-1].lower()


def _tunes(item: Item) -> Iterator[Item]:
    """The item, or each of its tunes when it is a book of ABC tunes."""
    if item.suffix == ".abc" and (count := len(_ABC_TUNE.split(item.path.read_bytes())) - 1) > 1:
        yield from (replace(item, name=f"{item.name}#{part}", part=part) for part in range(1, count + 1))
    else:
        yield item


def _collect_music21(composer: str) -> Iterator[Item]:
    from music21 import corpus

    name = composer.strip("/").lower()
    paths = [Path(path) for path in corpus.getCorePaths()]
    if name == "bach":  # the chorales, as this source always was; what else of Bach there is are single arias
        chosen = [p for p in paths if p.parent.name == "bach" and p.suffix in (".mxl", ".xml") and p.name[:3] == "bwv"]
    else:
        chosen = [p for p in paths if name in _corpus_folders(p) and p.suffix.lower() in MUSIC_SUFFIXES]
    if not chosen:
        there = sorted({_corpus_folders(p)[0] for p in paths if p.suffix.lower() in MUSIC_SUFFIXES})
        raise InputError(f"music21's corpus has nothing by {composer!r}; there are: {', '.join(there)}")
    for path in sorted(chosen, key=str):
        inside = "/".join([*_corpus_folders(path)[1:], path.stem])
        yield from _tunes(Item(inside, f"music21:{name}", path))


def _corpus_folders(path: Path) -> list[str]:
    """The folders below music21's corpus that a file lies in, the composer first."""
    parts = path.parts
    last = len(parts) - 1 - parts[::-1].index("corpus")
    return list(parts[last + 1 : -1])
