"""A MIDI file's music as a score: arrays in quarter notes, with the maps of tempo, metre and pedal."""

from __future__ import annotations

import numpy as np

from improv.midi.reading import MidiMusic
from improv.music.score import NOTE, Score, sort

_FEW_VELOCITIES = 4  # this many different ones are dynamic marks at best, not played dynamics


def score_of(music: MidiMusic) -> Score:
    """Music as it was read, in quarter notes. What was mended stands in `done`."""
    columns = np.array(music.notes, dtype=np.int64)
    onset, pitch, end, velocity, part, program = columns.T
    notes = np.empty(len(columns), dtype=NOTE)
    notes["onset"], notes["duration"] = onset / music.ticks_per_beat, (end - onset) / music.ticks_per_beat
    notes["pitch"], notes["velocity"], notes["program"], notes["track"] = pitch, velocity, program, part
    drums = (f"{music.drum_notes} drum notes dropped",) if music.drum_notes else ()
    rate = music.ticks_per_beat
    return Score(
        notes=sort(notes),
        tempos=tuple((tick / rate, 60e6 / tempo_us) for tick, tempo_us in music.tempos),
        meters=tuple((tick / rate, 4 * top / bottom) for tick, top, bottom in music.meters) or ((0.0, 4.0),),
        pedals=tuple((down / rate, up / rate) for down, up in music.pedals),
        has_tempo=music.has_tempo,
        has_dynamics=len(np.unique(velocity)) > _FEW_VELOCITIES,
        done=(*music.notices, *drums),
        track_names=music.part_names,
        time_signatures=tuple((tick / rate, top, bottom) for tick, top, bottom in music.meters),
    )
