"""The `performance` vocabulary: notes on and off, shifts of time in hundredths of a second, 32 loudnesses; no beat.

The scheme is Performance RNN's (Simon & Oore 2017), its 388 classes with their ids: NOTE_ON p = p, NOTE_OFF p =
128 + p, TIME_SHIFT n (1..100 steps of 10 ms) = 255 + n, VELOCITY b (1..32, each four velocities wide) = 355 + b. A
VELOCITY is written before a NOTE_ON whose bin differs from the one before; longer pauses repeat the full shift. Behind
the published classes stand START 388 and END 389, so that a piece can begin and end.

Music without a beat still has bars for those who steer it: nominal ones, at 120 quarter notes a minute.
"""

from __future__ import annotations

from improv.model.vocabulary.event_table import Range, Table
from improv.model.vocabulary.events import EventEncoding

STEPS_PER_S = 100
NOMINAL_TEMPO_BPM = 120.0
DECODED_VELOCITY = 100  # of notes before any VELOCITY, as in Magenta's decoder
LONGEST_NOTE_S = 5.0
PUBLISHED_CLASSES = 388

TABLE = Table(
    family="performance",
    ticks_per_beat=int(STEPS_PER_S * 60 / NOMINAL_TEMPO_BPM),
    ranges=(
        Range("NOTE_ON", 0, 127),
        Range("NOTE_OFF", 0, 127),
        Range("TIME_SHIFT", 1, 100),
        Range("VELOCITY", 1, 32),
        Range("START", 0, 0),
        Range("END", 0, 0),
    ),
    velocity_step=4,
    initial_velocity=DECODED_VELOCITY,
    centred=False,
)


class PerformanceEncoding(EventEncoding):
    """See the module's text for the scheme."""

    step_ticks = 10  # a tenth of a second, as long as a sixteenth at 150 bpm
    tempo_bpm: float | None = NOMINAL_TEMPO_BPM
    longest_note_ticks = int(LONGEST_NOTE_S * STEPS_PER_S)

    def __init__(self) -> None:
        super().__init__(TABLE)
