"""Melody RNN's other two schemes of input and label: `lookback` and `attention` (Waite 2016).

Both look at a melody as one event a step, here in the ids of `improv.model.vocabulary.melody`: 0 no event, 1 note-off,
2 + (pitch - 48) note-on. Steps are sixteenths, a bar has 16. Nothing before the first step counts as `no event`.

lookback   input 121: the event 38, what followed it one and two bars ago 2 x 38, a counter of the next step in five
           bits of -1 or 1, whether the event repeats that of one and of two bars ago 2. label 40: the event, or 38 "as
           one bar ago", 39 "as two bars ago"; the longer look back goes first.
attention  input 74: pitch 36, sounds, silent, struck now, rising or falling, repeats 2, counter of seven bits, the next
           step begins a bar, major keys that fit the whole melody 12, that fit its last three different notes 12.
           label 40: pitch 36, no event 36, note-off 37, the repeats 38 and 39.

The vocabularies with these labels stand in `improv.model.vocabulary.melody_repeats`, the networks with these inputs in
`training.models.melody_networks`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.model.vocabulary.melody import HIGHEST, LOWEST

STEPS_PER_BAR = 16
LOOK_BACKS = (STEPS_PER_BAR, 2 * STEPS_PER_BAR)
PITCHES = HIGHEST - LOWEST + 1
LOOKBACK_INPUTS, LOOKBACK_BITS = 121, 5
ATTENTION_INPUTS, ATTENTION_BITS = 74, 7
LABELS = 40
FIRST_REPEAT = 38
_MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
IN_KEY = np.array([[(pitch - tonic) % 12 in _MAJOR_SCALE for pitch in range(12)] for tonic in range(12)], dtype=float)


def repeats(events: Sequence[int], position: int, steps: int) -> bool:
    """Whether the event is that of `steps` before; beyond the beginning nothing is repeated."""
    return position >= steps and events[position] == events[position - steps]
