"""What the ear finds of the beat of players whose beats are known, without any music of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import numpy as np

from improv.listening import metre_level
from improv.listening.beat import BeatTracker
from improv.listening.metre_level import Weights
from training.experiments.beat_players import Played

BARS, BEATS_PER_BAR = 4, 4
NEAR = 0.08  # a tempo so near, as a share, is the person's
OCTAVES = (0.5, 1.0, 2.0)


class Found(NamedTuple):
    """Of one player. tempo: found after four bars. octave: that or half or double. sixteenths: R of their sixteenths
    against those that the ear foresees from one onset to the next, after the four bars.
    """

    tempo: bool
    octave: bool
    sixteenths: float


@contextmanager
def judged_by(weights: Weights) -> Iterator[None]:
    """The ear judges by other weights than those that come with BrainMusic."""
    with mock.patch.object(metre_level, "learned", return_value=weights):
        yield


def found(played: Played) -> Found:
    """What a tracker says while somebody plays."""
    tracker, beats_s = BeatTracker(), played.beats_s
    after_s, end_s = float(beats_s[BARS * BEATS_PER_BAR]), float(beats_s[-2])
    bpm, phases = 0.0, list[float]()
    for one in played.struck:
        if one.at_s >= end_s:
            break
        beat = tracker.beat(one.at_s)
        if one.at_s <= after_s:
            bpm = beat.tempo_bpm if beat is not None else 0.0
        elif beat is not None:
            true = float(np.interp(one.at_s, beats_s, np.arange(len(beats_s))))
            phases.append(4 * (true - beat.phase(one.at_s) * _beats_in(beat.period_s, beats_s, one.at_s)))
        tracker.strike(one.at_s, one.velocity, one.pitch)
    at = BARS * BEATS_PER_BAR
    true_bpm = 60 / float(np.diff(beats_s[at - 4 : at + 1]).mean())
    off = [abs(np.log(max(bpm, 1e-3) * times / true_bpm)) for times in OCTAVES]
    r = float(np.abs(np.exp(2j * np.pi * np.array(phases)).mean())) if phases else 0.0
    return Found(off[1] < NEAR, min(off) < NEAR, r)


def _beats_in(period_s: float, beats_s: np.ndarray, at_s: float) -> float:
    """How many of their beats a beat is that was heard so long, as the nearest of half, one, two."""
    at = int(np.clip(np.searchsorted(beats_s, at_s) - 1, 0, len(beats_s) - 2))
    ratio = period_s / float(beats_s[at + 1] - beats_s[at])
    return min((1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0), key=lambda one: abs(np.log(ratio / one)))


def table(groups: Mapping[str, Sequence[Played]]) -> str:
    """A line for each group that has players."""
    lines = [f"{'':<12} players  tempo  or an octave off  mean R  R >= .8"]
    for name, players in groups.items():
        if players:
            tempo, octave, r = (np.array(column) for column in zip(*map(found, players), strict=True))
            shares = f"{tempo.mean():.2f}   {octave.mean():.2f}              {r.mean():.2f}    {(r >= 0.8).mean():.2f}"
            lines.append(f"{name:<12} {len(players):7}  {shares}")
    return "\n".join(lines)
