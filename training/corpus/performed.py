"""What the families need of a piece beyond its notes: their own grid, the pedal, and the rubato."""

from __future__ import annotations

from improv.model.encode_score import rubato, with_pedal_for
from improv.model.vocabulary import Encoding, Extras
from training.corpus import reading
from training.corpus.reading import Piece
from training.corpus.score import Score


def on_steps(score: Score, name: str, source: str, encoding: Encoding) -> Piece:
    """The piece on the family's grid: of the beat, or of the clock where its ticks are a fixed time."""
    sounding = with_pedal_for(score, encoding)
    if encoding.tempo_bpm is None:
        return reading.on_grid(sounding, name, source, encoding.ticks_per_beat)
    return reading.on_clock(sounding, name, source, encoding.ticks_per_beat * reading.NOMINAL_BEATS_PER_S)


def extras(piece: Piece, ticks_per_beat: int) -> Extras:
    """Pedal and rubato of a piece on a grid of beats; without a tempo of its own it has no rubato."""
    if piece.on_clock or not piece.has_tempo:
        return Extras(piece.pedals)
    return Extras(piece.pedals, rubato(piece.step_s[::ticks_per_beat], ticks_per_beat))
