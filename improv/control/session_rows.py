"""Rows of the table of commands: a person's session begins and ends; whether somebody is there at all;
what visitors may not turn."""

from __future__ import annotations

import re

from improv.control import commands
from improv.control.command_row import PRESSED, Argument, MidiAction, Row
from improv.control.locks import LOCK_MEANINGS, LOCKS
from improv.control.presence import NOBODY, PRESENT, SOMEBODY
from improv.errors import InputError

PERSON_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def person_id(text: str) -> str:
    """The id of a person, which is also the name of their folder. InputError says what is allowed."""
    if PERSON_ID.fullmatch(text):
        return text
    raise InputError(f"a person's id has 1..40 letters, digits, - or _ (got {text[:60]!r})")


SESSION_ROWS: tuple[Row, ...] = (
    Row(
        "session_start",
        "Begin a person's session: what is played is kept with the person, and limits that are set end with it.",
        commands.SetSession,
        (Argument("person", "text", "the person's id, as `improv people list` has it", read=person_id),),
    ),
    Row("session_end", "End the session; the limits from before return.", lambda: commands.SetSession("")),
    Row(
        "presence",
        "Say whether somebody is there. nobody: the music is idle at once, until somebody commands or plays.",
        commands.SetPresence,
        (Argument("present", "choice", "who is there", choices=PRESENT),),
        {
            "presence": MidiAction(
                f"0..{PRESSED - 1} nobody, {PRESSED}..127 somebody",
                lambda value: {"present": SOMEBODY if value >= PRESSED else NOBODY},
            )
        },
    ),
    Row(
        "lock",
        "What visitors may not turn until it is off again. "
        + " ".join(f"{name}: {text}." for name, text in LOCK_MEANINGS.items()),
        commands.SetLock,
        (Argument("what", "choice", "what is locked", choices=LOCKS),),
    ),
)
