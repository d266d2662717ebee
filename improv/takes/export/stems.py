"""A piece in two parts, each for a file of its own: the hands, or the melody and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from improv.music.parts import SPLITS, parted
from improv.takes.export.music import Music
from improv.takes.take import PlayedNote

TOGETHER_S = 0.03  # notes of one step begin apart by less: a hand never strikes all at one moment


def stems(music: Music, split: str) -> dict[str, Music]:
    """The parts by their names. Each is as long as the whole, and has its pedal. split: one of SPLITS."""
    found: dict[str, list[PlayedNote]] = {part: [] for part in SPLITS[split]}
    for note, parts in _parts(music.notes):
        for part in parts:
            if part in found:
                found[part].append(note._replace(hand=-1))
    return {part: music._replace(notes=notes, person=[], part=part) for part, notes in found.items()}


def path_of(out: Path, part: str) -> Path:
    """song.wav -> song-right.wav."""
    return out.with_stem(f"{out.stem}-{part}")


def parts_of(notes: Sequence[PlayedNote]) -> dict[int, tuple[str, str]]:
    """The parts of each note by its id, as outputs that play one part were sent them."""
    return {note.note_id: parts for note, parts in _parts(notes)}


def _parts(notes: Sequence[PlayedNote]) -> Iterator[tuple[PlayedNote, tuple[str, str]]]:
    held: list[PlayedNote] = []
    for group in _groups(notes):
        held = [note for note in held if note.off_s > group[0].on_s]
        sounding = [(note.pitch, note.hand) for note in held]
        yield from zip(group, parted([(note.pitch, note.hand) for note in group], sounding), strict=True)
        held += group


def _groups(notes: Sequence[PlayedNote]) -> Iterator[list[PlayedNote]]:
    """Notes that begin together. notes: by onset."""
    group: list[PlayedNote] = []
    for note in notes:
        if group and note.on_s - group[0].on_s > TOGETHER_S:
            yield group
            group = []
        group.append(note)
    if group:
        yield group
