"""What the network is told at every step of a piece: what the *next* two bars are like."""

from __future__ import annotations

import numpy as np

from improv import conditioning
from improv.attributes import Window, measure
from improv.mood import mood_of
from training.corpus import Piece
from training.labels import Label, label_at

WINDOW_BEATS = 8  # two bars of 4/4: long enough to hear a mode, short enough to follow a turn

_ENDING = 2 * conditioning.COMMANDS.index("ending")


def condition(piece: Piece, ticks_per_beat: int, labels: tuple[Label, ...] = ()) -> np.ndarray:
    """Conditioning of every step, shape (steps, conditioning.SIZE), float16.

    labels: moods given by a person; where one covers the middle of a window it stands in place of the measured mood.
    """
    rows = np.zeros((piece.steps, conditioning.SIZE), dtype=np.float16)
    onset = np.array([n.onset for n in piece.notes])
    end = np.minimum(np.array([n.end for n in piece.notes]), piece.steps)
    pitch = np.array([n.pitch for n in piece.notes], dtype=np.float64)
    velocity = np.array([n.velocity for n in piece.notes], dtype=np.float64)
    reach = WINDOW_BEATS * ticks_per_beat
    beats = np.arange(piece.steps + 1) / ticks_per_beat
    for start in range(0, piece.steps, ticks_per_beat):
        stop = min(start + reach, piece.steps)
        inside = slice(*np.searchsorted(onset, [start, stop]))
        stretch = (float(piece.step_s[stop] - piece.step_s[start]), float(beats[stop] - beats[start]))
        values = _describe(piece, *stretch, onset[inside], end[inside], pitch[inside], velocity[inside])
        given = label_at(labels, float(piece.step_s[start]), float(piece.step_s[stop])) if labels else None
        if given is not None:
            values |= given._asdict()
        beat = slice(start, min(start + ticks_per_beat, piece.steps))
        rows[beat] = conditioning.vector(values | {"ending": 0.0})
        for step in range(beat.start, beat.stop):
            bars_left = (piece.steps - step) / (piece.beats_per_bar[step] * ticks_per_beat)
            rows[step, _ENDING] = conditioning.scale("ending", conditioning.ending_value(bars_left))
            rows[step, -len(conditioning.PLACE) :] = conditioning.place(
                piece.beat_in_bar[step], piece.beats_per_bar[step]
            )
    return rows


def _describe(
    piece: Piece,
    seconds: float,
    beats: float,
    onset: np.ndarray,
    end: np.ndarray,
    pitch: np.ndarray,
    velocity: np.ndarray,
) -> dict[str, float]:
    """What a stretch of music is like, its notes given as arrays; lengths in seconds and quarter notes."""
    window = Window(
        seconds=seconds,
        onset_s=piece.step_s[onset],
        duration_s=piece.step_s[end] - piece.step_s[onset],
        pitch=pitch,
        velocity=velocity if piece.has_dynamics else None,
        tempo_bpm=60 * beats / seconds if piece.has_tempo else None,
    )
    values = measure(window)
    if mood := mood_of(values):
        values |= mood._asdict()
    return values
