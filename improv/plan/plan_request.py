"""What the planner is asked for: mood, attributes, key, chords, lengths. Immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from improv.errors import InputError
from improv.music.chord import Chord
from improv.music.lead_sheet import FARTHEST_REACH, LONGEST_PHRASE, SHORTEST_PHRASE, Loop
from improv.music.mood import NEUTRAL, Mood

DEFAULT_REACH = 3


class PersonView(NamedTuple):
    """What a person plays, as far as it is known. key: 0..23."""

    key: int | None = None
    chord: Chord | None = None


NOBODY = PersonView()


@dataclass(frozen=True)
class PlanRequest:
    """mood: where the music is or glides to. attributes: commanded values in their units: onset_density, register and
    dissonance count. tempo_bpm: quarters a minute, before the piece's own factor.

    key: 0..23, None: free. loop: chords from outside, empty: none. chord: one that holds from now on, None: none.
    phrase_bars: 1..16, None: as people do. reach_fifths: 0..6, how far from home it may modulate. form: whether
    sections come back and pieces end. bar_beats: quarters in a bar, None: drawn for each piece. variety: 0..1, how
    much pieces differ. person: what a person plays. end_in_bars: end with a cadence in so many bars, counted from the
    current one. habits: of a composer whose music it is to be like (`improv.model.habits`); "": everybody's.
    """

    mood: Mood = NEUTRAL
    attributes: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    tempo_bpm: float = 100.0
    key: int | None = None
    loop: Loop = ()
    chord: Chord | None = None
    phrase_bars: int | None = None
    reach_fifths: int = DEFAULT_REACH
    form: bool = True
    bar_beats: float | None = None
    variety: float = 1.0
    person: PersonView = NOBODY
    end_in_bars: int | None = None
    habits: str = ""

    def __post_init__(self) -> None:
        if self.phrase_bars is not None and not SHORTEST_PHRASE <= self.phrase_bars <= LONGEST_PHRASE:
            raise InputError(f"a phrase has {SHORTEST_PHRASE}..{LONGEST_PHRASE} bars, got {self.phrase_bars}")
        if not 0 <= self.reach_fifths <= FARTHEST_REACH:
            raise InputError(f"it may modulate by 0..{FARTHEST_REACH} fifths, got {self.reach_fifths}")
        if self.key is not None and not 0 <= self.key < 24:
            raise InputError(f"a key is 0..23, got {self.key}")
