"""What is published of the plan, and which commands need one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from improv.control.commands import Command, SetChord, SetChords, SetForm, SetPhraseBars, SetReach
from improv.control.state import ControlState
from improv.engine.look_ahead import LookAhead
from improv.errors import CommandError
from improv.improviser.improviser import Improviser
from improv.music.chord import KEY_NAMES
from improv.plan.plan import Plan
from improv.plan.plan_words import marks, view

AHEAD_S = 8.0
"""So far ahead places are published: a page draws no more."""
EVERY_S = 0.2
"""A plan that changes all the time, as while a knob is turned, is published so often."""

_WITHOUT: Mapping[str, Any] = MappingProxyType({})


def commanded(controls: ControlState) -> dict[str, Any]:
    """What is commanded of the plan, in the words and numbers of the commands."""
    return {
        "key": "auto" if controls.key is None else KEY_NAMES[controls.key],
        "chords": controls.chords or "off",
        "chord": "off" if controls.chord is None else controls.chord.name_in(controls.key or 0),
        "phrase_bars": controls.phrase_bars or 0,
        "reach": -1 if controls.reach_fifths is None else controls.reach_fifths,
        "form": "on" if controls.form else "off",
    }


class Outlook:
    """The plan as it is heard and as it goes on; worked out anew once a felt beat, or when it changed."""

    def __init__(self, improviser: Improviser, ahead: LookAhead) -> None:
        self._improviser, self._ahead = improviser, ahead
        self._plan: Plan | None = None
        self._place = (0, 0, False)  # bar and felt beat that were published, and whether there was music
        self._looked_s = 0.0
        self._fields: Mapping[str, Any] = _WITHOUT

    def refuse(self, command: Command, controls: ControlState) -> None:
        """CommandError where a command needs a plan and the model that plays, or is to play, has none."""
        if not isinstance(command, SetChords | SetChord | SetPhraseBars | SetReach | SetForm):
            return
        here, given = self._improviser, command[0]
        if here.model.encoding.planned or controls.model != here.model_name:
            return
        if not (given is None or given == "" or given is True):  # what was given back needs nothing
            name = here.model.contract.name
            raise CommandError(f"the model {name} has no plan, which chords, phrase_bars, reach and form need")

    def fields(self, tick: int, now_s: float, *, playing: bool) -> Mapping[str, Any]:
        """Fields of the published state. tick: of the step that is heard. now_s: of the clock."""
        plan = self._improviser.snapshot.plan
        if plan is None or not plan.bars:
            self._plan, self._fields = None, _WITHOUT
            return self._fields
        bar = plan.bar_at(tick)
        place = (bar.number, (tick - bar.tick) // bar.metre.pulse_ticks, playing)
        changed = plan is not self._plan and now_s - self._looked_s >= EVERY_S
        if self._plan is None or place != self._place or changed:
            self._plan, self._place, self._looked_s = plan, place, now_s
            self._fields = self._look(plan, tick, AHEAD_S if playing else 0.0)
        return self._fields

    def _look(self, plan: Plan, tick: int, ahead_s: float) -> dict[str, Any]:
        seen, position = view(plan, tick), self._improviser.position
        next_due_s, tick_s = self._ahead.next_due_s, position.step_s
        last_tick = tick + round(ahead_s / tick_s)
        ahead = [
            (round(next_due_s + (mark.tick - position.tick) * tick_s, 2), *mark[1:])
            for mark in marks(plan, tick, last_tick)
        ]
        return {
            "has_plan": True,
            "plan_key": seen.key,
            "plan_chord": seen.chord,
            "plan_next_chord": seen.next_chord,
            "plan_next_in_beats": seen.next_in_beats,
            "plan_metre": seen.metre,
            "plan_section": seen.section,
            "plan_phrase_bar": seen.phrase_bar,
            "plan_phrase_bars": seen.phrase_bars,
            "plan_cadence": seen.cadence,
            "plan_piece": seen.piece,
            "plan_refers_bars_ago": seen.refers_bars_ago,
            "plan_likeness": seen.likeness,
            "plan_ahead": tuple(ahead),
        }
