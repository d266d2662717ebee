"""MIDI files as scores. They are read by the same reader as in `improv` (`improv.midi.reading`), to the note."""

from __future__ import annotations

from improv.errors import InputError
from improv.midi.as_score import score_of
from improv.midi.reading import read_music
from training.corpus.score import Rejected, Score


def read_midi(content: bytes) -> Score:
    """The score in a MIDI file's bytes. Rejected with the reason when there is none."""
    try:
        return score_of(read_music(content))
    except InputError as reason:
        raise Rejected(str(reason)) from None
