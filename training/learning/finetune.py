"""A style of one's own: an hour of somebody's music, a trained model, some minutes of a CPU.

    python -m training finetune exported_models/polyphony.onnx --data my_midis/ --out mine.onnx
    python -m training finetune runs/polyphony/best.pt --data my_midis/ --old data/polyphony --out mine.onnx

So that it does not forget how to play, every batch of the new music goes with one of old music, on which the network is
held to what the model said before (its probabilities, not only the right answers: Li & Hoiem, Learning without
Forgetting, 2016). The old music is improvised by the model itself (Robins, Catastrophic forgetting, rehearsal and
pseudorehearsal, 1995), or read from the dataset it was trained on where one is given with --old. A fifth of the works
is held out; the held-out loss on them and on old music, before and after, is printed and written beside the new model.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from improv.errors import InputError
from improv.files import atomic_write
from improv.model import conditioning
from improv.model.vocabulary import encoding_for
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare, tell
from training.dataset.splits import spread
from training.learning.schedule import descend, half_cosine
from training.learning.trouble import enough_memory
from training.models.batches import Batch, LaneStream
from training.models.checkpoints import read_checkpoint
from training.models.export import export, network_of
from training.models.from_onnx import read_onnx
from training.models.lstm import Network, State
from training.models.precision import halves_pay
from training.models.scoring import score
from training.models.settings import settings_of

CPU = torch.device("cpu")
CLIP = 1.0  # the highest norm of a gradient
HELD_OUT_SHARE = 5  # one piece of so many
OLD_PIECES = 16  # held-out pieces of the old dataset that are scored
IMPROVISED_TOKENS = 1536  # for each lane; more than the music of two minutes
COMMAND_TOKENS = 256  # so long an improvised lane keeps its commands
_COMMAND_COLUMNS = 2 * len(conditioning.COMMANDS)


@dataclass(frozen=True)
class Plan:
    """How a style is learnt. rehearsal: weight of the old music's loss beside the new's; 0 lets the model forget."""

    iterations: int = 200
    evaluate_every: int = 50
    lr: float = 5e-4
    rehearsal: float = 1.0
    lanes: int = 16
    sequence: int = 128
    seed: int = 1


@torch.no_grad()
def improvise(network: Network, family: str, lanes: int, tokens: int, seed: int) -> Batch:
    """What the model plays by itself, with commands drawn at random: `tokens` of each of `lanes` lanes."""
    rng, encoding = np.random.default_rng(seed), encoding_for(family)
    ids = np.empty((lanes, tokens + 1), dtype=np.int64)
    condition = np.zeros((lanes, tokens, conditioning.width(encoding)), dtype=np.float32)
    decoders = [encoding.decoder() for _ in range(lanes)]
    ids[:, 0], state = encoding.start_id, network.zero_state(lanes)
    network.eval()
    for at in range(tokens):
        if at % COMMAND_TOKENS == 0:
            commands = _random_commands(rng, lanes)
        for lane, decoder in enumerate(decoders):
            if ids[lane, at] == encoding.end_id:
                decoders[lane] = decoder = encoding.decoder()
            else:
                decoder.feed(int(ids[lane, at]))
            beat = decoder.tick / encoding.ticks_per_beat
            condition[lane, at, _COMMAND_COLUMNS:] = conditioning.place(beat % 4, 4)
        condition[:, at, :_COMMAND_COLUMNS] = commands
        logits, state = network(
            torch.from_numpy(ids[:, at : at + 1]), torch.from_numpy(condition[:, at : at + 1]), state
        )
        ids[:, at + 1] = _draw(logits[:, 0], rng)
        ids[ids[:, at] == encoding.end_id, at + 1] = encoding.start_id
    return Batch(ids[:, :-1], ids[:, 1:], condition, np.zeros(lanes, dtype=np.bool_))


def _random_commands(rng: np.random.Generator, lanes: int) -> NDArray[np.float32]:
    """Each command known in half of the lanes; the ending is never near."""
    known = rng.random((lanes, len(conditioning.COMMANDS))) < 0.5
    values = rng.uniform(-1, 1, known.shape)
    values[:, conditioning.COMMANDS.index("ending")] = 0
    return np.stack([values * known, known], axis=-1).reshape(lanes, -1).astype(np.float32)


def _draw(logits: Tensor, rng: np.random.Generator) -> NDArray[np.int64]:
    cumulative = torch.softmax(logits.double(), dim=-1).cumsum(-1).numpy()
    below = cumulative < rng.random((len(cumulative), 1)) * cumulative[:, -1:]
    return np.asarray(below.sum(axis=1), dtype=np.int64)


class Rehearsal:
    """Old music with what the old network says of it. source: yields the batches, one after the other for ever."""

    def __init__(self, teacher: Network, source: Callable[[], Batch], lanes: int) -> None:
        self._teacher, self._source = teacher.eval(), source
        self._state = teacher.zero_state(lanes)

    @torch.no_grad()
    def next(self) -> tuple[Tensor, Tensor, Tensor]:
        """tokens (lanes, time), condition (lanes, time, SIZE), the old probabilities (lanes, time, vocabulary)."""
        batch = self._source()
        tokens, condition = torch.from_numpy(batch.tokens), torch.from_numpy(batch.condition)
        logits, self._state = self._teacher(tokens, condition, self._state)
        return tokens, condition, logits.softmax(-1)


def in_turn(music: Batch, sequence: int) -> Callable[[], Batch]:
    """Parts of a long batch, from its beginning to its end and again."""
    starts = range(0, music.tokens.shape[1] - sequence + 1, sequence)
    at = -1

    def following() -> Batch:
        nonlocal at
        at = (at + 1) % len(starts)
        part = slice(starts[at], starts[at] + sequence)
        return music._replace(
            tokens=music.tokens[:, part], targets=music.targets[:, part], condition=music.condition[:, part]
        )

    return following


def parted(dataset: Dataset) -> tuple[list[PieceRow], list[PieceRow]]:
    """Pieces to learn and held out ones: whole works, by a hash, until they make a fifth; InputError for one work."""
    works = sorted({piece.work for piece in dataset.pieces}, key=lambda work: hashlib.sha256(work.encode()).digest())
    if len(works) < 2:
        raise InputError("one work is too little: give at least two, so that one can be held out")
    held_out: set[str] = set()
    for work in works[:-1]:
        if HELD_OUT_SHARE * sum(piece.work in held_out for piece in dataset.pieces) >= len(dataset.pieces):
            break
        held_out.add(work)
    rows = dataset.pieces
    return [row for row in rows if row.work not in held_out], [row for row in rows if row.work in held_out]


@dataclass(frozen=True)
class Old:
    """Where old music comes from and how the held-out loss on it is measured. kind: told to people."""

    kind: str
    rehearsal: Callable[[], Batch]
    loss: Callable[[Network], float]


def old_music(network: Network, family: str, plan: Plan, old: Dataset | None, *, improvised: bool) -> Old:
    """From the old dataset where there is one, else improvised; with `improvised` that is only measured on."""
    lanes = plan.lanes
    if old is None or improvised:
        music = improvise(network, family, lanes, IMPROVISED_TOKENS, plan.seed)
        source = in_turn(music, plan.sequence)
    else:
        source = _stream(old, old.split("train"), plan).next
    if old is None:
        unheard = improvise(network, family, lanes, IMPROVISED_TOKENS // 2, plan.seed + 1)
        return Old("improvised by the model before", source, lambda now: _loss_on(now, unheard))
    pieces = spread(old.split("test"), OLD_PIECES)
    return Old(f"{len(pieces)} held-out pieces of the old dataset", source, lambda now: held_out_loss(now, old, pieces))


def held_out_loss(network: Network, dataset: Dataset, pieces: list[PieceRow]) -> float:
    """Nats per token, the commands hidden."""
    return score(network, dataset, pieces, commands=False, device=CPU).nats_per_token


@torch.no_grad()
def _loss_on(network: Network, music: Batch) -> float:
    tokens, targets, condition, _ = (torch.from_numpy(array) for array in music)
    network.eval()
    logits, _ = network(tokens, condition, network.zero_state(len(tokens)))
    network.train()
    return float(functional.cross_entropy(logits.flatten(0, 1), targets.flatten()))


def _stream(dataset: Dataset, pieces: list[PieceRow], plan: Plan) -> LaneStream:
    return LaneStream(dataset, pieces, plan.lanes, plan.sequence, (-5, 6), plan.seed)


class Learner:
    """The network that learns a style, beside the one it was."""

    def __init__(self, network: Network, dataset: Dataset, old: Old, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.old, self.dataset = plan, old, dataset
        self.network = network.train()
        learnt, self.held_out = parted(dataset)
        self.stream = _stream(dataset, learnt, plan)
        self.rehearsal = Rehearsal(copy.deepcopy(network), old.rehearsal, plan.lanes)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=plan.lr, weight_decay=0.0)
        self.state, self.old_state = network.zero_state(plan.lanes), network.zero_state(plan.lanes)
        self.half = halves_pay(CPU)

    def losses(self) -> dict[str, float]:
        """Held-out nats per token on the new and on the old music."""
        new = held_out_loss(self.network, self.dataset, self.held_out)
        return {"new": round(new, 4), "old": round(self.old.loss(self.network), 4)}

    def step(self, iteration: int) -> None:
        """One update on one batch of the new music and one of the old."""
        tokens, targets, condition, _ = (torch.from_numpy(array) for array in self.stream.next())
        logits, self.state = self._forward(tokens, condition, self.state)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        if self.plan.rehearsal:
            tokens, condition, before = self.rehearsal.next()
            logits, self.old_state = self._forward(tokens, condition, self.old_state)
            loss = loss + self.plan.rehearsal * functional.cross_entropy(logits.flatten(0, 1), before.flatten(0, 1))
        plan = self.plan
        rate = half_cosine(iteration, peak=plan.lr, warmup=plan.iterations // 10, iterations=plan.iterations)
        descend(self.optimiser, loss, rate, CLIP)

    def _forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.half):
            logits, (h, c) = self.network(tokens, condition, state)
        return logits.float(), (h.detach().float(), c.detach().float())

    def learn(self) -> dict[str, Any]:
        """Train; the weights of the best held-out loss on the new music stay. Returns losses before and after."""
        before = after = self.losses()
        best = copy.deepcopy(self.network.state_dict())
        course = [{"iteration": 0, **before}]
        for iteration in tqdm(range(1, self.plan.iterations + 1), unit="it", disable=None):
            self.step(iteration - 1)
            if iteration % self.plan.evaluate_every and iteration != self.plan.iterations:
                continue
            now = self.losses()
            course.append({"iteration": iteration, **now})
            if now["new"] < after["new"]:
                after, best = now, copy.deepcopy(self.network.state_dict())
        self.network.load_state_dict(best)
        return {"before": before, "after": after, "course": course}


def finetune(
    model: Path, sources: list[str], out: Path, plan: Plan, old: Path | None = None, *, improvised: bool = False
) -> dict[str, Any]:
    """Learn a style and export it; returns, and writes beside `out`, what was measured."""
    began, cpu_began = time.perf_counter(), time.process_time()
    saved = read_checkpoint(model) if model.suffix == ".pt" else read_onnx(model)
    old_dataset = Dataset(old) if old else None
    if old_dataset and saved.get("split_hash", old_dataset.split_hash()) != old_dataset.split_hash():
        raise InputError(
            f"{model} was trained on another dataset or split than {old}: its held-out pieces may be known"
        )
    folder = out.with_name(out.stem + ".data")
    tally = prepare(sources, folder, Options(family=saved["family"]))
    print(f"{folder}: {tell(tally)}", file=sys.stderr)
    dataset, network = Dataset(folder), network_of(saved)
    with enough_memory(replace(settings_of(saved), batch=plan.lanes, sequence=plan.sequence)):
        learner = Learner(
            network,
            dataset,
            old_music(network, saved["family"], plan, old_dataset, improvised=improvised),
            plan,
        )
        measured = learner.learn()
    learnt = saved | {"network": network.state_dict(), "sources": [*saved["sources"], *dataset.about["sources"]]}
    export(learnt, out.stem, measured["after"]["new"], out)
    result = {
        "model": model.name,
        "pieces": len(dataset.pieces),
        "held_out_pieces": len(learner.held_out),
        "tokens": sum(row.stop - row.start for row in learner.stream.pieces),
        "old_music": learner.old.kind,
        "plan": vars(plan),
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "cpu_minutes": round((time.process_time() - cpu_began) / 60, 1),
        **measured,
    }
    with atomic_write(out.with_suffix(".finetune.json")) as file:
        file.write(json.dumps(result, indent=1) + "\n")
    return result


def table(result: dict[str, Any]) -> str:
    """Before and after, for people."""
    before, after = result["before"], result["after"]
    rows = [f"{'held-out nats per token':40}{'before':>9}{'after':>9}"]
    for key, what in (("new", "the new music"), ("old", f"old: {result['old_music']}")):
        rows.append(f"{what:40}{before[key]:9.4f}{after[key]:9.4f}")
    if math.isclose(before["new"], after["new"]):
        rows.append("the new music is predicted no better than before: too little of it, or played well already")
    return "\n".join(rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", type=Path, help="an exported model (.onnx) or a checkpoint (.pt)")
    add("--data", nargs="+", required=True, help="folders, archives or files of music, as for `prepare`")
    add("--out", type=Path, required=True, help="the new model (.onnx); its dataset is kept beside it")
    add("--old", type=Path, help="the dataset that the model was trained on: rehearsed, and its test pieces measured")
    add("--improvised", action="store_true", help="with --old: rehearse what the model improvises, only measure on old")
    add("--iterations", type=int, default=Plan.iterations, help="default: %(default)s")
    add("--lr", type=float, default=Plan.lr, help="the highest learning rate (default: %(default)s)")
    add("--rehearsal", type=float, default=Plan.rehearsal, help="weight of the old music (default: %(default)s)")


def command(options: argparse.Namespace) -> None:
    if options.out.suffix != ".onnx":
        raise InputError(f"--out must end in .onnx, got {options.out.name}")
    if options.iterations < 1 or options.lr <= 0 or options.rehearsal < 0:
        raise InputError("--iterations must be 1 or more, --lr more than 0, --rehearsal 0 or more")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    plan = Plan(iterations=options.iterations, lr=options.lr, rehearsal=options.rehearsal)
    result = finetune(options.model, options.data, options.out, plan, options.old, improvised=options.improvised)
    print(table(result))
    print(f"{options.out}: after {result['minutes']} minutes; play it with: improv run -o model.path={options.out}")
