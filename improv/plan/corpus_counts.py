"""What people do, as counts of many pieces: read from `corpus_counts.json`, turned into probabilities.

The file is JSON of one object:

- `format`: 3. `sources`, `licence`, `split`: what was counted. `pieces`, `bars`: how many.
- `pairs`: by mode (major, minor), rows [root, quality, inversion, root, quality, inversion, count]: a chord and the one
  that follows it; roots are semitones above the tonic of the key that the second chord is in.
- `single`: by mode and speed (major slow, major fast, minor slow, minor fast), rows [root, quality, inversion, count].
- `opening`, `beginning`: by mode, such rows: the first chord of a piece; of a later phrase.
- `changes`: [mode][rate][strength of the beat 0..3][stays, changes]; rates are classes of RATES.
- `rates`: [mode][slow, fast][rate].
- `keys`: [mode of the piece][semitones above its tonic][mode there]: phrases in this key.
- `phrase_bars`: [usual length - 1][length - 1]: lengths of phrases in pieces whose phrases are usually so long.
- `cadences`: [mode][cadence of the phrase before, START for the first][cadence]; `last_cadence`: of pieces.
- `closes`: [mode][cadence] -> rows [chord before, chord, strength of the beat that the chord arrives on, count].
- `forms`: rows [letters of the sections, count]. `section_phrases`: [phrases in a section, at most 4].
- `lags`: [bar of the phrase][bars back, 0: nothing alike]: where a new run of references begins.
- `stays`: [class of the lag][bin of the likeness][ends, goes on]. `likeness`: [class of the lag][goes on][bin of the
  bar before][bin]. `returns`: [bin of the bar before, last row: at the start][bin], in returns from far.
- `near`: [bin of the far reference][bin of the likeness to the bar before]; `near_alone`: the same without a far one.
- `moves`: semitones between the roots of a bar and its reference -> rows [left hand, right hand, count] of semitones.
- `metres`: rows [name, mode, fast, count]. `lengths`: bars of the pieces, each twentieth quantile.
- `texture`: see `improv.plan.texture`.

A model may carry such counts of one composer, which are then mixed with everybody's.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.model.habits import FORMAT, INVERSIONS, LAG_LIMITS, RATES, told
from improv.music.chord import QUALITIES, TONES, Chord
from improv.plan.mixed_counts import mixed

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ROOTS_FILE = "roots.json"
STATES = 12 * len(QUALITIES) * INVERSIONS
PER_ROOT = len(QUALITIES) * INVERSIONS
LONG_RETURN_BARS = 8
MAJOR, MINOR = 0, 1
SLOW, FAST = 0, 1
_LEAST = 1e-6


def state_of(root: Any, quality: Any, inversion: Any) -> Any:
    """Number of a chord, 0..STATES - 1; works on arrays too."""
    return (root * len(QUALITIES) + quality) * INVERSIONS + inversion


def chord_of(state: Any) -> tuple[Any, Any, Any]:
    """root, quality, inversion of a number."""
    return state // PER_ROOT, state // INVERSIONS % len(QUALITIES), state % INVERSIONS


def state_of_chord(chord: Chord) -> int:
    """Of a chord with a foreign bass the root position."""
    above = (chord.bass - chord.root) % 12
    tones = TONES[chord.quality]
    return int(state_of(chord.root, chord.quality, tones.index(above) if above in tones else 0))


@cache
def chord_of_state(state: int) -> Chord:
    """The chord with a number."""
    root, quality, inversion = chord_of(state)
    return Chord(root, quality, (root + TONES[quality][inversion]) % 12)


VALID: NDArray[np.bool_] = np.array(
    [s % INVERSIONS < len(TONES[s // INVERSIONS % len(QUALITIES)]) for s in range(STATES)]
)
"""Whether a number is a chord: triads have no third inversion."""


def rate_of(changes_per_four_beats: float) -> int:
    """Class of a harmonic rhythm."""
    return bisect_right(RATES, changes_per_four_beats)


def lag_class(bars: int) -> int:
    """Class of a distance of 1 bar and more."""
    return next((i for i, limit in enumerate(LAG_LIMITS) if bars <= limit), len(LAG_LIMITS))


def bin_of(likeness: int) -> int:
    """Bin of a likeness 0..100."""
    return likeness // 10


class Close(NamedTuple):
    """The end of a phrase: numbers of its last two chords, above the tonic, and the strength of the last one's beat."""

    before: int
    arrival: int
    strength: int
    times: float


@cache
def roots_follow() -> tuple[FloatArray, FloatArray]:
    """By mode, (12, 12): the root of the next chord after a root, in semitones above the tonic; rows are chances.

    Read from `roots.json`, which is made of everybody's counts: whoever needs only these does not have to read those.
    """
    major, minor = json.loads(resources.files("improv.plan").joinpath(ROOTS_FILE).read_text(encoding="utf-8"))
    return np.array(major), np.array(minor)


def roots_of(counts: CorpusCounts) -> list[list[list[float]]]:
    """What stands in `roots.json`: `roots_follow` from the chances of whole chords."""
    return [_roots(whole, follows) for whole, follows in zip(counts.whole, counts.follows, strict=True)]


def _roots(whole: FloatArray, follows: FloatArray) -> list[list[float]]:
    joint = whole[:, None] * follows
    roots = joint.reshape(12, PER_ROOT, 12, PER_ROOT).sum(axis=(1, 3)) + _LEAST
    table: list[list[float]] = (roots / roots.sum(axis=1, keepdims=True)).tolist()
    return table


@dataclass(frozen=True)
class CorpusCounts:
    """Probabilities from the counts.

    follows: by mode, (STATES, STATES): the next chord after a chord, never the same one. alone: [mode][slow, fast] of
    (STATES,), whole: by mode, both together. opening, beginning: by mode, (STATES,). changes: (2, rates, 4), that a
    chord changes on a beat. closes: [mode][cadence]. All others: counts as in the file, as arrays.
    """

    follows: tuple[FloatArray, FloatArray]
    alone: tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
    whole: tuple[FloatArray, FloatArray]
    opening: tuple[FloatArray, FloatArray]
    beginning: tuple[FloatArray, FloatArray]
    changes: FloatArray
    rates: FloatArray
    keys: FloatArray
    phrase_bars: FloatArray
    cadences: FloatArray
    last_cadence: FloatArray
    closes: tuple[tuple[tuple[Close, ...], ...], ...]
    forms: tuple[tuple[str, float], ...]
    section_phrases: FloatArray
    lags: FloatArray
    stays: FloatArray
    likeness: FloatArray
    returns: FloatArray
    near: FloatArray
    near_alone: FloatArray
    moves: tuple[tuple[tuple[int, int, float], ...], ...]
    metres: tuple[tuple[str, int, int, float], ...]
    lengths: tuple[int, ...]
    texture: dict[str, FloatArray]
    sources: tuple[str, ...]


@cache
def _everybody() -> dict[str, Any]:
    """The counts that come with the program."""
    return dict(json.loads(resources.files("improv.plan").joinpath("corpus_counts.json").read_text(encoding="utf-8")))


@lru_cache(maxsize=4)
def corpus_counts(habits: str = "") -> CorpusCounts:
    """What people do, read once. habits: of a composer whose counts weigh more (`improv.model.habits`), checked."""
    return counts_from(mixed(_everybody(), told(habits)) if habits else _everybody())


def counts_from(counts: dict[str, Any]) -> CorpusCounts:
    """Probabilities from counts in the file's form. ValueError when it has another format."""
    if counts.get("format") != FORMAT:
        raise ValueError(f"counts of people's music: format {counts.get('format')!r}, this program reads {FORMAT}")
    single = [_single(rows) for rows in counts["single"]]
    whole = [single[0] + single[1], single[2] + single[3]]
    follows = [_follows(rows, alone) for rows, alone in zip(counts["pairs"], whole, strict=True)]
    alone = [_shares(part + 20 * _shares(whole[i // 2])) for i, part in enumerate(single)]
    opening = [_shares(_single(rows) + 0.5 * _shares(w)) for rows, w in zip(counts["opening"], whole, strict=True)]
    beginning = [_shares(_single(rows) + _shares(w)) for rows, w in zip(counts["beginning"], whole, strict=True)]
    changes = np.array(counts["changes"], dtype=np.float64)
    closes = tuple(tuple(tuple(map(_close, rows)) for rows in kinds) for kinds in counts["closes"])
    names = (
        *("rates", "keys", "phrase_bars", "cadences", "last_cadence", "section_phrases"),
        *("lags", "stays", "likeness", "returns", "near", "near_alone"),
    )
    return CorpusCounts(
        follows=(follows[0], follows[1]),
        alone=((alone[0], alone[1]), (alone[2], alone[3])),
        whole=(_shares(whole[0]), _shares(whole[1])),
        opening=(opening[0], opening[1]),
        beginning=(beginning[0], beginning[1]),
        changes=(changes[..., 1] + 0.5) / (changes.sum(axis=-1) + 1),
        closes=closes,
        moves=tuple(tuple((a, b, n) for a, b, n in counts["moves"][str(i)]) for i in range(12)),
        metres=tuple((str(name), int(m), int(f), n) for name, m, f, n in counts["metres"]),
        forms=tuple((str(letters), count) for letters, count in counts["forms"]),
        lengths=tuple(counts["lengths"]),
        texture={name: np.array(table, dtype=np.float64) for name, table in counts["texture"].items()},
        sources=tuple(counts.get("sources", ())),
        **{name: np.array(counts[name], dtype=np.float64) for name in names},
    )


def _close(row: Sequence[Any]) -> Close:
    return Close(int(state_of(*row[:3])), int(state_of(*row[3:6])), row[6], row[7])


def _single(rows: Sequence[Sequence[int]]) -> FloatArray:
    out = np.zeros(STATES)
    for root, quality, inversion, count in rows:
        out[state_of(root, quality, inversion)] = count
    return out


def _follows(rows: Sequence[Sequence[int]], single: FloatArray) -> FloatArray:
    """Counts of pairs, backed by those of chords whatever their inversion, backed by single chords (Witten and Bell
    1991: as likely as there were different followers).
    """
    pairs = np.zeros((STATES, STATES))
    for *names, count in rows:
        pairs[state_of(*names[:3]), state_of(*names[3:])] = count
    plain = pairs.reshape(-1, INVERSIONS, STATES).sum(axis=1)
    floor = _shares(single + 0.01 * VALID)
    backed = (plain + _kinds(plain) * floor) / np.maximum(plain.sum(axis=1, keepdims=True) + _kinds(plain), _LEAST)
    backed[plain.sum(axis=1) == 0] = floor
    back = np.repeat(backed, INVERSIONS, axis=0)
    out = pairs + (_kinds(pairs) + 1) * back
    np.fill_diagonal(out, 0)
    out[:, ~VALID] = 0
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def _kinds(counts: FloatArray) -> FloatArray:
    return np.asarray((counts > 0).sum(axis=1, keepdims=True), dtype=np.float64)


def _shares(counts: FloatArray) -> FloatArray:
    return np.asarray(counts / max(counts.sum(), _LEAST))
