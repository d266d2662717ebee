"""`improv ports`: the MIDI inputs and outputs that are there."""

from __future__ import annotations

import argparse

from improv.app.options import configured
from improv.player.drivers.probe import list_ports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def command(options: argparse.Namespace) -> None:
    effective, _ = configured(options)
    inputs, outputs = list_ports(effective.midi.driver)
    for title, names in (("inputs", inputs), ("outputs", outputs)):
        print(f"{title}:")
        print("\n".join(f"  {name}" for name in names) or "  none")
