"""Begin a model of one event family with what a model of another has learnt.

    python -m training transfer runs/pianist/best.pt --dataset data/performance --out runs/performance
    python -m training train data/performance --out runs/performance --resume

The layers are taken over as they are; each token begins as its nearest relative in the other vocabulary: the same key,
the nearest loudness, the nearest length of time at 100 bpm. Keys, chords and the ends of notes need not be learnt anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from improv.errors import InputError
from improv.model.vocabulary import Encoding, encoding_for
from improv.model.vocabulary.base import into_range
from training.dataset.dataset import Dataset
from training.learning.train import Trainer
from training.models.checkpoints import read_checkpoint, save
from training.models.settings import settings_of
from training.models.tied_lstm import parts_of

USUAL_TEMPO_BPM = 100.0
_BY_TOKEN = ("embedding.weight", "output.weight", "output.bias", "bias")


def relatives(new: Encoding, old: Encoding) -> list[int]:
    """For each token of the new vocabulary the nearest one of the old. InputError when a kind of token has none."""
    rows: dict[str, dict[int, int]] = {}
    for token_id in range(old.size):
        kind, value = _parts(old.label(token_id))
        rows.setdefault(kind, {})[value] = token_id
    found = []
    for token_id in range(new.size):
        kind, value = _parts(new.label(token_id))
        if kind not in rows:
            raise InputError(f"{old.family} has no {kind}: {new.family} cannot begin with what it has learnt")
        found.append(_nearest(rows[kind], kind, value, new, old))
    return found


def _parts(label: str) -> tuple[str, int]:
    kind, _, value = label.partition(" ")
    return kind, int(value or 0)


def _nearest(values: dict[int, int], kind: str, value: int, new: Encoding, old: Encoding) -> int:
    wanted = float(value)
    if kind in ("NOTE_ON", "NOTE_OFF"):
        wanted = into_range(value, min(values), max(values))
    elif kind == "TIME_SHIFT":
        wanted = value * _ticks_per_s(old) / _ticks_per_s(new)
    elif kind == "VELOCITY":
        wanted = (value - 0.5) * max(values) / max(_count(new, kind), 1) + 0.5
    return values[min(values, key=lambda known: abs(known - wanted))]


def _ticks_per_s(encoding: Encoding) -> float:
    return encoding.ticks_per_beat * (encoding.tempo_bpm or USUAL_TEMPO_BPM) / 60


def _count(encoding: Encoding, kind: str) -> int:
    return sum(_parts(encoding.label(token_id))[0] == kind for token_id in range(encoding.size))


def begin(checkpoint: Path, dataset: Path, overrides: list[str], out: Path) -> None:
    """Write OUT/last.pt: a run at its beginning whose network knows what the checkpoint's does.

    overrides: `key=value` texts on the checkpoint's settings. InputError when the networks are of different sizes.
    """
    saved, data = read_checkpoint(checkpoint), Dataset(dataset)
    rows = relatives(data.encoding, encoding_for(saved["family"]))
    trainer = Trainer(data, settings_of(saved).overridden(overrides), out, torch.device("cpu"))
    taken = {name: part[rows] if name in _BY_TOKEN else part for name, part in saved["network"].items()}
    if "shared.weight" in taken:
        old, new = (parts_of(encoding) for encoding in (encoding_for(saved["family"]), data.encoding))
        table = (taken["own.weight"] + old @ taken["shared.weight"].T)[rows]
        # What tokens are made of has other kinds here: whatever gives the same sums is as good.
        taken["shared.weight"] = torch.linalg.lstsq(new, table, driver="gelsd").solution.T
        taken["own.weight"] = table - new @ taken["shared.weight"].T
    try:
        for network in (trainer.network, trainer.mean):
            network.load_state_dict(taken)
    except RuntimeError as error:
        raise InputError(f"{checkpoint} is of another size: {str(error).splitlines()[-1].strip()}") from None
    out.mkdir(parents=True, exist_ok=True)
    save(out / "last.pt", trainer.content())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("checkpoint", type=Path, help="of the family that has learnt")
    add("--dataset", type=Path, required=True, help="of the family that is to learn")
    add("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="change a setting")
    add("--out", type=Path, required=True, help="folder of the new run")


def command(options: argparse.Namespace) -> None:
    begin(options.checkpoint, options.dataset, options.overrides, options.out)
    print(f"go on with python -m training train {options.dataset} --out {options.out} --resume")
