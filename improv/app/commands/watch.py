"""`improv watch`: the published state as it changes, and every note."""

from __future__ import annotations

import argparse
import json

from improv.app.commands.ctl import add_choice
from improv.frontends.ctl.client import Client, choose


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)
    parser.add_argument("--state", action="store_true", help="changes only, no notes")


def command(options: argparse.Namespace) -> int:
    """Print what happens until Ctrl-C or the end of the daemon."""
    with Client(choose(options.to)) as client:
        for message in client.listen({"kind": "watch"}, timeout_s=None):
            if message["kind"] == "hello":
                message = {"kind": "state", "state": message["state"], "now_s": message["now_s"]}
            if message["kind"] == "state" or not options.state:
                print(json.dumps(message, separators=(",", ":")), flush=True)
    return 0
