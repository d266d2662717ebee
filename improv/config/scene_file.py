"""The file of the scenes: read with sentences that name what is wrong, written whole.

What cannot be used of a file is left out; a copy of it is set aside before anything is written over it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from improv.config import faults
from improv.config.sections.section import Section, TableError
from improv.control.commands import (
    CLOCK_SOURCES,
    FOLLOWED,
    FOLLOWING,
    LANDINGS,
    LONGEST_GLIDE_S,
    LOOPS,
    MODES,
    PLACES,
    TEMPERATURE_RANGE,
)
from improv.control.scene import Scene
from improv.control.scene_book import LONGEST_SET_LIST, MOST_SCENES, SceneBook, scene_name
from improv.errors import InputError
from improv.files import read_text
from improv.music.attributes import ATTRIBUTES
from improv.music.chord import KEY_NAMES, chord_named, key_named
from improv.music.lead_sheet import FARTHEST_REACH, LONGEST_PHRASE, checked_loop
from improv.music.mood import Mood

FORMAT = 1
LARGEST_FILE = 1 << 20  # bytes; a full book has some 100 kB
SET_ASIDE = ".faulty"
LONGEST_MODEL = 4096


def _point(value: object) -> object:
    numbers = isinstance(value, list) and len(value) == 2 and all(isinstance(one, int | float) for one in value)
    if isinstance(value, list) and numbers and all(-1 <= one <= 1 for one in value):
        return Mood(*map(float, value))
    raise ValueError(f"must be [valence, arousal], each -1..1 (got {faults.shown(value)})")


def _table(value: object, ranges: dict[str, tuple[float, float]]) -> object:
    if not isinstance(value, dict):
        return value  # pydantic says that it is no table
    for name, number in value.items():
        low, high = ranges.get(name, (0.0, -1.0))
        if not isinstance(number, int | float) or isinstance(number, bool) or not low <= number <= high:
            allowed = f"{low:g}..{high:g}" if name in ranges else f"one of {', '.join(ranges)}"
            raise TableError((name,), f"must be {allowed} (got {faults.shown(number if name in ranges else name)})")
    return {name: float(number) for name, number in value.items()}


def _one_of(words: tuple[str, ...]) -> Callable[[object], object]:
    def checked(value: object) -> object:
        if value in words:
            return value
        raise ValueError(f"must be one of {', '.join(words)} (got {faults.shown(value)})")

    return checked


_ATTRIBUTE_RANGES = {name: (one.low, one.high) for name, one in ATTRIBUTES.items()}
_FOLLOW_RANGES = dict.fromkeys(FOLLOWED, (0.0, 1.0))


class SceneTable(Section):
    """A scene in the file; what is left out is as at the start of a program that is not configured."""

    mood: Annotated[Mood, BeforeValidator(_point)]
    glide_s: float = Field(ge=0, le=LONGEST_GLIDE_S)
    intensity: float = Field(ge=0, le=1)
    temperature: float = Field(ge=TEMPERATURE_RANGE[0], le=TEMPERATURE_RANGE[1])
    overrides: Annotated[dict[str, float], BeforeValidator(lambda value: _table(value, _ATTRIBUTE_RANGES))] = {}
    mode: Annotated[str, BeforeValidator(_one_of(MODES))] = MODES[0]
    following: Annotated[dict[str, float], BeforeValidator(lambda value: _table(value, _FOLLOW_RANGES))] = {}
    place: Annotated[str, BeforeValidator(_one_of(PLACES))] = PLACES[0]
    loop: Annotated[str, BeforeValidator(_one_of(LOOPS))] = LOOPS[0]
    loop_variation: float = Field(0.0, ge=0, le=1)
    clock_source: Annotated[str, BeforeValidator(_one_of(CLOCK_SOURCES))] = CLOCK_SOURCES[0]
    key: str | None = None
    chords: str = ""
    chord: str | None = None
    phrase_bars: int | None = Field(None, ge=1, le=LONGEST_PHRASE)
    reach_fifths: int | None = Field(None, ge=0, le=FARTHEST_REACH)
    form: bool = True
    model: str = Field("", max_length=LONGEST_MODEL)

    @field_validator("key", "chord", "chords")
    @classmethod
    def _readable(cls, text: str | None, info: Any) -> str | None:
        reads: dict[str, Callable[[str], object]] = {"key": key_named, "chord": chord_named, "chords": checked_loop}
        if text:
            try:
                reads[info.field_name](text)
            except InputError as error:
                raise ValueError(str(error)) from None
        return text

    def scene(self) -> Scene:
        """As the controls use it."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        values["key"] = None if self.key is None else key_named(self.key)
        values["chord"] = None if self.chord is None else chord_named(self.chord)
        values["overrides"] = MappingProxyType(self.overrides)
        values["following"] = MappingProxyType({**FOLLOWING, **self.following})
        return Scene(**values)


class BookTable(Section):
    """The file but for its scenes, which are checked one by one."""

    format: Literal[1] = 1
    at: Annotated[str, BeforeValidator(_one_of(LANDINGS))] = LANDINGS[0]
    glide_s: float | None = Field(None, ge=0, le=LONGEST_GLIDE_S)
    set_list: list[str] = Field([], max_length=LONGEST_SET_LIST)
    scenes: dict[str, Any] = Field({}, max_length=MOST_SCENES)


def read(path: Path) -> tuple[SceneBook, list[str]]:
    """The book of a file, and a sentence for all that is left out of it. Without a file: an empty book."""
    if not path.exists():
        return SceneBook(), []
    try:
        book, found = parse(read_text(path, LARGEST_FILE), str(path))
    except InputError as error:
        book, found = SceneBook(), [str(error)]
    return book, [*found, *_set_aside(path)] if found else []


def parse(text: str, source: str) -> tuple[SceneBook, list[str]]:
    """A book from JSON. InputError where it is none at all."""
    try:
        table = BookTable.model_validate(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InputError(_sentences(error, BookTable, source)) from None
    scenes, found = {}, []
    for name, value in table.scenes.items():
        try:
            scenes[scene_name(name)] = SceneTable.model_validate(value).scene()
        except ValueError as error:
            found.append(f"a scene was left out: {_sentences(error, SceneTable, f'{source}: scenes.{name[:60]}')}")
    set_list = tuple(name for name in table.set_list if name in scenes)
    return SceneBook(MappingProxyType(scenes), set_list, table.at, table.glide_s), found


def dump(book: SceneBook) -> str:
    """The file's text, one scene a line."""
    head = {"format": FORMAT, "at": book.at, "glide_s": book.glide_s, "set_list": list(book.set_list)}
    scenes = ",\n".join(f"    {json.dumps(name)}: {json.dumps(_plain(scene))}" for name, scene in book.scenes.items())
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    return "{\n" + ",\n".join([*lines, f'  "scenes": {{\n{scenes}\n  }}']) + "\n}\n"


def _plain(scene: Scene) -> dict[str, Any]:
    values = {one.name: getattr(scene, one.name) for one in fields(scene)}
    values["mood"] = list(scene.mood)
    values["overrides"], values["following"] = dict(scene.overrides), dict(scene.following)
    values["key"] = None if scene.key is None else KEY_NAMES[scene.key]
    values["chord"] = None if scene.chord is None else scene.chord.name
    return values


def _sentences(error: Exception, model: type[Section], source: str) -> str:
    if isinstance(error, ValidationError):
        return faults.listed([faults.sentence(detail, model, source, {}) for detail in error.errors()])
    if isinstance(error, json.JSONDecodeError):
        return f"{source}:{error.lineno}: {error.msg}"
    return f"{source}: {error}"


def _set_aside(path: Path) -> list[str]:
    copy = path.with_name(path.name + SET_ASIDE)
    with contextlib.suppress(OSError):
        shutil.copyfile(path, copy)
        return [f"a copy of the file as it was is {copy}"]
    return []
