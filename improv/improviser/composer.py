"""Keeps the plan ahead of the music, for models that are told one, and what was played for it to refer to."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from improv.control.state import ControlState
from improv.improviser.priming import remember
from improv.improviser.request import Circumstances, PlannedPlace, commanded_attributes
from improv.improviser.settings import Settings
from improv.improviser.snapshot import Snapshot
from improv.model import plan_inputs
from improv.model.vocabulary import GridStep
from improv.music.attributes import Key
from improv.music.chord import MINOR_KEYS
from improv.music.lead_sheet import Loop, parse_loop
from improv.music.position import Position
from improv.music.primer import Primer
from improv.plan import dynamics, plan_from_primer
from improv.plan.network_row import columns
from improv.plan.piece_memory import PieceMemory
from improv.plan.plan import Plan, PlannedBar
from improv.plan.plan_request import DEFAULT_REACH, PersonView, PlanRequest
from improv.plan.planner import follow, realign

PLANNED_AHEAD_S = 4.0
"""The plan follows the mood of so much later: a phrase is planned before it is reached."""
OTHER_HAND_AWAY = (-8.0, 11.0)
"""Semitones from the own hand to the mean of both, where a person plays the left and the right one: people's hands lie
at 48 and 67 in the mean of all notes at 59.
"""
DENSER_PER_VALENCE = 0.6
"""Onsets a second at valence 1: pleasant moods of plans were taken for sad where they were as sparse as commanded."""
PLAIN_VALENCE, NEAR_KEYS, THEIR_KEYS = 0.5, 1, 0
"""A mood that is plainly pleasant or unpleasant modulates by a fifth at most: further keys are in the other mode.
Beside a person who plays in a key it does not modulate at all.
"""
JOURNEY_VARIETY = 0.1
"""On a journey the mood leads: how far pieces, sections and phrases then differ in anything else, of what they do
otherwise.
"""
TEMPO_BREATHES = 1.4
"""Of the plan's: so that bars vary by 6 % in length, as people's do."""
_NO_CONTEXT = np.zeros((1, 4), dtype=np.int16)


def variety(controls: ControlState) -> float:
    """How far the music may differ in itself beside what is commanded, 0..1."""
    return 1.0 if controls.course is None else JOURNEY_VARIETY


class Composer:
    """The memory of what was played, and the way from a snapshot to what the plan says of its step.

    The plan itself stands in the snapshot, so that a step that is taken back takes its plan back.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._memory = PieceMemory()
        self._tempo_factors: dict[int, float] = {}  # of each piece, by number

    def planned(
        self, snapshot: Snapshot, controls: ControlState, settings: Settings, around: Circumstances
    ) -> Snapshot:
        """The snapshot with a plan that reaches beyond its step, and in the metre of its bar."""
        if not snapshot.encoding.planned:
            return snapshot if snapshot.plan is None else replace(snapshot, plan=None)
        request = self._request(snapshot, controls, settings, around)
        position, plan = snapshot.position, snapshot.plan
        if plan is not None and position.tick == position.bar_tick and plan.bar_at(position.tick).tick != position.tick:
            plan = realign(plan, request, position.tick)
        plan = follow(plan, request, position.tick, self._seed)
        self._tempo_factors[plan.piece.number] = plan.piece.character.tempo_factor
        snapshot = replace(snapshot, plan=plan, position=_in_metre(position, plan.bar_at(position.tick)))
        if snapshot.end_key is not None and snapshot.end_tick is not None:
            key = plan.bar_at(snapshot.end_tick - 1).chords[-1].key
            snapshot = replace(snapshot, end_key=Key(key % 12, key < MINOR_KEYS))
        return snapshot

    def begun_from(
        self,
        primer: Primer,
        snapshot: Snapshot,
        controls: ControlState,
        settings: Settings,
        around: Circumstances,
    ) -> Snapshot:
        """The snapshot on a bar line with a plan that goes on from a primer, in its tempo; nothing else was played."""
        position, free = snapshot.position, around.tempo_bpm is None and snapshot.encoding.tempo_bpm is None
        if not snapshot.encoding.planned:
            tempo_bpm = controls.limits.tempo_bpm(primer.tempo_bpm) if free else position.tempo_bpm
            return replace(snapshot, position=position._replace(tempo_bpm=tempo_bpm))
        request = self._request(snapshot, controls, settings, around)
        plan = plan_from_primer.begun_from(primer, request, position.tick, self._seed)
        self._memory = PieceMemory()
        remember(self._memory, primer, plan)
        if free:  # the piece's own factor is on top of it
            own_bpm = primer.tempo_bpm / plan.piece.character.tempo_factor
            position = position._replace(tempo_bpm=controls.limits.tempo_bpm(own_bpm))
        return replace(snapshot, plan=plan, position=position)

    @staticmethod
    def _request(snapshot: Snapshot, controls: ControlState, settings: Settings, around: Circumstances) -> PlanRequest:
        position, theirs = snapshot.position, around.influence.at(snapshot.position.tick)
        mood = theirs.mixed(controls.mood(position.music_s + PLANNED_AHEAD_S))
        attributes = commanded_attributes(mood, controls, settings, around.tempo_bpm)
        attributes |= {name: value for name, value in theirs.attributes.items() if name != "tempo"}
        if theirs.person_hand is not None:  # what is asked for is where our hand lies, a plan has both
            attributes["register"] += OTHER_HAND_AWAY[theirs.person_hand]
        key, reach = theirs.planned_key, NEAR_KEYS if abs(mood.valence) >= PLAIN_VALENCE else DEFAULT_REACH
        reach = reach if key is None else THEIR_KEYS
        left = None if snapshot.end_tick is None else snapshot.end_tick - position.bar_tick
        return PlanRequest(
            mood=mood,
            attributes=attributes
            | {"onset_density": attributes["onset_density"] + DENSER_PER_VALENCE * max(mood.valence, 0)},
            tempo_bpm=attributes["tempo"],
            key=controls.key,
            loop=_loop(controls.chords),
            chord=controls.chord,
            phrase_bars=controls.phrase_bars,
            reach_fifths=reach if controls.reach_fifths is None else controls.reach_fifths,
            form=controls.form,
            bar_beats=None if settings.metres_vary and around.tempo_bpm is None else settings.beats_per_bar,
            person=PersonView(key, theirs.harmony),
            variety=variety(controls),
            habits=snapshot.model.contract.habits,
            end_in_bars=None if left is None else max(1, -(-left // position.bar_ticks)),
        )

    def place(self, snapshot: Snapshot, controls: ControlState, person_hand: int | None = None) -> PlannedPlace | None:
        """What the plan says of the snapshot's step; None without a plan. person_hand: that nobody can plan."""
        plan, tick = snapshot.plan, snapshot.position.tick
        if plan is None:
            return None
        bar = plan.bar_at(tick)
        self._memory.begin(bar.number, bar.tick, bar.metre.bar_ticks)
        told = columns(plan, self._memory, bar.number, tick - bar.tick, person_hand)
        vector = plan_inputs.expand(told.row[None], told.references[None], _NO_CONTEXT)[0]
        piece = self._tempo_factors.get(bar.piece, 1.0)
        breath = 1 + TEMPO_BREATHES * (bar.tempo_factor - 1)
        louder = variety(controls) * dynamics.level(self._seed, bar)
        return PlannedPlace(vector, bar, piece * breath, bar.loudness, louder)

    def remember(self, plan: Plan | None, tick: int, grid: GridStep) -> None:
        """What a step began at a tick of the music, by hand; the plan may refer to it later."""
        if plan is None or not grid.hands:
            return
        bar = plan.bar_at(tick)
        self._memory.begin(bar.number, bar.tick, bar.metre.bar_ticks)
        for pitch, hand in zip(grid.started, grid.hands, strict=True):
            self._memory.remember(bar.number, tick - bar.tick, hand, (pitch,))

    def forget(self, tick: int) -> None:
        """Nothing from `tick` on was played."""
        self._memory.forget(tick)

    def anew(self) -> None:
        """Nothing was played."""
        self._memory = PieceMemory()


@lru_cache(maxsize=8)
def _loop(text: str) -> Loop:
    return parse_loop(text)


def _in_metre(position: Position, bar: PlannedBar) -> Position:
    """On the planned bar line, the metre of the bar that begins."""
    if position.tick != bar.tick or position.tick != position.bar_tick:
        return position
    return position._replace(beats_per_bar=bar.metre.bar_ticks / position.ticks_per_beat)
