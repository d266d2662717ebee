"""Scenes: all that can be commanded, as one value with a name; how a state is turned into one, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from improv.control.commands import SetMood
from improv.control.journey import Course
from improv.control.state import ControlState, apply
from improv.music.attributes import ATTRIBUTES, Attribute
from improv.music.chord import Chord
from improv.music.mood import Glide, Mood

DISCRETE = (
    "glide_s",
    "mode",
    "place",
    "loop",
    "loop_variation",
    "clock_source",
    "key",
    "chords",
    "chord",
    "phrase_bars",
    "reach_fifths",
    "form",
    "model",
)
"""What changes at once, by the fields of ControlState."""
NUMBERS = ("intensity", "temperature")
"""What glides, beside the mood and the attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a state commands, field by field as ControlState has it. Not in it: whether the music plays, a journey, and
    the limits, which hold until they are taken back.
    """

    mood: Mood
    glide_s: float
    intensity: float
    temperature: float
    overrides: Mapping[str, float]
    mode: str
    following: Mapping[str, float]
    place: str
    loop: str
    loop_variation: float
    clock_source: str
    key: int | None
    chords: str
    chord: Chord | None
    phrase_bars: int | None
    reach_fifths: int | None
    form: bool
    model: str


_ALIKE = tuple(one.name for one in fields(Scene) if one.name != "mood")


def scene_of(state: ControlState, music_s: float) -> Scene:
    """What is commanded now; of a glide or a journey the mood where it is going."""
    return Scene(mood=state.commanded_target(music_s), **{name: getattr(state, name) for name in _ALIKE})


@dataclass(frozen=True, slots=True)
class Crossing:
    """Numbers that glide with the music's seconds from one scene to another.

    attributes: by name (from, to). given_back: of those, what the mood has again at the end.
    """

    start_s: float
    duration_s: float
    numbers: Mapping[str, tuple[float, float]]
    attributes: Mapping[str, tuple[float, float]]
    given_back: frozenset[str]

    def over(self, music_s: float) -> bool:
        """Whether everything is where it goes to."""
        return music_s >= self.start_s + self.duration_s or not (self.numbers or self.attributes)

    def at(self, state: ControlState, music_s: float) -> ControlState:
        """The state at a moment of the music."""
        share = 1.0 if self.over(music_s) else max(music_s - self.start_s, 0.0) / self.duration_s
        overrides = dict(state.overrides)
        for name, (origin, goal) in self.attributes.items():
            overrides[name] = _between(ATTRIBUTES[name], origin, goal, share)
            if share == 1.0 and name in self.given_back:
                del overrides[name]
        numbers = {name: origin + share * (goal - origin) for name, (origin, goal) in self.numbers.items()}
        return replace(state, overrides=MappingProxyType(overrides), **numbers)  # type: ignore[arg-type]

    def without(self, before: ControlState, after: ControlState) -> Crossing:
        """What somebody commands meanwhile does not glide any more."""
        numbers = {name: way for name, way in self.numbers.items() if getattr(before, name) == getattr(after, name)}
        attributes = {
            name: way
            for name, way in self.attributes.items()
            if before.overrides.get(name) == after.overrides.get(name)
        }
        return replace(self, numbers=numbers, attributes=attributes)


def recalled(
    state: ControlState,
    scene: Scene,
    music_s: float,
    glide_s: float,
    meant: Callable[[Mood, ControlState], Mapping[str, float]],
) -> tuple[ControlState, Crossing | None]:
    """The state under a scene from `music_s` on, and what of it glides for `glide_s`.

    A journey under way is held, as by any mood that is commanded. meant: every attribute as a mood and a state command
    it.
    """
    old = meant(state.mood(music_s), state)
    turned = apply(state, SetMood(*scene.mood, glide_s), music_s)
    if glide_s == 0 and turned.glide.at(music_s) != scene.mood:  # a glide under way ends as well
        turned = replace(turned, glide=Glide(scene.mood, scene.mood, music_s), revision=turned.revision + 1)
    final = replace(turned, **{name: getattr(scene, name) for name in _ALIKE})
    if glide_s <= 0:
        return final, None
    free = meant(scene.mood, replace(final, course=None))
    crossing = Crossing(
        music_s,
        glide_s,
        _ways(NUMBERS, lambda name: getattr(state, name), lambda name: getattr(final, name)),
        _ways(
            {*state.overrides, *scene.overrides}, old.__getitem__, lambda name: scene.overrides.get(name, free[name])
        ),
        frozenset(state.overrides) - frozenset(scene.overrides),
    )
    return crossing.at(final, music_s), None if crossing.over(music_s) else crossing


def exchanged(
    state: ControlState, wanted: ControlState, unwanted: ControlState, music_s: float, left_s: float
) -> ControlState:
    """The state with what differs between two others as the wanted one has it; all else stays.

    left_s: of the music, when a journey of the wanted one was where it is to go on.
    """
    names = (*DISCRETE, *NUMBERS, "standing_limits", "prepared", "output_ports", "output_parts", "input_port")
    changed = {name: getattr(wanted, name) for name in names if getattr(wanted, name) != getattr(unwanted, name)}
    for name in ("overrides", "following"):
        changed[name] = _swapped(getattr(state, name), getattr(wanted, name), getattr(unwanted, name))
    if wanted.glide.target != unwanted.glide.target:
        state = apply(state, SetMood(*wanted.glide.target), music_s)
    state = replace(state, **changed)
    return state if _same_way(wanted, unwanted) else _on_course(state, wanted.course, music_s, left_s)


def _same_way(one: ControlState, other: ControlState) -> bool:
    return one.course == other.course


def _on_course(state: ControlState, course: Course | None, music_s: float, left_s: float) -> ControlState:
    """On a journey from the place where it was left, or on none."""
    here = state.mood(music_s)
    if course is None:
        target = state.glide.target
        return replace(
            state, course=None, glide=Glide(here, target, music_s, state.glide_s), revision=state.revision + 1
        )
    again = Course.begin(course.journey, here, music_s, state.glide_s, course.place_s(left_s))
    if course.held_s is not None:
        return replace(state, course=replace(again, held_s=course.held_s))
    return replace(state, course=again, revision=state.revision + 1)


def _ways(
    names: tuple[str, ...] | set[str], origin: Callable[[str], float], goal: Callable[[str], float]
) -> dict[str, tuple[float, float]]:
    ways = {name: (origin(name), goal(name)) for name in sorted(names)}
    return {name: way for name, way in ways.items() if not math.isclose(*way)}


def _between(attribute: Attribute, origin: float, goal: float, share: float) -> float:
    """On the attribute's own scale, so that a tempo rises as it is heard; exactly the goal at the end."""
    if share >= 1.0:
        return goal
    low, high = attribute.normalise(origin), attribute.normalise(goal)
    return attribute.denormalise(low + share * (high - low))


def _swapped(
    table: Mapping[str, float], wanted: Mapping[str, float], unwanted: Mapping[str, float]
) -> Mapping[str, float]:
    changed = dict(table)
    for name in {*wanted, *unwanted}:
        if wanted.get(name) != unwanted.get(name):
            changed.pop(name, None)
            if name in wanted:
                changed[name] = wanted[name]
    return MappingProxyType(changed)
