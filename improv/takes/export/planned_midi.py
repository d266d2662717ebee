"""Planned steps as a standard MIDI file, as nobody played them yet: `improv render`."""

from __future__ import annotations

from collections.abc import Sequence

import mido

from improv.improviser.planned_step import PlannedStep
from improv.takes.export import midi
from improv.takes.export.music import of_steps


def music_file(steps: Sequence[PlannedStep], channel: int = 0, program: int | None = None) -> mido.MidiFile:
    """Planned music as a MIDI file, from its first step on. channel: 0..15. program: 0..127, None: none is sent."""
    return midi.music_file(of_steps(steps), channel, program)
