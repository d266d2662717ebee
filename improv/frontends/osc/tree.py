"""Every OSC address, derived from the tables of commands and state that the engine sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

ROOT = "/brainmusic"
NOT_IN_A_NAME = frozenset(" #*,/?[]{}")
TYPES = {"number": "f", "whole": "i", "choice": "s", "text": "s"}
WRITE_ONLY, READ_ONLY, READ_WRITE = 2, 1, 3
# Where a command's present value stands in the state: one field for each of its required arguments.
SHOWN_BY = {
    "mood": ("mood",),
    "point": ("target_valence", "target_arousal"),
    "valence": ("target_valence",),
    "arousal": ("target_arousal",),
    "intensity": ("intensity",),
    "temperature": ("temperature",),
    "glide": ("glide_s",),
    "key": ("key",),
    "chords": ("chords",),
    "chord": ("chord",),
    "phrase_bars": ("phrase_bars",),
    "reach": ("reach",),
    "form": ("form",),
    "scene": ("scene",),
    "scene_place": ("set_list_place",),
    "scene_landing": ("scene_at",),
}


class WrongArgumentsError(ValueError):
    """The arguments of a message do not fit its address; the text says how."""


class Node(NamedTuple):
    """An address that takes commands. fixed: what the address itself says; arguments: rows of the table."""

    address: str
    text: str
    command: str
    arguments: tuple[Mapping[str, Any], ...]
    fixed: Mapping[str, Any]

    @property
    def is_button(self) -> bool:
        """Needs nothing: a lone number is what a button sends, 0 when it is let go, and not how long to glide."""
        needed = [a for a in self.arguments if not a.get("optional") or a["kind"] == "number"]
        return all(argument["name"] == "glide_s" for argument in needed)


class Tree:
    """hello: the engine's greeting."""

    def __init__(self, hello: Mapping[str, Any]) -> None:
        self._hello = hello
        self.commands = {node.address: node for row in hello["commands"] for node in self._nodes(row)}
        """Address -> what it does, in the order of the table."""
        self.fields = {f"{ROOT}/state/{one['name']}": one for one in hello["fields"]}
        """Address -> field of the state."""

    def _nodes(self, row: Mapping[str, Any]) -> list[Node]:
        address, arguments = f"{ROOT}/{row['name']}", tuple(row["arguments"])
        nodes = [Node(address, row["text"], row["name"], arguments, {})]
        first = arguments[0] if arguments else {}
        if first.get("kind") == "choice" and not first.get("optional"):
            for word in self._choices(first):
                if NOT_IN_A_NAME.isdisjoint(word):
                    rest = tuple(self._narrowed(argument, word) for argument in arguments[1:])
                    text = f"{row['text']} Here: {word}."
                    nodes.append(Node(f"{address}/{word}", text, row["name"], rest, {first["name"]: word}))
        return nodes

    def _choices(self, argument: Mapping[str, Any]) -> Sequence[str]:
        return list(argument.get("choices") or self._hello.get(argument.get("choices_of", "")) or ())

    @staticmethod
    def _narrowed(argument: Mapping[str, Any], word: str) -> Mapping[str, Any]:
        if word not in argument.get("ranges", {}):
            return argument
        low, high = argument["ranges"][word]
        return {**argument, "low": low, "high": high, "ranges": {}}

    # ------------------------------------------------------------------------------------------- from OSC to commands

    def message(self, node: Node, given: Sequence[Any]) -> dict[str, Any] | None:
        """The command, or None where a button was let go. WrongArgumentsError says what does not fit."""
        if node.is_button and len(given) == 1 and _is_number(given[0], booleans=True):
            if not given[0]:
                return None
            given = ()
        if len(given) > len(node.arguments):
            raise WrongArgumentsError(f"{node.address} takes {self._wanted(node)} (got {len(given)} arguments)")
        values: dict[str, Any] = dict(node.fixed)
        for number, argument in enumerate(node.arguments):
            if number < len(given):
                values[argument["name"]] = self._value(node, argument, given[number], values)
            elif not argument.get("optional"):
                raise WrongArgumentsError(f"{node.address} takes {self._wanted(node)} (got {len(given)} arguments)")
        return {"command": node.command, **values}

    def _value(self, node: Node, argument: Mapping[str, Any], value: Any, before: Mapping[str, Any]) -> Any:
        kind, wrong = argument["kind"], True
        if value is None and (argument.get("nullable") or argument.get("optional")):
            return None
        if isinstance(value, str) and value in argument.get("free", ()):
            return None
        if kind in ("number", "whole") and _is_number(value):
            value = float(f"{value:.7g}")  # a float32 of 0.7 is 0.699999988
            low, high = argument.get("low"), argument.get("high")
            for word in before.values():
                low, high = argument.get("ranges", {}).get(str(word), (low, high))
            wrong = (low is not None and value < low) or (high is not None and value > high) or value != value
            wrong = wrong or (kind == "whole" and not value.is_integer())
        elif kind == "choice" and isinstance(value, str):
            wrong = value not in self._choices(argument)
        elif kind == "text":
            wrong = not isinstance(value, str)  # what it says is the engine's to judge
        if wrong:
            shown = repr(value)[:60]
            raise WrongArgumentsError(
                f"{node.address}: {argument['name']} must be {self._allowed(argument)} (got {shown})"
            )
        return value

    def _wanted(self, node: Node) -> str:
        return ", ".join(f"{a['name']} ({self._allowed(a)})" for a in node.arguments) or "no arguments"

    def _allowed(self, argument: Mapping[str, Any]) -> str:
        if argument["kind"] == "choice":
            return f"one of {', '.join(self._choices(argument))}"
        if argument["kind"] == "text":
            return str(argument["text"])
        if "low" in argument and "high" in argument:
            return f"{argument['low']:g}..{argument['high']:g}"
        return f"a {argument['kind']}"

    # ------------------------------------------------------------------------------------------- what tools discover

    def described(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The whole tree as OSCQuery has it: nested CONTENTS, each node with its attributes."""
        root: dict[str, Any] = {"FULL_PATH": "/", "DESCRIPTION": "BrainMusic", "ACCESS": 0, "CONTENTS": {}}
        for node in self.commands.values():
            _place(root, node.address, self._attributes(node, state))
        for address, one in self.fields.items():
            value = state.get(one["name"], one.get("default"))
            if isinstance(value, Mapping):
                _place(root, address, {"DESCRIPTION": one["text"], "ACCESS": 0})
                for word, inner in value.items():
                    if NOT_IN_A_NAME.isdisjoint(word):
                        _place(root, f"{address}/{word}", _shown(inner, {"DESCRIPTION": f"{one['text']}: {word}"}))
            elif not isinstance(value, list):
                _place(root, address, _shown(value, {"DESCRIPTION": one["text"]}, one))
        return root

    def _attributes(self, node: Node, state: Mapping[str, Any]) -> dict[str, Any]:
        fields = () if node.fixed else SHOWN_BY.get(node.command, ())
        values = [state.get(field) for field in fields]
        if node.command == "attribute" and node.fixed:
            values = [state.get("attributes", {}).get(node.fixed["name"])]
        readable = bool(values) and None not in values
        required = [argument for argument in node.arguments if not argument.get("optional")]
        types = "".join(TYPES[argument["kind"]] for argument in required)
        described: dict[str, Any] = {
            "DESCRIPTION": node.text,
            "ACCESS": READ_WRITE if readable else WRITE_ONLY,
            "TYPE": types or "I",  # a button: an impulse
        }
        if required:
            described["RANGE"] = [self._range(argument) for argument in required]
            described["UNIT"] = [argument.get("unit", "") for argument in required]
            described["CLIPMODE"] = ["none"] * len(required)
        if readable:
            described["VALUE"] = values
        return described

    def _range(self, argument: Mapping[str, Any]) -> dict[str, Any]:
        if words := list(self._choices(argument)):
            return {"VALS": words}
        return {name: argument[key] for name, key in (("MIN", "low"), ("MAX", "high")) if key in argument}


def _is_number(value: Any, *, booleans: bool = False) -> bool:
    return isinstance(value, int | float) and (booleans or not isinstance(value, bool))


def _shown(value: Any, described: dict[str, Any], field: Mapping[str, Any] | None = None) -> dict[str, Any]:
    if isinstance(value, bool):
        value, described = int(value), described | {"RANGE": [{"VALS": [0, 1]}]}
    kinds = ((int, "i"), (float, "f"), (str, "s"))
    letter = next((letter for kind, letter in kinds if isinstance(value, kind)), "N")
    if field and field["kind"] == "number" and letter == "i":
        letter = "f"
    described |= {"ACCESS": READ_ONLY, "TYPE": letter, "VALUE": [value]}
    if field and (bounds := {n: field[k] for n, k in (("MIN", "low"), ("MAX", "high")) if k in field}):
        described["RANGE"] = [bounds]
    if field and field.get("unit"):
        described["UNIT"] = [field["unit"]]
    return described


def _place(root: dict[str, Any], address: str, described: Mapping[str, Any]) -> None:
    branch, path = root, ""
    for word in address.strip("/").split("/"):
        path = f"{path}/{word}"
        contents = branch.setdefault("CONTENTS", {})
        branch = contents.setdefault(word, {"FULL_PATH": path, "ACCESS": 0})
    branch |= described


def find(root: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """The node at a path of a described tree."""
    branch: Mapping[str, Any] | None = root
    for word in path.strip("/").split("/") if path.strip("/") else ():
        branch = branch.get("CONTENTS", {}).get(word) if branch else None
    return branch
