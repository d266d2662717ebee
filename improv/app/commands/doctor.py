"""`improv doctor`: what works on this machine, what does not, and what the user can do. Every verdict is measured."""

from __future__ import annotations

import argparse
import getpass
import os
import platform
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from improv import __version__
from improv.app.options import configured
from improv.clock import SystemClock, cpu_s
from improv.config import Config
from improv.errors import BrainMusicError
from improv.model import conditioning, cuda
from improv.model.onnx_model import OnnxModel, resolve
from improv.player.client import PlayerClient
from improv.player.drivers.probe import list_ports
from improv.player.protocol import PlannedNote, PlayerSettings, Schedule

# A listener notices about 10 ms between notes that should sound together; a tenth of it is nothing.
GOOD_P99_S, USABLE_P99_S = 0.001, 0.010
MODEL_STEPS = 200
SELF_TEST_NOTES, SELF_TEST_GAP_S = 100, 0.02
GOOD_STEP_S, USABLE_STEP_S = 0.003, 0.008  # about 40 tokens a second: 12 % and 32 % of a core
LIMITS_FILE = "/etc/security/limits.d/brainmusic.conf"
RTPRIO = 70  # the player asks for 60
LIMITS = {"ordinary scheduling": ("rtprio", str(RTPRIO)), "memory not locked": ("memlock", "unlimited")}


class Finding(NamedTuple):
    """verdict: ok, fair (it plays, but see the text) or bad (it will not play as asked)."""

    name: str
    verdict: str
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def command(options: argparse.Namespace) -> int:
    return run(configured(options)[0])


def run(config: Config) -> int:
    """Print all findings. Returns 0, or 1 when one is bad."""
    worst = 0
    for finding in findings(config):
        print(f"{finding.verdict:<5} {finding.name}: {finding.text}", flush=True)
        worst = max(worst, int(finding.verdict == "bad"))
    return worst


def findings(config: Config) -> Iterator[Finding]:
    """One after the other, as they are found."""
    yield Finding("version", "ok", f"improv {__version__}, Python {platform.python_version()}, {platform.platform()}")
    checks: tuple[tuple[str, Callable[[Config], Finding]], ...] = (
        ("provider", _provider),
        ("model", _model),
        ("ports", _ports),
        ("timing", _timing),
        ("takes", _takes),
    )
    for name, check in checks:
        try:
            yield check(config)
        except BrainMusicError as error:
            yield Finding(name, "bad", str(error))


def _provider(config: Config) -> Finding:
    """Which build of onnxruntime is here, and whether it is the one that fits."""
    builds = [cuda.PACKAGES[build] for build in cuda.installed()]
    fitting, reason = cuda.wanted()
    if len(builds) > 1:
        return Finding(
            "provider",
            "bad",
            f"{' and '.join(builds)} are both installed and overwrite each other's files; uninstall both, "
            f"then pip install 'brainmusic[{fitting}]' ({reason})",
        )
    import onnxruntime

    offered = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    text = f"{builds[0] if builds else 'onnxruntime'} {onnxruntime.__version__} offers {offered}; {reason}"
    if builds == [cuda.PACKAGES["cpu"]] and fitting == "cuda":
        return Finding("provider", "fair", f"{text}, which this build does not use: see brainmusic[cuda]")
    return Finding("provider", "ok", text if fitting == "cuda" else f"{text}, so the CPU is used")


def _model(config: Config) -> Finding:
    model = OnnxModel(resolve(config.model.path), config.model.provider)
    condition = np.zeros((2, conditioning.width(model.encoding)), np.float32)
    state = model.initial_state(2)
    began_s = cpu_s()
    for _ in range(MODEL_STEPS):
        _, state = model.step(model.encoding.start_id, condition, state)
    step_s = (cpu_s() - began_s) / MODEL_STEPS
    verdict = "ok" if step_s <= GOOD_STEP_S else "fair" if step_s <= USABLE_STEP_S else "bad"
    return Finding(
        "model",
        verdict,
        f"{model.describe()}, {1000 * step_s:.2f} ms of CPU a token, "
        f"made {model.contract.created}, licence {model.contract.licence}",
    )


def _ports(config: Config) -> Finding:
    inputs, outputs = list_ports(config.midi.driver)
    named = [("output", output.port, outputs) for output in config.midi.all_outputs]
    for kind, wanted, there in (*named, ("input", config.midi.input, inputs)):
        matching = [name for name in there if wanted.lower() in name.lower()]
        if wanted and len(matching) != 1:
            problem, which = ("matches several of", matching) if matching else ("matches none of", there)
            return Finding("ports", "bad", f"midi.{kind} {wanted!r} {problem}: {', '.join(which) or 'no ports at all'}")
    return Finding(
        "ports", "ok", f"{len(inputs)} inputs and {len(outputs)} outputs beside our own (`improv ports` lists them)"
    )


def advice(granted: str) -> str:
    """What the user can do where the player was refused real-time rights; granted: the player's own words."""
    refused = [f"{kind} {limit}" for word, (kind, limit) in LIMITS.items() if word in granted]
    if not refused:
        return ""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        user = "@audio"
    lines = " and ".join(f"'{user} - {line}'" for line in refused)
    return (
        f". The lines {lines} in {LIMITS_FILE} and a new login grant it "
        f"(for a systemd service: LimitRTPRIO={RTPRIO} and LimitMEMLOCK=infinity)"
    )


def _timing(config: Config) -> Finding:
    """Let a player process without ports send a hundred notes and ask it how late they were."""
    clock = SystemClock()
    link = PlayerClient(PlayerSettings(driver="null", realtime=config.timing.realtime), clock)
    link.start()
    try:
        ready = link.wait_ready()
        first_s = clock.now() + 0.1
        notes = (
            PlannedNote(i, 0, 60 + i % 12, 80, due := first_s + i * SELF_TEST_GAP_S, due + SELF_TEST_GAP_S / 2)
            for i in range(SELF_TEST_NOTES)
        )
        link.send(Schedule(tuple(notes)))
        end_s = first_s + (SELF_TEST_NOTES + 1) * SELF_TEST_GAP_S
        while clock.now() < end_s or (link.statistics.notes_sent < SELF_TEST_NOTES and clock.now() < end_s + 2):
            link.beat()
            link.poll(0.05)
        late = link.statistics
    finally:
        link.close()
    verdict = "ok" if late.lateness_p99_s <= GOOD_P99_S else "fair" if late.lateness_p99_s <= USABLE_P99_S else "bad"
    return Finding(
        "timing",
        verdict,
        f"{late.notes_sent} notes, {1000 * late.lateness_p50_s:.2f} ms late (median), "
        f"{1000 * late.lateness_p99_s:.2f} ms (99 %), at most {1000 * late.lateness_max_s:.2f} ms; "
        f"{ready.realtime}{advice(ready.realtime)}",
    )


def _takes(config: Config) -> Finding:
    folder = config.takes.path
    if not config.takes.enabled:
        return Finding("takes", "ok", "off")
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        return Finding("takes", "fair", f"{folder} cannot be written; choose another takes.folder")
    return Finding("takes", "ok", f"takes go to {folder}")
