"""Single values put into config.yaml without touching its comments: the text is changed, checked, then renamed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import yaml

from improv.config.reading import load
from improv.errors import ConfigError, InputError

Edit = tuple[int, int, str]  # from, to (characters of the text), what stands there afterwards


def write_output(path: Path, number: int, values: dict[str, Any], simple: dict[str, Any]) -> None:
    """Set keys of the output `number` (from 0) of midi.outputs in the file.

    simple: what the one output of the file's simple form (midi.output ...) is, should there be no list yet; it becomes
    the first of the list. InputError when the file is laid out so that it cannot be done.
    """
    text = path.read_text(encoding="utf-8")
    edited = text
    for first, last, new in sorted(_edits(text, path, number, values, simple), reverse=True):
        edited = edited[:first] + new + edited[last:]
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(edited, encoding="utf-8")
        _check(part, number, values)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)


def _check(part: Path, number: int, values: dict[str, Any]) -> None:
    """What was written means what was meant."""
    try:
        section = load(part, (), {}).midi.outputs[number]
    except (ConfigError, IndexError):
        raise InputError("the file is laid out in a way that cannot be changed; put the lines in by hand") from None
    if any(getattr(section, key) != value for key, value in values.items()):
        raise InputError("the file is laid out in a way that cannot be changed; put the lines in by hand")


def _edits(text: str, path: Path, number: int, values: dict[str, Any], simple: dict[str, Any]) -> list[Edit]:
    midi = _value(yaml.compose(text, Loader=yaml.SafeLoader), "midi")
    outputs = _value(midi, "outputs")
    if isinstance(outputs, yaml.SequenceNode) and number < len(outputs.value):
        return _output_edits(outputs.value[number], values)
    if number or not isinstance(midi, yaml.MappingNode) or midi.flow_style or not midi.value:
        raise InputError(f"{path} has no midi.outputs.{number}; put the lines in by hand")
    alone = f"[{flow(simple | values)}]"
    emptied = {"output": '""', "channel": "1", "program": "-1"}
    edits = [_replaced(found, new) for key, new in emptied.items() if (found := _value(midi, key)) is not None]
    if outputs is not None:
        return [*edits, _replaced(outputs, alone)]
    start = midi.value[0][0].start_mark
    return [*edits, (start.index, start.index, f"outputs: {alone}\n{' ' * start.column}")]


def _output_edits(output: Any, values: dict[str, Any]) -> list[Edit]:
    if not isinstance(output, yaml.MappingNode) or not output.value:
        raise InputError("that output has no keys in the file; put the lines in by hand")
    start = output.value[0][0].start_mark
    between = ", " if output.flow_style else "\n" + " " * start.column
    edits: list[Edit] = []
    for key, value in values.items():
        found = _value(output, key)
        new = flow(value)
        edits.append(_replaced(found, new) if found else (start.index, start.index, f"{key}: {new}{between}"))
    return edits


def _replaced(node: Any, new: str) -> Edit:
    """A block of lines ends where the next key begins: its last line break stays."""
    first, last = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = _end_of(node)
    return first, last, new


def _end_of(node: Any) -> int:
    """Where the text of a block ends; its own mark stands behind the comments that follow."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _value(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def flow(value: Any) -> str:
    """One line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").strip()
