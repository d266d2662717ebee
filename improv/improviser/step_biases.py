"""All that turns the network while one step is chosen: the pulls of `improv.improviser.biases`, laid on token after
token.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from improv.improviser import biases, sampling
from improv.improviser.feedback import Heard
from improv.model.vocabulary import Encoding
from improv.model.vocabulary.base import BoolArray
from improv.music.attributes import FloatArray
from improv.plan.phrase_memory import Recall


@dataclass(frozen=True)
class Strengths:
    """How strong each pull is.

    key_pull: nats per standard deviation of the key profile, at full mode and intensity.
    density_pull: nats for each factor of e that the density of onsets is off.
    dissonance_pull: nats between harsh and smooth pitches when the share of dissonance is off by 0.05.
    register_pull: nats per octave for each octave that the mean pitch is off.
    chord_pull: nats for each factor of e that the notes at an onset are off, where chords are named from the top.
    repeat_pull: nats against the melody's last tone.
    voice_leading_pull: nats against each pair of voices in parallel fifths or octaves, where chords are named from the
    top.
    recall_pull: nats for what an earlier phrase played at the same place (see improv.plan.phrase_memory); 0: nothing
    comes back.
    """

    key_pull: float = 1.6
    density_pull: float = 2.5
    dissonance_pull: float = 2.2
    register_pull: float = 1.5
    chord_pull: float = 0.0
    repeat_pull: float = 0.0
    voice_leading_pull: float = 0.0
    recall_pull: float = 0.0


@dataclass(slots=True)
class StepPulls:
    """What holds for the whole step, and what it has chosen so far.

    place: nats for the 128 pitches that stay the same within the step (key, height, last tone, cadence). density: nats
    for the first start. dissonance: commanded share of harsh intervals. intensity: 0..1. sounding: notes per pitch
    class, shape (12,), those of the step among them. last_chord: what sounded before, high to low.
    """

    encoding: Encoding
    strengths: Strengths
    heard: Heard
    place: FloatArray
    density: float
    dissonance: float
    intensity: float
    recall: Recall | None
    sounding: FloatArray
    last_chord: tuple[int, ...]
    started: list[int] = field(default_factory=list)  # token ids
    _recalled: FloatArray = field(init=False)
    _returning: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        pitches = self.recall.pitches if self.recall else frozenset[int]()
        self._recalled = biases.recall_pull(pitches, self._recall_strength)
        self._returning = np.isin(self.encoding.start_pitches, list(pitches))

    @property
    def _recall_strength(self) -> float:
        return self.recall.weight * self.strengths.recall_pull if self.recall else 0.0

    def chose(self, token_id: int) -> None:
        """A note of ours starts."""
        self.started.append(token_id)
        self.sounding[self.encoding.start_pitches[token_id - self.encoding.starts.start] % 12] += 1

    def turn(self, logits: FloatArray, legal: BoolArray, chord: tuple[int, ...] | None) -> None:
        """Lay the pulls on the next token's logits, in place. chord: what the step has named so far, high to low, or
        None (StreamDecoder.chord).
        """
        starts, shifts = self.encoding.starts, self.encoding.shifts
        favour = self._favour(chord)[self.encoding.start_pitches]
        logits[starts] = sampling.pull(logits[starts], favour, legal[starts])
        if not self.started:
            logits[starts] += self.density
        elif chord is not None:
            logits[starts] += biases.chord_pull(self.heard.chord, self.strengths.chord_pull)
        if self.recall is not None:
            here = self._returning & legal[starts]
            here[[token - starts.start for token in self.started]] = False
            logits[starts] += biases.rhythm_pull(self._recall_strength, returns=bool(here.any()))
        if shifts.stop > shifts.start:
            logits[shifts] = sampling.pull(logits[shifts], self._pace(shifts.stop - shifts.start), legal[shifts])

    def _favour(self, chord: tuple[int, ...] | None) -> FloatArray:
        """Nats for the starts of the 128 pitches."""
        heard, strengths = self.heard, self.strengths
        favour = self.place + biases.dissonance_pull(
            self.sounding, heard.harsh, heard.pairs, self.dissonance, self.intensity, strengths.dissonance_pull
        )
        if chord is not None:
            favour += biases.voice_leading_pull(self.last_chord, chord, strengths.voice_leading_pull)
        return favour + self._recalled

    def _pace(self, lengths: int) -> FloatArray:
        """Nats for shifts of time by 1, 2 ... `lengths` ticks."""
        pace = biases.pace_pull(lengths, self.density)
        if self.recall is not None and self.recall.ticks_to_next is not None and self.recall.ticks_to_next <= lengths:
            pace[self.recall.ticks_to_next - 1] += self._recall_strength
        return pace
