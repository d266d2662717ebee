"""A network that learns a style beside what it was: the loop, its record, and how it goes on after an interruption."""

from __future__ import annotations

import copy
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from improv.errors import InputError
from training.dataset.dataset import Dataset
from training.dataset.splits import spread
from training.learning.rehearsal import CPU, KEYS, Old, Rehearsal, held_out_loss
from training.learning.runlog import RunLog
from training.learning.schedule import descend, half_cosine
from training.models.batches import LaneStream
from training.models.checkpoints import read_checkpoint, save
from training.models.lstm import Network, State
from training.models.precision import halves_pay

CLIP = 1.0  # the highest norm of a gradient
CHOOSING_PIECES = 24  # by which the best weights are chosen, at most
TIMED_ITERATIONS = 5  # from which it is told how many the minutes allow
LAST = "last.pt"
Losses = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """How a style is learnt. rehearsal: weight of the old music's loss beside the new's; 0 lets the model forget.

    minutes: fewer iterations are done where they would take longer.
    """

    iterations: int = 200
    evaluate_every: int = 20
    lr: float = 2e-4
    rehearsal: float = 0.5
    lanes: int = 16
    sequence: int = 128
    seed: int = 1
    minutes: float = 8.0


class Learner:
    """The network that learns a style. The weights that are best on the validation pieces stay; the test pieces choose
    nothing. folder: of the record and of what a later run goes on from.
    """

    def __init__(self, network: Network, dataset: Dataset, old: Old, plan: Plan, folder: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.old, self.dataset, self.folder = plan, old, dataset, folder
        self.network = network.train()
        self.learnt, self.choosing, self.held_out = parts(dataset)
        self.stream = LaneStream(dataset, self.learnt, plan.lanes, plan.sequence, KEYS, plan.seed)
        self.rehearsal = Rehearsal(copy.deepcopy(network), old.rehearsal, plan.lanes)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=plan.lr, weight_decay=0.0)
        self.state, self.old_state = network.zero_state(plan.lanes), network.zero_state(plan.lanes)
        self.half = halves_pay(CPU)
        self.iteration, self.iterations = 0, plan.iterations
        self.course: list[dict[str, float]] = []
        self.best = copy.deepcopy(network.state_dict())
        self.chance = torch.get_rng_state()
        """Of dropout, at the next iteration."""

    def losses(self) -> Losses:
        """Nats per token of the new music that chooses, and of the old."""
        new = held_out_loss(self.network, self.dataset, self.choosing)
        return {"new": round(new, 4), "old": round(self.old.loss(self.network), 4)}

    def step(self) -> None:
        """One update on one batch of the new music and one of the old."""
        tokens, targets, condition, fresh = (torch.from_numpy(array) for array in self.stream.next())
        if fresh.any():
            self.state = (self.state[0] * ~fresh[:, None], self.state[1] * ~fresh[:, None])
        logits, self.state = self._forward(tokens, condition, self.state)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        if self.plan.rehearsal:
            tokens, condition, before = self.rehearsal.next()
            logits, self.old_state = self._forward(tokens, condition, self.old_state)
            loss = loss + self.plan.rehearsal * functional.cross_entropy(logits.flatten(0, 1), before.flatten(0, 1))
        warmup = max(self.iterations // 10, 1)
        rate = half_cosine(self.iteration, peak=self.plan.lr, warmup=warmup, iterations=self.iterations)
        descend(self.optimiser, loss, rate, CLIP)
        self.iteration += 1

    def _forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.half):
            logits, (h, c) = self.network(tokens, condition, state)
        return logits.float(), (h.detach().float(), c.detach().float())

    def learn(self) -> bool:
        """Train until the iterations or the minutes are over; False when Ctrl-C came first. The best weights stay.

        Every evaluation is a line of the record and on the terminal, and can be gone on from.
        """
        after = self.iteration if self.course else None
        ended = True
        with RunLog(self.folder, after, tensorboard=False) as log:
            try:
                if not self.course:
                    self._evaluate(log)
                torch.set_rng_state(self.chance)
                self._train(log)
            except KeyboardInterrupt:
                ended = False
        self.network.load_state_dict(self.best)
        return ended

    def _train(self, log: RunLog) -> None:
        began, first = time.perf_counter(), self.iteration
        with tqdm(total=self.iterations, initial=first, unit="it", disable=None) as bar:
            while self.iteration < self.iterations:
                self.step()
                bar.update()
                if self.iteration - first == TIMED_ITERATIONS:
                    self._fit((time.perf_counter() - began) / TIMED_ITERATIONS)
                    bar.total = self.iterations
                if self.iteration % self.plan.evaluate_every == 0 or self.iteration == self.iterations:
                    self._evaluate(log)

    def _fit(self, iteration_s: float) -> None:
        """As many iterations as the minutes allow."""
        allowed = self.iteration + int(60 * self.plan.minutes / iteration_s)
        if allowed < self.iterations:
            self.iterations = allowed
            tqdm.write(f"{allowed} iterations fit into {self.plan.minutes:g} minutes here", file=sys.stderr)

    def _evaluate(self, log: RunLog) -> None:
        now = {"iteration": self.iteration, **self.losses()}
        best = min(self.course, key=lambda line: line["new"], default=None)
        if best is None or now["new"] < best["new"]:
            self.best = copy.deepcopy(self.network.state_dict())
        self.course.append(now)
        log.write(now)
        tqdm.write(
            f"iteration {self.iteration} of {self.iterations}: new music {now['new']:.4f} nats per token "
            f"(before {self.course[0]['new']:.4f}), old {now['old']:.4f} ({self.course[0]['old']:.4f})",
            file=sys.stderr,
        )
        self._save()

    def _save(self) -> None:
        save(
            self.folder / LAST,
            {
                "family": self.dataset.encoding.family,
                "fingerprint": self.dataset.encoding.fingerprint,
                "split_hash": self.dataset.split_hash(),
                "plan": vars(self.plan),
                "iteration": self.iteration,
                "iterations": self.iterations,
                "course": self.course,
                "network": self.network.state_dict(),
                "best": self.best,
                "optimiser": self.optimiser.state_dict(),
                "stream": self.stream.state(),
                "states": (self.state, self.old_state),
                "chance": torch.get_rng_state(),
            },
        )

    def resume(self) -> None:
        """Go on from the last evaluation of an earlier run with the same plan on the same music; InputError says why
        that cannot be. The old music is heard from its beginning again.
        """
        path = self.folder / LAST
        saved = read_checkpoint(path)
        if saved["split_hash"] != self.dataset.split_hash():
            raise InputError(f"{path} learned from other music: begin anew without --resume")
        if replace(Plan(**saved["plan"]), minutes=self.plan.minutes) != self.plan:
            raise InputError(f"{path} was begun with other options: give the same ones, or begin anew without --resume")
        self.network.load_state_dict(saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.stream.restore(saved["stream"])
        self.state, self.old_state = saved["states"]
        self.iteration, self.iterations = saved["iteration"], saved["iterations"]
        self.course, self.best = saved["course"], saved["best"]
        self.chance = saved["chance"]


def parts(dataset: Dataset) -> tuple[list[Any], list[Any], list[Any]]:
    """Pieces to learn, to choose the weights by, and that choose nothing; the last are empty where there are two works.

    InputError for one work.
    """
    by_split = {name: [p for p in dataset.pieces if p.split == name] for name in ("train", "valid", "test")}
    if not by_split["train"] or not by_split["valid"]:
        raise InputError("one work is too little: give at least two, so that one can be held out")
    return by_split["train"], spread(by_split["valid"], CHOOSING_PIECES), by_split["test"]
