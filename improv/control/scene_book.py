"""All scenes by their names, and the set list: one frozen value; a change makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from improv.control.commands import LANDINGS
from improv.control.scene import Scene
from improv.errors import CommandError

MOST_SCENES, LONGEST_SET_LIST, LONGEST_NAME = 100, 200, 40
BETWEEN = ","
"""Parts names where they stand in one text, so it is in none of them."""


def scene_name(text: str) -> str:
    """A name that a scene may have. ValueError says what is allowed."""
    name = " ".join(text.split())
    if 1 <= len(name) <= LONGEST_NAME and name.isprintable() and BETWEEN not in name:
        return name
    raise ValueError(f"a scene's name must be 1..{LONGEST_NAME} signs without a comma (got {text[:60]!r})")


def set_list_of(text: str) -> tuple[str, ...]:
    """Names from a text that parts them by commas. ValueError where one cannot be a name or they are too many."""
    names = tuple(scene_name(one) for one in text.split(BETWEEN) if one.strip())
    if len(names) > LONGEST_SET_LIST:
        raise ValueError(f"a set list holds at most {LONGEST_SET_LIST} scenes (got {len(names)})")
    return names


class Recalled(NamedTuple):
    """The scene that was recalled or kept last, and its place in the set list, from 1; 0: before the first."""

    name: str = ""
    place: int = 0


@dataclass(frozen=True, slots=True)
class SceneBook:
    """set_list: names, one may come more than once. at, glide_s: how scenes are recalled where nobody says otherwise;
    glide_s None: as the glide of moods.
    """

    scenes: Mapping[str, Scene] = field(default_factory=lambda: MappingProxyType({}))
    set_list: tuple[str, ...] = ()
    at: str = LANDINGS[0]
    glide_s: float | None = None

    def scene(self, name: str) -> Scene:
        """CommandError where there is none of that name."""
        if name not in self.scenes:
            raise CommandError(f"there is no scene {name!r}; there are: {', '.join(self.scenes) or 'none yet'}")
        return self.scenes[name]

    def kept(self, name: str, scene: Scene) -> SceneBook:
        """With a scene; a new one comes last in the set list."""
        if name not in self.scenes and len(self.scenes) >= MOST_SCENES:
            raise CommandError(f"at most {MOST_SCENES} scenes can be kept; delete one first")
        new = name not in self.scenes and len(self.set_list) < LONGEST_SET_LIST
        scenes = MappingProxyType({**self.scenes, name: scene})
        return replace(self, scenes=scenes, set_list=(*self.set_list, name) if new else self.set_list)

    def renamed(self, name: str, to: str) -> SceneBook:
        """With another name for a scene, at its places."""
        self.scene(name)
        if to != name and to in self.scenes:
            raise CommandError(f"there is a scene {to!r} already")
        scenes = {to if one == name else one: scene for one, scene in self.scenes.items()}
        set_list = tuple(to if one == name else one for one in self.set_list)
        return replace(self, scenes=MappingProxyType(scenes), set_list=set_list)

    def without(self, name: str) -> SceneBook:
        """Without a scene."""
        self.scene(name)
        scenes = {one: scene for one, scene in self.scenes.items() if one != name}
        set_list = tuple(one for one in self.set_list if one != name)
        return replace(self, scenes=MappingProxyType(scenes), set_list=set_list)

    def listed(self, names: tuple[str, ...]) -> SceneBook:
        """With another set list, of scenes that are there."""
        for name in names:
            self.scene(name)
        return replace(self, set_list=names)

    def place_of(self, name: str, place: int) -> int:
        """Where a scene stands in the set list, from 1: after `place` rather than before; `place` where it does not."""
        places = [number for number, one in enumerate(self.set_list, 1) if one == name]
        return next((number for number in places if number >= place), places[0] if places else place)
