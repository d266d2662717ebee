"""Begin a model of one event family with what a model of another has learnt.

    python -m training.learning.transfer runs/pianist/best.pt --dataset data/performance --out runs/performance
    python -m training.train data/performance --out runs/performance --resume

The layers are taken over as they are; each token begins as its nearest relative in the other vocabulary: the same key,
the nearest loudness, the nearest length of time at 100 bpm. Keys, chords and the ends of notes need not be learnt anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from improv.errors import BrainMusicError, InputError
from improv.model.vocabulary import Encoding, encoding_for
from improv.model.vocabulary.base import into_range
from training.dataset.dataset import Dataset
from training.learning.train import Trainer
from training.models.checkpoints import read_checkpoint, save
from training.models.settings import settings_of

USUAL_TEMPO_BPM = 100.0
_BY_TOKEN = ("embedding.weight", "output.weight", "output.bias")


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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.learning.transfer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        saved = read_checkpoint(options.checkpoint)
        dataset = Dataset(options.dataset)
        rows = relatives(dataset.encoding, encoding_for(saved["family"]))
        trainer = Trainer(dataset, settings_of(saved).overridden(options.overrides), options.out, torch.device("cpu"))
        taken = {name: part[rows] if name in _BY_TOKEN else part for name, part in saved["network"].items()}
        try:
            trainer.network.load_state_dict(taken)
        except RuntimeError as error:
            raise InputError(
                f"{options.checkpoint} is of another size: {str(error).splitlines()[-1].strip()}"
            ) from None
        options.out.mkdir(parents=True, exist_ok=True)
        save(options.out / "last.pt", trainer.content())
    except BrainMusicError as error:
        print(f"training.learning.transfer: {error}", file=sys.stderr)
        return error.exit_code
    print(f"go on with python -m training.train {options.dataset} --out {options.out} --resume")
    return 0


if __name__ == "__main__":
    sys.exit(main())
