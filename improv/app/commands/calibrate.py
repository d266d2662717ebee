"""`improv calibrate`: opens the piano's ports, measures, prints the lines for config.yaml or puts them in."""

from __future__ import annotations

import argparse
from pathlib import Path

from improv.app.calibration import Calibration, measure
from improv.app.options import configured
from improv.clock import SystemClock
from improv.config import Config, adapters
from improv.config.edit import flow, write_output
from improv.errors import InputError
from improv.player.client import PlayerClient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", type=int, default=1, metavar="N", help="which of midi.outputs, counted from 1 (default 1)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="notes of each velocity (default 3)")
    parser.add_argument("--pitch", type=int, default=60, help="the key that is played (default 60)")
    parser.add_argument("--write", action="store_true", help="write the result into the settings file")


def command(options: argparse.Namespace) -> int:
    effective, path = configured(options)
    return run(effective, path, options.output, options.repeats, options.pitch, write=options.write)


def run(config: Config, path: Path | None, number: int, repeats: int, pitch: int, *, write: bool) -> int:
    """number: which of midi.outputs, from 1."""
    outputs = config.midi.all_outputs
    if not 1 <= number <= len(outputs):
        raise InputError(f"--output must be 1..{len(outputs)} (as many outputs has the configuration), got {number}")
    if not 1 <= repeats <= 20:
        raise InputError(f"--repeats must be 1..20, got {repeats}")
    if not 0 <= pitch <= 127:
        raise InputError(f"--pitch must be 0..127, got {pitch}")
    if write and path is None:
        raise InputError("--write needs a config.yaml to write to: name it with -c")
    output = outputs[number - 1]
    if not output.port:
        raise InputError(f"output {number} is a virtual port: name the piano's port in midi.output or midi.outputs")
    found = _measured(config, number, repeats, pitch)
    values = {"latency_ms": found.latency_ms, "velocity_delay_ms": found.velocity_delay_ms}
    print(f"port: {output.port}\nlatency_ms: {found.latency_ms}\nvelocity_delay_ms: {flow(found.velocity_delay_ms)}")
    if found.silent:
        print(f"# no echo at velocity {', '.join(map(str, found.silent))}: too soft for this piano, perhaps")
    if found.warning:
        raise InputError(found.warning)
    if write and path is not None:
        simple = output.model_dump(include={"port", "channel", "transpose", "program"})
        write_output(path, number - 1, values, simple)
        print(f"# written to {path}")
    return 0


def _measured(config: Config, number: int, repeats: int, pitch: int) -> Calibration:
    output, clock = config.midi.all_outputs[number - 1], SystemClock()
    link = PlayerClient(adapters.calibration_settings(config, number), clock)
    link.start()
    try:
        link.wait_ready()
        return measure(link, clock, repeats=repeats, pitch=pitch, channel=output.channel - 1, tell=_tell)
    finally:
        link.close()


def _tell(text: str) -> None:
    print(f"# {text}", flush=True)
