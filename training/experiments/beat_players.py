"""People whose beats are known: stretches of performances with a tempo map, and scripted players of many habits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from improv.midi.reading import MidiMusic
from improv.music.attributes import FloatArray

BEATS = 44
SLOWEST_BPM, FASTEST_BPM = 60.0, 160.0
LEAST_NOTES = 40
PARTS = 24  # of a beat, in which tempi of scripted players change
# Rhythms of a beat and how usual they are: of four quarters and the like; of compound metres.
CELLS: tuple[tuple[float, ...], ...] = (
    (0.0,),
    (0.0, 0.5),
    (0.0, 0.75),
    (0.0, 0.25, 0.5, 0.75),
    (0.0, 0.5, 0.75),
    (0.5,),
    (),
    (0.0, 1 / 3, 2 / 3),
)
COMPOUND_CELLS: tuple[tuple[float, ...], ...] = ((0.0,), (0.0, 2 / 3), (0.0, 1 / 3, 2 / 3), (0.0, 1 / 3))
CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16), (2, 5, 9))
LEFT_HANDS = ("beats", "half", "bar", "broken", "oompah", "none", "chords", "offbeat")


class Struck(NamedTuple):
    """A key that is struck."""

    at_s: float
    pitch: int
    velocity: int


class Played(NamedTuple):
    """struck: ascending. beats_s: the moments of the beats, ascending."""

    struck: tuple[Struck, ...]
    beats_s: FloatArray


def stretch_of(music: MidiMusic, rng: np.random.Generator) -> Played | None:
    """A stretch of BEATS beats of a performance with a tempo map, from a bar line on; None where none was found.

    The beat is that of the time signature: of x/8 with three eighths a group the dotted quarter, of x/2 the half note.
    """
    last = max(note.end for note in music.notes)
    meters = music.meters or ((0, 4, 4),)
    for _ in range(6):
        at = int(rng.integers(len(meters)))
        first, count, unit = meters[at]
        end = meters[at + 1][0] if at + 1 < len(meters) else last
        unit_ticks = 4 * music.ticks_per_beat // unit
        beat = unit_ticks * (3 if unit >= 8 and count % 3 == 0 else 1)
        bar = count * unit_ticks
        room = (end - first - (BEATS + 2) * beat) // max(bar, 1)
        if room < 0 or beat <= 0:
            continue
        begin = first + int(rng.integers(room + 1)) * bar
        beats_s = np.array([music.seconds_at(begin + beat * k) for k in range(BEATS + 1)])
        notes = [note for note in music.notes if begin <= note.onset < begin + BEATS * beat]
        bpm = 60 / float(np.diff(beats_s)[12:17].mean())
        if len(notes) >= LEAST_NOTES and SLOWEST_BPM <= bpm <= FASTEST_BPM and float(np.diff(beats_s).max()) < 3:
            struck = sorted(Struck(music.seconds_at(note.onset), note.pitch, note.velocity) for note in notes)
            shift = 1 - float(beats_s[0])
            return Played(tuple(one._replace(at_s=one.at_s + shift) for one in struck), beats_s + shift)
    return None


def scripted(seed: int) -> Played:
    """A player of two hands or one, in 4/4, 3/4 or 6/8, steady or swaying, whose habits are drawn at random."""
    rng = np.random.default_rng(seed)
    bpm = float(rng.uniform(SLOWEST_BPM - 2, FASTEST_BPM + 5))
    per_bar = int(rng.choice((4, 4, 4, 3, 2)))
    compound = per_bar == 2
    beats_s = _beats(bpm, rng)
    jitter_s, accent, noise = rng.uniform(0.005, 0.02), rng.uniform(0, 14), rng.uniform(3, 9)
    tonic, swings = int(rng.integers(12)), not compound and rng.random() < 0.15
    figures = [_figure(per_bar, compound, bpm, rng) for _ in range(3)]
    left = str(rng.choice(LEFT_HANDS))
    struck: list[Struck] = []

    def strike(beat: float, pitch: int, velocity: float) -> None:
        late = 1 / 6 if swings and abs(beat % 1 - 0.5) < 0.01 else 0.0
        at_s = float(np.interp(beat + late, np.arange(len(beats_s)), beats_s)) + float(rng.normal(0, jitter_s))
        struck.append(Struck(at_s, pitch, int(np.clip(velocity + rng.normal(0, noise), 1, 127))))

    for bar in range(BEATS // per_bar):
        chord = CHORDS[rng.integers(len(CHORDS))]
        for place in figures[rng.integers(3)]:
            tones = chord if place % 1 == 0 else (0, 2, 4, 5, 7, 9, 11)
            weight = accent if place == 0 else 0.4 * accent if place % 1 == 0 else -0.3 * accent
            strike(bar * per_bar + place, 64 + tonic + int(rng.choice(tones)), 76 + weight)
        root = 36 + tonic + chord[0] % 12
        for place, pitches in _left(left, root, per_bar, compound, bpm):
            for pitch in pitches:
                strike(bar * per_bar + place, pitch, 66 + accent * (place == 0))
    if len(struck) < LEAST_NOTES:
        return scripted(seed + 1_000_000)
    return Played(tuple(sorted(struck)), beats_s)


def _beats(bpm: float, rng: np.random.Generator) -> FloatArray:
    at = np.arange(PARTS * BEATS + PARTS + 1) / PARTS
    sway = float(rng.choice((0, 0, 0.04, 0.08, 0.1)))
    tempi = bpm * (1 + sway * np.sin(2 * np.pi * at / rng.uniform(6, 30) + rng.uniform(0, 2 * np.pi)))
    if rng.random() < 0.3:
        tempi = tempi * np.exp(np.cumsum(rng.normal(0, 0.004, len(at))))
    seconds = 1 + np.concatenate([[0], np.cumsum(60 / tempi[:-1] / PARTS)])
    return np.asarray(seconds[::PARTS][: BEATS + 1])


def _figure(per_bar: int, compound: bool, bpm: float, rng: np.random.Generator) -> list[float]:
    dense, slow = rng.uniform(0.5, 2.0), float(bpm < 135)
    if compound:
        cells, usual = COMPOUND_CELLS, np.array([3, 3, 6 * dense, 0.5])
    else:
        cells = CELLS
        usual = np.array([5, 6 * dense, 1, dense**2 * slow, 0.7 * dense * slow, 0.4, 1.2 / dense, 0.15 * dense])
    drawn = rng.choice(len(cells), per_bar, p=usual / usual.sum())
    return [beat + place for beat, cell in enumerate(drawn) for place in cells[cell]]


def _left(kind: str, root: int, per_bar: int, compound: bool, bpm: float) -> Sequence[tuple[float, tuple[int, ...]]]:
    beats = [float(beat) for beat in range(per_bar)]
    match kind:
        case "beats":
            return [(beat, (root,)) for beat in beats]
        case "half":
            return [(beat, (root,)) for beat in beats[::2]]
        case "bar":
            return [(0.0, (root, root + 7))]
        case "broken":
            parts = 3 if compound else 2 if bpm > 80 else 4
            places = [beat + part / parts for beat in beats for part in range(parts)]
            return [(place, (root + 12 + (0, 7, 4, 7)[at % 4],)) for at, place in enumerate(places)]
        case "oompah":
            return [(0.0, (root,)), *((beat, (root + 16, root + 19)) for beat in beats[1:])]
        case "chords":
            return [(beat, (root + 12, root + 16, root + 19)) for beat in beats]
        case "offbeat":
            return [(place, (root,)) for beat in beats for place in (beat, beat + (2 / 3 if compound else 0.5))]
    return []
