"""What the network is told at every step of a piece: what the *next* two bars are like."""

from __future__ import annotations

import numpy as np

from improv.model import conditioning
from improv.music.attributes import Music, Windows, measure_windows
from improv.music.mood import moods_of
from training.corpus.labels import Label, label_at
from training.corpus.reading import Piece

WINDOW_BEATS = 8  # two bars of 4/4: long enough to hear a mode, short enough to follow a turn

_ENDING = 2 * conditioning.COMMANDS.index("ending")


def condition(
    piece: Piece, ticks_per_beat: int, labels: tuple[Label, ...] = (), ticks: np.ndarray | None = None
) -> np.ndarray:
    """Conditioning of every step, or of those in `ticks` (ascending), shape (steps, conditioning.SIZE), float16.

    ticks_per_beat: steps in a quarter note, on the clock in half a second; what is measured changes once in so many.
    On the clock there is no place in the bar. labels: moods given by a person; where one covers the middle of a window
    it stands in place of the measured mood.
    """
    ticks = np.arange(piece.steps) if ticks is None else np.asarray(ticks, dtype=np.int64)
    rows = _measured(piece, ticks_per_beat, labels)[ticks // ticks_per_beat]
    bars_left = (piece.steps - ticks) / (piece.beats_per_bar[ticks] * ticks_per_beat)
    ending = np.clip(1 - bars_left / conditioning.ENDING_REACH_BARS, 0, 1)
    rows[:, _ENDING : _ENDING + 2] = np.stack([ending, np.ones(len(ticks))], axis=1)
    if not piece.on_clock:
        place = conditioning.places(piece.beat_in_bar[ticks], piece.beats_per_bar[ticks])
        rows[:, -len(conditioning.PLACE) :] = place
    return rows.astype(np.float16)


def _measured(piece: Piece, ticks_per_beat: int, labels: tuple[Label, ...]) -> np.ndarray:
    """What is told in each beat of the window that begins with it, shape (beats, conditioning.SIZE)."""
    onset, pitch, duration, velocity = piece.rows.T
    end = np.minimum(onset + duration, piece.steps)
    start = np.arange(0, piece.steps, ticks_per_beat)
    stop = np.minimum(start + WINDOW_BEATS * ticks_per_beat, piece.steps)
    start_s, stop_s = piece.step_s[start], piece.step_s[stop]
    music = Music(
        onset_s=piece.step_s[onset],
        end_s=piece.step_s[end],
        pitch=pitch.astype(np.float64),
        velocity=velocity.astype(np.float64) if piece.has_dynamics else None,
    )
    windows = Windows(np.searchsorted(onset, start), np.searchsorted(onset, stop), stop_s - start_s)
    values = measure_windows(music, windows)
    values["valence"], values["arousal"] = moods_of(values)
    if piece.has_tempo:
        values["tempo"] = 60 * (stop - start) / ticks_per_beat / (stop_s - start_s)
    for index in range(len(start)) if labels else ():
        if given := label_at(labels, float(start_s[index]), float(stop_s[index])):
            values["valence"][index], values["arousal"][index] = given
    return conditioning.vectors(values, len(start))
