"""Train a network on a prepared dataset.

    python -m training.train data/polyphony --preset base --out runs/polyphony
    python -m training.train data/polyphony --out runs/polyphony --resume

Truncated back-propagation through time over lanes of whole pieces with the state carried on. `last.pt` is written at
every evaluation, `best.pt` whenever the held-out loss is the best so far; a resumed run goes on with the same batches.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch.nn import functional
from tqdm import tqdm

from improv.encodings import encoding_for
from improv.errors import BrainMusicError, InputError
from training.batches import Batch, LaneStream
from training.dataset import Dataset
from training.network import EventLSTM, State
from training.scoring import score
from training.splits import spread

PRESETS = Path(__file__).with_name("presets.yaml")
DEFAULT_PRESET = "base"
# Held-out pieces that the running evaluation reads, spread over all sources: enough for two decimals, and some
# 200 000 tokens, which one idle core scores in 10 s with the base preset.
EVALUATION_PIECES = 48


@dataclass(frozen=True)
class Settings:
    """See presets.yaml."""

    embedding: int
    hidden: int
    layers: int
    dropout: float
    batch: int
    sequence: int
    lr: float
    warmup: int
    iterations: int
    evaluate_every: int
    clip: float
    weight_decay: float
    transpose: tuple[int, int]
    seed: int = 1
    balance: int = 0  # 1: pieces are drawn by the weights in balance.csv

    @classmethod
    def preset(cls, name: str, overrides: list[str] | None = None) -> Settings:
        """A preset by name with `key=value` overrides; InputError names what is allowed."""
        presets = yaml.safe_load(PRESETS.read_text())
        if name not in presets:
            raise InputError(f"unknown preset {name!r}; there are: {', '.join(presets)}")
        settings = cls(**{**presets[name], "transpose": tuple(presets[name]["transpose"])})
        return settings.overridden(overrides or [])

    def overridden(self, overrides: list[str]) -> Settings:
        """With `key=value` texts applied; InputError when a key or a value is not allowed."""
        settings = self
        known = {field.name for field in fields(self)}
        for override in overrides:
            key, equals, text = override.partition("=")
            if not equals or key not in known:
                raise InputError(f"--set {override!r}: expected key=value with a key of {', '.join(sorted(known))}")
            settings = replace(settings, **{key: _parse(key, text, type(getattr(settings, key)))})
        return settings

    def differences(self, other: Settings) -> list[str]:
        """Each setting that differs, as text: name, own value, the other's value."""
        pairs = [(field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return [f"{name} {mine} and not {theirs}" for name, mine, theirs in pairs if mine != theirs]


_AT_LEAST = {
    "warmup": 0,
    "dropout": 0,
    "weight_decay": 0,
    "seed": 0,
    "balance": 0,
}  # every other number must be positive


def _parse(key: str, text: str, kind: type) -> Any:
    """The value of `--set key=text`."""
    try:
        if kind is tuple:
            down, up = (int(part) for part in yaml.safe_load(text))
            if not -12 <= down <= 0 <= up <= 12:
                raise ValueError
            return down, up
        value = kind(text)
    except (TypeError, ValueError, yaml.YAMLError):
        wanted = {int: "a whole number", float: "a number", tuple: "[down, up] with -12 <= down <= 0 <= up <= 12"}[kind]
        raise InputError(f"--set {key}={text}: expected {wanted}") from None
    if not (value >= _AT_LEAST[key] if key in _AT_LEAST else value > 0) or (key == "dropout" and value >= 1):
        wanted = "0 or more and less than 1" if key == "dropout" else "0 or more" if key in _AT_LEAST else "more than 0"
        raise InputError(f"--set {key}={text}: must be {wanted}")
    return value


def build(settings: Settings, vocabulary: int) -> EventLSTM:
    """The network that the settings describe."""
    return EventLSTM(vocabulary, settings.embedding, settings.hidden, settings.layers, settings.dropout)


def learning_rate(settings: Settings, iteration: int) -> float:
    """Linear warm-up, then a half cosine down to 2 % of the peak."""
    if iteration < settings.warmup:
        return settings.lr * (iteration + 1) / settings.warmup
    progress = (iteration - settings.warmup) / max(1, settings.iterations - settings.warmup)
    return settings.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    torch.save(content, partial)
    os.replace(partial, path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint; InputError when it is missing, damaged, or of another vocabulary."""
    if not path.exists():
        raise InputError(f"there is no checkpoint {path}; make one with python -m training.train")
    try:
        # Only plain values and tensors: a checkpoint from elsewhere cannot run code.
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        family, fingerprint = saved["family"], saved["fingerprint"]
    except Exception as error:  # torch raises pickle, zip, key and runtime errors for damaged files
        raise InputError(f"{path} is not a checkpoint that can be read ({type(error).__name__})") from None
    expected = encoding_for(family).fingerprint
    if fingerprint != expected:
        raise InputError(f"{path} was trained with vocabulary {fingerprint}, this version has {expected}")
    return saved


def settings_of(saved: dict[str, Any]) -> Settings:
    """The settings that a checkpoint was trained with."""
    return Settings(**{**saved["settings"], "transpose": tuple(saved["settings"]["transpose"])})


class Trainer:
    """One run: network, optimiser, batches, and their checkpoints in a folder."""

    def __init__(self, dataset: Dataset, settings: Settings, out: Path, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.dataset, self.settings, self.out, self.device = dataset, settings, out, device
        self.network = build(settings, dataset.encoding.size).to(device)
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
        self.held_out = spread(dataset.split("valid"), EVALUATION_PIECES)
        self.state: State = self.network.zero_state(settings.batch, device)
        self.iteration, self.best, self.seconds = 0, math.inf, 0.0
        # Half-width products double the speed where the processor has them; the weights stay in 32 bits.
        self.half = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()

    def resume(self) -> None:
        """Go on from `last.pt`."""
        path = self.out / "last.pt"
        saved = read_checkpoint(path)
        if differences := settings_of(saved).differences(self.settings):
            raise InputError(
                f"{path} was trained with {'; '.join(differences)}: resume without --preset and --set, "
                "or begin a new run in another --out"
            )
        if saved["split_hash"] != self.dataset.split_hash():
            raise InputError(f"{path} was trained on another dataset or split; resume on that one, or begin a new run")
        self.network.load_state_dict(saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.stream.restore(saved["stream"])
        self.state = tuple(tensor.to(self.device) for tensor in saved["state"])
        self.iteration, self.seconds = saved["iteration"], saved["seconds"]
        # The best loss so far means nothing where the running evaluation reads other pieces than it did then.
        self.best = saved["best"] if saved.get("held_out") == self._held_out_names() else math.inf
        torch.set_rng_state(saved["torch_rng"])
        if self.device.type == "cuda" and "cuda_rng" in saved:
            torch.cuda.set_rng_state(saved["cuda_rng"], self.device)

    def _held_out_names(self) -> list[str]:
        return [piece.name for piece in self.held_out]

    def content(self, *, whole: bool) -> dict[str, Any]:
        """A checkpoint; `whole` adds what only a resumed run needs."""
        saved: dict[str, Any] = {
            "settings": asdict(self.settings),
            "family": self.dataset.encoding.family,
            "fingerprint": self.dataset.encoding.fingerprint,
            "sources": self.dataset.about["sources"],
            "split_hash": self.dataset.split_hash(),
            "network": self.network.state_dict(),
            "iteration": self.iteration,
            "tokens": self.iteration * self.settings.batch * self.settings.sequence,
            "best": self.best,
            "seconds": self.seconds,
            "held_out": self._held_out_names(),
        }
        if whole:
            saved |= {
                "optimiser": self.optimiser.state_dict(),
                "stream": self.stream.state(),
                "state": self.state,
                "torch_rng": torch.get_rng_state(),
            }
            if self.device.type == "cuda":
                saved["cuda_rng"] = torch.cuda.get_rng_state(self.device)
        return saved

    def step(self, batch: Batch) -> float:
        """One update; returns the training loss in nats per token."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.settings, self.iteration)
        tokens, targets, condition = (torch.from_numpy(array).to(self.device) for array in batch)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            logits, state = self.network(tokens, condition, self.state)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        self._check("loss", loss)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._check("gradient", torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip))
        self.optimiser.step()
        self.state = (state[0].detach().float(), state[1].detach().float())
        self.iteration += 1
        return loss.item()

    def _check(self, what: str, value: torch.Tensor) -> None:
        if not torch.isfinite(value):
            raise InputError(
                f"the {what} is {value.item()} in iteration {self.iteration}; "
                f"{self.out / 'last.pt'} keeps the last good state, if there was one: try a smaller lr or clip"
            )

    def evaluate(self, losses: list[float]) -> dict[str, float]:
        """Held-out loss with and without commands; writes the checkpoints and a line of log.jsonl."""
        known, bare = (
            score(self.network, self.dataset, self.held_out, commands=commands, device=self.device).nats_per_token
            for commands in (True, False)
        )
        better = known + bare < self.best
        self.best = min(self.best, known + bare)
        if better:
            save(self.out / "best.pt", self.content(whole=False))
        save(self.out / "last.pt", self.content(whole=True))
        line = {
            "iteration": self.iteration,
            "train": float(np.mean(losses)),
            "valid_commanded": known,
            "valid_bare": bare,
            "lr": learning_rate(self.settings, self.iteration),
            "seconds": round(self.seconds, 1),
        }
        with (self.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        return line

    def run(self) -> None:
        """Train until the settings' number of iterations is reached."""
        losses: list[float] = []
        total = self.settings.iterations
        per_step = self.settings.batch * self.settings.sequence
        with tqdm(total=total, initial=self.iteration, unit="it", disable=None) as bar:
            while self.iteration < total:
                began = time.perf_counter()
                losses.append(self.step(self.stream.next()))
                took = time.perf_counter() - began
                self.seconds += took
                bar.set_postfix_str(f"loss {losses[-1]:.3f}, {per_step / took:,.0f} tokens/s", refresh=False)
                bar.update()
                if self.iteration % self.settings.evaluate_every == 0 or self.iteration == total:
                    tqdm.write(json.dumps(self.evaluate(losses)))
                    losses = []


def train(dataset: Path, settings: Settings, out: Path, device: str = "auto", *, resume: bool = False) -> Trainer:
    """A whole run from its arguments. Without `resume` it begins anew, also where `out` holds an older run."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; use auto or cpu")
    trainer = Trainer(Dataset(dataset), settings, out, torch.device(device))
    if resume:
        trainer.resume()
    else:
        out.mkdir(parents=True, exist_ok=True)
        (out / "log.jsonl").unlink(missing_ok=True)
    trainer.run()
    return trainer


def choose_settings(preset: str | None, overrides: list[str], resume_from: Path | None) -> Settings:
    """A resumed run keeps its own settings unless others are asked for (and then refused, Trainer.resume)."""
    if resume_from is not None and preset is None:
        return settings_of(read_checkpoint(resume_from)).overridden(overrides)
    return Settings.preset(preset or DEFAULT_PRESET, overrides)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--preset", help=f"a name of presets.yaml (default: {DEFAULT_PRESET}; resumed: the run's own)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--balance", action="store_true", help="draw modes, tempi and moods more evenly (balance.csv)")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        last = options.out / "last.pt" if options.resume else None
        overrides = [*options.overrides, *(["balance=1"] if options.balance else [])]
        settings = choose_settings(options.preset, overrides, last)
        train(options.dataset, settings, options.out, options.device, resume=options.resume)
    except BrainMusicError as error:
        print(f"training.train: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"training.train: interrupted; go on with --resume --out {options.out}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
