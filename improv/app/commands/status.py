"""`improv status`: what is playing now."""

from __future__ import annotations

import argparse
import json

from improv.app.commands.ctl import add_choice
from improv.frontends.ctl.client import Client, choose


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)
    parser.add_argument("--json", action="store_true", help="everything that is known of the music now, as JSON")


def command(options: argparse.Namespace) -> int:
    """Print the published state."""
    with Client(choose(options.to)) as client:
        state = client.ask({"kind": "state"})["state"]
    if options.json:
        print(json.dumps(state, indent=1))
        return 0
    doing = "ending" if state["ending"] or state["stopping"] else "playing" if state["playing"] else "resting"
    print(f"{doing}, bar {state['bar']}, beat {state['beat']}, {state['tempo_bpm']:.0f} bpm")
    print(f"mood   {state['mood']} (valence {state['valence']:+.2f}, arousal {state['arousal']:+.2f})")
    print(f"model  {state['model']}, seed {state['seed']}")
    print(f"ports  {state['ports']}")
    late = f"{state['lateness_p50_ms']:.2f} ms late (median), {state['lateness_p99_ms']:.2f} ms (99 %)"
    print(f"notes  {state['notes_planned']}, {late}, {state['notes_dropped']} skipped")
    return 0
