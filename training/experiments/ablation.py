"""What each input beside the token is worth: small networks trained side by side on the very same batches.

    python -m training.experiments.ablation data/pianist --out runs/ablation.json
    python -m training.experiments.ablation data/pianist --checkpoint runs/pianist/best.pt --out runs/hidden.json

With a checkpoint the inputs of that trained network are hidden one by one instead: it was trained with each of them
hidden at times, so it knows how to go on without.

Each variant sees the inputs that it names and zeros for all others; everything else (weights at the start, batches,
keys, schedule) is equal. Commands are always told, as measured. The look-back is the set of pitch classes that sounded
one, two or four bars ago at the same place; the bar's length is the piece's most usual one.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from improv.errors import BrainMusicError
from improv.model import conditioning
from improv.model.vocabulary import Encoding
from training.corpus.augment import transpositions
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread
from training.models.batches import conditioned
from training.models.checkpoints import read_checkpoint
from training.models.export import network_of
from training.models.scoring import Arrays, TorchScorer, score_pieces, total

LOOK_BACK_BARS = (1, 2, 4)
_COMMANDS = 2 * len(conditioning.COMMANDS)
_PLACE = len(conditioning.PLACE)
# Columns of the whole input: commands (with bars left last among them), place, bars since the start, look-backs.
_SINCE = conditioning.SIZE
SIZE = _SINCE + 1 + 12 * len(LOOK_BACK_BARS)
COLUMNS: dict[str, slice] = {
    "attributes": slice(0, _COMMANDS - 2),
    "bars left": slice(_COMMANDS - 2, _COMMANDS),
    "place": slice(_COMMANDS, _COMMANDS + _PLACE),
    "bars since": slice(_SINCE, _SINCE + 1),
    **{f"look-back {n}": slice(_SINCE + 1 + 12 * i, _SINCE + 13 + 12 * i) for i, n in enumerate(LOOK_BACK_BARS)},
}
LOOK_BACKS = tuple(f"look-back {n}" for n in LOOK_BACK_BARS)
VARIANTS: dict[str, tuple[str, ...]] = {
    "tokens alone": (),
    "+ place in beat and bar": ("place",),
    "+ attributes and mood": ("place", "attributes"),
    "+ bars left": ("place", "attributes", "bars left"),
    "+ bars since the start": ("place", "attributes", "bars left", "bars since"),
    "+ chord of 1 bar ago": ("place", "attributes", "bars left", "look-back 1"),
    "+ chords of 1, 2 and 4 bars ago": ("place", "attributes", "bars left", *LOOK_BACKS),
}
EMBEDDING, HIDDEN, LAYERS, DROPOUT = 48, 128, 2, 0.1
LANES, SEQUENCE, LR, WARMUP, CLIP = 32, 128, 3e-3, 40, 1.0
HELD_OUT_PIECES = 12


class Network(nn.Module):
    """As EventLSTM, with every input of this module."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING + SIZE, HIDDEN, LAYERS, batch_first=True, dropout=DROPOUT)
        self.output = nn.Linear(HIDDEN, vocabulary)

    def forward(self, tokens: Tensor, told: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, new_state = self.lstm(torch.cat([self.embedding(tokens), told], dim=-1), state)
        return self.output(hidden), new_state


@dataclass(frozen=True)
class Music:
    """A piece: tokens (n,); rows (n, conditioning.SIZE); bars_since (n,); chords (n, look-backs), 12 bits each."""

    tokens: np.ndarray
    rows: np.ndarray
    bars_since: np.ndarray
    chords: np.ndarray
    keys: range

    def told(self, part: slice, semitones: int) -> np.ndarray:
        """The whole input for some tokens in another key, shape (tokens, SIZE)."""
        bits = (self.chords[part, :, None] >> np.arange(12)) & 1
        chords = np.roll(bits, semitones, axis=-1).reshape(len(bits), -1)
        return np.concatenate([conditioned(self.rows[part], semitones), self.bars_since[part, None], chords], axis=1)


def bar_ticks(ticks: np.ndarray, place: np.ndarray) -> int:
    """The most usual length of a bar, from how fast the place in it turns. place: (n, 4) as conditioning.PLACE."""
    angle = np.unwrap(np.arctan2(place[:, 0].astype(np.float64), place[:, 1].astype(np.float64)))
    moved = np.diff(ticks)
    turning = np.diff(angle) / np.maximum(moved, 1)
    fits = (moved > 0) & (turning > 1e-4)
    return round(2 * np.pi / float(np.median(turning[fits]))) if fits.any() else 0


def read(dataset: Dataset, piece: PieceRow) -> Music:
    """A piece with all inputs."""
    encoding = dataset.encoding
    tokens = dataset.tokens[piece.start : piece.stop].astype(np.int64)
    rows = dataset.conditioning[dataset.token_step[piece.start : piece.stop]]
    ticks = encoding.ticks(tokens).astype(np.int64)
    length = bar_ticks(ticks, rows[:, -_PLACE:]) or 4 * encoding.ticks_per_beat
    sounding = _classes(encoding, tokens, int(ticks[-1]) + 1)
    back = ticks[:, None] - length * np.array(LOOK_BACK_BARS)
    chords = np.where(back >= 0, sounding[np.maximum(back, 0)], 0)
    since = np.clip(ticks / length / conditioning.ENDING_REACH_BARS, 0, 1)
    return Music(tokens, rows, since, chords, transpositions(*encoding.pitch_range(tokens), -5, 6))


def _classes(encoding: Encoding, tokens: np.ndarray, ticks: int) -> np.ndarray:
    """The pitch classes that sound at each tick, as 12 bits."""
    sounding = np.zeros(ticks, dtype=np.int64)
    for note in encoding.decode(tokens.tolist()):
        sounding[note.onset : note.end] |= 1 << note.pitch % 12
    return sounding


class Lanes:
    """Endless batches of whole pieces in any key, one after the other in every lane."""

    def __init__(self, encoding: Encoding, music: list[Music], seed: int) -> None:
        self._encoding, self._music, self._rng = encoding, music, np.random.default_rng(seed)
        self._lanes = [self._draw() for _ in range(LANES)]
        for lane in self._lanes:
            lane[2] = int(self._rng.integers(0, len(self._music[lane[0]].tokens)))

    def _draw(self) -> list[int]:
        piece = int(self._rng.integers(len(self._music)))
        keys = self._music[piece].keys
        return [piece, int(self._rng.integers(keys.start, keys.stop)), 0]

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """tokens: (LANES, SEQUENCE + 1). told: (LANES, SEQUENCE, SIZE), of the tokens to be predicted."""
        tokens = np.empty((LANES, SEQUENCE + 1), dtype=np.int64)
        told = np.empty((LANES, SEQUENCE + 1, SIZE), dtype=np.float32)
        for index in range(LANES):
            filled = 0
            while filled < SEQUENCE + 1:
                piece, semitones, at = lane = self._lanes[index]
                music = self._music[piece]
                part = slice(at, min(at + SEQUENCE + 1 - filled, len(music.tokens)))
                count = part.stop - part.start
                tokens[index, filled : filled + count] = self._encoding.transpose(music.tokens[part], semitones)
                told[index, filled : filled + count] = music.told(part, semitones)
                filled += count
                lane[2] = part.stop
                if part.stop >= len(music.tokens):
                    self._lanes[index] = self._draw()
            self._lanes[index][2] = max(self._lanes[index][2] - 1, 0)
        return tokens, told[:, 1:]


def mask_of(inputs: tuple[str, ...]) -> np.ndarray:
    """1 for the columns that a variant may see, shape (SIZE,)."""
    mask = np.zeros(SIZE, dtype=np.float32)
    for name in inputs:
        mask[COLUMNS[name]] = 1
    return mask


@torch.no_grad()
def held_out(network: Network, music: list[Music], mask: np.ndarray) -> float:
    """Nats per token over whole pieces."""
    network.eval()
    nats = count = 0.0
    for piece in music:
        told = torch.from_numpy((piece.told(slice(None), 0) * mask).astype(np.float32))[None, 1:]
        tokens = torch.from_numpy(piece.tokens)[None]
        logits, _ = network(tokens[:, :-1], told, _zero(1))
        nats += float(functional.cross_entropy(logits[0], tokens[0, 1:], reduction="sum"))
        count += tokens.shape[1] - 1
    network.train()
    return nats / count


def _zero(lanes: int) -> tuple[Tensor, Tensor]:
    return torch.zeros(LAYERS, lanes, HIDDEN), torch.zeros(LAYERS, lanes, HIDDEN)


def run(dataset: Dataset, iterations: int, seed: int) -> dict[str, float]:
    """Variant -> nats per held-out token."""
    train = [read(dataset, piece) for piece in dataset.split("train")]
    valid = [read(dataset, piece) for piece in spread(dataset.split("valid"), HELD_OUT_PIECES)]
    lanes = Lanes(dataset.encoding, train, seed)
    networks, optimisers, states = {}, {}, {}
    for name in VARIANTS:
        torch.manual_seed(seed)
        networks[name] = Network(dataset.encoding.size)
        optimisers[name] = torch.optim.AdamW(networks[name].parameters(), lr=LR)
        states[name] = _zero(LANES)
    masks = {name: mask_of(inputs) for name, inputs in VARIANTS.items()}
    for iteration in range(iterations):
        tokens, told = lanes.next()
        target = torch.from_numpy(tokens[:, 1:])
        share = min((iteration + 1) / WARMUP, 1.0) * 0.5 * (1 + np.cos(np.pi * iteration / iterations))
        for name, network in networks.items():
            seen = torch.from_numpy(told * masks[name])
            torch.manual_seed(seed + iteration)  # the same dropout for all
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
                logits, state = network(torch.from_numpy(tokens[:, :-1]), seen, states[name])
            loss = functional.cross_entropy(logits.float().flatten(0, 1), target.flatten())
            optimisers[name].param_groups[0]["lr"] = LR * share
            optimisers[name].zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimisers[name].step()
            states[name] = tuple(part.detach().float() for part in state)
    return {name: held_out(network, valid, masks[name]) for name, network in networks.items()}


@dataclass(frozen=True)
class Blindfold:
    """A scorer that does not see some columns of the conditioning."""

    scorer: TorchScorer
    columns: slice

    def zero_state(self, lanes: int) -> Arrays:
        return self.scorer.zero_state(lanes)

    def forward(self, tokens: np.ndarray, condition: np.ndarray, state: Arrays) -> tuple[np.ndarray, Arrays]:
        seen = condition.copy()
        seen[..., self.columns] = 0
        return self.scorer.forward(tokens, seen, state)


def hidden(saved: dict[str, Any], dataset: Dataset) -> dict[str, float]:
    """Which input is hidden -> nats per held-out token."""
    scorer = TorchScorer(network_of(saved), torch.device("cpu"))
    pieces = spread(dataset.split("test"), HELD_OUT_PIECES)
    shown = {name: COLUMNS[name] for name in ("place", "attributes", "bars left")}
    blind = {"nothing": slice(0, 0), **shown, "all commands": slice(0, _COMMANDS)}
    return {
        name: total(score_pieces(Blindfold(scorer, columns), dataset, pieces, commands=True)).nats_per_token
        for name, columns in blind.items()
    }


def hidden_table(losses: dict[str, float]) -> str:
    """Markdown: each loss and what the hiding changed."""
    lines = ["| hidden | held-out nats per token | change |", "|---|---|---|"]
    whole = losses["nothing"]
    lines += [f"| {name} | {loss:.4f} | {loss - whole:+.4f} |" for name, loss in losses.items()]
    return "\n".join(lines)


def table(losses: dict[str, float]) -> str:
    """Markdown: each variant's loss and what its last input changed."""
    whole = losses["+ bars left"]
    before: dict[str, float | None] = dict.fromkeys(losses)
    names = list(losses)
    for index, name in enumerate(names):
        before[name] = (
            None if index == 0 else losses[names[index - 1]] if index <= names.index("+ bars left") else whole
        )
    lines = ["| inputs | held-out nats per token | change |", "|---|---|---|"]
    for name, loss in losses.items():
        base = before[name]
        lines.append(f"| {name} | {loss:.4f} | {'' if base is None else f'{loss - base:+.4f}'} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.experiments.ablation", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--checkpoint", type=Path, help="hide the inputs of this network one by one")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        dataset = Dataset(options.dataset)
        if options.checkpoint:
            losses = hidden(read_checkpoint(options.checkpoint), dataset)
            options.out.write_text(json.dumps(losses, indent=1))
            print(hidden_table(losses))
            return 0
        runs = [run(dataset, options.iterations, seed) for seed in range(1, options.seeds + 1)]
    except BrainMusicError as error:
        print(f"training.experiments.ablation: {error}", file=sys.stderr)
        return error.exit_code
    losses = {name: float(np.mean([one[name] for one in runs])) for name in VARIANTS}
    tokens = options.iterations * LANES * SEQUENCE
    options.out.write_text(json.dumps({"tokens": tokens, "runs": runs, "mean": losses}, indent=1))
    print(f"{tokens:,} tokens each, {options.seeds} runs\n\n{table(losses)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
