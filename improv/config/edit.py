"""Single values put into config.yaml: comments, order and quotes of all else stay, and the file is checked before it
is renamed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from improv.config.reading import load
from improv.config.sections.controls import DEFAULT_CONTROLS, ControlsSection
from improv.config.yaml_tree import LARGEST_FILE
from improv.errors import ConfigError, InputError
from improv.files import atomic_write, read_text, saving
from improv.midi.fine_controls import ControlKey

BY_HAND = "the file is laid out in a way that cannot be changed; put the lines in by hand"
SIMPLE_FORM = {"output": "", "channel": 1, "transpose": 0, "program": -1}
"""What is said of the one output without a list, as it stands beside a list."""


def write_output(path: Path, number: int, values: dict[str, Any], simple: dict[str, Any]) -> None:
    """Set keys of the output `number` (from 0) of midi.outputs in the file.

    simple: what the one output of the file's simple form (midi.output ...) is, should there be no list yet; it becomes
    the first of the list. InputError when the file is laid out so that it cannot be done.
    """
    edited = _edited(read_text(path, LARGEST_FILE), path, number, values, simple)
    with saving(path), atomic_write(path) as file:
        file.write(edited)
        file.flush()
        _check(path, Path(file.name), number, values)


def write_control(path: Path, control: ControlKey, action: str) -> None:
    """Set one entry of controls.map in the file. InputError when the file is laid out so that it cannot be done."""
    text = read_text(path, LARGEST_FILE)

    def put(tree: Any) -> None:
        controls = tree.get("controls")
        if controls is None:
            tree["controls"] = {"map": {control: action}}
        elif not isinstance(controls, dict) or not isinstance(controls.get("map") or {}, dict):
            raise InputError(BY_HAND)
        elif controls.get("map"):
            controls["map"][control] = action
        else:
            controls["map"] = {control: action}

    edited = rewritten(text, put) if text.strip() else f"controls:\n  map: {{{control}: {action}}}\n"
    with saving(path), atomic_write(path) as file:
        file.write(edited)
        file.flush()
        try:
            old, new = load(path, (), {}), load(Path(file.name), (), {})
        except ConfigError:
            raise InputError(BY_HAND) from None
        if new.model_dump() != old.model_dump() | {
            "controls": old.controls.model_dump() | {"map": _bound(old.controls.map, control, action)}
        }:
            raise InputError(BY_HAND)


def _bound(before: Mapping[ControlKey, str], control: ControlKey, action: str) -> dict[ControlKey, str]:
    """The map with a control bound; what of it differs from the default map stays as it is."""
    given = {key: was for key, was in before.items() if DEFAULT_CONTROLS.get(key) != was}
    return ControlsSection(map=given | {control: action}).map


def write_value(path: Path, key: str, text: str) -> object:
    """Set one value, such as midi.input, from a text as `-o` takes it; returns the value. ConfigError where the value
    cannot be, InputError when the file is laid out so that it cannot be done.
    """
    place = tuple(key.split("."))
    meant = load(path, (f"{key}={text}",), {})
    value = _plain_at(meant.model_dump(), place)

    def put(tree: Any) -> None:
        branch = tree
        for part in place[:-1]:
            branch = _inside(branch, part)
        last: Any = int(place[-1]) if isinstance(branch, list) else place[-1]
        if isinstance(branch, list) and last >= len(branch):
            raise InputError(BY_HAND)
        branch[last] = _in_line(value)

    before = read_text(path, LARGEST_FILE)
    edited = rewritten(before, put) if before.strip() else _nested(place, value)
    with saving(path), atomic_write(path) as file:
        file.write(edited)
        file.flush()
        try:
            same = load(Path(file.name), (), {}) == meant
        except ConfigError:
            same = False
        if not same:
            raise InputError(BY_HAND)
    return value


def _inside(branch: Any, part: str) -> Any:
    """The section, table or item that a part of a key names; a section that is missing is made."""
    try:
        if isinstance(branch, list):
            return branch[int(part)]
        if branch.get(part) is None:
            branch[part] = {}
        return branch[part]
    except (AttributeError, ValueError, IndexError):
        raise InputError(BY_HAND) from None


def _plain_at(values: Any, place: tuple[str, ...]) -> Any:
    for part in place:
        values = values[int(part) if isinstance(values, list | tuple) else part]
    return list(values) if isinstance(values, tuple) else values


def _nested(place: tuple[str, ...], value: Any) -> str:
    for part in reversed(place):
        value = {part: value}
    return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False))


def _check(before: Path, after: Path, number: int, values: dict[str, Any]) -> None:
    """What was written means what was meant, and all else what it meant before."""
    try:
        old, new = load(before, (), {}), load(after, (), {})
        section = new.midi.outputs[number]
    except (ConfigError, IndexError):
        raise InputError(BY_HAND) from None
    same = old.model_dump(exclude={"midi"}) == new.model_dump(exclude={"midi"})
    if not same or any(getattr(section, key) != value for key, value in values.items()):
        raise InputError(BY_HAND)


def _edited(text: str, path: Path, number: int, values: dict[str, Any], simple: dict[str, Any]) -> str:
    """The file's text with the values in it."""
    return rewritten(text, lambda tree: _put(tree, path, number, values, simple))


def rewritten(text: str, change: Callable[[Any], None]) -> str:
    """The text of YAML after its tree was changed; comments, order and line ends stay."""
    from ruamel.yaml import YAML  # 30 ms, 4 MB: only who changes the file
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.util import load_yaml_guess_indent

    handler = YAML()
    handler.preserve_quotes, handler.width = True, 10**6
    lines = text.replace("\r\n", "\n")
    try:
        _, indent, offset = load_yaml_guess_indent(lines)
        first = re.search(r"^( +)[^ #-]", lines, re.MULTILINE)
        handler.indent(mapping=len(first[1]) if first else None, sequence=indent, offset=offset)
        tree = handler.load(lines)
    except (YAMLError, ValueError, RecursionError):
        raise InputError(BY_HAND) from None
    change(tree)
    edited = io.StringIO()
    handler.dump(tree, edited)
    return edited.getvalue() if lines == text else edited.getvalue().replace("\n", "\r\n")


def _put(tree: Any, path: Path, number: int, values: dict[str, Any], simple: dict[str, Any]) -> None:
    midi = tree.get("midi") if isinstance(tree, dict) else None
    outputs = midi.get("outputs") if isinstance(midi, dict) else None
    if isinstance(outputs, list) and number < len(outputs):
        if not isinstance(outputs[number], dict) or not outputs[number]:
            raise InputError("that output has no keys in the file; put the lines in by hand")
        for key, value in values.items():
            _set(outputs[number], key, value)
    elif number or not isinstance(midi, dict) or not midi:
        raise InputError(f"{path} has no midi.outputs.{number}; put the lines in by hand")
    else:
        for key, empty in SIMPLE_FORM.items():
            if key in midi:
                midi[key] = empty
        _set(midi, "outputs", [simple | values])


def _set(table: Any, key: str, value: Any) -> None:
    """Put a value in, in front where the key is new. A table that stands there keeps its layout and its comments."""
    old = table.get(key)
    if isinstance(old, dict) and old and isinstance(value, Mapping):
        comment = old.ca.items.pop(list(old)[-1], None)  # type: ignore[attr-defined]
        for gone in old.keys() - value.keys():
            del old[gone]
        old.update(value)
        if comment is not None:
            old.ca.items[list(old)[-1]] = comment  # type: ignore[attr-defined]
    elif key in table:
        table[key] = _in_line(value)
    else:
        table.insert(0, key, _in_line(value))


def _in_line(value: Any) -> Any:
    """Tables and lists in one line, as people write small ones."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if not isinstance(value, (dict, list)):
        return value
    made: Any = CommentedSeq(map(_in_line, value)) if isinstance(value, list) else CommentedMap()
    if isinstance(value, dict):
        made.update({key: _in_line(one) for key, one in value.items()})
    made.fa.set_flow_style()
    return made


def flow(value: Any) -> str:
    """One line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").strip()
