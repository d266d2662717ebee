"""What a file is to hold follows from its suffix, and a suffix that nobody knows is refused before anything is done."""

from __future__ import annotations

from pathlib import Path

from improv.errors import InputError
from improv.files import write_whole
from improv.midi import grid_file as midi_file
from improv.takes.export.music import Music, of_take
from improv.takes.export.texts import FIRST
from improv.takes.take import Take

MIDI = (".mid", ".midi")
SCORES = (".musicxml", ".xml")
SOUNDS = (".wav", ".flac", ".ogg")
OF_MUSIC = (*MIDI, *SCORES, *SOUNDS)
"""What every piece can be written as."""
OF_TAKE = (*OF_MUSIC, ".png", ".html")
"""What a take can be written as: a picture of its mood path and notes, and the report, as well."""


def checked(path: Path, allowed: tuple[str, ...]) -> Path:
    """The path. InputError where its suffix is none of these, or its folder is not there."""
    if path.suffix.lower() not in allowed:
        known = f"{', '.join(allowed[:-1])} or {allowed[-1]}" if len(allowed) > 1 else f"only {allowed[0]}"
        raise InputError(f"{path.name}: what is written follows from the suffix, {known}; got {path.suffix or 'none'}")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} for {path.name} is not there")
    return path


def write_music(
    music: Music,
    path: Path,
    *,
    channel: int = 0,
    program: int | None = None,
    soundfont: Path | None = None,
    permissions: int | None = None,
) -> None:
    """The piece as MIDI, score or sound, by the suffix, whole or not at all.

    channel, program: of the MIDI file's piano. soundfont: for sound through FluidSynth, else the page's piano plays.
    permissions: of the file; None: what the process grants new files.
    """
    suffix = checked(path, OF_MUSIC).suffix.lower()
    if suffix in SOUNDS:
        from improv.takes.export.sound import write_sound

        write_sound(music, path, soundfont=soundfont, permissions=permissions)
    elif suffix in SCORES:
        from improv.takes.export.musicxml import musicxml

        write_whole(path, musicxml(music), permissions=permissions)
    else:
        from improv.takes.export.midi import music_file

        midi_file.save(music_file(music, channel, program), path, permissions=permissions)


def write_take(
    take: Take,
    path: Path,
    *,
    soundfont: Path | None = None,
    permissions: int | None = None,
    strip: bool = False,
    whose: str = "",
    language: str = FIRST,
) -> None:
    """The take in whatever the suffix says.

    strip: a picture that is its time line alone. whose, language: of the report.
    """
    suffix = checked(path, OF_TAKE).suffix.lower()
    if suffix == ".png":
        from improv.takes.export import picture

        write_whole(path, picture.strip(take) if strip else picture.png(take), permissions=permissions)
    elif suffix == ".html":
        from improv.takes.export.report import html

        write_whole(path, html(take, language, whose), permissions=permissions)
    else:
        write_music(of_take(take), path, soundfont=soundfont, permissions=permissions)
