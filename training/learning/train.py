"""Train a network on a prepared dataset.

    python -m training train data/polyphony --preset base --out runs/polyphony
    python -m training train data/polyphony --out runs/polyphony --resume
    torchrun --nproc-per-node 2 -m training train data/polyphony --preset large --out runs/polyphony

Truncated back-propagation through time over lanes of whole pieces with the state carried on. `last.pt` is written at
every evaluation, `best.pt` whenever the held-out loss is the best so far; a resumed run goes on with the same batches.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from improv.errors import InputError
from training.dataset.dataset import Dataset
from training.dataset.splits import spread
from training.learning.averaging import follow
from training.learning.processes import Processes
from training.learning.resuming import chance, restore_chance, resumable, take_over
from training.learning.runlog import RunLog, alone
from training.learning.schedule import DivergedError, descend, learning_rate
from training.learning.trouble import bad_batch, enough_memory, names_of
from training.models.batches import Batch, LaneStream
from training.models.checkpoints import read_checkpoint, save
from training.models.lstm import State
from training.models.precision import halves_pay
from training.models.scoring import TorchScorer, score_pieces
from training.models.settings import DEFAULT_PRESET, Settings, build, settings_of

# Held-out pieces that the running evaluation reads, spread over all sources: enough for two decimals, and some
# 200 000 tokens, which one idle core scores in 10 s with the base preset.
EVALUATION_PIECES = 48


class Trainer:
    """One run: network, optimiser, batches, and their checkpoints in a folder.

    half: products of 16 bits (default: where the processor or the GPU has them); the weights stay in 32 bits.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: Settings,
        out: Path,
        device: torch.device,
        processes: Processes | None = None,
        *,
        half: bool | None = None,
        tensorboard: bool = False,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.processes = processes or Processes()
        self.dataset, self.settings, self.out, self.device = dataset, settings, out, device
        self.share = self.processes.share(settings.batch)
        self.network = build(settings, dataset.encoding).to(device)
        self.mean = copy.deepcopy(self.network) if settings.average else self.network  # what is measured and kept
        torch.manual_seed(settings.seed + self.processes.rank)  # dropout differs between processes, weights do not
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay
        )
        self.stream = LaneStream(
            dataset,
            dataset.split("train"),
            settings.batch,
            settings.sequence,
            settings.transpose,
            settings.seed,
            dataset.weights("train") if settings.balance else None,
        )
        tokens = sum(piece.stop - piece.start for piece in self.stream.pieces)
        self.per_epoch = max(1, round(tokens / (settings.batch * settings.sequence)))
        self.held_out = spread(dataset.split("valid"), EVALUATION_PIECES)
        self.state: State = self.network.zero_state(self.share.stop - self.share.start, device)
        self.iteration, self.best, self.stale, self.seconds = 0, math.inf, 0, 0.0
        self.half = halves_pay(device) if half is None else half
        self.tensorboard = tensorboard
        self.resumed = False

    def resume(self) -> None:
        """Go on from `last.pt`."""
        path = self.out / "last.pt"
        saved = resumable(path, self.settings, self.dataset)
        self.mean.load_state_dict(saved["network"])
        self.network.load_state_dict(saved.get("unaveraged", saved["network"]))
        self.optimiser.load_state_dict(saved["optimiser"])
        self.stream.restore(saved["stream"])
        h, c = (tensor[:, self.share].contiguous().to(self.device) for tensor in saved["state"])
        self.state = (h, c)
        self.iteration, self.seconds, self.stale = saved["iteration"], saved["seconds"], saved.get("stale", 0)
        # The best loss so far means nothing where the running evaluation reads other pieces than it did then.
        self.best = saved["best"] if saved.get("held_out") == self._held_out_names() else math.inf
        restore_chance(saved, self.processes, self.device)
        self.resumed = True

    def begin_with(self, path: Path) -> None:
        """Take over what another run has learnt, whatever it learned from; everything else begins anew."""
        take_over(self.network, path, self.dataset.encoding.fingerprint)
        self.mean.load_state_dict(self.network.state_dict())

    def _held_out_names(self) -> list[str]:
        return [piece.name for piece in self.held_out]

    def content(self) -> dict[str, Any]:
        """A whole checkpoint. All processes must call it together."""
        return self._learnt() | self._needed_to_resume()

    def _learnt(self) -> dict[str, Any]:
        return {  # what best.pt keeps
            "settings": asdict(self.settings),
            "family": self.dataset.encoding.family,
            "fingerprint": self.dataset.encoding.fingerprint,
            "sources": self.dataset.about["sources"],
            "split_hash": self.dataset.split_hash(),
            "network": self.mean.state_dict(),
            "iteration": self.iteration,
            "tokens": self.iteration * self.settings.batch * self.settings.sequence,
            "best": self.best,
            "seconds": self.seconds,
            "held_out": self._held_out_names(),
        }

    def _needed_to_resume(self) -> dict[str, Any]:
        return {
            "unaveraged": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "stream": self.stream.state(),
            "state": tuple(self.processes.gather(tensor, 1) for tensor in self.state),
            "stale": self.stale,
            **chance(self.processes, self.device),
        }

    def step(self, batch: Batch) -> float:
        """One update; returns the training loss in nats per token of this process's lanes."""
        tokens, targets, condition, fresh = (torch.from_numpy(array[self.share]).to(self.device) for array in batch)
        if fresh.any():
            self.state = (self.state[0] * ~fresh[:, None], self.state[1] * ~fresh[:, None])
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            logits, state = self.network(tokens, condition, self.state)
        nats = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
        try:
            loss = descend(
                self.optimiser,
                nats.mean(),
                learning_rate(self.settings, self.iteration, self.per_epoch),
                self.settings.clip,
                clip_each=self.settings.clip_each,
                average=self.processes.average,
            )
        except DivergedError as error:
            bad = (~torch.isfinite(nats)).view_as(targets).any(dim=1).tolist()
            names = names_of(self.stream, self.share, bad)
            raise bad_batch(error, self.iteration, names, self.out / "last.pt") from None
        self.state = (state[0].detach().float(), state[1].detach().float())
        self.iteration += 1
        if self.settings.average:
            follow(self.mean, self.network, self.settings.average, self.iteration)
        return loss

    def _held_out(self, *, commands: bool) -> tuple[float, float]:
        """Nats per token of the held-out pieces, which the processes share, and the share of tokens that was right."""
        mine = self.held_out[self.processes.rank :: self.processes.size]
        self.mean.eval()
        scores = score_pieces(TorchScorer(self.mean, self.device), self.dataset, mine, commands=commands)
        self.mean.train()
        columns = ([s.nats for s in scores], [s.right for s in scores], [s.tokens for s in scores])
        nats, right, tokens = self.processes.sum([float(sum(column)) for column in columns], self.device)
        return nats / tokens, right / tokens

    def evaluate(self, losses: list[float], log: RunLog | None) -> dict[str, Any]:
        """Held-out loss with and without commands; writes the checkpoints and a line of the record."""
        (known, known_right), (bare, bare_right) = (self._held_out(commands=commands) for commands in (True, False))
        better = known + bare < self.best
        self.best = min(self.best, known + bare)
        self.stale = 0 if better else self.stale + 1
        whole = self.content()
        sums = self.processes.sum([float(np.sum(losses)), float(len(losses))], self.device)
        line = {
            "iteration": self.iteration,
            "train": sums[0] / sums[1],
            "valid_commanded": known,
            "valid_bare": bare,
            "accuracy_commanded": round(known_right, 5),
            "accuracy_bare": round(bare_right, 5),
            "lr": learning_rate(self.settings, self.iteration, self.per_epoch),
            "seconds": round(self.seconds, 1),
        }
        if log is not None:
            # last.pt comes last: killed before it, a resumed run does this evaluation once more, with the same result.
            if better:
                save(self.out / "best.pt", self._learnt())
            log.write(line)
            save(self.out / "last.pt", whole)
        return line

    @property
    def ended(self) -> bool:
        """Whether all iterations are done, or the held-out loss has not got better for `patience` evaluations."""
        tired = 0 < self.settings.patience <= self.stale
        return self.iteration >= self.settings.iterations or tired

    def run(self) -> None:
        """Train until the settings' number of iterations, or their patience, is reached.

        InputError when another process trains into the same folder.
        """
        if not self.processes.first:
            self._run(None)
            return
        after = self.iteration if self.resumed else None
        with alone(self.out), RunLog(self.out, after, tensorboard=self.tensorboard) as log:
            self._run(log)

    def _run(self, log: RunLog | None) -> None:
        losses: list[float] = []
        total = self.settings.iterations
        per_step = self.settings.batch * self.settings.sequence
        disable = None if self.processes.first else True
        with tqdm(total=total, initial=self.iteration, unit="it", disable=disable) as bar:
            while not self.ended:
                began = time.perf_counter()
                losses.append(self.step(self.stream.next()))
                took = time.perf_counter() - began
                self.seconds += took
                bar.set_postfix_str(f"loss {losses[-1]:.3f}, {per_step / took:,.0f} tokens/s", refresh=False)
                bar.update()
                if self.iteration % self.settings.evaluate_every == 0 or self.iteration == total:
                    line = self.evaluate(losses, log)
                    losses = []
                    if self.processes.first:
                        tqdm.write(json.dumps(line))
                        sys.stdout.flush()
            if self.iteration < total and self.processes.first:
                tqdm.write(f"no better held-out loss in {self.stale} evaluations: best.pt is the best of this run")


def train(
    dataset: Path,
    settings: Settings,
    out: Path,
    device: str = "auto",
    *,
    resume: bool = False,
    begin_with: Path | None = None,
    half: bool | None = None,
    tensorboard: bool = False,
) -> Trainer:
    """A whole run from its arguments. Without `resume` it begins anew, also where `out` holds an older run.

    begin_with: a checkpoint whose weights the new run begins with.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; use auto or cpu")
    processes = Processes.join(torch.device(device))
    place = torch.device(device, processes.local_rank) if device == "cuda" else torch.device(device)
    try:
        with enough_memory(settings):
            trainer = Trainer(Dataset(dataset), settings, out, place, processes, half=half, tensorboard=tensorboard)
            if resume:
                trainer.resume()
            elif begin_with is not None:
                trainer.begin_with(begin_with)
            trainer.run()
    finally:
        processes.leave()
    return trainer


def choose_settings(preset: str | None, overrides: list[str], resume_from: Path | None, family: str) -> Settings:
    """A resumed run keeps its own settings unless others are asked for (refused but for LENGTH, Trainer.resume)."""
    if resume_from is not None and preset is None:
        return settings_of(read_checkpoint(resume_from)).overridden(overrides)
    return Settings.preset(preset or DEFAULT_PRESET, overrides, family)


PRECISIONS = {"auto": None, "32": False, "16": True}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("dataset", type=Path, help="folder that `prepare` wrote")
    add("--preset", help=f"a name of presets.yaml (default: {DEFAULT_PRESET}; resumed: the run's own)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="change a preset's setting")
    add("--out", type=Path, required=True, help="folder of the run: last.pt, best.pt, log.jsonl")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"))
    add("--precision", default="auto", choices=tuple(PRECISIONS), help="bits of a product; auto: 16 where it is faster")
    add("--no-tensorboard", action="store_true", help="write log.jsonl alone")
    add("--resume", action="store_true", help="go on from OUT/last.pt")
    add("--begin-with", type=Path, metavar="CHECKPOINT", help="take over its weights; the rest begins anew")
    add("--balance", action="store_true", help="draw modes, tempi and moods more evenly (balance.csv)")


def command(options: argparse.Namespace) -> None:
    last = options.out / "last.pt" if options.resume else None
    overrides = [*options.overrides, *(["balance=1"] if options.balance else [])]
    settings = choose_settings(options.preset, overrides, last, Dataset(options.dataset).encoding.family)
    train(
        options.dataset,
        settings,
        options.out,
        options.device,
        resume=options.resume,
        begin_with=options.begin_with,
        half=PRECISIONS[options.precision],
        tensorboard=not options.no_tensorboard,
    )
