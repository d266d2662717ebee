"""All that turns the network while one step is chosen: the biases of `improv.improviser.biases`, laid on token after
token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from improv.improviser import biases, sampling
from improv.improviser.feedback import Feedback
from improv.improviser.settings import BiasStrengths
from improv.model.vocabulary import Encoding, HandsEncoding
from improv.model.vocabulary.base import BoolArray
from improv.model.vocabulary.hands import FIRST_LENGTH, LEFT, LENGTH_KINDS, LENGTHS, RIGHT, TABLE
from improv.music.attributes import FloatArray
from improv.plan.phrase_memory import Recall

_LONGER = biases.CLOSING_LENGTH_BIAS * np.log(np.array(LENGTHS) / LENGTHS[FIRST_LENGTH])


class Closing(NamedTuple):
    """Where the last chord of a phrase sounds. arrives: it begins with this step. rest_ticks: until the hands go on."""

    arrives: bool
    rest_ticks: int


class Bass(NamedTuple):
    """What the left hand is to begin a chord with: its pitch class 0..11, and nats for it."""

    pitch_class: int
    nats: float


@dataclass(slots=True)
class StepBiases:
    """What holds for the whole step, and what it has chosen so far.

    place: nats for the 128 pitches that stay the same within the step (key, height, last tone, cadence). density: nats
    for the first start. dissonance: commanded share of harsh intervals. intensity: 0..1. sounding: notes per pitch
    class, shape (12,), those of the step among them. last_chord: what sounded before, high to low. planned_chord: the
    pitch classes of the chord that is planned for the step, None without a plan. Of two hands alone: line, the right
    hand's last pitch or 0; figure, the left hand's last pitch where its notes are short; lengths, ticks of the left and
    the right hand's last notes; closing and bass, where the plan asks for them.
    """

    encoding: Encoding
    strengths: BiasStrengths
    feedback: Feedback
    place: FloatArray
    density: float
    dissonance: float
    intensity: float
    recall: Recall | None
    sounding: FloatArray
    last_chord: tuple[int, ...]
    planned_chord: tuple[int, ...] | None = None
    line: int = 0
    figure: int | None = None
    lengths: tuple[int, int] = (LENGTHS[-1], LENGTHS[-1])
    closing: Closing | None = None
    bass: Bass | None = None
    started: list[int] = field(default_factory=list)  # token ids
    _recalled: FloatArray = field(init=False)
    _returning: BoolArray = field(init=False)
    _drawn: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        pitches = self.recall.pitches if self.recall else frozenset[int]()
        self._recalled = biases.recall_bias(pitches, self._recall_strength)
        self._drawn = biases.line_bias(self.line)[self.encoding.start_pitches]
        if pitches:
            self._returning = np.isin(self.encoding.start_pitches, list(pitches))
        else:
            self._returning = np.zeros(len(self.encoding.start_pitches), dtype=bool)

    @property
    def _recall_strength(self) -> float:
        if self.recall is None:
            return 0.0
        return self.recall.weight * self.strengths.recall_pull if self.recall.nats is None else self.recall.nats

    def chose(self, token_id: int) -> None:
        """A note of ours starts."""
        self.started.append(token_id)
        self.sounding[self.encoding.start_pitches[token_id - self.encoding.starts.start] % 12] += 1

    def lay_on(self, logits: FloatArray, legal: BoolArray, chord: tuple[int, ...] | None) -> None:
        """Add the biases to the next token's logits, in place. chord: what the step has named so far, high to low, or
        None (StreamDecoder.chord).
        """
        starts, shifts = self.encoding.starts, self.encoding.shifts
        nats = self._pitch_bias(chord)[self.encoding.start_pitches]
        logits[starts] = sampling.biased(logits[starts], nats, legal[starts])
        if self.closing is not None:
            for kind in LENGTH_KINDS:
                longer = TABLE.slice_of(kind)
                logits[longer] += np.where(legal[longer], _LONGER, 0.0)
        if isinstance(self.encoding, HandsEncoding):
            self._lay_on_hands(self.encoding, logits[starts], legal[starts])
        if not self.started:
            logits[starts] += self.density
        elif chord is not None:
            logits[starts] += biases.chord_bias(self.feedback.chord, self.strengths.chord_pull)
        if self.recall is not None:
            here = self._returning & legal[starts]
            here[[token - starts.start for token in self.started]] = False
            logits[starts] += biases.rhythm_bias(self._recall_strength, returns=bool(here.any()))
        if shifts.stop > shifts.start:
            logits[shifts] = sampling.biased(
                logits[shifts], self._shift_bias(shifts.stop - shifts.start), legal[shifts]
            )

    def _lay_on_hands(self, encoding: HandsEncoding, logits: FloatArray, legal: BoolArray) -> None:
        """Thinner chords, a left hand that breaks its chord, a right hand that moves by step.

        logits, legal: of the starts, the first in place.
        """
        first, hands = encoding.starts.start, encoding.start_hands
        for hand in {int(hands[token_id - first]) for token_id in self.started}:
            own, fast = hands == hand, self.lengths[hand] <= biases.FAST_TICKS
            logits[own] -= biases.THICK_BIAS + (biases.FAST_THICK_BIAS[hand] if fast else 0.0)
            if fast:
                struck = [encoding.start_pitches[t - first] for t in self.started if own[t - first]]
                apart = np.abs(encoding.start_pitches[:, None] - np.array(struck))
                logits[own & (apart == biases.OCTAVE).any(axis=1)] -= biases.FAST_OCTAVE_BIAS
        if self.figure is not None and self.planned_chord is not None:
            left = hands == LEFT
            nats = biases.figure_bias(self.figure, frozenset(self.planned_chord))[encoding.start_pitches[left]]
            logits[left] = sampling.biased(logits[left], nats, legal[left])
        if self.closing is not None and not self.closing.arrives:
            logits[hands == RIGHT] -= biases.CLOSING_LINE_BIAS
        if self.bass is not None and not any(hands[token_id - first] == LEFT for token_id in self.started):
            logits[(hands == LEFT) & (encoding.start_pitches % 12 == self.bass.pitch_class)] += self.bass.nats
        if self.line:
            right = hands == RIGHT
            logits[right] = sampling.biased(logits[right], self._drawn[right], legal[right])

    def _pitch_bias(self, chord: tuple[int, ...] | None) -> FloatArray:
        """Nats for the starts of the 128 pitches."""
        feedback, strengths = self.feedback, self.strengths
        nats = self.place + biases.dissonance_bias(
            self.sounding, feedback.harsh, feedback.pairs, self.dissonance, self.intensity, strengths.dissonance_pull
        )
        if chord is not None:
            nats += biases.voice_leading_bias(self.last_chord, chord, strengths.voice_leading_pull)
        if self.planned_chord is not None:
            first, pitches = self.encoding.starts.start, self.encoding.start_pitches
            struck = (int(pitches[token_id - first]) for token_id in self.started)
            nats += biases.clash_bias((*self.last_chord, *struck), self.planned_chord)
        return nats + self._recalled

    def _shift_bias(self, lengths: int) -> FloatArray:
        """Nats for shifts of time by 1, 2 ... `lengths` ticks."""
        nats = biases.pace_bias(lengths, self.density)
        if self.closing is not None:
            nats += biases.closing_shift_bias(lengths, self.closing.rest_ticks)
        if self.recall is not None and self.recall.ticks_to_next is not None and self.recall.ticks_to_next <= lengths:
            nats[self.recall.ticks_to_next - 1] += self._recall_strength
        return nats
