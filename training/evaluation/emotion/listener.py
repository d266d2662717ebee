"""What the listener of `improv.listening.impression` says of pieces, window by window.

It serves neither training nor the choice of a model. Its mode is read with the same key profiles (Temperley) as
`improv.improviser.biases` draws the notes to: in that it is no independent judge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from improv.listening.impression import LEAST_MELODY_NOTES, WINDOW_S, Impression, listen
from improv.music.attributes import chord_onsets

FloatArray = NDArray[np.float64]

__all__ = ["LEAST_MELODY_NOTES", "WINDOW_S", "Impression", "heard", "listen", "windows"]


def windows(notes: FloatArray, length_s: float) -> list[tuple[float, Impression]]:
    """(middle s, impression) of the windows of 12 s that follow each other and could be judged.

    notes: rows of (onset s, end s, pitch, velocity), sorted by onset.
    """
    on_s = chord_onsets(notes[:, 0])
    said = []
    for start_s in np.arange(0, length_s - WINDOW_S + 1e-9, WINDOW_S):
        inside = (on_s >= start_s) & (on_s < start_s + WINDOW_S)
        duration_s = (notes[:, 1] - notes[:, 0])[inside]
        impression = listen(on_s[inside], duration_s, notes[inside, 2], notes[inside, 3], WINDOW_S)
        if impression is not None:
            said.append((start_s + WINDOW_S / 2, impression))
    return said


def heard(notes: FloatArray, length_s: float) -> Impression | None:
    """The mean impression over `windows`, or None when none could be judged."""
    said = [impression for _, impression in windows(notes, length_s)]
    return Impression(*np.mean(said, axis=0)) if said else None
