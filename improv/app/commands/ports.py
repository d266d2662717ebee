"""`improv ports`: the MIDI inputs and outputs that are there."""

from __future__ import annotations

import argparse
import json

from improv.app.options import configured
from improv.player.drivers.probe import list_ports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def command(options: argparse.Namespace) -> None:
    effective, _ = configured(options)
    inputs, outputs = list_ports(effective.midi.driver)
    if options.json:
        print(json.dumps({"inputs": list(inputs), "outputs": list(outputs)}))
        return
    for title, names in (("inputs", inputs), ("outputs", outputs)):
        print(f"{title}:")
        print("\n".join(f"  {name}" for name in names) or "  none")
