"""What a visitor may command, whatever the curator has locked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from improv.control import commands, locks
from improv.control.command_table import COMMANDS
from improv.control.commands import Command
from improv.control.journey import Course, Journey, Waypoint
from improv.control.locks import ALL, EVERYTHING, LOCKS, MODE, MOOD, OFF, PLAY, TOUCHES, VOLUME, touched, yielding
from improv.control.parse import parse
from improv.control.state import ControlState, apply
from improv.errors import CommandError
from improv.music.limits import Limits
from improv.music.mood import Mood

FREELY = ControlState(glide_s=4.0, intensity=0.5, temperature=1.0)
MUSIC_S = 100.0


def refuse(command: Command, lock: str) -> None:
    locks.refuse(command, replace(FREELY, lock=lock))


OF: list[tuple[Command, set[str]]] = [
    (commands.SetMood(0.1, 0.2), {MOOD}),
    (commands.Tap(), {MOOD}),
    (commands.SetLimit("tempo", 60, 70), {MOOD}),
    (commands.StartJourney(), {MOOD}),
    (commands.SetLimit("loudness", 1, 40), {VOLUME}),
    (commands.SetAttribute("loudness", 60), {VOLUME}),
    (commands.SetAttribute("tempo", 60), {MOOD}),
    (commands.SetMode("duet"), {MODE}),
    *((commands.SetMode(waiting), {MODE, PLAY}) for waiting in commands.WAITING_MODES),
    (commands.Play(), {PLAY}),
    (commands.Pause(), {PLAY}),
    (commands.Stop(), {PLAY}),
    (commands.RecallScene("Bridge"), {MOOD, VOLUME, MODE, PLAY}),
    (commands.SetPresence("nobody"), {MOOD, MODE}),
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


@pytest.mark.parametrize("command", [commands.Panic(), commands.AllNotesOff(), commands.SetPresence("somebody")])
def test_silence_is_never_locked_nor_that_somebody_is_there(command: Command) -> None:
    for lock in LOCKS:
        refuse(command, lock)


@pytest.mark.parametrize(
    "command",
    [
        commands.SetLock(OFF),
        commands.SetSession("ada"),
        commands.SetOutput("piano"),
        commands.SetParts("hands"),
        commands.SetInput("keys"),
    ],
)
def test_some_things_are_no_visitors_at_any_time(command: Command) -> None:
    for lock in LOCKS:
        with pytest.raises(CommandError, match=r"for the curator alone"):
            refuse(command, lock)


def test_the_commands_of_the_curator_are_known_by_their_names() -> None:
    values = {"person": "ada", "what": "off", "port": "own", "split": "off"}
    refused = set()
    for row in COMMANDS.values():
        needed = {one.name: values[one.name] for one in row.arguments if one.name in values and not one.optional}
        try:
            refuse(parse({"command": row.name, **needed}), OFF)
        except CommandError as error:
            refused |= {row.name} if "for the curator alone" in str(error) else set()
    assert refused == set(locks.OF_THE_CURATOR)


def test_the_command_offers_every_lock() -> None:
    assert COMMANDS["lock"].arguments[0].choices == LOCKS


def journey(*, ends: bool, limits: Limits | None = None) -> Journey:
    points = (Waypoint(0.0, Mood(0.1, 0.2)), Waypoint(300.0, Mood(0.5, 0.9)))
    return Journey("evening", points, limits or Limits(), ends)


def on_the_way(plan: Journey, *, held: bool = False) -> ControlState:
    course = Course.begin(plan, Mood(0.0, 0.0), MUSIC_S - 50, 4.0)
    return replace(FREELY, prepared=plan, course=course.hold(MUSIC_S) if held else course)


ENDS = journey(ends=True)
QUIET = journey(ends=False, limits=Limits().changed("loudness", 1, 40))
STATES = {
    "nothing": FREELY,
    "resting": replace(FREELY, playing=False),
    "ending": replace(FREELY, ending=True),
    "overridden": apply(FREELY, commands.SetAttribute("loudness", 90.0), MUSIC_S),
    "a journey that ends is prepared": replace(FREELY, prepared=ENDS),
    "a quiet journey is prepared": replace(FREELY, prepared=QUIET),
    "on a journey": on_the_way(journey(ends=False)),
    "on a journey that ends": on_the_way(ENDS),
    "on a journey that ends, held": on_the_way(ENDS, held=True),
    "on a quiet journey": on_the_way(QUIET),
    "on a quiet journey, held": on_the_way(QUIET, held=True),
    "from a quiet journey to one that ends": replace(on_the_way(QUIET), prepared=ENDS),
}
EXAMPLES: tuple[Command, ...] = (
    commands.SetMood(-0.7, 0.3),
    commands.SetIntensity(0.1),
    commands.SetTemperature(1.3),
    commands.SetGlide(20.0),
    *(commands.SetAttribute(name, 50.0) for name in ("tempo", "register", "loudness")),
    *(commands.SetLimit(name, 40.0, 50.0) for name in ("tempo", "register", "loudness")),
    commands.StartJourney(),
    commands.StartJourney(ENDS),
    commands.StartJourney(QUIET),
    commands.HoldJourney(),
    commands.ResumeJourney(),
    commands.AbortJourney(),
    commands.JumpJourney(seconds=0.0),
    commands.JumpJourney(share=1.0),
    commands.Tap(),
    *(commands.SetMode(name) for name in commands.MODES),
    *(commands.SetFollow(name, 0.33) for name in commands.FOLLOWED),
    *(commands.SetPlace(name) for name in commands.PLACES),
    commands.HandOver(),
    commands.Play(),
    commands.Pause(),
    commands.PlayPause(),
    commands.End(),
    commands.Stop(),
    commands.AllNotesOff(),
    commands.Panic(),
    commands.SetPresence("nobody"),
    commands.SetPresence("somebody"),
)
IDLE = commands.SetIdle(True, -0.9, -0.9, "duet")  # what may follow where nobody is there


def travels(state: ControlState) -> bool:
    """Whether a journey goes on: whoever set out on one listens, so nothing is idle."""
    return state.course is not None and state.course.held_s is None


def seen(state: ControlState, music_s: float) -> dict[str, Any]:
    """What each lock holds, at a moment of the music."""
    state = state.reached(music_s)
    free = {name: value for name, value in state.overrides.items() if name != "loudness"}
    bands = {name: band for name, band in state.limits.bands.items() if name != "loudness"}
    feeling = (state.mood(music_s), state.glide_s, state.intensity, state.temperature)
    return {
        MOOD: (*feeling, free, bands, state.course and state.course.held_s),
        VOLUME: (state.overrides.get("loudness"), state.limits.bands.get("loudness")),
        MODE: (state.mode, dict(state.following), state.place),
        PLAY: (state.playing, state.ending, state.stopping),
    }


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("lock", [MOOD, VOLUME, MODE, PLAY, ALL])
def test_what_a_visitor_may_command_leaves_what_is_locked_as_it_is(name: str, lock: str) -> None:
    """Now, and in whatever follows until long after a journey."""
    before = replace(STATES[name], lock=lock)
    for example in EXAMPLES:
        try:
            locks.refuse(example, before)
        except CommandError:
            continue
        idle = isinstance(example, commands.SetPresence) and example.present == "nobody" and not travels(before)
        command = IDLE if idle else yielding(example, lock)
        after = apply(before, command, MUSIC_S)
        for music_s in (MUSIC_S, MUSIC_S + 10.0, MUSIC_S + 10_000.0):
            for part in EVERYTHING if lock == ALL else (lock,):
                assert seen(after, music_s)[part] == seen(before, music_s)[part], (example, part)


def test_each_command_that_is_not_under_every_lock_is_looked_at() -> None:
    assert {type(one) for one in EXAMPLES} == set(TOUCHES)
    assert set(TOUCHES) <= set(get_args(Command))


def test_a_command_of_which_nobody_said_what_it_touches_is_refused_under_any_lock() -> None:
    class New(commands.Play): ...

    assert touched(New(), FREELY) == EVERYTHING


def test_while_play_is_locked_a_visitor_sets_out_on_no_journey_that_ends_the_music() -> None:
    locked = replace(FREELY, lock=PLAY)
    locks.refuse(commands.StartJourney(journey(ends=False)), locked)
    with pytest.raises(CommandError, match="has locked play, pause, end and stop"):
        locks.refuse(commands.StartJourney(ENDS), locked)
    locks.refuse(commands.SetMood(0.1, 0.1), locked)
