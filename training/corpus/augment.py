"""Changes that keep a piece music: to the piano, to other keys, speeds and touches. Used by prepare and in training.

Each function returns a new score (or array) and leaves its argument as it was.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary import Encoding, encoding_for
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH
from improv.music.piano import PIANO_PROGRAMS, given_to_piano
from training.corpus.score import Rejected, Score

IntArray = NDArray[np.int64]
Instruments = Literal["all", "piano", "main"]
INSTRUMENTS: tuple[Instruments, ...] = ("all", "piano", "main")


def to_piano(score: Score, instruments: Instruments = "all") -> Score:
    """The score for one piano; `done` tells what was changed. A score for piano within its keys comes back as it is.

    instruments: `all` gives every track to the piano, `piano` keeps only piano tracks, `main` only the track with the
    most notes. Rejected when nothing is left.
    """
    return given_to_piano(_choose(score, instruments))


def _choose(score: Score, instruments: Instruments) -> Score:
    notes = score.notes
    if instruments == "piano":
        kept = notes[np.isin(notes["program"], list(PIANO_PROGRAMS))]
    elif instruments == "main":
        tracks, counts = np.unique(notes["track"], return_counts=True)
        kept = notes[notes["track"] == tracks[counts.argmax()]]
    else:
        return score
    if not len(kept):
        raise Rejected("no piano track")
    if len(kept) == len(notes):
        return score
    return replace(score, notes=kept, done=(*score.done, f"{len(notes) - len(kept)} notes of other tracks left out"))


def transpositions(low: int, high: int, down: int = -6, up: int = 5) -> range:
    """Semitones by which music between two pitches may be moved and stay on the piano; 0 is always among them.

    Every semitone is another key of the same mode: nothing that listeners take for the mood but the register changes.
    """
    lowest = min(max(down, LOWEST_PIANO_PITCH - low), 0)
    highest = max(min(up, HIGHEST_PIANO_PITCH - high), 0)
    return range(lowest, highest + 1)


def transpose(score: Score, semitones: int) -> Score:
    """The same music in another key; ValueError when a note would leave 0..127."""
    pitch = score.notes["pitch"] + semitones
    if len(pitch) and not (pitch.min() >= 0 and pitch.max() <= 127):
        raise ValueError(f"{semitones} semitones lead out of 0..127")
    notes = score.notes.copy()
    notes["pitch"] = pitch
    return replace(score, notes=notes)


STRETCHES = (0.95, 0.975, 1.0, 1.025, 1.05)
"""Factors of duration that Performance RNN was trained with."""


def stretch(score: Score, factor: float) -> Score:
    """The same music slower (factor above 1) or faster: only the tempo map changes."""
    if factor <= 0:
        raise ValueError(f"the factor of duration must be above 0, got {factor}")
    return replace(score, tempos=tuple((at, bpm / factor) for at, bpm in score.tempos))


TOUCHES = (0.85, 0.925, 1.0, 1.075, 1.15)
"""Factors of velocity in training: at 64 some ten to either side, less than from one hall or piano to another."""


def scale_velocity(velocity: NDArray[np.int16], factor: float) -> NDArray[np.int16]:
    """Louder or softer velocities, kept within 1..127."""
    return np.clip(np.round(velocity * factor), 1, 127).astype(np.int16)


class Varied(NamedTuple):
    """tokens: a piece's tokens after a change. source: for each the index of the token that it stems from, or of the
    one before the pause in which it stands; so that what is known of that token is known of this one.
    """

    tokens: IntArray
    source: IntArray


def stretch_tokens(encoding: Encoding, tokens: IntArray, factor: float) -> Varied:
    """`stretch` on the tokens of a family whose ticks are a fixed time: only the shifts of time change.

    No two events that were apart fall together. ValueError where the ticks are not a fixed time.
    """
    if encoding.tempo_bpm is None:
        raise ValueError(f"{encoding.family} counts beats: another tempo is not another piece")
    shifts = encoding.shifts
    kept = np.flatnonzero((tokens < shifts.start) | (tokens >= shifts.stop))
    tick = encoding.ticks(tokens)[kept]
    apart = np.diff(tick, prepend=0) > 0
    gap = np.where(apart, np.maximum(np.diff(np.round(tick * factor).astype(np.int64), prepend=0), 1), 0)
    longest = shifts.stop - shifts.start
    whole, rest = np.divmod(gap, longest)
    count = whole + (rest > 0) + 1
    found = np.full(int(count.sum()), shifts.stop - 1, dtype=np.int64)
    at = np.cumsum(count) - 1
    found[at] = tokens[kept]
    found[at[rest > 0] - 1] = shifts.start + rest[rest > 0] - 1
    source = np.repeat(np.append(0, kept[:-1]), count)
    source[at] = kept
    return Varied(found, source)


def touch_tokens(encoding: Encoding, tokens: IntArray, factor: float) -> Varied:
    """`scale_velocity` on the tokens of a family that has velocities; others come back as they are."""
    ids = velocity_ids(encoding)
    if not len(ids):
        return Varied(tokens, np.arange(len(tokens)))
    width = 128 // len(ids)
    middles = (np.arange(len(ids)) * width + width // 2).astype(np.int16)
    louder = tokens.copy()
    where = (tokens >= ids[0]) & (tokens <= ids[-1])
    louder[where] = ids[0] + scale_velocity(middles, factor)[tokens[where] - ids[0]] // width
    # Two that have become equal are one: a velocity is told only where it changes.
    told = louder[where]
    again = np.flatnonzero(where)[1:][told[1:] == told[:-1]]
    source = np.delete(np.arange(len(tokens)), again)
    return Varied(louder[source], source)


@cache
def _velocity_ids(family: str) -> tuple[int, ...]:
    encoding = encoding_for(family)
    return tuple(index for index in range(encoding.size) if encoding.label(index).startswith("VELOCITY "))


def velocity_ids(encoding: Encoding) -> IntArray:
    """The ids that set the velocity, softest first; empty where the family has none."""
    return np.array(_velocity_ids(encoding.family), dtype=np.int64)


def vary(encoding: Encoding, tokens: IntArray, slower: float, louder: float) -> Varied:
    """Both changes at once; a family that knows neither gets its tokens back."""
    varied = touch_tokens(encoding, tokens, louder)
    if encoding.tempo_bpm is None:
        return varied
    stretched = stretch_tokens(encoding, varied.tokens, slower)
    return Varied(stretched.tokens, varied.source[stretched.source])
