"""What the foot does: a sustain pedal that changes with the harmony, as people's habits have it. Pure.

At each felt beat and half of one the foot decides. Three logistic curves say how likely people are to lift a pedal that
is down, to press it again at once (legato pedalling: up as the new chord begins, down just after it), and to press one
that is up. What they are told is a `Moment`. The curves are fitted by `python -m training pedal-habits`, which sees
people's pieces as the same moments. `habits.json` has the numbers and their sources.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from improv.model.habits import PEDAL
from improv.model.habits import told as told_habits

FORMAT = 1
WINDOW_BEATS = 4.0
"""Quarters that count as lately."""
HALF_BEAT, BEAT, MIDDLE, BAR_LINE = range(4)
"""Strengths of a moment."""
LOW_PITCH = 55
"""Below it two tones that are a tone or less apart rumble."""
MUD_PITCH = 48
RINGING = 48
"""As many of the strings that the pedal holds are kept in mind."""
USUAL_ARTICULATION = 0.85
LONGEST_SINCE_BEATS = 16.0


MORE_PRESSES = 1.1
"""Added to the logits of pressing. Our rules lift it more often than people do: with the curves as they are it is down
.41 of the time, at 0.6 .52, at 1.25 .69 (24 pieces of a minute); people's is down .62 (test) to .66 (training pieces).
"""
SPREAD_BOUND = 1.5
"""Pieces differ by so many standard deviations at most."""
FEATURES = (
    *("one", "half_beat", "middle", "bar_line", "change", "strikes", "bass", "since", "beat_s", "onsets", "minor"),
    *("articulation", "chordal", "low_clash", "clash"),
)
"""What the curves are told, in order: see `features`."""


class Struck(NamedTuple):
    """What a hand struck. tick: when. ticks: how long the keys are held. notes: how many."""

    tick: int
    hand: int
    ticks: int
    notes: int


class Moment(NamedTuple):
    """What the foot knows when it decides.

    strength: HALF_BEAT .. BAR_LINE. change: another chord begins. strikes, bass: something is struck; the left hand
    strikes. since_beats: quarters since the pedal was moved. beat_s: of a quarter, seconds. onsets: in the last four
    quarters. minor: the mode. articulation: 0..1, of the last four quarters, length of keys over the time to the hand's
    next ones. together: notes at an onset. low_clash, clash: what is struck lies, deep down, a tone or less from what
    rings on; lies a semitone from it in any octave.
    """

    strength: int
    change: bool
    strikes: bool
    bass: bool
    since_beats: float
    beat_s: float
    onsets: int
    minor: bool
    articulation: float
    together: float
    low_clash: bool
    clash: bool


class Curve(NamedTuple):
    """weights: of FEATURES. spread: standard deviation of the intercept from piece to piece."""

    weights: tuple[float, ...]
    spread: float

    def share(self, told: Sequence[float], more: float = 0.0) -> float:
        """0..1, how often people do it there. more: added to the logit."""
        logit = sum(map(float.__mul__, self.weights, told)) + more
        return 1 / (1 + math.exp(-min(max(logit, -30.0), 30.0)))


class Habits(NamedTuple):
    """lift, again, press: the curves. again_s, late_s: quantiles of the seconds from the lift, and from the moment, to
    the pedal's going down. lift_s: from the moment to the lift. longest_s: so long it is down at most.
    """

    lift: Curve
    again: Curve
    press: Curve
    again_s: tuple[float, ...]
    late_s: tuple[float, ...]
    lift_s: float
    longest_s: float


@cache
def habits() -> Habits:
    """Those of people, from the file beside this one."""
    told = json.loads(resources.files("improv.improviser").joinpath("habits.json").read_text(encoding="utf-8"))
    if told["format"] != FORMAT or tuple(told["features"]) != FEATURES:
        raise ValueError("improv/improviser/habits.json is of another version: make it anew by pedal-habits")
    lift, again, press = (Curve(tuple(map(float, told[n]["weights"])), told[n]["spread"]) for n in Habits._fields[:3])
    return Habits(
        lift, again, press, tuple(told["again_s"]), tuple(told["late_s"]), told["lift_s"], float(told["longest_s"])
    )


def features(moment: Moment) -> tuple[float, ...]:
    """The numbers of FEATURES. Times and counts are logarithms to the base 2."""
    since = min(max(moment.since_beats, 0.0), LONGEST_SINCE_BEATS)
    return (
        1.0,
        float(moment.strength == HALF_BEAT),
        float(moment.strength == MIDDLE),
        float(moment.strength == BAR_LINE),
        float(moment.change),
        float(moment.strikes),
        float(moment.bass),
        math.log2(0.25 + since),
        math.log2(moment.beat_s),
        math.log2(1 + moment.onsets),
        float(moment.minor),
        moment.articulation,
        math.log2(max(moment.together, 1.0)),
        float(moment.low_clash),
        float(moment.clash),
    )


def clashes(struck: Iterable[int], ringing: Iterable[int]) -> tuple[bool, bool]:
    """Whether a pitch that is struck clashes with one that rings: deep down by a tone or less; anywhere by a semitone
    or its octaves. The same pitch never does.
    """
    low = harsh = False
    rings = tuple(ringing)
    for one in struck:
        for other in rings:
            apart = abs(one - other)
            low |= 1 <= apart <= 2 and min(one, other) < LOW_PITCH
            harsh |= apart % 12 in (1, 11)
    return low, harsh


def is_mud(struck: Iterable[int], ringing: Iterable[int]) -> bool:
    """Whether something that is struck lies a tone or less from what rings, both in the lowest register: nobody lets
    that sound on."""
    rings = [pitch for pitch in ringing if pitch < MUD_PITCH]
    return any(1 <= abs(one - other) <= 2 for one in struck if one < MUD_PITCH for other in rings)


def lately(struck: Sequence[Struck], tick: int, ticks_per_beat: int) -> tuple[int, float, float]:
    """Of the last four quarters before a tick and at it: onsets, articulation, notes at an onset."""
    from_tick = tick - WINDOW_BEATS * ticks_per_beat
    recent = [one for one in struck if one.tick > from_tick]
    onsets = len({one.tick for one in recent})
    last: dict[int, int] = {}
    held = notes = 0.0
    for one in reversed(recent):  # the time to the next onset of the hand is known of all but its last
        if (following := last.get(one.hand)) is not None and following > one.tick:
            held += one.notes * min(one.ticks / (following - one.tick), 1.0)
            notes += one.notes
        last[one.hand] = one.tick
    together = sum(one.notes for one in recent) / max(onsets, 1)
    return onsets, held / notes if notes else USUAL_ARTICULATION, together


class Character(NamedTuple):
    """How much a piece does otherwise than others, added to the logits."""

    lift: float = 0.0
    again: float = 0.0
    press: float = 0.0


def draw_character(rng: np.random.Generator, own: str = "") -> Character:
    """Within people's spread. own: habits of a composer (`improv.model.habits`), whose pieces lie around his own."""
    people, his = habits(), told_habits(own).get("pedal", {})
    drawn = np.clip(rng.standard_normal(3), -SPREAD_BOUND, SPREAD_BOUND)
    curves = (people.lift, people.again, people.press)
    spread = (curve.spread * float(one) for curve, one in zip(curves, drawn, strict=True))
    return Character(*(one + float(his.get(name, 0.0)) for name, one in zip(PEDAL, spread, strict=True)))


class Move(NamedTuple):
    """What the foot does from a moment on, in seconds after it. up_s: the pedal rises. down_s: it goes down. None: it
    does not.
    """

    up_s: float | None = None
    down_s: float | None = None


def decide(
    moment: Moment, *, down: bool, must: bool, strength: float, character: Character, rng: np.random.Generator
) -> Move:
    """What the foot does at a moment. down: where the pedal is. must: a pedal that is down has to rise now. strength:
    0 never presses .. 1 as people .. 2 more.

    The pedal goes down before the next half of a beat.
    """
    people, told = habits(), features(moment)
    more = MORE_PRESSES + math.log2(max(strength, 1e-3))
    first, second, place = rng.random(3)
    room_s = 0.4 * moment.beat_s
    if not down:
        if first >= people.press.share(told, character.press + more):
            return Move()
        return Move(down_s=min(_quantile(people.late_s, place), room_s))
    if not must and first >= people.lift.share(told, character.lift):
        return Move()
    up_s = min(people.lift_s, room_s / 2)
    if second >= people.again.share(told, character.again + more):
        return Move(up_s=up_s)
    return Move(up_s, min(up_s + _quantile(people.again_s, place), room_s))


def _quantile(values: Sequence[float], place: float) -> float:
    """The value at a place 0..1 of evenly spaced quantiles."""
    at = place * (len(values) - 1)
    low = min(int(at), len(values) - 2)
    return values[low] + (at - low) * (values[low + 1] - values[low])
