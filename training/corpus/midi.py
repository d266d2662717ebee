"""MIDI files through symusic, which reads about 900 of them a second where music21 reads a few."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.corpus.score import DEFAULT_TEMPO_BPM, NOTE, Rejected, Score, sort

SUFFIXES = (".mid", ".midi", ".kar", ".smf")
MAX_EVENTS = 2_000_000  # pedal, tempo and note events of one file; beyond that its tables alone would fill the memory
MAX_BYTES = 16 << 20  # the largest of Lakh's 178,561 files has under 1 MB
_SHORTEST_BEAT = 64  # the largest denominator of a time signature that is one: others are damaged
_FEW_VELOCITIES = 4  # this many different ones are dynamic marks at best, not played dynamics


def read_midi(content: bytes) -> Score:
    """The score in a MIDI file's bytes. Rejected with the reason when there is none."""
    import symusic

    if len(content) > MAX_BYTES:
        raise Rejected(f"{len(content)} bytes, more than {MAX_BYTES}")
    try:
        # From bytes, because symusic tells the format by the suffix and knows no .kar.
        score: Any = symusic.Score.from_midi(content)
    except Exception as error:  # symusic raises RuntimeError, ValueError and its own kinds for damaged files
        raise Rejected(f"damaged MIDI file ({first_line(error)})") from None
    ppq = score.ticks_per_quarter
    if ppq <= 0:
        raise Rejected("no ticks per quarter note")
    tracks = [track for track in score.tracks if not track.is_drum]
    if not any(len(track.notes) for track in tracks):
        raise Rejected("only drums" if any(len(t.notes) for t in score.tracks) else "no notes")
    if sum(len(t.notes) + len(t.pedals) for t in tracks) + len(score.tempos) > MAX_EVENTS:
        raise Rejected(f"more than {MAX_EVENTS} events")
    notes = sort(np.concatenate([_notes(track, index, ppq) for index, track in enumerate(tracks)]))
    drums = sum(len(t.notes) for t in score.tracks if t.is_drum)
    return Score(
        notes=notes,
        tempos=_tempos(score, ppq) or ((0.0, DEFAULT_TEMPO_BPM),),
        meters=_meters(score, ppq) or ((0.0, 4.0),),
        pedals=tuple((p.time / ppq, (p.time + p.duration) / ppq) for t in tracks for p in t.pedals),
        has_tempo=len(score.tempos) > 0,
        has_dynamics=len(np.unique(notes["velocity"])) > _FEW_VELOCITIES,
        done=(f"{drums} drum notes dropped",) if drums else (),
    )


def _notes(track: Any, index: int, ppq: int) -> NDArray[np.void]:
    columns = track.notes.numpy()
    notes = np.empty(len(columns["time"]), dtype=NOTE)
    notes["onset"], notes["duration"] = columns["time"] / ppq, columns["duration"] / ppq
    notes["pitch"], notes["velocity"] = columns["pitch"], columns["velocity"]
    notes["program"], notes["track"] = track.program, index
    return notes


def _tempos(score: Any, ppq: int) -> tuple[tuple[float, float], ...]:
    table = score.tempos.numpy()
    # A tempo of 0 microseconds is an endless speed: kept as such, so that the check finds it.
    with np.errstate(divide="ignore"):
        bpm = 60e6 / table["mspq"].astype(np.float64)
    return tuple(zip((table["time"] / ppq).tolist(), bpm.tolist(), strict=True))


def _meters(score: Any, ppq: int) -> tuple[tuple[float, float], ...]:
    signatures = ((t.time / ppq, t.numerator, t.denominator) for t in score.time_signatures)
    return tuple((at, 4 * top / bottom) for at, top, bottom in signatures if top > 0 and 0 < bottom <= _SHORTEST_BEAT)


def first_line(error: Exception) -> str:
    """An error in at most 120 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
