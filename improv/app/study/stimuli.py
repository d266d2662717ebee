"""Excerpts for a listening test: of albums and of MIDI files, equally long, equally loud, without beginning or end."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from improv.app.study.design import LARGEST_BYTES, Stimulus
from improv.errors import InputError
from improv.files import read_text
from improv.midi.reading import read_music
from improv.takes.export import piano
from improv.takes.export.lufs import loudness_lufs
from improv.takes.export.music import Music
from improv.takes.take import PlayedNote, PlayedPedal

LEVEL_LUFS = -23.0
"""EBU R 128: loud enough for a laptop, and so far below full scale that the page's limiter has nothing to do."""
MARGIN_S = 2.0
"""So much is left out at both ends of a piece: how it begins and ends would tell who made it."""
LARGEST_MIDI = 10_000_000
SUFFIXES = (".mid", ".midi")


class Piece(NamedTuple):
    """A MIDI file, and what is known of it. See `Stimulus`."""

    path: Path
    group: str
    human: bool
    mood: str | None = None
    valence: float | None = None
    arousal: float | None = None


def of_album(folder: Path) -> list[Piece]:
    """The pieces that an album's manifest tells of. InputError where there is none."""
    try:
        rows = json.loads(read_text(folder / "album.json", LARGEST_BYTES))["pieces"]
        found = [
            Piece(
                folder / f"{row['file']}.mid",
                folder.name,
                False,
                row["mood"],
                float(row["valence"]),
                float(row["arousal"]),
            )
            for row in rows
        ]
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{folder / 'album.json'} is damaged; `improv album` writes it") from None
    if not found:
        raise InputError(f"{folder} holds no pieces; `improv album {folder}` makes them")
    return found


def of_people(folder: Path) -> list[Piece]:
    """Every MIDI file of a folder and of those in it. InputError where there is none."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no MIDI files ({', '.join(SUFFIXES)})")
    return [Piece(path, folder.name, True) for path in paths]


def excerpts(pieces: Sequence[Piece], seconds: float, seed: int) -> Iterator[Stimulus | str]:
    """One excerpt of each piece; in place of one that cannot be used a sentence why."""
    lot = random.Random(seed)
    for piece in pieces:
        name, share = f"{lot.getrandbits(48):012x}", lot.random()  # drawn also for what is left out
        try:
            yield excerpt(piece, name, seconds, share)
        except (InputError, OSError) as error:
            yield f"{piece.path} is left out: {error}"


def excerpt(piece: Piece, name: str, seconds: float, share: float) -> Stimulus:
    """An excerpt that begins with a note, `share` (0..1) of the way through what there is to choose from.

    InputError where the piece is too short, or cannot be read.
    """
    music = _music(piece.path)
    first_s = music.notes[0].on_s + MARGIN_S
    last_s = music.seconds - MARGIN_S - seconds
    begins = [note.on_s for note in music.notes if first_s <= note.on_s <= last_s]
    if not begins:
        raise InputError(f"an excerpt of {seconds:g} s asks for at least {seconds + 2 * MARGIN_S:g} s of music")
    from_s = begins[int(share * len(begins))]
    heard = [
        note._replace(on_s=note.on_s - from_s, off_s=min(note.off_s - from_s, seconds))
        for note in music.ringing()
        if from_s <= note.on_s < from_s + seconds
    ]
    loudness = loudness_lufs(piano.sound(heard, seconds), piano.RATE_HZ)
    notes = [(note.pitch, note.velocity, round(note.on_s, 4), round(note.off_s, 4)) for note in heard]
    known: dict[str, Any] = piece._asdict() | {"file": str(piece.path), "from_s": round(from_s, 3)}
    del known["path"]
    return Stimulus(name=name, seconds=seconds, gain_db=round(LEVEL_LUFS - loudness, 2), notes=notes, **known)


def _music(path: Path) -> Music:
    """A file's notes and pedal in seconds; drums are left out."""
    content = path.read_bytes()
    if len(content) > LARGEST_MIDI:
        raise InputError(f"it is larger than {LARGEST_MIDI} bytes")
    read = read_music(content)
    at = read.seconds_at
    notes = [
        PlayedNote(index, note.pitch, note.velocity, at(note.onset), at(note.end))
        for index, note in enumerate(read.notes)
    ]
    pedals = sorted(PlayedPedal(at(down), at(up)) for down, up in read.pedals)
    return Music(path.stem, max(note.off_s for note in notes), [], notes, [], pedals)
