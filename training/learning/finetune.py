"""A style of one's own: an hour of somebody's music, a trained model, some minutes of a CPU.

    python -m training finetune --data my_midis/ --out mine.onnx && improv run -c mine.yaml
    python -m training finetune polyphony --data my_midis/ --out mine.onnx --minutes 5
    python -m training finetune runs/polyphony/best.pt --data my_midis/ --old data/polyphony --out mine.onnx

MODEL is the name of a shipped model (default: hands), an exported file or a checkpoint. Beside OUT are written: .yaml,
settings that play it with moods that lie where this music's do; .finetune.json, what was measured; .run, a folder with
the prepared music, the record (log.jsonl) and what --resume goes on from.

Some works are held out: by some the best weights are chosen, the others choose nothing, and on them it is measured
what was learnt. How it does not forget to play: `training.learning.rehearsal`. Ctrl-C ends it with the best weights so
far; the same command with --resume goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from improv.config import DEFAULT_TABLE
from improv.errors import InputError
from improv.files import write_whole
from improv.model.onnx_model import resolve
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare, tell
from training.dataset.workers import TIME_LIMIT_S
from training.learning.own_habits import habits_of, summary
from training.learning.own_moods import own_table, settings_text, windows_of
from training.learning.rehearsal import held_out_loss, old_music
from training.learning.runlog import alone
from training.learning.style import Learner, Plan
from training.learning.trouble import enough_memory
from training.models.checkpoints import read_checkpoint
from training.models.export import eight_bits, export, has_eight_bits, network_of, renew_card
from training.models.from_onnx import read_onnx
from training.models.settings import settings_of

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def read_model(model: Path) -> dict[str, Any]:
    """What a checkpoint holds, from a checkpoint or an exported model."""
    return read_checkpoint(model) if model.suffix == ".pt" else read_onnx(model)


def finetune(
    model: Path,
    sources: list[str],
    out: Path,
    plan: Plan,
    old: Path | None = None,
    *,
    improvised: bool = False,
    bits: int | None = None,
    options: Options | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Learn a style and export it with settings of its own; returns, and writes beside `out`, what was measured.

    bits: of the new model's weights, 32 or 8; None: as the model has them. options: how the music is read. "ended" is
    False in the result when Ctrl-C came before the end.
    """
    began, cpu_began = time.perf_counter(), time.process_time()
    saved = read_model(model)
    old_dataset = Dataset(old) if old else None
    if old_dataset and saved.get("split_hash", old_dataset.split_hash()) != old_dataset.split_hash():
        raise InputError(
            f"{model} was trained on another dataset or split than {old}: its held-out pieces may be known"
        )
    folder = out.with_suffix(".run")
    with alone(folder):
        music = folder / "data"
        reading = replace(options or Options(), family=saved["family"], cache=folder / "data.cache")
        tally = prepare(sources, music, reading)
        print(f"{music}: {tell(tally)}", file=sys.stderr)
        dataset, network = Dataset(music), network_of(saved)
        with enough_memory(replace(settings_of(saved), batch=plan.lanes, sequence=plan.sequence)):
            lanes = (plan.lanes, plan.sequence, plan.seed)
            before = old_music(network, saved["family"], *lanes, old_dataset, improvised=improvised)
            learner = Learner(network, dataset, before, plan, folder)
            if resume:
                learner.resume()
            result = _learnt(learner, saved)
    learnt = saved | {"network": network.state_dict(), "sources": [*saved["sources"], *dataset.about["sources"]]}
    if dataset.encoding.planned:
        learnt["habits"] = habits_of(dataset, learner.learnt, sources, reading.processes)
        result["habits"] = summary(learnt["habits"])
    told_of = learner.held_out or learner.choosing
    _write(
        learnt, out, held_out_loss(network, dataset, told_of, told=False), bits or (8 if has_eight_bits(model) else 32)
    )
    pieces = {index for index, row in enumerate(dataset.pieces) if row in learner.learnt}
    table = own_table(windows_of(music, pieces), DEFAULT_TABLE)
    write_whole(out.with_suffix(".yaml"), settings_text(out.resolve(), ", ".join(dataset.about["sources"]), table))
    result |= {
        "model": model.name,
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "cpu_minutes": round((time.process_time() - cpu_began) / 60, 1),
    }
    write_whole(out.with_suffix(".finetune.json"), json.dumps(result, indent=1) + "\n")
    return result


def _learnt(learner: Learner, saved: dict[str, Any]) -> dict[str, Any]:
    """Train; what was measured, before and after, on pieces that chose nothing where there are any."""
    dataset, held_out = learner.dataset, learner.held_out or learner.choosing
    plain = network_of(saved)
    losses = [held_out_loss(plain, dataset, held_out)]
    ended = learner.learn()
    losses.append(held_out_loss(learner.network, dataset, held_out))
    old = [learner.old.loss(network) for network in (plain, learner.network)]
    before, after = ({"new": round(new, 4), "old": round(was, 4)} for new, was in zip(losses, old, strict=True))
    return {
        "pieces": len(dataset.pieces),
        "learnt_pieces": len(learner.learnt),
        "choosing_pieces": [row.name for row in learner.choosing],
        "held_out_pieces": [row.name for row in learner.held_out],
        "tokens": sum(row.stop - row.start for row in learner.learnt),
        "old_music": learner.old.kind,
        "plan": vars(learner.plan),
        "ended": ended,
        "iterations": learner.iteration,
        "before": before,
        "after": after,
        "course": learner.course,
    }


def _write(learnt: dict[str, Any], out: Path, held_out: float, bits: int) -> None:
    """The new model, whole or not at all."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        path = Path(folder) / out.name
        export(learnt, out.stem, held_out, path)
        if bits == 8:
            eight_bits(path)
        write_whole(out, path.read_bytes())
    renew_card(out)


def table(result: dict[str, Any]) -> str:
    """Before and after, for people."""
    before, after = result["before"], result["after"]
    held_out = len(result["held_out_pieces"])
    new = f"{held_out} pieces of the new music that chose nothing" if held_out else "the new music that chose the best"
    rows = [f"{'nats per token':48}{'before':>9}{'after':>9}"]
    for key, what in (("new", new), ("old", f"old: {result['old_music']}")):
        rows.append(f"{what:48}{before[key]:9.4f}{after[key]:9.4f}")
    if habits := result.get("habits"):
        rows.append(f"habits for plan and foot: counted in {habits['pieces']} of {result['learnt_pieces']} pieces")
    if after["new"] >= before["new"] or math.isclose(before["new"], after["new"]):
        rows.append("the new music is predicted no better than before: too little of it, or played well already")
    return "\n".join(rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", nargs="?", default="hands", help="a shipped model's name, an .onnx file or a checkpoint (.pt)")
    add("--data", nargs="+", required=True, help="folders, archives or files of music, as for `prepare`")
    add("--out", type=Path, required=True, help="the new model (.onnx); what belongs to it is written beside it")
    add("--old", type=Path, help="the dataset that the model was trained on: rehearsed, and its test pieces measured")
    add("--improvised", action="store_true", help="with --old: rehearse what the model improvises, only measure on old")
    add("--iterations", type=int, default=Plan.iterations, help="at most (default: %(default)s)")
    add("--minutes", type=float, default=Plan.minutes, help="of learning, at most (default: %(default)s)")
    add("--lr", type=float, default=Plan.lr, help="the highest learning rate (default: %(default)s)")
    add("--rehearsal", type=float, default=Plan.rehearsal, help="weight of the old music (default: %(default)s)")
    add("--bits", type=int, choices=(32, 8), help="of the new model's weights (default: as the model has them)")
    add("--processes", type=int, default=os.cpu_count() or 1, help="that read the music (default: one for each core)")
    add("--time-limit", type=float, default=TIME_LIMIT_S, metavar="S", help="for one file (default: %(default)s)")
    add("--resume", action="store_true", help="go on with a run that Ctrl-C ended")


def command(options: argparse.Namespace) -> int:
    if options.out.suffix != ".onnx":
        raise InputError(f"--out must end in .onnx, got {options.out.name}")
    if options.iterations < 1 or options.lr <= 0 or options.rehearsal < 0 or options.minutes <= 0:
        raise InputError(
            "--iterations must be 1 or more, --lr more than 0, --minutes more than 0, --rehearsal 0 or more"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    plan = Plan(iterations=options.iterations, lr=options.lr, rehearsal=options.rehearsal, minutes=options.minutes)
    model = Path(options.model) if options.model.endswith(".pt") else resolve(options.model)
    result = finetune(
        model,
        options.data,
        options.out,
        plan,
        options.old,
        improvised=options.improvised,
        bits=options.bits,
        options=Options(processes=max(options.processes, 1), time_limit_s=options.time_limit),
        resume=options.resume,
    )
    print(table(result))
    settings = options.out.with_suffix(".yaml")
    print(f"{options.out}: after {result['minutes']} minutes; play it with: improv run -c {settings}")
    if not result["ended"]:
        print("interrupted: this is the best so far; the same command with --resume goes on", file=sys.stderr)
        return INTERRUPTED
    return 0
