"""How often the analysis agrees with people: keys, chords, closes, phrase ends and likeness beside two annotators.

    python -m training check-analysis ARCHIVE

ARCHIVE is a zip of TAVERN's folder Joined (Devaney and others 2015): themes and variations by Mozart and Beethoven,
each phrase with Roman numerals by two annotators. The settings of `training.analysis` were chosen on every other work;
the others are told apart. Keys and chords are compared at every eighth for which both annotators name a chord; a
six-four of a cadence counts as the tonic, an augmented sixth as a seventh chord on its bass.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from improv.music.chord import MINOR_KEYS, TONES
from training.analysis import Analysis, analyse
from training.analysis.cadences import AUTHENTIC, HALF, NONE, OTHER
from training.analysis.keys import KeySettings, Profile, keys
from training.analysis.likeness import likeness
from training.analysis.metre import Bars
from training.analysis.music import TICKS_PER_BEAT, BoolArray, FloatArray, IntArray
from training.analysis.sections import ALIKE, stretch_likeness
from training.analysis.tavern import Analysed, Harmony, read_tavern
from training.corpus.keys import histogram, music21_key, temperley
from training.evaluation.figures import Estimate, interval

PROFILES_BY_NAME: dict[str, Profile] = {"Temperley's profiles": "temperley", "music21's profiles": "aarden-essen"}
_EVERY_TICKS = TICKS_PER_BEAT // 2
_TRIADS = np.array([0, 1, 2, 3, 0, 0, 1, 2, 2, -1])  # of each quality, the last for none
_MAJOR, _MINOR, _DOM7 = 0, 1, 4

Tally = dict[str, tuple[float, float]]
"""What of how much: hits and cases by the name of a row."""


class Reading(NamedTuple):
    """Somebody's view of the moments of a piece, int64 (moments,). key: the key stated; local: with modulations that
    reach their own tonic; root, quality, bass: as in `chords.Chords`, -1 for none."""

    key: IntArray
    local: IntArray
    root: IntArray
    quality: IntArray
    bass: IntArray


@dataclass(frozen=True)
class Checked:
    """One work's tallies: ours against the annotators (mean of both), theirs against each other, simple rules."""

    work: str
    ours: Tally
    theirs: Tally
    rule: Tally


def by_annotator(harmonies: tuple[Harmony, ...], moments: IntArray) -> Reading:
    """An annotator's reading at moments (ticks)."""
    at = np.searchsorted([round(h.beat * TICKS_PER_BEAT) for h in harmonies], moments, side="right") - 1
    at = np.maximum(at, 0)
    rows = [
        (h.key, local, h.root, h.quality, _bass(h)) for h, local in zip(harmonies, local_keys(harmonies), strict=True)
    ]
    return Reading(*np.array(rows, dtype=np.int64)[at].T)


def local_keys(harmonies: tuple[Harmony, ...]) -> list[int]:
    """The key of each numeral: the one it is applied to where numerals so applied reach its tonic, else the stated."""
    out: list[int] = []
    for _, group in groupby(harmonies, key=lambda harmony: harmony.applied):
        stretch = list(group)
        reached = any(harmony.root == harmony.applied % 12 for harmony in stretch)
        out.extend(harmony.applied if reached else harmony.key for harmony in stretch)
    return out


def _bass(harmony: Harmony) -> int:
    if harmony.root < 0:
        return -1
    tones = TONES[harmony.quality]
    return (harmony.root + tones[min(harmony.inversion, len(tones) - 1)]) % 12


def by_analysis(found: Analysis, moments: IntArray) -> Reading:
    """Our reading at moments (ticks)."""
    slot = np.maximum(np.searchsorted(found.slots.start, moments, side="right") - 1, 0)
    key, chords = found.keys[slot], found.chords
    return Reading(key, key, chords.root[slot], chords.quality[slot], chords.bass[slot])


def agreement(one: Reading, other: Reading, known: BoolArray) -> Tally:
    """How often two readings agree where `known`."""
    root = one.root == other.root
    same = {
        "key stated": one.key == other.key,
        "mode": (one.key >= MINOR_KEYS) == (other.key >= MINOR_KEYS),
        "key, with modulations": one.local == other.local,
        "root": root,
        "root and triad": root & (_TRIADS[one.quality] == _TRIADS[other.quality]),
        "root and quality": root & (one.quality == other.quality),
        "bass": one.bass == other.bass,
    }
    return {name: (float(agrees[known].sum()), float(known.sum())) for name, agrees in same.items()}


def close_of(harmonies: tuple[Harmony, ...], end_beat: float) -> int:
    """How a phrase closes by an annotator's last two numerals, by the rule of `training.analysis.cadences`."""
    last = [h for h in harmonies if h.beat < end_beat - 1e-6 and h.root >= 0][-2:]
    if len(last) < 2 or (last[1].applied != last[1].key and last[1].root != last[1].applied % 12):
        return NONE
    before, end = last
    degree, was = (end.root - end.applied) % 12, (before.root - end.applied) % 12
    leads = (was == 7 and before.quality in (_MAJOR, _DOM7)) or (was == 11 and before.quality in (2, 7, 8))
    if degree == 0 and end.quality in (_MAJOR, _MINOR) and end.inversion == 0:
        return AUTHENTIC if leads else OTHER if was == 5 else NONE
    if degree == 7 and end.quality in (_MAJOR, _DOM7) and end.inversion == 0 and not leads:
        return HALF
    return OTHER if degree in (8, 9) and was == 7 and before.inversion == 0 else NONE


def phrase_bars(piece: Analysed, bars: Bars) -> IntArray:
    """The bar that each human phrase begins with; one that begins in a bar's second half has a pickup to the next."""
    ticks = np.array([round(phrase.beat * TICKS_PER_BEAT) for phrase in piece.phrases])
    bar = bars.of(ticks)
    late = (bars.place(ticks) > bars.whole[bar] / 2) & (bar + 1 < len(bars))
    bar = np.where(late, bar + 1, bar)
    return np.asarray(np.where(np.arange(len(bar)) == 0, 0, bar))


def check(piece: Analysed) -> Checked:
    """All tallies of one variation."""
    found = analyse(piece.music)
    end = int(piece.phrases[-1].end_beat * TICKS_PER_BEAT)
    moments = np.arange(0, end - 1, _EVERY_TICKS)
    a, b = (by_annotator(harmonies, moments) for harmonies in piece.harmonies)
    known, mine = (a.root >= 0) & (b.root >= 0), by_analysis(found, moments)
    theirs = agreement(a, b, known)
    ours = _mean([agreement(mine, person, known) for person in (a, b)])
    starts = phrase_bars(piece, found.bars)
    true = set(starts[starts > 1].tolist())
    regular = range(int(found.bars.lead[0] > 0), len(found.bars), 4)
    ours |= _phrase_ends(set(found.phrases.bar[found.phrases.bar > 1].tolist()), true)
    rule = _phrase_ends({bar for bar in regular if bar > 1}, true) | _whole_keys(piece, a)
    rule |= _keys_alone(found, moments, (a, b), known)
    _add_closes(piece, found, ours, theirs)
    _add_letters(piece, found, starts, ours)
    return Checked(piece.work, ours, theirs, rule)


def _mean(tallies: list[Tally]) -> Tally:
    return {
        name: (sum(t[name][0] for t in tallies) / len(tallies), sum(t[name][1] for t in tallies) / len(tallies))
        for name in tallies[0]
    }


def _phrase_ends(found: set[int], true: set[int]) -> Tally:
    hits = float(len(found & true))
    return {
        "phrase ends: F": (2 * hits, float(len(found) + len(true))),
        "phrase ends: precision": (hits, float(len(found))),
        "phrase ends: recall": (hits, float(len(true))),
    }


def _whole_keys(piece: Analysed, person: Reading) -> Tally:
    """The variation's one key by profiles alone, beside the key stated for most of it."""
    stated = int(np.bincount(person.key, minlength=24).argmax())
    classes = histogram(piece.music.pitch.astype(np.float64), piece.music.duration_beats)
    out: Tally = {}
    for name, judge in (("Temperley's profiles", temperley), ("music21's profiles", music21_key)):
        key = judge(classes)
        number = -1 if key is None else key.tonic + MINOR_KEYS * (not key.major)
        out[f"whole variation's key: {name}"] = (float(number == stated), 1.0)
        out[f"whole variation's mode: {name}"] = (float((number >= MINOR_KEYS) == (stated >= MINOR_KEYS)), 1.0)
    return out


def _keys_alone(found: Analysis, moments: IntArray, people: tuple[Reading, Reading], known: BoolArray) -> Tally:
    """The keys by one family of profiles, with no preference for the keys that fit the whole."""
    slot = np.maximum(np.searchsorted(found.slots.start, moments, side="right") - 1, 0)
    out: Tally = {}
    for name, profile in PROFILES_BY_NAME.items():
        key = keys(found.slots, KeySettings(profile, home_nats=0.0))[slot]
        right = [float((key == person.local)[known].sum()) for person in people]
        out[f"key, with modulations: {name} alone"] = (sum(right) / len(right), float(known.sum()))
    return out


def _add_closes(piece: Analysed, found: Analysis, ours: Tally, theirs: Tally) -> None:
    """Authentic, half or neither, at each human phrase's end."""
    ends = np.array([round(phrase.end_beat * TICKS_PER_BEAT) - 1 for phrase in piece.phrases])
    bar = found.bars.of(ends)
    kinds = found.cadences.kind
    kind = np.where(kinds[bar] == NONE, kinds[np.maximum(bar - 1, 0)], kinds[bar])
    hits = same = 0.0
    for phrase, mine in zip(piece.phrases, kind.tolist(), strict=True):
        a, b = (_known_close(close_of(harmonies, phrase.end_beat)) for harmonies in piece.harmonies)
        same += a == b
        hits += ((_known_close(mine) == a) + (_known_close(mine) == b)) / 2
    ours["close of a phrase"], theirs["close of a phrase"] = (hits, float(len(ends))), (same, float(len(ends)))


def _known_close(kind: int) -> int:
    return kind if kind in (AUTHENTIC, HALF) else NONE


def _add_letters(piece: Analysed, found: Analysis, starts: IntArray, ours: Tally) -> None:
    """Which pairs of human phrases are alike, by ALIKE of `training.analysis.sections`."""
    if len(np.unique(starts)) < len(starts):
        return
    alike = stretch_likeness(starts, len(found.bars), likeness(piece.music, found.bars, found.hand))
    low = np.tril_indices(len(starts), -1)
    letters = np.array([phrase.letter for phrase in piece.phrases])
    true = (letters[:, None] == letters[None, :])[low]
    mine = alike[low] >= ALIKE
    ours["phrases alike: F"] = (2.0 * (mine & true).sum(), float(mine.sum() + true.sum()))
    ours["pairs of phrases told alike or not"] = (float((mine == true).sum()), float(len(true)))


def estimates(checked: Iterable[Checked], tally_of: Callable[[Checked], Tally]) -> dict[str, Estimate]:
    """Each row's share with its interval from bootstrap samples of whole works."""
    sums: dict[str, dict[str, FloatArray]] = defaultdict(lambda: defaultdict(lambda: np.zeros(2)))
    for piece in checked:
        for name, row in tally_of(piece).items():
            sums[name][piece.work] += row
    out = {}
    for name, of_work in sums.items():
        hits, cases = np.stack(list(of_work.values())).T
        out[name] = interval(hits[cases > 0], cases[cases > 0])
    return out


def table(checked: list[Checked]) -> str:
    """Markdown: the works that settings were chosen on, the others, and the annotators on all."""
    works = sorted({piece.work for piece in checked})
    chosen = set(works[::2])
    columns = [
        estimates([c for c in checked if c.work in chosen], lambda c: c.ours),
        estimates([c for c in checked if c.work not in chosen], lambda c: c.ours),
        estimates([c for c in checked if c.work not in chosen], lambda c: c.theirs),
        estimates([c for c in checked if c.work in chosen], lambda c: c.rule),
        estimates([c for c in checked if c.work not in chosen], lambda c: c.rule),
    ]
    names = list(dict.fromkeys(name for column in columns for name in column))
    lines = [
        f"{len(works)} works, {len(checked)} themes and variations; settings were chosen on {len(chosen)} works.",
        "",
        "| % | ours | ours, other works | annotators, other works | rule | rule, other works |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        cells = [_cell(column[name]) if name in column else "" for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("archive", metavar="ARCHIVE", type=Path, help="zip archive of TAVERN's folder Joined")


def command(options: argparse.Namespace) -> None:
    """Print the table."""
    print(table([check(piece) for piece in read_tavern(options.archive)]))
