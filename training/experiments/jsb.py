"""Bach's chorales as others measure them: nats per frame on the canonical splits.

    python -m training jsb Jsb16thSeparated.json --out runs/jsb16
    python -m training jsb jsb-chorales-quarter.json --out runs/jsb-quarter
    python -m training jsb Jsb16thSeparated.json --checkpoint runs/jsb16/best.pt

The files are those of the public repository czhuang/JSB-Chorales-dataset. Sixteenths: four voices, the joint causal
nats of a frame. Quarters: the split of Boulanger-Lewandowski et al. 2012, where a frame is a set of pitches; its pieces
stand in C already. Both are trained in all keys. The pieces for early stopping are the canonical validation pieces; the
test pieces are read once, at the end. Nothing that is shipped is trained on these.

Two figures of each split: of the network in the piece's own key, and of the mixture over twelve keys: at every choice
the mean of the probabilities that the network gives it in each key, which is a distribution as well. Several
checkpoints are one mixture.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from improv.errors import InputError
from improv.files import atomic_write
from training.evaluation.figures import interval
from training.experiments.chord_change_network import ChangeNetwork, ChangeShape, changes
from training.experiments.frame_network import FrameNetwork, FrameShape
from training.learning.averaging import follow
from training.learning.schedule import descend, half_cosine
from training.models.checkpoints import save
from training.models.precision import halves_pay

IntArray = NDArray[np.int64]
ChoraleNetwork = FrameNetwork | ChangeNetwork
SPLITS = ("train", "valid", "test")
VOICES = (0, 3, 1, 2)  # soprano, bass, alto, tenor: the outer voices first
LOWEST_KEY, HIGHEST_KEY = -5, 6  # semitones that a piece is moved
BEYOND = 6  # semitones that a moved piece may reach beyond the highest and lowest pitch of all
KEYS = range(LOWEST_KEY, HIGHEST_KEY + 1)
SET_SIZE = 4
WARMUP = 100  # steps
LIKE_LENGTHS = 6  # batches among whose pieces those of like length go together


class Chorales(NamedTuple):
    """pieces: split -> arrays (frames, slots) of symbols. lowest: the pitch of symbol 1."""

    pieces: dict[str, list[IntArray]]
    lowest: int
    pitches: int
    descending: bool

    @property
    def slots(self) -> int:
        return SET_SIZE if self.descending else len(VOICES)


def read(path: Path) -> Chorales:
    """The pieces of either file; InputError says what it is instead."""
    try:
        content = json.loads(path.read_text())
        raw = {split: [list(piece) for piece in content[split]] for split in SPLITS}
    except FileNotFoundError:
        raise InputError(f"there is no file {path}; it comes from github.com/czhuang/JSB-Chorales-dataset") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a file of JSB-Chorales-dataset ({type(error).__name__}: {error})") from None
    frames = [frame for pieces in raw.values() for piece in pieces for frame in piece]
    descending = not all(len(frame) == len(VOICES) for frame in frames)
    sounding = [pitch for frame in frames for pitch in frame if pitch >= 0]
    if not sounding or max(map(len, frames)) > SET_SIZE or not all(0 <= p <= 127 for p in sounding):
        raise InputError(f"{path} holds other than frames of at most {SET_SIZE} pitches of 0..127")
    lowest = min(sounding) - BEYOND
    pieces = {split: [_symbols(p, lowest, descending=descending) for p in raw[split]] for split in SPLITS}
    return Chorales(pieces, lowest, max(sounding) + BEYOND - lowest + 2, descending)


def _symbols(piece: list[list[int]], lowest: int, *, descending: bool) -> IntArray:
    if descending:
        rows = [sorted(set(frame), reverse=True) + [-1] * (SET_SIZE - len(set(frame))) for frame in piece]
    else:
        rows = [[frame[voice] for voice in VOICES] for frame in piece]
    pitch = np.array(rows, dtype=np.int64)
    return np.where(pitch < 0, 0, pitch - lowest + 1)


@dataclass(frozen=True)
class Training:
    """How the benchmark's network is trained. average: decay of the running mean of the weights that is tested."""

    epochs: int = 200
    batch: int = 8
    lr: float = 1.5e-3
    weight_decay: float = 0.05
    clip: float = 1.0
    average: float = 0.998
    evaluate_every: int = 5
    seed: int = 1


def padded(pieces: list[IntArray]) -> tuple[Tensor, Tensor]:
    """frames int64 (batch, longest, slots) and which of them are real, bool (batch, longest)."""
    longest = max(map(len, pieces))
    frames = np.zeros((len(pieces), longest, pieces[0].shape[1]), dtype=np.int64)
    real = np.zeros((len(pieces), longest), dtype=np.bool_)
    for row, piece in enumerate(pieces):
        frames[row, : len(piece)], real[row, : len(piece)] = piece, True
    return torch.from_numpy(frames), torch.from_numpy(real)


def moved(piece: IntArray, pitches: int, rng: np.random.Generator) -> tuple[IntArray, int]:
    """In a random key of those that stay within the symbols, and by how many semitones it was moved."""
    sounding = piece[piece > 0]
    down, up = max(LOWEST_KEY, 1 - int(sounding.min())), min(HIGHEST_KEY, pitches - 1 - int(sounding.max()))
    semitones = int(rng.integers(down, up + 1))
    return np.where(piece > 0, piece + semitones, 0), semitones


def batches(
    chorales: Chorales, training: Training, rng: np.random.Generator
) -> Iterator[tuple[list[IntArray], list[int]]]:
    """One epoch: every piece once, in a random key, and by how much it was moved. Like lengths go together."""
    pieces = chorales.pieces["train"]
    order = rng.permutation(len(pieces))
    near = training.batch * LIKE_LENGTHS
    for begin in range(0, len(order), near):
        some = sorted(order[begin : begin + near], key=lambda index: len(pieces[index]))
        for at in range(0, len(some), training.batch):
            rows = [moved(pieces[index], chorales.pitches, rng) for index in some[at : at + training.batch]]
            yield [piece for piece, _ in rows], [semitones for _, semitones in rows]


def told(keys: list[int], shape: FrameShape) -> Tensor:
    """What the network is told of the keys: nothing where it must find out by itself."""
    return torch.tensor([key - LOWEST_KEY for key in keys] if shape.keys > 1 else [0] * len(keys))


def chances(network: ChoraleNetwork, pieces: list[IntArray], keys: list[int]) -> Tensor:
    """Log-probability of every choice that pieces are made of, (pieces, choices), 0 behind a piece's end.

    keys: by how many semitones each piece was moved.
    """
    if isinstance(network, ChangeNetwork):
        music = changes(pieces)
        lasting, voices = network(music)
        real = music.real[..., None].expand(-1, -1, network.shape.slots + 1)
        return torch.where(real, torch.cat([lasting[..., None], voices], dim=-1), 0.0).flatten(1)
    frames, real = padded(pieces)
    return torch.where(real[..., None], network(frames, told(keys, network.shape)), 0.0).flatten(1)


@torch.no_grad()
def nats(networks: Sequence[ChoraleNetwork], pieces: list[IntArray], keys: Sequence[int] = (0,)) -> NDArray[np.float64]:
    """Sum of nats of each piece, every frame counted, the first as well: of the mixture of the networks in the keys."""
    sums = []
    for piece in pieces:
        sounding = [np.where(piece > 0, piece + key, 0) for key in keys]
        found = torch.cat([chances(network.eval(), sounding, list(keys)).double() for network in networks])
        sums.append(-float((found.logsumexp(0) - math.log(len(found))).sum()))
    return np.array(sums)


def per_frame(sums: NDArray[np.float64], pieces: list[IntArray]) -> float:
    return float(sums.sum() / sum(map(len, pieces)))


class Run:
    """One training: network, running mean of its weights, optimiser."""

    def __init__(
        self,
        chorales: Chorales,
        shape: FrameShape | ChangeShape,
        training: Training,
        out: Path,
        start: ChoraleNetwork | None = None,
    ) -> None:
        torch.manual_seed(training.seed)
        self.chorales, self.training, self.out = chorales, training, out
        self.network = start or network_for(shape)
        self.mean = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=training.lr, weight_decay=training.weight_decay
        )
        self.rng = np.random.default_rng(training.seed)
        self.steps = 0
        self.total = training.epochs * math.ceil(len(chorales.pieces["train"]) / training.batch)
        self.half = halves_pay(torch.device("cpu"))

    def step(self, pieces: list[IntArray], keys: list[int]) -> float:
        """One update; returns nats per frame."""
        self.network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.half):
            found = chances(self.network, pieces, keys)
        loss = -found.sum() / sum(map(len, pieces))
        rate = half_cosine(self.steps, peak=self.training.lr, warmup=WARMUP, iterations=self.total)
        nats_per_frame = descend(self.optimiser, loss, rate, self.training.clip)
        self.steps += 1
        follow(self.mean, self.network, self.training.average, self.steps)
        return nats_per_frame

    def content(self, valid: float, epoch: int) -> dict[str, Any]:
        return {
            "network": self.mean.state_dict(),
            "shape": asdict(self.network.shape),
            "training": asdict(self.training),
            "lowest": self.chorales.lowest,
            "valid": valid,
            "epoch": epoch,
        }

    def run(self) -> None:
        """Train, keep the best on the validation pieces in best.pt, write log.jsonl."""
        self.out.mkdir(parents=True, exist_ok=True)
        log = self.out / "log.jsonl"
        log.unlink(missing_ok=True)
        best, began = math.inf, time.perf_counter()
        for epoch in tqdm(range(1, self.training.epochs + 1), unit="epoch", disable=None):
            losses = [self.step(*batch) for batch in batches(self.chorales, self.training, self.rng)]
            if epoch % self.training.evaluate_every and epoch != self.training.epochs:
                continue
            valid = per_frame(nats([self.mean], self.chorales.pieces["valid"]), self.chorales.pieces["valid"])
            if valid < best:
                best = valid
                save(self.out / "best.pt", self.content(valid, epoch))
            seconds = round(time.perf_counter() - began, 1)
            line = json.dumps({"epoch": epoch, "train": float(np.mean(losses)), "valid": valid, "seconds": seconds})
            with log.open("a") as file:
                file.write(line + "\n")
            tqdm.write(line)


def network_for(shape: FrameShape | ChangeShape) -> ChoraleNetwork:
    return ChangeNetwork(shape) if isinstance(shape, ChangeShape) else FrameNetwork(shape)


def shape_of(values: dict[str, Any]) -> FrameShape | ChangeShape:
    """From a checkpoint or the command line. Only frames are told whether they are sets."""
    return FrameShape(**values) if "descending" in values else ChangeShape(**values)


def load(path: Path) -> tuple[ChoraleNetwork, dict[str, Any]]:
    """A network that this command has trained."""
    if not path.exists():
        raise InputError(f"there is no checkpoint {path}")
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network = network_for(shape_of(saved["shape"]))
        network.load_state_dict(saved["network"])
    except Exception as error:  # torch raises pickle, zip, key and runtime errors for damaged files
        raise InputError(f"{path} is not a checkpoint of python -m training jsb ({type(error).__name__})") from None
    return network.eval(), saved


def report(networks: Sequence[ChoraleNetwork], chorales: Chorales) -> dict[str, Any]:
    """Nats per frame of each split: over all frames, with its interval, and the mean of the pieces' means.

    Of the training pieces only in their own keys: what they tell is how much was learnt by heart.
    """
    rows: dict[str, Any] = {}
    for split in SPLITS:
        pieces = chorales.pieces[split]
        sums, lengths = nats(networks, pieces), np.array([len(piece) for piece in pieces], dtype=np.float64)
        rows[split] = {
            "pieces": len(pieces),
            "frames": int(lengths.sum()),
            "nats_per_frame": interval(sums, lengths)._asdict(),
            "mean_of_pieces": interval(sums / lengths, np.ones(len(pieces)))._asdict(),
        }
        if split != "train":
            rows[split]["mixture_over_keys"] = interval(nats(networks, pieces, KEYS), lengths)._asdict()
    return rows


def _kind(of: dict[str, Any], lowest: int) -> tuple[int, int, bool]:
    return lowest, of["pitches"], of.get("descending", False)


def overridden(shape: dict[str, Any], training: dict[str, Any], texts: list[str]) -> None:
    """Apply `key=value` texts to whichever of the two has the key."""
    for text in texts:
        key, _, value = text.partition("=")
        target = shape if key in shape and key not in ("pitches", "slots", "descending", "keys") else training
        if key not in target:
            raise InputError(f"--set {text!r}: expected key=value with a key of {', '.join([*shape, *training])}")
        try:
            target[key] = type(target[key])(value)
        except ValueError:
            raise InputError(f"--set {text!r}: expected a number") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, help="Jsb16thSeparated.json or jsb-chorales-quarter.json")
    add("--out", type=Path, help="train, and write best.pt, log.jsonl and result.json here")
    add("--checkpoint", type=Path, nargs="+", help="only measure this one, or the mixture of these")
    add("--start", type=Path, help="train on from the weights of this checkpoint")
    add("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="of sizes or training")


def command(options: argparse.Namespace) -> None:
    if (options.out is None) == (options.checkpoint is None):
        raise InputError("give either --out (train) or --checkpoint (measure)")
    chorales = read(options.file)
    if options.out:
        train(chorales, options.overrides, options.start, options.out)
    paths = options.checkpoint or [options.out / "best.pt"]
    loaded = [load(path) for path in paths]
    for path, (network, saved) in zip(paths, loaded, strict=True):
        if _kind(asdict(network.shape), saved["lowest"]) != _kind(chorales._asdict(), chorales.lowest):
            raise InputError(f"{path} was trained on another file than {options.file}")
    about = {"file": options.file.name, "epoch": [saved["epoch"] for _, saved in loaded]}
    text = json.dumps(about | report([network for network, _ in loaded], chorales), indent=1)
    if options.out:
        with atomic_write(options.out / "result.json") as file:
            file.write(text + "\n")
    print(text)


def train(chorales: Chorales, overrides: list[str], start: Path | None, out: Path) -> None:
    """Train a network on a file's pieces. start: a checkpoint whose weights it begins with.

    The pieces of the quarter file stand in C: the network is told how far a transposed one was moved, so that what it
    teaches of C is not blurred. The others stand in their own keys, and it is told nothing.
    """
    kind: FrameShape | ChangeShape = ChangeShape(chorales.pitches, chorales.slots)
    if chorales.descending:
        kind = FrameShape(chorales.pitches, chorales.slots, chorales.descending, len(KEYS))
    shape = asdict(kind)
    training = asdict(Training())
    overridden(shape, training, overrides)
    begun = load(start)[0] if start else None
    Run(chorales, shape_of(shape), Training(**training), out, begun).run()
