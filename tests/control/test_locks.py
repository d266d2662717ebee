"""What a visitor may command, whatever the curator has locked."""

from __future__ import annotations

import pytest

from improv.control import commands
from improv.control.command_table import COMMANDS
from improv.control.commands import Command
from improv.control.locks import ALL, LOCKS, MODE, MOOD, OFF, PLAY, VOLUME, refuse
from improv.errors import CommandError

OF: list[tuple[Command, set[str]]] = [
    (commands.SetMood(0.1, 0.2), {MOOD}),
    (commands.Tap(), {MOOD}),
    (commands.SetLimit("tempo", 60, 70), {MOOD}),
    (commands.StartJourney(), {MOOD}),
    (commands.SetLimit("loudness", 1, 40), {VOLUME}),
    (commands.SetAttribute("loudness", 60), {VOLUME}),
    (commands.SetAttribute("tempo", 60), {MOOD}),
    (commands.SetMode("duet"), {MODE}),
    (commands.Play(), {PLAY}),
    (commands.Pause(), {PLAY}),
    (commands.Stop(), {PLAY}),
    (commands.RecallScene("Bridge"), {MOOD, VOLUME, MODE, PLAY}),
    (commands.Undo(), {MOOD, VOLUME, MODE, PLAY}),
    (commands.Reset(), {MOOD, VOLUME, MODE, PLAY}),
    (commands.SetModel("melody"), {MOOD, VOLUME, MODE, PLAY}),
]


@pytest.mark.parametrize(("command", "refused"), OF, ids=lambda one: str(one)[:40])
def test_a_lock_refuses_its_own_part_and_all_refuses_everything(command: Command, refused: set[str]) -> None:
    refuse(command, OFF)
    for lock in LOCKS[1:]:
        if lock in {*refused, ALL}:
            with pytest.raises(CommandError, match=r"^the curator has locked "):
                refuse(command, lock)
        else:
            refuse(command, lock)


@pytest.mark.parametrize("command", [commands.Panic(), commands.AllNotesOff(), commands.SetPresence("nobody")])
def test_silence_is_never_locked(command: Command) -> None:
    for lock in LOCKS:
        refuse(command, lock)


@pytest.mark.parametrize(
    "command",
    [commands.SetLock(OFF), commands.SetSession("ada"), commands.SetOutput("piano"), commands.SetInput("keys")],
)
def test_some_things_are_no_visitors_at_any_time(command: Command) -> None:
    for lock in LOCKS:
        with pytest.raises(CommandError, match=r"for the curator alone"):
            refuse(command, lock)


def test_the_command_offers_every_lock() -> None:
    assert COMMANDS["lock"].arguments[0].choices == LOCKS
