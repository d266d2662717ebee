"""`improv learn`: move a knob, press a pedal or a pad, and it is bound, in the configuration file as well."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from improv.app.commands.config import own_file
from improv.app.commands.ctl import add_choice
from improv.app.options import configured
from improv.config import DEFAULT_CONTROLS
from improv.config.edit import write_control
from improv.config.sections.controls import UNBOUND
from improv.config.sections.section import did_you_mean
from improv.control.midi_map import CONTROL_ACTIONS
from improv.errors import InputError
from improv.frontends.ctl.client import Client, choose
from improv.midi.fine_controls import ADDRESSES, ControlKey, control_key, control_words

FIRST_CHANNEL_MODE = 120  # 120 to 127 are what an instrument says of its own notes
PRESSED = 64
ENOUGH = 3  # messages of one knob: a single one may come from a knob that was only touched


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)
    parser.add_argument(
        "action", nargs="?", help="what the control shall do, or none; without it, all assignments are listed"
    )
    parser.add_argument(
        "--control", metavar="NUMBER", help="this one instead of waiting for a knob: 74, 20/52 (14 bits) or 'nrpn 260'"
    )
    parser.add_argument("--json", action="store_true", help="list all assignments as JSON")


def command(options: argparse.Namespace) -> int:
    config, path = configured(options)
    if options.action is None and options.json:
        table = [[one.control, one.action, one.own, one.others] for one in _bindings(config.controls.map)]
        print(json.dumps({"actions": sorted(CONTROL_ACTIONS), "bound": table}))
        return 0
    if options.action is None:
        for line in bound(config.controls.map):
            print(line)
        return 0
    if options.action not in (*CONTROL_ACTIONS, UNBOUND):
        hint = did_you_mean(options.action, CONTROL_ACTIONS)
        raise InputError(f"unknown action {options.action!r}{hint}; allowed: {', '.join((*CONTROL_ACTIONS, UNBOUND))}")
    if options.control is not None:
        control = _key(options.control)
    else:
        print(f"Move the knob, pedal or pad for {options.action}. Ctrl-C gives up.", flush=True)
        with Client(choose(options.to)) as client:
            control = moved(client.listen({"kind": "watch"}, timeout_s=None))
    file = own_file(path)
    before = config.controls.map.get(control, UNBOUND)
    write_control(file, control, options.action)
    told = f" (it was {before})" if before not in (UNBOUND, options.action) else ""
    print(f"{control_words(control)} is {options.action} now{told}; kept in {file}")
    others = [number for number, action in config.controls.map.items() if action == options.action != UNBOUND]
    if others := [number for number in others if number != control]:
        print(f"{options.action} is assigned to {', '.join(map(control_words, others))} as well")
    return 0


def _key(text: str) -> ControlKey:
    try:
        return control_key(text)
    except ValueError as error:
        raise InputError(f"--control: {error}") from None


class _Binding(NamedTuple):
    """own: it differs from the default map. others: controls that do the same."""

    control: ControlKey
    action: str
    own: bool
    others: list[ControlKey]


def _in_order(control: ControlKey) -> tuple[str, int]:
    """Numbers and pairs ascending, then parameters."""
    word, _, number = str(control).rpartition(" ")
    return word, int(number.partition("/")[0])


def _bindings(table: Mapping[ControlKey, str]) -> Iterable[_Binding]:
    by_action: dict[str, list[ControlKey]] = {}
    ordered = sorted(table.items(), key=lambda item: _in_order(item[0]))
    for number, action in ordered:
        by_action.setdefault(action, []).append(number)
    for number, action in ordered:
        others = [other for other in by_action[action] if other != number] if action != UNBOUND else []
        yield _Binding(number, action, DEFAULT_CONTROLS.get(number) != action, others)


def bound(table: Mapping[ControlKey, str]) -> Iterable[str]:
    """A line for each control, and what differs from the default map."""
    for number, action, own, others in _bindings(table):
        twice = f"  also {', '.join(map(control_words, others))}" if others else ""
        yield f"{control_words(number):<6} {action}{'  (yours)' if own else ''}{twice}"


def moved(messages: Iterable[Mapping[str, Any]]) -> ControlKey:
    """The first control that is really moved: pressed beyond the middle after it rested, or turned on. What is known to
    be a pair or a parameter is told by its name.
    """
    heard: dict[ControlKey, list[int]] = {}
    for message in messages:
        if message.get("kind") != "control" or message["control"] >= FIRST_CHANNEL_MODE:
            continue
        control: ControlKey = message.get("name", message["control"])
        if control in ADDRESSES:  # they choose what is turned
            continue
        values = heard.setdefault(control, [])
        values.append(message["value"])
        if len(values) >= ENOUGH or (len(values) == 2 and values[0] >= PRESSED > values[1]):
            return control
    raise InputError("no knob, pedal or pad was moved")
