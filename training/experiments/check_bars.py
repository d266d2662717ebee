"""How often bar lines and hands are right: of MIDI files whose scores or tracks tell them.

    python -m training check-bars ARCHIVE ... [--fit]

Bar lines: of MIDI files beside which an archive has a **kern file of the same name, as their signatures draw them and
as `training.analysis` finds them. Hands: of MIDI files whose tracks name them, as guessed from the notes alone. With
--fit the weights of `training.analysis.barlines` are learned again from one half of the works and printed.
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
from training.analysis.hands import LEFT, RIGHT, guess, hands
from training.analysis.kern import read_kern
from training.analysis.metre import bars
from training.analysis.music import TICKS_PER_BEAT, FloatArray, IntArray, Music, TimeSignature, of_midi
from training.corpus.archives import unpack
from training.corpus.score import Rejected

_SAME_BEAT, _SAME_COUNT = 0.02, 0.2  # a MIDI file that begins elsewhere or has other notes is another version
_FEWEST_LINES = 4
_MOSTLY, _MIDDLE_C = 0.9, 60
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
    score = read_kern(kern.read_text("utf-8", "replace"))
    try:
        music = of_midi(midi.read_bytes())
    except Rejected:
        return None
    if not score.notes or not score.metres or len(music.time_signatures) > 1:
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


def _row(name: str, values: list[float]) -> str:
    share = np.mean(np.array(values) >= _MOSTLY)
    return f"| {name} | {len(values)} | {np.mean(values):.3f} | {share:.3f} |"


def _bars_table(pieces: list[Known]) -> Iterator[str]:
    yield "| held-out pieces | n | F of bar lines | nine of ten right |"
    yield "|---|---|---|---|"
    for search in (False, True):
        found = [(p, agreement(bars(p.music, search=search).lines, p.lines[_heard(p)])) for p in pieces]
        name = "searched" if search else "as drawn"
        yield _row(name, [f for _, f in found])
        yield _row(f"{name}, with a pickup", [f for p, f in found if p.has_pickup])
        yield _row(f"{name}, without", [f for p, f in found if not p.has_pickup])


def _hands_table(archives: list[Path]) -> Iterator[str]:
    yield "| files that name their hands | n | notes right | nine of ten right |"
    yield "|---|---|---|---|"
    for archive in archives:
        guessed, parted = [], []
        for music in _midi_files(archive):
            told = hands(music)
            if told.source == "names":
                guessed.append(float((guess(music) == told.hand).mean()))
                parted.append(float((np.where(music.pitch >= _MIDDLE_C, RIGHT, LEFT) == told.hand).mean()))
        if guessed:
            yield _row(f"{archive.stem}: guessed", guessed)
            yield _row(f"{archive.stem}: parted at middle C", parted)


def _midi_files(archive: Path) -> Iterator[Music]:
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder))
        for path in sorted(Path(folder).rglob("*.mid")):
            try:
                yield of_midi(path.read_bytes())
            except Rejected:
                continue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "archives", metavar="ARCHIVE", nargs="+", type=Path, help="zip archive of MIDI and **kern files"
    )
    parser.add_argument("--fit", action="store_true", help="learn the weights of bar lines again and print them")


def command(options: argparse.Namespace) -> None:
    """Print the tables."""
    pieces = list(known(options.archives))
    if options.fit:
        weights, bias = fit([piece for piece in pieces if not piece.held_out])
        print(np.round(weights, 2).tolist(), round(bias, 2), "\n")
    if held_out := [piece for piece in pieces if piece.held_out]:
        print("\n".join(_bars_table(held_out)), "\n")
    print("\n".join(_hands_table(options.archives)))
