"""The tables of docs/protocol.md, made from those in the code.

    python -m tools.protocol [FILE]

brings the file up to date (`make docs`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from improv.config import DEFAULT_CONTROLS
from improv.control.command_row import Argument, Row
from improv.control.command_table import COMMANDS
from improv.control.published_state import FIELDS
from improv.files import atomic_write
from tools import REPOSITORY

BEGIN, END = "<!-- {} begins: written by `make docs` -->", "<!-- {} ends -->"


def updated(text: str) -> str:
    """The document with every marked table made anew. ValueError when a mark is missing."""
    for name, table in {"commands": commands(), "midi": midi(), "state": state()}.items():
        begin, end = BEGIN.format(name), END.format(name)
        if begin not in text or end not in text:
            raise ValueError(f"the marks of the table {name} are missing: {begin} and {end}")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end, 1)[1]}"
    return text


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(head)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def commands() -> str:
    """Every command, its arguments and its address in OSC."""
    rows = ((f"`{r.name}`", _arguments(r), f"`/brainmusic/{r.name}` {_types(r)}", r.text) for r in COMMANDS.values())
    return _table(("command", "arguments", "OSC", "what it does"), rows)


def _arguments(row: Row) -> str:
    return "; ".join(f"`{a.name}` {_allowed(a)}{', optional' if a.optional else ''}" for a in row.arguments) or "none"


def _allowed(argument: Argument) -> str:
    null = f" or {', '.join((*argument.free, 'null'))}" if argument.nullable else ""
    unit = f" {argument.unit}" if argument.unit else ""
    if argument.kind == "text":
        return f"text, {argument.text}"
    if argument.choices:
        return f"one of {', '.join(argument.choices)}{null}"
    if argument.choices_of:
        return f"one of the {argument.choices_of}{null}"
    if argument.low is not None and argument.high is not None:
        return f"{argument.low:g}..{argument.high:g}{unit}{null}"
    return f"{argument.kind}{unit}{null}"


OSC_TYPES = {"number": "f", "whole": "i", "choice": "s", "text": "s"}


def _types(row: Row) -> str:
    required = "".join(OSC_TYPES[a.kind] for a in row.arguments if not a.optional)
    optional = "".join(OSC_TYPES[a.kind] for a in row.arguments if a.optional)
    return f"{required}[{optional}]" if optional else required


def midi() -> str:
    """What can be put into controls.map."""
    defaults: dict[str, list[str]] = {}
    for control, action in DEFAULT_CONTROLS.items():
        defaults.setdefault(action, []).append(str(control))
    rows = (
        (f"`{name}`", action.text, ", ".join(defaults.get(name, ())) or "none", f"`{row.name}`")
        for row in COMMANDS.values()
        for name, action in row.midi.items()
    )
    return _table(("action", "value 0..127 means", "default control", "command"), rows)


def state() -> str:
    """Every field of the published state."""
    rows = (
        (f"`{one.name}`", one.kind, _range(one.low, one.high), one.unit or "-", one.text) for one in FIELDS.values()
    )
    return _table(("field", "kind", "range", "unit", "what it says"), rows)


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return "-"
    return f"{low:g}.." if high is None else f"{low:g}..{high:g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.protocol", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", default=REPOSITORY / "docs" / "protocol.md")
    path: Path = parser.parse_args().file
    before = path.read_text(encoding="utf-8")
    if (after := updated(before)) != before:
        with atomic_write(path) as file:
            file.write(after)
    print(f"{path} {'is' if after == before else 'was brought'} up to date", file=sys.stderr)


if __name__ == "__main__":
    main()
