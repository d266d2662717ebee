"""Teach the ear which pulse is the beat (`improv/listening/metre_level.py`), from players whose beats are known.

    python -m training prepare piano-midi-de.zip --family pianist --out data/pianist
    python -m training metre-level piano-midi-de.zip --dataset data/pianist --out improv/listening/metre_level.npz

The sources hold MIDI files with a tempo map that were played (or shaped) by people; of those only the training split of
the dataset counts. Each gives stretches, each stretch onsets, and each onset the readings of the pulse that was found,
one of which is the person's beat. Scripted players come on top. Now and then another pulse is counted on purpose, so
that the way back is learned. Prints how often the right reading is the first choice among players that were held out,
then what the ear finds with the new weights in the dataset's validation pieces and in scripted players of other seeds.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from improv.errors import InputError
from improv.files import atomic_write
from improv.listening.beat import BeatTracker
from improv.listening.metre_level import FASTEST_BPM, READINGS, SLOWEST_BPM, Weights, features
from improv.midi.packed import MIDI_SUFFIXES
from improv.midi.reading import read_music
from improv.music.attributes import FloatArray
from training.corpus.sources import Item, collect
from training.dataset.dataset import Dataset
from training.experiments.beat_ear import judged_by, table
from training.experiments.beat_players import Played, scripted, stretch_of
from training.learning.schedule import descend

JUDGED_EVERY = 4  # onsets
OTHER_PULSE = 0.04  # of the onsets, another pulse is counted from there on
NEAR_TEMPO, NEAR_BEATS = 0.1, 0.15
HIDDEN, EPOCHS, BATCH, RATE, DECAY, BLUR = 24, 14, 256, 4e-3, 3e-2, 0.03
HELD_OUT = 8  # every eighth player
FIRST_OTHER_SEED, OTHERS = 50_000, 40  # scripted players that nothing is learned from


class Case(NamedTuple):
    """features: (readings, features), zeros where a reading is out of range. possible: (readings,). right: number."""

    features: FloatArray
    possible: NDArray[np.bool_]
    right: int


class _Listening(BeatTracker):
    """A tracker that writes down what it could have judged, and counts other pulses at random."""

    def __init__(self, beats_s: FloatArray, rng: np.random.Generator) -> None:
        super().__init__()
        self._beats_s, self._rng, self._number = beats_s, rng, 0
        self.cases: list[Case] = []

    def _judge(self) -> None:
        line = self._best()
        if line is None:
            return
        self._number += 1
        bpm = 60 / line.mean_period_s
        possible = [i for i, one in enumerate(READINGS) if SLOWEST_BPM <= bpm * one.ratio <= FASTEST_BPM]
        if self._number % JUDGED_EVERY == 0 and (right := self._right(possible)) is not None:
            rows = features(self._struck, [READINGS[i] for i in possible], bpm, self._struck[-1].beats)
            table = np.zeros((len(READINGS), rows.shape[1]))
            table[possible] = rows
            self.cases.append(Case(table, np.isin(np.arange(len(READINGS)), possible), right))
        if possible and self._rng.random() < OTHER_PULSE:
            self._count(READINGS[possible[self._rng.integers(len(possible))]])

    def _right(self, possible: Sequence[int]) -> int | None:
        """The one reading that is the person's beat, None where none or several are."""
        line, at_s = self._best(), self._struck[-1].at_s
        assert line is not None
        beat = float(np.interp(at_s, self._beats_s, np.arange(len(self._beats_s))))
        at = int(min(max(beat, 2), len(self._beats_s) - 4))
        period_s = float(self._beats_s[at + 2] - self._beats_s[at - 2]) / 4
        found = []
        for i in possible:
            tempo = abs(np.log(line.mean_period_s / READINGS[i].ratio / period_s))
            away = (line.at(at_s)[0] * READINGS[i].ratio + READINGS[i].shift - beat + 0.5) % 1 - 0.5
            if tempo < NEAR_TEMPO and abs(away) < NEAR_BEATS:
                found.append(i)
        return found[0] if len(found) == 1 else None


def cases_of(played: Played, seed: int) -> list[Case]:
    """What there is to judge while somebody plays."""
    tracker = _Listening(played.beats_s, np.random.default_rng(seed))
    for one in played.struck:
        if one.at_s < played.beats_s[-2]:
            tracker.strike(one.at_s, one.velocity, one.pitch)
    return tracker.cases


def items(sources: Sequence[str], unpack_to: Path) -> list[Item]:
    """The MIDI files of the sources. InputError where there are none."""
    found = [item for source in sources for item in collect(source, unpack_to) if item.suffix in MIDI_SUFFIXES]
    if not found:
        raise InputError(f"{', '.join(sources)}: no MIDI files")
    return found


def of_split(found: Sequence[Item], dataset: Dataset, split: str) -> list[Item]:
    """Those that a dataset has in one split."""
    names = {(piece.source, piece.name) for piece in dataset.split(split)}
    return [item for item in found if (item.source, item.name) in names]


def performed(found: Sequence[Item], stretches: int) -> Iterator[Played]:
    """Stretches of performances; which ones hangs on the order of the files alone."""
    for number, item in enumerate(found):
        try:
            music = read_music(item.content())
        except InputError as error:
            print(f"left out {item.name}: {error}")
            continue
        rng = np.random.default_rng(number)
        yield from (played for _ in range(stretches) if (played := stretch_of(music, rng)) is not None)


class Network(nn.Module):
    """What `improv.listening.metre_level.Weights` holds, to be learned."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.into = nn.Parameter(0.15 * torch.randn(size, HIDDEN))
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.out = nn.Parameter(0.1 * torch.randn(HIDDEN))
        self.straight = nn.Parameter(torch.zeros(size))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.tanh(rows @ self.into + self.bias) @ self.out + rows @ self.straight


def _tensors(cases: Sequence[Case]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rows = torch.tensor(np.stack([case.features for case in cases]), dtype=torch.float32)
    barred = torch.where(torch.tensor(np.stack([case.possible for case in cases])), 0.0, -1e9)
    return rows, barred, torch.tensor([case.right for case in cases])


def learn(cases: Sequence[Case], seed: int = 1, epochs: int = EPOCHS) -> Network:
    """A network that tells the right reading, by the likelihood of it."""
    torch.manual_seed(seed)
    rows, barred, right = _tensors(cases)
    network = Network(rows.shape[2])
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    for epoch in range(epochs):
        rate = RATE * (1 - epoch / epochs) + RATE / 20
        for chosen in torch.split(torch.randperm(len(rows)), BATCH):
            blurred = rows[chosen] + BLUR * torch.randn_like(rows[chosen])
            loss = nn.functional.cross_entropy(network(blurred) + barred[chosen], right[chosen])
            descend(optimizer, loss, rate, math.inf)
    return network


def first_choice(network: Network, cases: Sequence[Case]) -> float:
    """Share of the cases in which the right reading is the likeliest."""
    rows, barred, right = _tensors(cases)
    with torch.no_grad():
        return float(((network(rows) + barred).argmax(dim=1) == right).float().mean())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", help="performances with a tempo map: folders, archives or files")
    parser.add_argument(
        "--dataset", type=Path, help="prepared from these sources: only its training split is learned from"
    )
    parser.add_argument("--out", type=Path, required=True, help="npz file to write")
    parser.add_argument("--scripted", type=int, default=300, help="how many scripted players come on top")
    parser.add_argument("--stretches", type=int, default=2, help="of each performance")


def command(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="metre-level-") as folder:
        found = items(options.sources, Path(folder))
        dataset = Dataset(options.dataset) if options.dataset is not None else None
        chosen = found if dataset is None else of_split(found, dataset, "train")
        people = list(performed(chosen, options.stretches))
        others = [] if dataset is None else list(performed(of_split(found, dataset, "valid"), options.stretches))
    network = _learned(options, people)
    arrays = {name: one.detach().numpy().astype(np.float32) for name, one in network.named_parameters()}
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    with atomic_write(options.out, "wb") as file:
        file.write(packed.getvalue())
    weights = Weights(*(arrays[name].astype(np.float64) for name in Weights._fields))
    with judged_by(weights):
        print(table({"validation": others, "scripted": [scripted(FIRST_OTHER_SEED + at) for at in range(OTHERS)]}))


def _learned(options: argparse.Namespace, people: Sequence[Played]) -> Network:
    learned: list[Case] = []
    held: list[Case] = []
    together = [*people, *(scripted(seed) for seed in range(options.scripted))]
    for number, played in enumerate(together):
        (held if number % HELD_OUT == 0 else learned).extend(cases_of(played, number))
    if not learned or not held:
        raise InputError(f"{', '.join(options.sources)}: too few performances to learn from")
    print(f"{len(people)} stretches of performances, {options.scripted} scripted players")
    network = learn(learned)
    print(f"{len(learned)} cases; right at first choice {first_choice(network, learned):.3f}, ", end="")
    print(f"held out {first_choice(network, held):.3f} of {len(held)}")
    return network
