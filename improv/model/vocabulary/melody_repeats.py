"""The vocabularies `melody_lookback` and `melody_attention`: `melody` with Melody RNN's labels for what comes again.

A token is the event of a step, or "as one bar ago" (38), or "as two bars ago" (39), which goes first. The other ids are
the published labels of each scheme (`improv.model.vocabulary.melody_schemes`), behind them START 40 and END 41.

One thing differs from the published labels: a repeat is written only of a step that was there. Theirs also calls the
silence of a melody's first two bars a repeat of the silence before it; decoded, such tokens mean the same here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.base import (
    NO_CONSTRAINTS,
    NO_EXTRAS,
    NO_VELOCITIES,
    BoolArray,
    Constraints,
    Extras,
    GridStep,
    IntArray,
    fingerprint_of,
)
from improv.model.vocabulary.melody import END as MELODY_END
from improv.model.vocabulary.melody import (
    FIRST_ON,
    NO_EVENT,
    NOTE_OFF,
    PUBLISHED_CLASSES,
    MelodyDecoder,
    MelodyEncoding,
)
from improv.model.vocabulary.melody import START as MELODY_START
from improv.model.vocabulary.melody_schemes import FIRST_REPEAT, LABELS, LOOK_BACKS, repeats
from improv.music.note import Note

START, END = LABELS, LABELS + 1
SIZE = LABELS + 2
_REPEAT = -1
_NEVER = np.float32(-1e30)  # finite, so that a repeat can still be taken where nothing else is left
_REPEAT_NAMES = ("AS 1 BAR AGO", "AS 2 BARS AGO")


class _Scheme:
    """The ids of one scheme beside those of `melody`."""

    def __init__(self, family: str, events: Sequence[int]) -> None:
        """events: the event of `melody` behind each of the first 38 labels."""
        self.family = family
        self.meaning = np.array([*events, *[_REPEAT] * len(LOOK_BACKS), MELODY_START, MELODY_END])
        """Id -> that of `melody`, _REPEAT for the two repeats."""
        self.label_of = np.argsort(self.meaning)[len(LOOK_BACKS) :]
        """Id of `melody` -> ours."""

    def event(self, token_id: int, history: Sequence[int]) -> int:
        """The id of `melody` behind one of ours. history: the events before it."""
        if not 0 <= token_id < SIZE:
            raise ValueError(f"{self.family} token must be in 0..{SIZE - 1}, got {token_id}")
        meaning = int(self.meaning[token_id])
        if meaning != _REPEAT:
            return meaning
        steps = LOOK_BACKS[token_id - FIRST_REPEAT]
        return history[-steps] if len(history) >= steps else NO_EVENT


class RepeatingMelodyDecoder:
    """A melody's decoder that is told the events, with the last two bars of them."""

    def __init__(self, scheme: _Scheme, inner: MelodyDecoder, history: tuple[int, ...] = ()) -> None:
        self._scheme, self._inner, self._history = scheme, inner, history

    @property
    def tick(self) -> int:
        return self._inner.tick

    @property
    def sounding(self) -> tuple[int, ...]:
        return self._inner.sounding

    @property
    def chord(self) -> tuple[int, ...] | None:
        return None

    def copy(self) -> Self:
        return type(self)(self._scheme, self._inner.copy(), self._history)

    def feed(self, token_id: int) -> GridStep | None:
        event = self._scheme.event(token_id, self._history)
        if event == MELODY_START:
            self._history = ()
        elif event != MELODY_END:
            self._history = (*self._history, event)[-LOOK_BACKS[-1] :]
        return self._inner.feed(event)

    def required_before(
        self, token_id: int, keys: frozenset[int], gone: frozenset[int], velocities: Mapping[int, int] = NO_VELOCITIES
    ) -> int:
        return token_id

    def _repeatable(self) -> list[tuple[int, int]]:
        """Each repeat that there is something for, and the event that it stands for."""
        there = [(FIRST_REPEAT + index, steps) for index, steps in enumerate(LOOK_BACKS)]
        return [(token_id, self._history[-steps]) for token_id, steps in there if len(self._history) >= steps]

    def merge_synonyms(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Repeats have no weight any more, their events have it as well: they are steered and limited like others."""
        events = logits.copy()
        for token_id, event in self._repeatable():
            plain = self._scheme.label_of[event]
            events[:, plain] = np.logaddexp(events[:, plain], logits[:, token_id])
            events[:, token_id] = _NEVER
        return events

    def legal(self, constraints: Constraints = NO_CONSTRAINTS) -> BoolArray:
        """As in `melody`; a repeat where its event is legal, and where there is something to repeat."""
        events = self._inner.legal(constraints)
        mask = np.where(self._scheme.meaning == _REPEAT, False, events[self._scheme.meaning])
        for token_id, event in self._repeatable():
            mask[token_id] = events[event]
        return mask


class RepeatingMelodyEncoding:
    """See the module's text. Everything but the names of the tokens is that of `melody`."""

    ticks_per_beat = MelodyEncoding.ticks_per_beat
    step_ticks = MelodyEncoding.step_ticks
    tempo_bpm = MelodyEncoding.tempo_bpm
    performs = MelodyEncoding.performs
    planned = MelodyEncoding.planned
    size = SIZE
    start_id, end_id = START, END
    start_pitches: IntArray = MelodyEncoding.start_pitches
    announcements = shifts = slice(0, 0)

    def __init__(self, family: str, events: Sequence[int]) -> None:
        self.family = family
        self._melody = MelodyEncoding()
        self._scheme = _Scheme(family, events)
        first = int(self._scheme.label_of[self._melody.starts.start])
        self.starts = slice(first, first + len(self.start_pitches))

    @classmethod
    def lookback(cls) -> Self:
        return cls("melody_lookback", range(PUBLISHED_CLASSES))

    @classmethod
    def attention(cls) -> Self:
        return cls("melody_attention", [*range(FIRST_ON, PUBLISHED_CLASSES), NO_EVENT, NOTE_OFF])

    @property
    def meaning(self) -> IntArray:
        """Id -> that of `melody`, -1 for the repeats, shape (SIZE,)."""
        return self._scheme.meaning

    def begins(self, pitch: int) -> int:
        """The token that starts a note of this pitch; ValueError outside of the three octaves."""
        return int(self._scheme.label_of[self._melody.begins(pitch)])

    def starts_note(self, token_id: int) -> bool:
        """Whether it names the start of a note; a repeat may be one as well."""
        return self.starts.start <= token_id < self.starts.stop

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(self.family, self.ticks_per_beat, [self.label(token_id) for token_id in range(SIZE)])

    def label(self, token_id: int) -> str:
        meaning = self._scheme.event(token_id, ())
        return _REPEAT_NAMES[token_id - FIRST_REPEAT] if self.meaning[token_id] < 0 else self._melody.label(meaning)

    def decoder(self) -> RepeatingMelodyDecoder:
        return RepeatingMelodyDecoder(self._scheme, self._melody.decoder())

    def labels(self, melody_ids: Iterable[int]) -> list[int]:
        """Token ids of `melody` -> ours."""
        history: list[int] = []
        labels = []
        for event in melody_ids:
            labels.append(int(self._scheme.label_of[event]))
            if event == MELODY_START:
                history = []
            elif event != MELODY_END:
                history.append(event)
                again = [i for i, steps in enumerate(LOOK_BACKS) if repeats(history, len(history) - 1, steps)]
                labels[-1] = FIRST_REPEAT + again[-1] if again else labels[-1]
        return labels

    def events(self, token_ids: Iterable[int]) -> list[int]:
        """Our token ids -> those of `melody`."""
        history: list[int] = []
        events = []
        for token_id in token_ids:
            event = self._scheme.event(token_id, history)
            if event == MELODY_START:
                history = []
            elif event != MELODY_END:
                history.append(event)
            events.append(event)
        return events

    def encode(self, notes: Iterable[Note], steps: int | None = None, extras: Extras = NO_EXTRAS) -> list[int]:
        return self.labels(self._melody.encode(notes, steps, extras))

    def decode(self, token_ids: Iterable[int]) -> list[Note]:
        return self._melody.decode(self.events(token_ids))

    def ticks(self, token_ids: IntArray) -> IntArray:
        return self._melody.ticks(self.meaning[np.asarray(token_ids, dtype=np.int64)])

    def transpose(self, token_ids: IntArray, semitones: int) -> IntArray:
        """The same melody higher: what came again comes again."""
        ids = np.asarray(token_ids)
        events = self.meaning[ids.astype(np.int64)]
        moved = self._scheme.label_of[self._melody.transpose(events, semitones)]
        return np.where(events == _REPEAT, ids, moved).astype(ids.dtype)

    def pitch_range(self, token_ids: IntArray) -> tuple[int, int]:
        return self._melody.pitch_range(self.meaning[np.asarray(token_ids, dtype=np.int64)])
