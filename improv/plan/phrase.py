"""One phrase in bars: its chords, textures, references and arcs, or what remains of it when it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.chord import MINOR_KEYS, UNKNOWN, Chord
from improv.plan.harmony import (
    NEUTRAL_DISSONANCE,
    Colour,
    Slot,
    change_of,
    dominants,
    draw_chords,
    only,
    rolled,
    tonic,
)
from improv.plan.people import INVERSIONS, PER_ROOT, FloatArray, people, state_of_chord
from improv.plan.plan import (
    AUTHENTIC,
    HALF,
    OTHER,
    FormPhrase,
    Piece,
    Plan,
    PlannedBar,
    Reference,
    Texture,
    TimedChord,
)
from improv.plan.request import PlanRequest
from improv.plan.returns import NEVER, State, draw_near, draw_reference, draw_return
from improv.plan.rhythm import draw_rhythm
from improv.plan.texture import TextureDraws, texture_of

BARS_BACK = 48
LITERAL = 60
"""A return that is so much like its bar has the rhythm of that."""
"""How far back a bar of a new phrase may refer: as far as references were looked for in people's music."""
MODULATES_WITHIN = 0.5
"""Share of the new phrases in another key that begin in the one before."""
UPBEAT = 0.3
"""Share of the phrases that leave the closing chord on the last beat."""
CLOSING_DENSITY = 0.7
"""Of the onsets of a hand in the bar of a cadence."""
_CONTRAST = 20.0  # how much likelier than usual a chord may be at the beginning of a phrase
_SUBMEDIANT = {False: (9, 1), True: (8, 0)}  # semitones and quality, in major and minor


class Purpose(IntEnum):
    """What a stream of random numbers is for."""

    FORM, CHARACTER, KEY, CHORDS, TEXTURE, OWN_TEXTURE, RETURNS, RHYTHM, MOOD, PHRASE, FIGURE, LOUDNESS = range(12)


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


def write_phrase(brief: Brief) -> tuple[PlannedBar, ...]:
    """All bars of the phrase, the kept ones first."""
    metre = brief.piece.character.metre
    like = _like_bars(brief)
    whole = brief.kept
    for phrase_bar in range(len(brief.kept), brief.phrase.bars):
        tick = whole[-1].end_tick if whole else brief.first_tick
        whole += (_empty_bar(brief, phrase_bar, tick, like[phrase_bar] if like else None),)
    fresh = max(len(brief.kept) - (brief.cut is not None), 0)
    whole = whole[:fresh] + tuple(_placed(brief, bar) for bar in whole[fresh:])
    whole = whole[:fresh] + _with_chords(brief, whole, fresh, like)
    texture = texture_of(
        brief.request,
        brief.piece.character,
        brief.key >= MINOR_KEYS,
        TextureDraws(brief.section_rng(Purpose.TEXTURE), brief.rng(Purpose.OWN_TEXTURE), brief.letter not in ("A", "")),
    )
    done = whole[: len(brief.kept)]
    rng = brief.rng(Purpose.RETURNS)
    for bar in whole[len(brief.kept) :]:
        closes = bar.bars_left == 0 and bar.cadence in (HALF, AUTHENTIC)
        dressed = replace(bar, texture=_closing(texture) if closes else texture)
        done += (_with_references(brief, done, dressed, like is not None, rng),)
    assert all(bar.metre == metre for bar in done[len(brief.kept) :])
    return done


def _empty_bar(brief: Brief, phrase_bar: int, tick: int, like: PlannedBar | None) -> PlannedBar:
    return PlannedBar(
        number=brief.first_bar + phrase_bar,
        tick=tick,
        metre=brief.piece.character.metre,
        chords=(),
        piece=brief.piece.number,
        phrase=brief.number,
        phrase_bar=phrase_bar,
        bars_left=0,
        cadence=0,
        section=brief.phrase.section,
        texture=Texture(48, 67, 4, 4),
        like=None if like is None else like.number,
    )


def _placed(brief: Brief, bar: PlannedBar) -> PlannedBar:
    """With its place in the phrase; the arc rises to two thirds of it and falls, its end slows down."""
    bars, left = brief.phrase.bars, brief.phrase.bars - bar.phrase_bar - 1
    share = (bar.phrase_bar + 0.5) / bars
    arc = share / 0.65 if share < 0.65 else (1 - share) / 0.35
    slower = 0.95 if left == 0 else 0.985 if left == 1 else 1.0 + 0.02 * arc
    if brief.phrase.last and left < 2:
        slower *= 0.92
    return replace(
        bar, bars_left=left, cadence=brief.phrase.cadence, loudness=round(2 * arc - 1, 3), tempo_factor=round(slower, 4)
    )


def _like_bars(brief: Brief) -> tuple[PlannedBar, ...] | None:
    """The bars that the phrase brings back, None where it is new or they are not there in its metre."""
    if brief.phrase.like is None or brief.request.loop or brief.cut is not None:
        return None
    found = [p for p in brief.plan.phrases if p.piece == brief.piece.number and p.place == brief.phrase.like]
    if not found or found[-1].bars < brief.phrase.bars:
        return None
    bars = [brief.plan.bar(found[-1].first_bar + i) for i in range(brief.phrase.bars)]
    metre = brief.piece.character.metre
    return tuple(b for b in bars if b) if all(b is not None and b.metre == metre for b in bars) else None


class _Place(NamedTuple):
    """A felt beat of the phrase: index of its bar, tick in it, strength."""

    bar: int
    tick: int
    strength: int


def _with_chords(
    brief: Brief, whole: tuple[PlannedBar, ...], fresh: int, like: tuple[PlannedBar, ...] | None
) -> tuple[PlannedBar, ...]:
    """The bars from index `fresh` on with their chords; of a bar that is cut those before the cut stay."""
    given = _given(brief, whole, fresh)
    if given is not None:
        return given
    places = [
        _Place(index, tick, strength)
        for index in range(fresh, len(whole))
        for tick, strength in _ticks_of(brief, whole[index], index, fresh)
    ]
    if not places:
        return whole[fresh:]
    rng = brief.rng(Purpose.CHORDS)
    keys = _keys(brief, whole, rng)
    rate = _rate(brief)
    slots = []
    for place in places:
        key = keys[place.bar]
        change = change_of(people(), key >= MINOR_KEYS, rate, place.strength)
        slots.append(Slot(key, change))
    slots = _opened(brief, places, slots)
    if like is not None:
        slots = _copied(brief, places, slots, like)
    slots = _closed(brief, places, slots, rng)
    before = brief.before
    if brief.cut is not None:
        cut_bar = whole[fresh]
        before = cut_bar.chord_at(max(brief.cut - 1, 0)).chord if brief.cut else brief.before
    chords = draw_chords(slots, before, _colour(brief.request), rng)
    rows = list(zip(places, chords, slots, strict=True))
    out = []
    for index in range(fresh, len(whole)):
        timed = [c for c in whole[index].chords if index == fresh and brief.cut is not None and c.tick < brief.cut]
        timed += [TimedChord(p.tick, chord, slot.key) for p, chord, slot in rows if p.bar == index]
        out.append(replace(whole[index], chords=merged(timed)))
    return tuple(out)


def merged(chords: Sequence[TimedChord]) -> tuple[TimedChord, ...]:
    """Without those that only go on."""
    out: list[TimedChord] = []
    for timed in chords:
        if not out or (timed.chord, timed.key) != (out[-1].chord, out[-1].key):
            out.append(timed)
    return tuple(out)


def _ticks_of(brief: Brief, bar: PlannedBar, index: int, fresh: int) -> list[tuple[int, int]]:
    """Felt beats of a bar that get a new chord: from the cut on, which is one itself, in the bar that is cut."""
    slots = list(bar.metre.slots)
    if index != fresh or brief.cut is None:
        return slots
    later = [slot for slot in slots if slot[0] >= brief.cut]
    return later if later and later[0][0] == brief.cut else [(brief.cut, 1), *later]


def _given(brief: Brief, whole: tuple[PlannedBar, ...], fresh: int) -> tuple[PlannedBar, ...] | None:
    """The bars with chords from outside, None where there are none."""
    request = brief.request
    if request.chord is None and not request.loop:
        return None
    key = brief.key
    out = []
    for index in range(fresh, len(whole)):
        bar = whole[index]
        if request.chord is not None:
            timed = [TimedChord(0, request.chord, key)]
        else:
            row = request.loop[(bar.number - brief.plan.loop_bar) % len(request.loop)]
            timed = [TimedChord(i * bar.metre.bar_ticks // len(row), chord, key) for i, chord in enumerate(row)]
        if index == fresh and brief.cut is not None:
            past = [c for c in bar.chords if c.tick < brief.cut]
            now = [c for c in timed if c.tick <= brief.cut][-1]._replace(tick=brief.cut)
            timed = [*past, now, *(c for c in timed if c.tick > brief.cut)]
        out.append(replace(bar, chords=merged(timed)))
    return tuple(out)


def _keys(brief: Brief, whole: tuple[PlannedBar, ...], rng: np.random.Generator) -> list[int]:
    """The key of each bar: a new phrase in another key may begin in the one before."""
    away = brief.previous_key is not None and brief.previous_key != brief.key
    within = away and not brief.kept and brief.phrase.like is None and rng.random() < MODULATES_WITHIN
    half = len(whole) // 2 if within else 0
    return [brief.previous_key if i < half and brief.previous_key is not None else brief.key for i in range(len(whole))]


def _rate(brief: Brief) -> int:
    """Class of the harmonic rhythm of a section, by mode and arousal."""
    slow, fast = people().rates[int(brief.key >= MINOR_KEYS)]
    share = (float(np.clip(brief.request.mood.arousal, -1, 1)) + 1) / 2
    weights = (1 - share) * slow / slow.sum() + share * fast / fast.sum()
    total = weights.cumsum()
    draw = brief.section_rng(Purpose.RHYTHM).random()
    return int(np.searchsorted(total, draw * total[-1], side="right").clip(0, len(weights) - 1))


def _colour(request: PlanRequest) -> Colour:
    return Colour(float(np.clip(request.mood.arousal, -1, 1)), request.attributes.get("dissonance", NEUTRAL_DISSONANCE))


def _opened(brief: Brief, places: Sequence[_Place], slots: list[Slot]) -> list[Slot]:
    """The first chord as people begin pieces, or phrases."""
    if brief.kept:
        return slots
    key = slots[0].key
    minor = int(key >= MINOR_KEYS)
    counts = people()
    if brief.before is None or brief.index == 0:
        weights = counts.opening[minor]
    else:
        alone = (counts.alone[minor][0] + counts.alone[minor][1]) / 2
        weights = np.minimum(counts.beginning[minor] / np.maximum(alone, 1e-9), _CONTRAST)
    return [slots[0]._replace(allowed=rolled(weights, key % 12 * PER_ROOT), change=0.9), *slots[1:]]


def _copied(brief: Brief, places: Sequence[_Place], slots: list[Slot], like: tuple[PlannedBar, ...]) -> list[Slot]:
    """The chords of the phrase that comes back, moved to its key; the end is free where the cadence is another."""
    then = like[-1].chords[-1].key
    if (then >= MINOR_KEYS) != (brief.key >= MINOR_KEYS):
        return slots
    semitones = brief.key - then
    free = 0 if like[-1].cadence == brief.phrase.cadence else min(2, brief.phrase.bars - 1)
    out = []
    for place, slot in zip(places, slots, strict=True):
        if place.bar < brief.phrase.bars - free:
            timed = like[place.bar].chord_at(place.tick)
            out.append(
                Slot(
                    (timed.key + semitones) % 12 + timed.key // MINOR_KEYS * MINOR_KEYS,
                    slot.change,
                    only(state_of_chord(timed.chord.moved(semitones))),
                )
            )
        else:
            out.append(slot)
    return out


def _closed(brief: Brief, places: Sequence[_Place], slots: list[Slot], rng: np.random.Generator) -> list[Slot]:
    """The cadence: its chord from the last bar line on, before an authentic one the dominant."""
    upbeat = not brief.phrase.last and rng.random() < UPBEAT
    last = [i for i, place in enumerate(places) if place.bar == brief.phrase.bars - 1]
    if not last or places[last[0]].tick > 0:
        return slots
    out = list(slots)
    key = out[last[0]].key
    arrival = _arrival(brief.phrase.cadence, key)
    if arrival is None:
        return out
    held = last[:-1] if upbeat and len(last) > 1 else last
    for i in held:
        out[i] = out[i]._replace(allowed=arrival)
    if brief.phrase.cadence == AUTHENTIC and last[0] > 0:
        out[last[0] - 1] = out[last[0] - 1]._replace(allowed=only(*dominants(key)))
    return out


def _arrival(cadence: int, key: int) -> FloatArray | None:
    """Weights of the chords that a cadence may end on."""
    if cadence == AUTHENTIC:
        return only(tonic(key))
    if cadence == HALF:
        return only(*dominants(key, triad_only=True))
    if cadence == OTHER:
        above, quality = _SUBMEDIANT[key >= MINOR_KEYS]
        submediant = ((key + above) % 12 * PER_ROOT) + quality * INVERSIONS
        return only(tonic(key), tonic(key) + 1, submediant)
    return None


def _closing(texture: Texture) -> Texture:
    """Of the bar of a cadence: the hands come to rest."""
    return texture._replace(
        left_onsets=round(texture.left_onsets * CLOSING_DENSITY, 2),
        right_onsets=round(texture.right_onsets * CLOSING_DENSITY, 2),
    )


def _with_references(
    brief: Brief, done: tuple[PlannedBar, ...], bar: PlannedBar, returns: bool, rng: np.random.Generator
) -> PlannedBar:
    """The bar with what it refers to. done: the bars of the phrase before it."""

    def known(number: int) -> PlannedBar | None:
        here = number - brief.first_bar
        return done[here] if 0 <= here < len(done) else bar if number == bar.number else brief.plan.bar(number)

    before = known(bar.number - 1)
    far: Reference | None
    if returns and bar.like is not None:
        then = known(bar.like)
        moved = 0 if then is None else (bar.chords[0].key - then.chords[0].key + 6) % 12 - 6
        last = before.far.likeness if before and before.far and before.like is not None else None
        far = draw_return(bar.like, last, moved, rng)
    else:
        state = State()
        if before is not None and before.far is not None and before.phrase == bar.phrase:
            state = State(before.number - before.far.bar, before.far.likeness)
        elif before is not None and before.far is not None and before.piece == bar.piece:
            state = State(NEVER, before.far.likeness)
        kept = [p.first_bar for p in brief.plan.phrases if p.piece == brief.piece.number]
        first = max(min(kept, default=brief.first_bar), bar.number - BARS_BACK)

        def chord_of(number: int) -> Chord | None:
            there = known(number)
            return there.chords[0].chord if there else None

        far = draw_reference(bar.number, first, state, chord_of, bar.phrase_bar, rng)
    near = UNKNOWN if before is None else draw_near(far, bar.number, rng)
    bar = replace(bar, far=far, near_likeness=near)
    if before is None or (far is not None and returns and far.likeness >= LITERAL):
        return bar  # the rhythm is that of the bar that comes back
    # Numbers of their own: what is drawn here must not move what is drawn for the notes of later bars.
    own = rng_of(brief.plan.seed, Purpose.FIGURE, bar.number)
    closes = bar.bars_left == 0
    return replace(
        bar,
        left_rhythm=draw_rhythm(LEFT, before.left_rhythm, closes, own),
        right_rhythm=draw_rhythm(RIGHT, before.right_rhythm, closes, own),
    )
