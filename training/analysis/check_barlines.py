"""How often the bar lines of MIDI files are right: as their signatures draw them, and as the search moves them.

    python -m training.analysis.check_barlines ARCHIVE_OF_KERN_AND_MIDI ... [--fit]

The truth are **kern files of the same name, whose bar lines are written. With --fit the weights of
`training.analysis.barlines` are learned again from one half of the works and printed.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.analysis.barlines import features
from training.analysis.kern import read_kern
from training.analysis.metre import bars
from training.analysis.music import TICKS_PER_BEAT, FloatArray, IntArray, Music, TimeSignature, of_midi
from training.corpus.archives import unpack

_SAME_BEAT, _SAME_COUNT = 0.02, 0.2  # a MIDI file that begins elsewhere or has other notes is another version
_FEWEST_LINES = 4
_STEPS, _RIDGE = 12, 1e-4


@dataclass(frozen=True)
class Known:
    """A MIDI file's music with the ticks of the bar lines in its score. held_out: not in the half that is fitted."""

    name: str
    music: Music
    signature: TimeSignature
    lines: IntArray
    held_out: bool

    @property
    def has_pickup(self) -> bool:
        return bool(self.lines[0] > 0)


def known(archives: list[Path]) -> Iterator[Known]:
    """The pieces of one time signature that archives hold both as .krn and as .mid of the same name."""
    for archive in archives:
        with tempfile.TemporaryDirectory() as folder:
            unpack(archive, Path(folder))
            midi = {path.stem: path for path in Path(folder).rglob("*.mid")}
            for path in sorted(Path(folder).rglob("*.krn")):
                if path.stem in midi and (piece := _known(path, midi[path.stem])):
                    yield piece


def _known(kern: Path, midi: Path) -> Known | None:
    score, music = read_kern(kern.read_text("utf-8", "replace")), of_midi(midi.read_bytes())
    if not len(music) or not score.notes or not score.metres or len(music.time_signatures) > 1:
        return None
    first = float(min(note.beat for note in score.notes))
    if abs(first - music.onset_beats[0]) > _SAME_BEAT or abs(len(music) / len(score.notes) - 1) > _SAME_COUNT:
        return None
    signature = TimeSignature(0.0, *score.metres[0][1])
    written = np.array([round(float(line) * TICKS_PER_BEAT) for line in score.bar_lines if line > 0], dtype=np.int64)
    if not len(written):
        return None
    lines = written if written[0] < signature.bar_ticks else np.append(0, written)
    lines = lines[lines < int(music.end_ticks.max())]
    if len(lines) < _FEWEST_LINES:
        return None
    work = kern.stem[:14].encode()  # editions and movements of one work begin alike
    return Known(kern.stem, music, signature, np.unique(lines), bool(hashlib.md5(work).digest()[0] % 2))


def agreement(found: IntArray, true: IntArray) -> float:
    """F measure of the lines found: 1 when they are the true ones."""
    return 2 * len(np.intersect1d(found, true)) / max(len(found) + len(true), 1)


def fit(pieces: list[Known]) -> tuple[FloatArray, float]:
    """Weights (3, 6) and bias as `barlines` has them: logistic regression by Newton's method, pieces weighted alike."""
    rows, wanted, weight = [], [], []
    for piece in pieces:
        unit = min(max(24 // piece.signature.denominator, 3), 6)
        step = max(piece.signature.pulse_ticks // unit, 1)
        own = features(piece.music, unit, piece.signature.pulse_ticks)
        rows.append(np.hstack([own, np.roll(own, -step, axis=0), np.roll(own, step, axis=0)]))
        wanted.append(np.isin(np.arange(len(own)) * unit, piece.lines))
        weight.append(np.full(len(own), len(own) ** -0.5))
    x = np.hstack([np.vstack(rows), np.ones((sum(map(len, rows)), 1))])
    y, w = np.concatenate(wanted).astype(float), np.concatenate(weight)
    w /= w.sum()
    theta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-x @ theta))
        slope = x.T @ (w * (y - p)) - _RIDGE * theta
        curve = (x * (w * p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(len(theta))
        theta += np.linalg.solve(curve, slope)
    return theta[:-1].reshape(3, -1), float(theta[-1])


def _heard(piece: Known) -> slice:
    """Which of the true lines are to be found: not those of empty bars before the first note."""
    return slice(max(int((piece.lines <= piece.music.onset_ticks[0]).sum()) - 1, 0), None)


def _told(name: str, values: list[float]) -> str:
    share = np.mean(np.array(values) >= 0.9)
    return f"| {name} | {len(values)} | {np.mean(values):.3f} | {share:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", nargs="+", type=Path)
    parser.add_argument("--fit", action="store_true", help="learn the weights again and print them")
    arguments = parser.parse_args()
    pieces = list(known(arguments.archives))
    if arguments.fit:
        weights, bias = fit([piece for piece in pieces if not piece.held_out])
        print(np.round(weights, 2).tolist(), round(bias, 2))
    held_out = [piece for piece in pieces if piece.held_out]
    print("| held-out pieces | n | F of bar lines | nine of ten right |\n|---|---|---|---|")
    for search in (False, True):
        found = [(p, agreement(bars(p.music, search=search).lines, p.lines[_heard(p)])) for p in held_out]
        name = "searched" if search else "as drawn"
        print(_told(name, [f for _, f in found]))
        print(_told(f"{name}, with pickup", [f for p, f in found if p.has_pickup]))
        print(_told(f"{name}, without", [f for p, f in found if not p.has_pickup]))


if __name__ == "__main__":
    main()
