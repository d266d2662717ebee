"""The `pianist` vocabulary, our own: a performance in metre. 24 ticks to the beat, velocity, tempo, pedal.

Events as in `performance`, but time is counted in ticks of the beat, so that the music can follow another clock, and
rubato is told apart from rhythm: TEMPO says how much faster or slower than the local tempo the music runs from here on,
in sixteenths of a doubling (4.4 % each). PEDAL_DOWN and PEDAL_UP are the sustain pedal; the decoder lets notes sound on
under it, so what leaves the decoder are notes as they are heard.

In one tick the order is: pedal, tempo, ends, beginnings from low to high (each new loudness before its note), then the
shift of time. Velocities share a token in groups of eight: fewer tokens a note, and the ear tells little more apart.
"""

from __future__ import annotations

from improv.model.vocabulary.event_table import Range, Table
from improv.model.vocabulary.events import EventEncoding
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH

TICKS_PER_BEAT = 24
TEMPO_STEPS_PER_DOUBLING = 16
TEMPO_REACH = 12  # steps to either side: 0.59 .. 1.68 times the local tempo

TABLE = Table(
    family="pianist",
    ticks_per_beat=TICKS_PER_BEAT,
    ranges=(
        Range("START", 0, 0),
        Range("END", 0, 0),
        Range("TIME_SHIFT", 1, TICKS_PER_BEAT),
        Range("NOTE_ON", LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH),
        Range("NOTE_OFF", LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH),
        Range("VELOCITY", 1, 16),
        Range("TEMPO", -TEMPO_REACH, TEMPO_REACH),
        Range("PEDAL_UP", 0, 0),
        Range("PEDAL_DOWN", 0, 0),
    ),
    velocity_step=8,
    initial_velocity=64,
    centred=True,
)


class PianistEncoding(EventEncoding):
    """See the module's text for the scheme."""

    step_ticks = TICKS_PER_BEAT // 4

    def __init__(self) -> None:
        super().__init__(TABLE, TEMPO_STEPS_PER_DOUBLING)
