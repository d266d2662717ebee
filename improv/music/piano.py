"""A score as one piano plays it: within its keys, with at most ten fingers, ringing as long as the pedal lets it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH
from improv.music.score import Score, merged, sort

PIANO_PROGRAMS = range(8)  # General MIDI: grand, bright, electric grand, honky-tonk, two e-pianos, harpsichord, clavi
FAMILIES = (
    *("piano", "tuned percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass"),
    *("reed", "pipe", "synth lead", "synth pad", "synth effects", "ethnic", "percussive", "sound effects"),
)
"""General MIDI's families of instruments, eight programs each."""
MAX_SOUNDING = 10  # fingers


def instruments_of(score: Score) -> tuple[int, ...]:
    """The General MIDI programs that play, ascending."""
    return tuple(int(program) for program in np.unique(score.notes["program"]))


def given_to_piano(score: Score) -> Score:
    """The score with every instrument given to the piano; `done` tells what was changed.

    A score for piano within its keys comes back as it is.
    """
    foreign = [program for program in instruments_of(score) if program not in PIANO_PROGRAMS]
    if not foreign:
        return fold_range(score)
    notes = score.notes.copy()
    notes["program"] = 0
    said = f"{len(foreign)} other instruments given to the piano: {_listed(score, foreign)}"
    return thin(fold_range(replace(score, notes=notes, done=(*score.done, said))))


def _listed(score: Score, programs: Sequence[int]) -> str:
    """The families of instruments with their notes, the most notes first."""
    counts = Counter(FAMILIES[int(p) // 8] for p in score.notes["program"].tolist() if p in programs)
    return ", ".join(f"{name} {count} notes" for name, count in counts.most_common())


def fold_range(score: Score) -> Score:
    """Notes beyond the keys of a piano, 21..108, moved inside by octaves."""
    pitch = score.notes["pitch"]
    below, above = LOWEST_PIANO_PITCH - pitch, pitch - HIGHEST_PIANO_PITCH
    shift = 12 * (-(-np.maximum(below, 0) // 12)) - 12 * (-(-np.maximum(above, 0) // 12))
    moved = int(np.count_nonzero(shift))
    if not moved:
        return score
    notes = score.notes.copy()
    notes["pitch"] = pitch + shift
    return replace(score, notes=sort(notes), done=(*score.done, f"{moved} notes moved into the piano's range"))


def thin(score: Score, most: int = MAX_SOUNDING) -> Score:
    """At most `most` notes struck or held at a time. Doubled octaves inside go first, then the other inner voices;
    the highest and the lowest of what is struck stay, and a note that sounds already is never cut.
    """
    notes = score.notes
    kept = np.ones(len(notes), dtype=bool)
    held: list[tuple[float, int]] = []  # (end, pitch) of what still sounds
    starts = np.flatnonzero(np.diff(notes["onset"], prepend=-1.0))
    for first, last in zip(starts, [*starts[1:], len(notes)], strict=True):
        held = [(end, pitch) for end, pitch in held if end > notes["onset"][first]]
        group = list(range(first, last))
        room = max(most - len(held), 2)
        for index in _least_needed(group, notes["pitch"], [p for _, p in held])[: max(len(group) - room, 0)]:
            kept[index] = False
        held += [(notes["onset"][i] + notes["duration"][i], int(notes["pitch"][i])) for i in group if kept[i]]
    if kept.all():
        return score
    said = f"{int((~kept).sum())} notes of unplayable clusters left out"
    return replace(score, notes=notes[kept], done=(*score.done, said))


def _least_needed(group: list[int], pitch: NDArray[np.int16], held: list[int]) -> list[int]:
    """Inner notes of a chord (indices by ascending pitch), the most dispensable first."""
    classes = [int(pitch[i]) % 12 for i in group] + [p % 12 for p in held]
    middle = len(group) / 2
    inner = [(place, index) for place, index in enumerate(group)][1:-1]
    inner.sort(key=lambda pair: (-min(classes.count(int(pitch[pair[1]]) % 12), 2), abs(pair[0] - middle)))
    return [index for _, index in inner]


def fold_pedal(score: Score) -> Score:
    """Every note that ends with the sustain pedal down sounds until the pedal rises or the key is struck again."""
    if not score.pedals:
        return score
    notes, ends = score.notes.copy(), score.ends
    spans = merged(score.pedals)
    down, up = np.array([p[0] for p in spans]), np.array([p[1] for p in spans])
    at = np.searchsorted(down, ends, side="right") - 1
    held = (at >= 0) & (ends < up[np.maximum(at, 0)])
    ends = np.where(held, up[np.maximum(at, 0)], ends)
    for pitch in np.unique(notes["pitch"]):
        same = np.flatnonzero(notes["pitch"] == pitch)
        following = np.append(notes["onset"][same][1:], np.inf)
        own_end = notes["onset"][same] + notes["duration"][same]
        # A key that was struck again while it sounded keeps the length that the file gives it.
        ends[same] = np.maximum(np.minimum(ends[same], following), own_end)
    notes["duration"] = ends - notes["onset"]
    return replace(score, notes=notes, pedals=(), done=(*score.done, "sustain pedal folded into the lengths"))
