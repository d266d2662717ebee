"""What the person's playing asks of the next steps, as one plain value: all of it that reaches the choice of notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from improv.music.attributes import FloatArray, Key
from improv.music.chord import MINOR_KEYS, Chord
from improv.music.mood import Mood
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH

# Nats at full strength: against a tone outside of the person's key, for a tone of their chord, against a tone a
# semitone from a key that they hold.
OUT_OF_KEY_NATS, CHORD_NATS, CLASH_NATS = 7.0, 1.0, 6.0


# From this share on the plan is in the person's key.
PLAN_FOLLOWS = 0.35
# From this share on tones outside of the key, or beside held keys, are not played at all.
SURE = 0.6


class Quote(NamedTuple):
    """Something that was played before, to be come back to: a call, bars of a loop.

    begins_tick: the step that its first place falls on. length_ticks: of the whole. onsets: (ticks from its beginning,
    pitches), ascending. weight: 0..1, how literal. loops: it comes again and again. locked: nothing else begins.
    """

    begins_tick: int
    length_ticks: int
    onsets: tuple[tuple[int, tuple[int, ...]], ...]
    weight: float
    loops: bool = False
    locked: bool = False

    def at(self, tick: int) -> tuple[frozenset[int], int | None] | None:
        """Pitches that began at this place and ticks until the next ones; None outside of the quote."""
        into = tick - self.begins_tick
        if into < 0 or self.length_ticks <= 0 or (into >= self.length_ticks and not self.loops):
            return None
        into %= self.length_ticks
        here = next((pitches for at, pitches in self.onsets if at == into), ())
        following = next((at - into for at, _ in self.onsets if at > into), None)
        if following is None and self.loops and self.onsets:
            following = self.length_ticks - into + self.onsets[0][0]
        return frozenset(here), following


class Change(NamedTuple):
    """Another chord from a step on. harmony: as in Influence."""

    tick: int
    harmony: Chord


@dataclass(frozen=True, slots=True)
class Influence:
    """What the person's playing asks of us; without arguments: nothing.

    plays: whether it is our turn at all. from_tick, to_tick: our turn begins and ends with these steps, None: no bound;
    a note starts at from_tick. holds: while it is not our turn, what sounds goes on.
    attributes: go before what the mood means, in the units of the attributes. loudness_share: how far loudness is
    theirs, 0..1: so much less our phrases swell of their own. mood, mood_share: a mood that ours is mixed with, 0..1.
    key, key_share: of the person, how strongly it draws, 0..1. outside, outside_share: pitch classes that are hardly
    tones of it, and how strongly they are avoided, 0..1. chord, chord_share: pitch classes and how strongly they draw.
    harmony: the chord that the plan goes by, None: its own. change: of both. clashing: pitches that would clash with
    held keys, clash_share: how strongly they are avoided. lowest, highest: keys that we may use. most_onsets_per_s: a
    ceiling, None: none. velocity: of every note that starts, None: ours. quote: what is come back to. person_hand:
    the hand that is theirs (improv.model.vocabulary.hands), so that the other one is ours alone; None: none is.
    """

    plays: bool = True
    holds: bool = False
    from_tick: int | None = None
    to_tick: int | None = None
    attributes: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    loudness_share: float = 0.0
    mood: Mood | None = None
    mood_share: float = 0.0
    key: Key | None = None
    key_share: float = 0.0
    outside: frozenset[int] = frozenset()
    outside_share: float = 0.0
    chord: frozenset[int] = frozenset()
    harmony: Chord | None = None
    change: Change | None = None
    chord_share: float = 0.0
    clashing: frozenset[int] = frozenset()
    clash_share: float = 0.0
    lowest: int = LOWEST_PIANO_PITCH
    highest: int = HIGHEST_PIANO_PITCH
    most_onsets_per_s: float | None = None
    velocity: int | None = None
    quote: Quote | None = None
    person_hand: int | None = None

    def rests(self, tick: int) -> bool:
        """Whether nothing of ours may start at this step."""
        if not self.plays:
            return True
        return (self.from_tick is not None and tick < self.from_tick) or (
            self.to_tick is not None and tick >= self.to_tick
        )

    def at(self, tick: int) -> Influence:
        """What is asked of a step: the chord may be another one by then."""
        if self.change is None or tick < self.change.tick:
            return self
        harmony = self.change.harmony
        return replace(self, chord=frozenset(harmony.classes), harmony=harmony, change=None)

    @property
    def planned_key(self) -> int | None:
        """The key 0..23 that the plan goes by; None: its own."""
        if self.key is None or self.key_share < PLAN_FOLLOWS:
            return None
        return self.key.tonic + (0 if self.key.major else MINOR_KEYS)

    def biases(self) -> FloatArray:
        """Nats for the starts of the 128 pitches."""
        nats = np.zeros(128)
        if self.outside and self.outside_share:
            outside = np.isin(np.arange(12), list(self.outside))
            nats -= np.resize(self.outside_share * OUT_OF_KEY_NATS * outside, 128)
        if self.chord and self.chord_share:
            inside = np.isin(np.arange(12), list(self.chord))
            nats += np.resize(self.chord_share * CHORD_NATS * inside, 128)
        if self.clashing and self.clash_share:
            nats[list(self.clashing)] -= self.clash_share * CLASH_NATS
        return nats

    @property
    def forbidden(self) -> frozenset[int]:
        """Pitches that no note of ours may start with: where what draws us is sure, it does not only draw."""
        outside: set[int] = set(self.clashing) if self.clash_share >= SURE else set()
        if self.outside_share >= SURE:
            goes_by_chord = self.harmony is not None or self.chord_share > 1
            never = self.outside - self.chord if goes_by_chord else self.outside
            outside |= {pitch for pitch in range(128) if pitch % 12 in never}
        if self.chord and self.chord_share > 1:
            outside |= {pitch for pitch in range(128) if pitch % 12 not in self.chord}
        return frozenset(outside)

    def mixed(self, mood: Mood) -> Mood:
        """Our mood, met by the person's."""
        if self.mood is None or not self.mood_share:
            return mood
        share = self.mood_share
        return Mood(
            (1 - share) * mood.valence + share * self.mood.valence,
            (1 - share) * mood.arousal + share * self.mood.arousal,
        )


NO_INFLUENCE = Influence()
