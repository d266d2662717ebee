"""Stretches of music to be measured, all in one form: human, permuted human, a Markov chain's, the daemon's.

The daemon's come through its own engine on a manual clock, unfiltered. The human ones are held-out pieces as the model
would have to write them: read back from their tokens, in the model's own grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.config import Config
from improv.config.adapters import render
from improv.control.commands import Command
from improv.improviser.planned_step import PlannedStep
from improv.model import conditioning
from improv.model.vocabulary import Encoding
from improv.music.attributes import ATTRIBUTES
from improv.music.mood import Mood
from improv.music.note import Note
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.parallel_map import Mapping
from training.evaluation.markov import ORDER, Markov
from training.models.job_data import ModelFile, model_of

FloatArray = NDArray[np.float64]

SECONDS = 120.0  # long enough for sections of 15 s and more to come back
LEAST_NOTES = 24  # a piece with fewer says nothing
DEFAULT_TEMPO_BPM = 100.0  # where a piece has none
_TEMPO = 2 * conditioning.COMMANDS.index("tempo")


@dataclass(frozen=True)
class Excerpt:
    """Notes sorted by onset, then from low to high. Arrays of shape (notes,).

    onset, duration: quarter notes. velocity: 1..127, the same for all where the music has no dynamics of its own.
    beat_s: seconds of a quarter. tick: the grid, in quarters. mood: commanded, or measured in a human piece.
    """

    name: str
    onset: FloatArray
    duration: FloatArray
    pitch: NDArray[np.int64]
    velocity: FloatArray
    beat_s: float
    tick: float
    mood: Mood | None = None

    @classmethod
    def of(cls, name: str, rows: Sequence[tuple[float, float, int, float]], beat_s: float, tick: float) -> Excerpt:
        """From rows of onset, duration, pitch, velocity in any order."""
        ordered = sorted(rows, key=lambda row: (row[0], row[2]))
        onset, duration, pitch, velocity = np.array(ordered, dtype=np.float64).reshape(-1, 4).T
        return cls(name, onset, duration, pitch.astype(np.int64), velocity, beat_s, tick)

    def first(self, beats: float) -> Excerpt:
        """What begins in the first so many quarters."""
        return self._chosen(self.onset < self.onset[0] + beats if self.onset.size else np.zeros(0, dtype=np.bool_))

    def _chosen(self, inside: NDArray[np.bool_]) -> Excerpt:
        columns = ("onset", "duration", "pitch", "velocity")
        return replace(self, **{name: getattr(self, name)[inside] for name in columns})

    @property
    def end(self) -> FloatArray:
        """Quarters."""
        return self.onset + self.duration


def of_steps(name: str, steps: Sequence[PlannedStep], mood: Mood | None = None) -> Excerpt:
    """What the daemon played, on its grid; what has not ended ends with the last step."""
    per_beat = steps[-1].position.ticks_per_beat
    ends = {ended.note_id: step.position.tick for step in steps for ended in step.ended}
    last = steps[-1].position.tick + 1
    rows = [
        (at / per_beat, max(ends.get(note.note_id, last) - at, 1) / per_beat, note.pitch, float(note.velocity))
        for step in steps
        for at in (step.position.tick,)
        for note in step.started
    ]
    beat_s = 60 / float(np.mean([step.position.tempo_bpm for step in steps]))
    return replace(Excerpt.of(name, rows, beat_s, 1 / per_beat), mood=mood)


def of_notes(name: str, notes: Sequence[Note], ticks_per_beat: int, beat_s: float) -> Excerpt:
    """Decoded notes."""
    rows = [(n.onset / ticks_per_beat, n.duration / ticks_per_beat, n.pitch, float(n.velocity)) for n in notes]
    return Excerpt.of(name, rows, beat_s, 1 / ticks_per_beat)


def of_piece(dataset: Dataset, piece: PieceRow, seconds: float = SECONDS) -> Excerpt | None:
    """The beginning of a piece at its own mean tempo; None when it has too few notes to say anything."""
    rows = dataset.conditioning[dataset.token_step[piece.start] : dataset.token_step[piece.stop - 1] + 1]
    rows = rows.astype(np.float64)
    told = rows[rows[:, _TEMPO + 1] > 0, _TEMPO]
    tempo = ATTRIBUTES["tempo"].denormalise(float(told.mean())) if told.size else DEFAULT_TEMPO_BPM
    notes = dataset.encoding.decode(dataset.tokens[piece.start : piece.stop].tolist())
    if len(notes) < LEAST_NOTES:
        return None
    excerpt = of_notes(piece.name, notes, dataset.encoding.ticks_per_beat, 60 / tempo).first(seconds * tempo / 60)
    known = rows[(rows[:, 1] > 0) & (rows[:, 3] > 0)]
    mood = Mood(*(float(value) for value in known[:, (0, 2)].mean(axis=0))) if len(known) else Mood(0.0, 0.0)
    return replace(excerpt, mood=mood)


def human(dataset: Dataset, pieces: Sequence[PieceRow], count: int) -> list[Excerpt]:
    """The beginnings of at most `count` pieces, evenly spread."""
    found = [excerpt for piece in pieces if (excerpt := of_piece(dataset, piece)) is not None]
    if len(found) <= count:
        return found
    return [found[index] for index in np.linspace(0, len(found) - 1, count).round().astype(int)]


def permuted(excerpt: Excerpt, rng: np.random.Generator) -> Excerpt:
    """The same pitches, durations and gaps between onsets, each put in another order: what is left without music."""
    moments, place = np.unique(excerpt.onset, return_inverse=True)
    gaps = rng.permutation(np.diff(moments))
    onset = (moments[0] + np.concatenate([[0.0], np.cumsum(gaps)]))[place]
    rows = zip(onset, rng.permutation(excerpt.duration), rng.permutation(excerpt.pitch), excerpt.velocity, strict=True)
    return replace(Excerpt.of(f"permuted {excerpt.name}", list(rows), excerpt.beat_s, excerpt.tick), mood=excerpt.mood)


def of_chain(chain: Markov, encoding: Encoding, like: Excerpt, rng: np.random.Generator) -> Excerpt:
    """What an order-2 Markov chain writes, as long as another excerpt."""
    everything = np.arange(encoding.size)
    decoder, tokens = encoding.decoder(), [encoding.start_id] * ORDER
    decoder.feed(encoding.start_id)
    last = int((like.end.max() if like.onset.size else 0) * encoding.ticks_per_beat)
    most = 40 * last + 1000  # a chain may well never come to an end
    while decoder.tick < last and len(tokens) < most:
        before = np.tile(np.array(tokens[-ORDER:], dtype=np.int64), (encoding.size, 1))
        chances = chain.probability(before, everything) * decoder.legal()
        chances[encoding.end_id] = 0
        token = int(rng.choice(encoding.size, p=chances / chances.sum()))
        decoder.feed(token)
        tokens.append(token)
    notes = encoding.decode(tokens[ORDER - 1 :])
    return of_notes("Markov", notes, encoding.ticks_per_beat, like.beat_s)


class Rendering(NamedTuple):
    """What is to be played. commands: seconds from the beginning, and what is commanded then."""

    model: ModelFile
    config: Config
    seconds: float
    seed: int
    mood: Mood | None
    commands: tuple[tuple[float, Command], ...] = ()

    def steps(self) -> list[PlannedStep]:
        return render(model_of(self.model), self.config, self.seconds, self.seed, self.mood, self.commands)

    def excerpt(self) -> Excerpt:
        return of_steps(f"seed {self.seed}", self.steps(), self.mood)


def rendered(
    model: ModelFile, config: Config, like: Sequence[Excerpt], seconds: float = SECONDS, mapping: Mapping = map
) -> list[Excerpt]:
    """What the daemon plays when it is given the moods of other excerpts, each once, with seeds 0, 1, ..."""
    orders = [Rendering(model, config, seconds, seed, excerpt.mood) for seed, excerpt in enumerate(like)]
    return list(mapping(Rendering.excerpt, orders))
