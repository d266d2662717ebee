"""`improv devices`: who is let in to the page, as a curator or a visitor, and taking single devices off the list."""

from __future__ import annotations

import argparse
import json
import sys

from improv.app.commands.ctl import add_choice
from improv.errors import InputError
from improv.frontends.ctl.client import Client, choose
from improv.frontends.server.paired_devices import ROLES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)
    parser.add_argument("--json", action="store_true", help="as a JSON list")
    parser.add_argument(
        "--role", nargs=2, metavar=("ID", "ROLE"), help=f"what this device may do: {' or '.join(ROLES)}"
    )
    parser.add_argument("--revoke", metavar="ID", help="remove this device, at once; `all`: every one")


def command(options: argparse.Namespace) -> int:
    """List the paired devices, give one a role, or shut some out."""
    with Client(choose(options.to)) as client:
        told = client.ask({"kind": "devices"})
        if told["fault"]:
            print(f"improv: {told['fault']}", file=sys.stderr)
        devices = told["devices"]
        if options.revoke:
            return _revoke(client, [device["id"] for device in devices], options.revoke)
        if options.role:
            return _give_role(client, [device["id"] for device in devices], *options.role)
    if options.json:
        print(json.dumps(devices))
        return 0
    for device in devices:
        here = "  here now" if device["connected"] else ""
        days = f"paired {_day(device['paired'])}  seen {_day(device['seen'])}"
        print(f"{device['id']}  {device['name']:24}  {device['role'] or 'by address':10}  {days}{here}")
    print(f"{len(devices)} devices; `improv link` lets another one in" if devices else "no other device is connected")
    return 0


def _revoke(client: Client, known: list[str], wanted: str) -> int:
    chosen = known if wanted == "all" else [device_id for device_id in known if device_id == wanted]
    if not chosen:
        raise InputError(f"no connected device has the id {wanted!r}; allowed: {', '.join([*known, 'all'])}")
    for device_id in chosen:
        client.ask({"kind": "revoke", "id": device_id})
        print(f"{device_id} is removed")
    return 0


def _give_role(client: Client, known: list[str], device_id: str, role: str) -> int:
    if device_id not in known:
        raise InputError(f"no connected device has the id {device_id!r}; allowed: {', '.join(known) or 'none'}")
    told = client.ask({"kind": "role", "id": device_id, "role": role})
    if not told["ok"]:
        raise InputError(told["error"])
    print(f"{device_id} is a {role}'s")
    return 0


def _day(iso: str) -> str:
    return iso[:16].replace("T", " ")
