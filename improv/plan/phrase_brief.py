"""What is to be planned: one phrase, with all that it depends on and the random numbers that are its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from improv.music.chord import MINOR_KEYS, Chord
from improv.plan.plan import FormPhrase, Piece, Plan, PlannedBar
from improv.plan.plan_request import PlanRequest


class Purpose(IntEnum):
    """What a stream of random numbers is for."""

    FORM, CHARACTER, KEY, CHORDS, TEXTURE, OWN_TEXTURE, RETURNS, RHYTHM, MOOD, PHRASE, FIGURE, LOUDNESS = range(12)
    PEDAL = 12


def rng_of(seed: int, purpose: Purpose, *numbers: int) -> np.random.Generator:
    """Random numbers that depend on nothing else."""
    return np.random.default_rng([seed & 0xFFFFFFFF, int(purpose), *numbers])


@dataclass(frozen=True)
class Brief:
    """A phrase to be planned. number: since the stream began. index: in the form. kept: its bars that stay as they are.
    cut: a place in the last kept bar from which its chords are changed, None: not at all. first_bar, first_tick: where
    the phrase begins. before: the chord that sounds until then. previous_key: the key until then, None at a beginning.
    """

    plan: Plan
    request: PlanRequest
    piece: Piece
    phrase: FormPhrase
    number: int
    index: int
    first_bar: int
    first_tick: int
    kept: tuple[PlannedBar, ...] = ()
    cut: int | None = None
    before: Chord | None = None
    previous_key: int | None = None

    @property
    def key(self) -> int:
        """That the phrase is in, 0..23."""
        minor = (self.piece.home >= MINOR_KEYS) != self.phrase.other_mode
        return (self.piece.home + self.phrase.key) % 12 + MINOR_KEYS * minor

    @property
    def changed_at(self) -> int:
        """Tells changes of a phrase apart: the tick from which on it is new, 0 when all of it is."""
        return 0 if not self.kept else (self.kept[-1].tick + (self.cut or 0)) or 1

    @property
    def letter(self) -> str:
        """Of its section; the coda is made of what the piece began with."""
        return "A" if self.phrase.section == "Coda" else self.phrase.section[:1]

    def rng(self, purpose: Purpose) -> np.random.Generator:
        """Numbers for this phrase."""
        return rng_of(self.plan.seed, purpose, self.number, self.changed_at)

    def section_rng(self, purpose: Purpose) -> np.random.Generator:
        """Numbers that all phrases of a letter share; without a form four phrases do."""
        letter = ord(self.letter) if self.letter else 1000 + self.number // 4
        return rng_of(self.plan.seed, purpose, self.piece.number, letter)
