"""What pydantic finds wrong with a YAML file, as sentences that name file, line and key, and say what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from improv.config.sections.section import did_you_mean
from improv.config.yaml_tree import Lines, Path, Tree, fields, kind_at

MOST_FAULTS, LONGEST_SHOWN = 50, 60
MOST_KEYS = 8  # so many a sentence lists


def listed(faults: list[str]) -> str:
    """One a line; of very many the first."""
    more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
    return "\n".join(faults[:MOST_FAULTS] + more)


def twice(tree: Tree, source: str) -> list[str]:
    """A sentence for each key that stands a second time."""
    return [
        f"{source}:{line}: {'.'.join(place)}: stands twice, first in line {first}; keep one"
        for place, line, first in tree.twice
    ]


def sentence(
    detail: ErrorDetails, whole: type[BaseModel], source: str, lines: Lines, origins: Mapping[Path, str] | None = None
) -> str:
    """What is wrong. whole: the model of the file. origins: where keys come from that are not from the file."""
    origins = origins or {}
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    path += getattr(detail.get("ctx", {}).get("error"), "at", ())
    known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in lines or path[:end] in origins), ())
    # An override may also have put a whole table where a value belongs.
    inside = next((origin for place, origin in origins.items() if place[: len(path)] == path), "") if path else ""
    where = origins.get(known) or inside or (f"{source}:{lines[known]}" if known else source)
    return ": ".join(part for part in (where, ".".join(path), _problem(detail, whole, path)) if part)


def shown(value: object) -> str:
    """A value as a sentence quotes it, cut off where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def section(keys: list[str]) -> str:
    """What belongs where a table was expected."""
    return f"a table with the keys {', '.join(keys)}" if len(keys) <= MOST_KEYS else "a section with keys"


def _problem(detail: ErrorDetails, whole: type[BaseModel], path: Path) -> str:
    got = shown(detail["input"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        keys = _keys_at(whole, path[:-1])
        return f"unknown key{did_you_mean(path[-1], keys)}; allowed: {', '.join(keys)}"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if allowed := _range_at(whole, path):
        return f"must be {allowed} (got {got})"
    if kind == "literal_error":
        return f"must be one of {str(detail['ctx']['expected']).replace(chr(39), '')} (got {got})"
    if kind == "string_too_long":
        return f"must be a text of at most {detail['ctx']['max_length']} characters (got {got})"
    wanted = {
        "bool": "true or false",
        "string": "a text",
        "int": "a whole number",
        "float": "a number",
        "dict": "a table of keys and values",
        "tuple": _list_at(whole, path),
        "too": f"at most {detail.get('ctx', {}).get('max_length')} of them",
        "model": section(_keys_at(whole, path)),
    }
    return f"must be {wanted.get(kind.split('_')[0], detail['msg'])} (got {got})"


def _model_at(whole: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The section that stands at a path, also inside a list: midi.outputs.0."""
    return _model_in(kind_at(whole, path))


def _model_in(kind: object) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for one in get_args(kind) if (found := _model_in(one))), None)


def _list_at(whole: type[BaseModel], path: Path) -> str:
    """What a list at a path holds."""
    return "a list of outputs, each with keys" if _keys_at(whole, path) else "a list, like [one, another]"


def _keys_at(whole: type[BaseModel], path: Path) -> list[str]:
    model = _model_at(whole, path)
    return list(fields(model)) if model else []


def _range_at(whole: type[BaseModel], path: Path) -> str:
    """What a number may be, from the field's own bounds, or empty."""
    model = _model_at(whole, path[:-1]) if path else None
    field = fields(model).get(path[-1]) if model else None
    bounds = {
        name: getattr(part, name)
        for part in (field.metadata if field else ())
        for name in ("ge", "gt", "le")
        if getattr(part, name, None) is not None
    }
    if "le" not in bounds:
        return ""
    number = "a whole number " if field and field.annotation is int else ""
    low = f"more than {bounds['gt']:g}, at most " if "gt" in bounds else f"{bounds['ge']:g}.."
    return f"{number}{low}{bounds['le']:.10g}"
