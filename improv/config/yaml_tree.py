"""YAML whose types follow the key: `on`, `24:0` and `128` are a name where a name is asked for, a number elsewhere.

YAML's own guesses (1.1: sexagesimal numbers, dates, `yes` for true) are not asked. What is read is bounded: so many
bytes, so deep, so many values however often an alias repeats them.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from improv.errors import InputError

LARGEST_FILE = 256 * 1024  # bytes; the file that explains every key has 13,000
DEEPEST = 8
MOST_VALUES = 20_000  # aliases counted as often as they stand for something
WHOLE = re.compile(r"[-+]?\d{1,18}")
NUMBER = re.compile(r"[-+]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})([eE][-+]?\d{1,3})?|[-+]?\.inf|\.nan", re.IGNORECASE)
NOTHING = ("", "~", "null", "Null", "NULL")
TRUTHS = dict.fromkeys(("true", "yes", "on"), True) | dict.fromkeys(("false", "no", "off"), False)

Path = tuple[str, ...]
Lines = dict[Path, int]


class YamlError(InputError):
    """Text that is no YAML, or more than is read. line: from 1, or 0 where none is known."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


class Tree:
    """Values, the line of each key, and keys that stand twice. kind: the model that says what each key holds."""

    def __init__(self, text: str, kind: Any) -> None:
        """Raises YamlError."""
        self.lines: Lines = {}
        self.twice: list[tuple[Path, int, int]] = []
        """(where, line, line of the first) of keys that are not the first of their name."""
        self._left = MOST_VALUES
        node = composed(text)
        self.value: Any = None if node is None else self._value(node, kind, ())

    def _value(self, node: yaml.Node, kind: Any, path: Path) -> Any:
        self._left -= 1
        if self._left < 0:
            raise YamlError(f"holds more than {MOST_VALUES} values")
        if len(path) > DEEPEST:  # an alias may hold itself
            return "..."
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, kind, path, index) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return dict(pair for key, value in _pairs(node) for pair in self._pair(key, value, kind, path))
        return scalar(node.value, kind, quoted=getattr(node, "style", None) in ("'", '"'))

    def _item(self, node: yaml.Node, kind: Any, path: Path, index: int) -> Any:
        place = (*path, str(index))
        self.lines[place] = node.start_mark.line + 1
        return self._value(node, inside(kind, index), place)

    def _pair(self, key: yaml.Node, value: yaml.Node, kind: Any, path: Path) -> list[tuple[Any, Any]]:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        place, line = (*path, name[:100]), key.start_mark.line + 1
        if place in self.lines:
            self.twice.append((place, line, self.lines[place]))
        self.lines[place] = line
        return [(scalar(name, _key_kind(kind)), self._value(value, inside(kind, name), place))]


def composed(text: str) -> yaml.Node | None:
    """The nodes of a text, None when it has none. Raises YamlError."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise YamlError(f"not valid YAML: {said}", mark.line + 1 if mark else 0) from None
    except RecursionError:
        raise YamlError("not valid YAML: nested too deeply") from None
    except ValueError as error:  # characters or escapes that the library stumbles over
        raise YamlError(f"not valid YAML: {error}") from None


def _pairs(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    """Keys and values, with those of `<<: *other` in front: what stands here itself goes before."""
    merged: list[tuple[yaml.Node, yaml.Node]] = []
    own: list[tuple[yaml.Node, yaml.Node]] = []
    for key, value in node.value:
        if key.tag != "tag:yaml.org,2002:merge":
            own.append((key, value))
            continue
        for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if isinstance(other, yaml.MappingNode) and other is not node:
                merged += other.value
    names = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
    return [pair for pair in merged if getattr(pair[0], "value", None) not in names] + own


def scalar(text: str, kind: Any, *, quoted: bool = False) -> Any:
    """A value as its key wants it; as it looks where the key wants none of these. Quoted: always a text."""
    if quoted:
        return text
    wanted = leaves(kind)
    number = _number(text)
    if number is not None and (not wanted or wanted & {int, float} or str not in wanted):
        return number
    if str in wanted:
        return text
    if text.lower() in TRUTHS and (not wanted or bool in wanted):
        return TRUTHS[text.lower()]
    return None if text in NOTHING else text


def _number(text: str) -> int | float | None:
    if WHOLE.fullmatch(text):
        return int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan")) if NUMBER.fullmatch(text) else None


def leaves(kind: Any) -> set[type]:
    """Which of str, int, float, bool a key may hold by itself (choices of words count as str)."""
    origin = get_origin(kind)
    if origin is Annotated:
        return leaves(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return set().union(*(leaves(one) for one in get_args(kind)))
    if origin is Literal:
        return {type(one) for one in get_args(kind)}
    return {kind} if kind in (str, int, float, bool) else set()


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a section as the file writes them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def inside(kind: Any, key: str | int) -> Any:
    """What stands at a key of a table or at a place of a list of this kind; object where nobody says."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return inside(arguments[0], key)
    if origin in (Union, types.UnionType):
        return next((found for one in arguments if (found := inside(one, key)) is not object), object)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = fields(kind).get(str(key))
        return field.annotation if field else object
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1]
    if origin in (list, tuple) and isinstance(key, int):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return arguments[0]
        return arguments[min(key, len(arguments) - 1)]
    return object


def _key_kind(kind: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _key_kind(arguments[0])
    return arguments[0] if isinstance(origin, type) and issubclass(origin, Mapping) else str


def kind_at(kind: Any, path: Path) -> Any:
    """What stands at the end of a path; parts that are numbers count the items of a list."""
    for part in path:
        place: str | int = part
        if part.isdigit() and not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            place = int(part)
        kind = inside(kind, place)
    return kind
