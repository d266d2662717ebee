"""`improv link`: a way in to the page for another device."""

from __future__ import annotations

import argparse

from improv.app.commands.ctl import add_choice
from improv.frontends.ctl.client import Client, choose


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)


def command(options: argparse.Namespace) -> int:
    """Print a one-time link."""
    with Client(choose(options.to)) as client:
        print(client.ask({"kind": "link"})["link"])
    return 0
