"""A plan: what lies ahead of the notes, bar by bar. Immutable values; ticks are 12 to a quarter note."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from improv.model.plan_inputs import CADENCES
from improv.model.vocabulary.hands import TICKS_PER_BEAT
from improv.music.chord import UNKNOWN, Chord
from improv.music.sequence import DEGREES, Tonal
from improv.plan.plan_request import PlanRequest

NONE, HALF, AUTHENTIC, OTHER = range(len(CADENCES))


class Metre(NamedTuple):
    """name: as written. bar_ticks: length of a bar. pulse_ticks: of a felt beat, a dotted quarter in 6/8."""

    name: str
    bar_ticks: int
    pulse_ticks: int

    @property
    def slots(self) -> tuple[tuple[int, int], ...]:
        """(tick, strength) of every felt beat: strength 3 on the bar line, 2 in the middle, 1 elsewhere."""
        middle = self.bar_ticks // 2 if (self.bar_ticks // self.pulse_ticks) % 2 == 0 else UNKNOWN
        return tuple(
            (tick, 3 if tick == 0 else 2 if tick == middle else 1)
            for tick in range(0, self.bar_ticks, self.pulse_ticks)
        )


METRES = {m.name: m for m in (Metre("4/4", 48, 12), Metre("3/4", 36, 12), Metre("2/4", 24, 12), Metre("6/8", 36, 18))}


def metre_of(beats_per_bar: float) -> Metre:
    """The metre of a bar of so many quarters, counted in quarters where they fit, else in dotted quarters or whole."""
    ticks = max(round(beats_per_bar * TICKS_PER_BEAT), 1)
    for metre in METRES.values():
        if metre.bar_ticks == ticks:
            return metre
    pulse = next((p for p in (TICKS_PER_BEAT, 18, 6) if ticks % p == 0), ticks)
    return Metre(f"{beats_per_bar:g} quarters", ticks, pulse)


class TimedChord(NamedTuple):
    """A chord that holds from `tick` of its bar on, in a key 0..23."""

    tick: int
    chord: Chord
    key: int


class Reference(NamedTuple):
    """An earlier bar that a bar refers to. bar: its number. likeness: 0..100, how much like it. left_semitones,
    right_semitones: how far each hand plays above it. tonal: moved by steps of the scale before that, None: not.
    """

    bar: int
    likeness: int
    left_semitones: int = 0
    right_semitones: int = 0
    tonal: Tonal | None = None

    @property
    def heights(self) -> tuple[float, float]:
        """Semitones that the left and the right hand play higher, about."""
        steps = 0.0 if self.tonal is None else self.tonal.steps * 12 / DEGREES
        return self.left_semitones + steps, self.right_semitones + steps

    def chord(self, chord: Chord) -> Chord:
        """What a chord of that bar becomes."""
        return (chord if self.tonal is None else self.tonal.chord(chord)).moved(self.left_semitones)

    def pitches(self, pitches: Sequence[int], hand: int) -> tuple[int, ...]:
        """What pitches of a hand there become here."""
        semitones = (self.left_semitones, self.right_semitones)[hand]
        bent = pitches if self.tonal is None else map(self.tonal.pitch, pitches)
        return tuple(pitch + semitones for pitch in bent)


class Texture(NamedTuple):
    """Of a bar: mean pitch of each hand, and its onsets in four quarters."""

    left_register: float
    right_register: float
    left_onsets: float
    right_onsets: float


@dataclass(frozen=True, slots=True)
class PlannedBar:
    """One bar. number: bars since the stream began. tick: of its bar line, since then. chords: the first at tick 0.

    piece, phrase: numbers since the stream began. phrase_bar: bars since the phrase began. bars_left: that follow in
    it. cadence: index in CADENCES that the phrase aims at. section: A, B ...; a return has a stroke (A'). like: the bar
    that stands at this place of the phrase that returns, or None in a new one. near_likeness: 0..100 to the bar before,
    UNKNOWN in the first. left_rhythm, right_rhythm: how much a hand's rhythm is that of the bar before, 0..100, or
    UNKNOWN: as it comes. loudness: -1..1, the arc of the phrase. tempo_factor: about 1, its breath.
    """

    number: int
    tick: int
    metre: Metre
    chords: tuple[TimedChord, ...]
    piece: int
    phrase: int
    phrase_bar: int
    bars_left: int
    cadence: int
    section: str
    texture: Texture
    like: int | None = None
    near_likeness: int = UNKNOWN
    far: Reference | None = None
    left_rhythm: int = UNKNOWN
    right_rhythm: int = UNKNOWN
    loudness: float = 0.0
    tempo_factor: float = 1.0

    @property
    def end_tick(self) -> int:
        """Of the next bar line."""
        return self.tick + self.metre.bar_ticks

    def chord_at(self, tick_in_bar: int) -> TimedChord:
        """The chord that holds at a place of the bar."""
        return self.chords[bisect_right([c.tick for c in self.chords], tick_in_bar) - 1]


class FormPhrase(NamedTuple):
    """A phrase of a piece's form. like: index of the phrase of the piece that it brings back, or None; begins_like:
    only its first half. key: that it is in, as semitones above the piece's tonic. other_mode: whether it is in the
    other mode. last: whether it closes the piece. from_piece: number of the piece that has `like`, None: this one.
    """

    section: str
    bars: int
    cadence: int
    like: int | None = None
    key: int = 0
    other_mode: bool = False
    last: bool = False
    begins_like: bool = False
    from_piece: int | None = None


@dataclass(frozen=True, slots=True)
class Character:
    """What is drawn once for a piece. tempo_factor: of the commanded tempo. metre: its metre. speed: log2 of how much
    denser than commanded. height: semitones above the commanded register. hands: how the hands' texture (left and right
    register, log2 of their onsets) differs from what people do on average.
    """

    metre: Metre
    tempo_factor: float = 1.0
    speed: float = 0.0
    height: float = 0.0
    hands: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Piece:
    """number: since the stream began. first_phrase: number of its first phrase. home: key 0..23. form: its phrases,
    none where the form is off.
    """

    number: int
    first_phrase: int
    home: int
    character: Character
    form: tuple[FormPhrase, ...] = ()


class PlannedPhrase(NamedTuple):
    """A phrase that was planned. first_bar: number of its first bar. place: its index in the form of its piece."""

    number: int
    piece: int
    place: int
    first_bar: int
    bars: int
    section: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is planned and the bars behind that it may refer to.

    request: what was asked for when the last change was made. piece: that of the last planned phrase. bars: in order,
    without gaps. phrases: those that `bars` belong to. loop_bar: number of the bar that a loop of chords began with.
    """

    seed: int
    request: PlanRequest
    piece: Piece
    bars: tuple[PlannedBar, ...] = ()
    phrases: tuple[PlannedPhrase, ...] = ()
    loop_bar: int = 0

    @property
    def end_tick(self) -> int:
        """Behind the last planned bar."""
        return self.bars[-1].end_tick

    def index_at(self, tick: int) -> int:
        """Index of the bar that a tick lies in; the first or the last where it lies outside."""
        return max(bisect_right(self.bars, tick, key=lambda bar: bar.tick) - 1, 0)

    def bar_at(self, tick: int) -> PlannedBar:
        """The bar that a tick lies in."""
        return self.bars[self.index_at(tick)]

    def bar(self, number: int) -> PlannedBar | None:
        """The bar with a number, None where it is not kept or not planned."""
        index = number - self.bars[0].number if self.bars else -1
        return self.bars[index] if 0 <= index < len(self.bars) else None

    def chord_at(self, tick: int) -> TimedChord:
        """The chord that holds at a tick; its own tick stays that of its bar."""
        bar = self.bar_at(tick)
        return bar.chord_at(tick - bar.tick)

    def next_chord(self, tick: int) -> tuple[int, Chord] | None:
        """Tick and chord of the next change after a tick, None where nothing else is planned."""
        start = self.index_at(tick)
        now = self.chord_at(tick).chord
        for bar in self.bars[start:]:
            for timed in bar.chords:
                if bar.tick + timed.tick > tick and timed.chord != now:
                    return bar.tick + timed.tick, timed.chord
        return None
