"""Rows of the table of commands: what the music begins from."""

from __future__ import annotations

from improv.control.command_row import Argument, Row, button
from improv.control.commands import FILE, PLAYED, TAKE, BeginFrom
from improv.errors import InputError
from improv.music.primer import MOST_BARS

LAST_BAR = 100_000


def _named(text: str) -> str:
    """A name that somebody gave. InputError when it is none."""
    if not text or not text.isprintable():
        raise InputError("a name must not be empty, nor have signs that cannot be printed")
    return text


_WHICH = (
    Argument("bars", "whole", "how many bars; left out: a phrase", 1, MOST_BARS, "bars", optional=True),
    Argument("from_bar", "whole", "the first of them; left out: {}", 1, LAST_BAR, optional=True),
)


def _which(first: str) -> tuple[Argument, ...]:
    return (_WHICH[0], _WHICH[1]._replace(text=_WHICH[1].text.format(first)))


BEGINNING_ROWS: tuple[Row, ...] = (
    Row(
        "begin_from_played",
        "Continue from what you just played: key, tempo and theme. If you did not play, from what BrainMusic played.",
        lambda: BeginFrom(PLAYED),
        (),
        button("begin_from_played"),
    ),
    Row(
        "begin_from_take",
        "Continue from bars of a take: their key, tempo and theme.",
        lambda take, bars, from_bar: BeginFrom(TAKE, take, bars, from_bar),
        (
            Argument("take", "text", "how its name begins; last: the newest", read=_named),
            *_which("the last bars"),
        ),
    ),
    Row(
        "begin_from_file",
        "Continue from bars of a MIDI file: their key, tempo and theme.",
        lambda file, bars, from_bar: BeginFrom(FILE, file, bars, from_bar),
        (Argument("file", "text", "its name in the folder for this (music.beginnings)", read=_named), *_which("1")),
    ),
)
