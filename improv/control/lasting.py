"""What somebody began and what would last after they went: for how long it may, and how it is let go. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from improv.control.commands import (
    INTERNAL,
    LOOPS,
    WAITING_MODES,
    Command,
    Play,
    ResumeJourney,
    SetAttribute,
    SetChord,
    SetChords,
    SetClockSource,
    SetForm,
    SetKey,
    SetLimit,
    SetLock,
    SetLoop,
    SetMode,
    SetPhraseBars,
    SetReach,
)
from improv.control.locks import ALL, OFF, PLAY
from improv.control.state import ControlState
from improv.music.limits import LIMITED


class LongestTimes(NamedTuple):
    """Seconds for which each kind of thing may last; infinity: for ever.

    loop: of the last bars. chord: one that holds, or chords that go round. plan: key, phrase_bars, reach, form, each.
    attribute, limit: each. lock: against visitors. hold: of a journey. waiting: a mode in which somebody is waited for,
    since anybody played. clock: another program's that is followed and stands. pause: and what comes after the end of a
    piece.
    """

    loop: float = math.inf
    chord: float = math.inf
    plan: float = math.inf
    attribute: float = math.inf
    limit: float = math.inf
    lock: float = math.inf
    hold: float = math.inf
    waiting: float = math.inf
    clock: float = math.inf
    pause: float = math.inf


FOR_EVER = LongestTimes()


class Outside(NamedTuple):
    """What the state does not tell. clock_stands: the other program's clock does not run, or there is none.

    person: of the one who plays along: None while they play, else something that changes whenever they have played.
    """

    clock_stands: bool = False
    person: object = 0.0


class Lasting(NamedTuple):
    """kind: a field of LongestTimes. words: for people. value: another one has only begun when it is seen."""

    kind: str
    words: str
    value: object
    let_go: tuple[Command, ...]


def lasting(state: ControlState, initial: ControlState, outside: Outside) -> Iterator[Lasting]:
    """All that lasts now. initial: what nobody began, because it is what the owner chose."""
    if state.loop != LOOPS[0]:
        yield Lasting("loop", "the loop", (state.loop, state.loop_variation), (SetLoop(LOOPS[0]),))
    if state.chord is not None:
        yield Lasting("chord", "the chord that holds", state.chord, (SetChord(None),))
    if state.chords:
        yield Lasting("chord", "the chords that go round", state.chords, (SetChords(""),))
    yield from _of_the_plan(state, initial)
    for name, value in state.overrides.items():
        if value != initial.overrides.get(name):
            yield Lasting(
                "attribute", f"the attribute {name}", value, (SetAttribute(name, initial.overrides.get(name)),)
            )
    yield from _limits(state, initial)
    if state.lock != OFF:
        yield Lasting("lock", "the lock against visitors", state.lock, (SetLock(OFF),))
    if state.course is not None and state.course.held_s is not None:
        held = (state.course, state.glide.target)
        yield Lasting("hold", "the hold of the journey", held, (ResumeJourney(),))
    yield from _silent(state, initial, outside)


def _of_the_plan(state: ControlState, initial: ControlState) -> Iterator[Lasting]:
    if state.key != initial.key:
        yield Lasting("plan", "the key", state.key, (SetKey(initial.key),))
    if state.phrase_bars != initial.phrase_bars:
        yield Lasting("plan", "the length of phrases", state.phrase_bars, (SetPhraseBars(initial.phrase_bars),))
    if state.reach_fifths != initial.reach_fifths:
        yield Lasting("plan", "the reach", state.reach_fifths, (SetReach(initial.reach_fifths),))
    if state.form != initial.form:
        yield Lasting("plan", "the form", state.form, (SetForm(initial.form),))


def _limits(state: ControlState, initial: ControlState) -> Iterator[Lasting]:
    now, owners = state.standing_limits.bands, initial.standing_limits.bands
    for name in LIMITED:
        if (band := now.get(name)) != (own := owners.get(name)):
            back = SetLimit(name) if own is None else SetLimit(name, own.low, own.high)
            yield Lasting("limit", f"the limit of {name}", band, (back,))


def _silent(state: ControlState, initial: ControlState, outside: Outside) -> Iterator[Lasting]:
    """While these last there may be no music at all."""
    if state.mode in WAITING_MODES and state.mode != initial.mode and outside.person is not None:
        yield Lasting("waiting", f"the mode {state.mode}", (state.mode, outside.person), (SetMode(initial.mode),))
    if state.clock_source != INTERNAL and state.clock_source != initial.clock_source and outside.clock_stands:
        back = SetClockSource(initial.clock_source)
        yield Lasting("clock", "the other program's clock", state.clock_source, (back, Play()))
    wanted = state.presence.closed or state.lock in (PLAY, ALL)  # by the owner, or by the curator
    if not state.playing and state.clock_source == INTERNAL and not wanted:
        yield Lasting("pause", "the pause", False, (Play(),))


class LettingGo:
    """Since when each thing lasts."""

    def __init__(self, longest: LongestTimes) -> None:
        self.longest = longest
        self._since_s: dict[str, tuple[object, float]] = {}  # by words: the value, and when it was first seen

    def look(self, found: Iterator[Lasting], now_s: float) -> list[Lasting]:
        """What has lasted for long enough; it is told again after as long, if it is still there. now_s: of the clock.

        found: all that lasts now.
        """
        since_s, over = dict[str, tuple[object, float]](), list[Lasting]()
        for one in found:
            value, began_s = self._since_s.get(one.words, (None, now_s))
            if value != one.value:
                began_s = now_s
            if now_s - began_s >= getattr(self.longest, one.kind):
                over.append(one)
                began_s = now_s
            since_s[one.words] = (one.value, began_s)
        self._since_s = since_s
        return over
