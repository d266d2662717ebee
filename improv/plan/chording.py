"""The chords of a phrase: given from outside, brought back from an earlier phrase, or drawn until its cadence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from improv.music.chord import MINOR_KEYS, UNKNOWN
from improv.plan.cadences import Place, closes, with_cadence
from improv.plan.corpus_counts import PER_ROOT, corpus_counts, state_of_chord
from improv.plan.draws import draw
from improv.plan.harmony import (
    NEUTRAL_DISSONANCE,
    Colour,
    Slot,
    change_of,
    draw_chords,
    only,
    rolled,
)
from improv.plan.phrase_brief import Brief, Purpose
from improv.plan.plan import NONE, PlannedBar, TimedChord
from improv.plan.plan_request import PlanRequest

MODULATES_WITHIN = 0.5
"""Share of the new phrases in another key that begin in the one before."""
_CONTRAST = 20.0  # how much likelier than usual a chord may be at the beginning of a phrase
_TRIES = 4  # a phrase that is not to close is drawn so often again


def with_chords(
    brief: Brief,
    whole: tuple[PlannedBar, ...],
    fresh: int,
    like: Sequence[PlannedBar | None],
    along: Mapping[int, Sequence[TimedChord]],
) -> tuple[PlannedBar, ...]:
    """The bars from index `fresh` on with their chords; of a bar that is cut those before the cut stay.

    like: the bar that each bar of the phrase brings back, or None. along: index of a bar -> chords that it must have,
    up to the cadence.
    """
    given = _given(brief, whole, fresh)
    if given is not None:
        return given
    places = [
        Place(index, tick, strength)
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
        change = change_of(corpus_counts(brief.request.habits), key >= MINOR_KEYS, rate, place.strength)
        slots.append(Slot(key, change))
    slots = _opened(brief, slots, rng)
    slots = _along(places, _copied(brief, places, slots, like), along)
    if not (like and (final := like[-1]) and final.cadence == brief.phrase.cadence and final.bars_left == 0):
        slots = with_cadence(brief, places, slots, rng)
    before = brief.before
    if brief.cut is not None:
        cut_bar = whole[fresh]
        before = cut_bar.chord_at(max(brief.cut - 1, 0)).chord if brief.cut else brief.before
    chords = draw_chords(slots, before, _colour(brief.request), rng, brief.request.habits)
    for _ in range(_TRIES if brief.phrase.cadence == NONE else 0):
        ends = [p.bar >= brief.phrase.bars - 2 for p in places]
        if not closes([(c, s.key) for c, s, end in zip(chords, slots, ends, strict=True) if end]):
            break
        chords = draw_chords(slots, before, _colour(brief.request), rng, brief.request.habits)
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
    slow, fast = corpus_counts(brief.request.habits).rates[int(brief.key >= MINOR_KEYS)]
    share = (float(np.clip(brief.request.mood.arousal, -1, 1)) + 1) / 2
    weights = (1 - share) * slow / slow.sum() + share * fast / fast.sum()
    return draw(weights, brief.section_rng(Purpose.RHYTHM))


def _colour(request: PlanRequest) -> Colour:
    return Colour(float(np.clip(request.mood.arousal, -1, 1)), request.attributes.get("dissonance", NEUTRAL_DISSONANCE))


def _opened(brief: Brief, slots: list[Slot], rng: np.random.Generator) -> list[Slot]:
    """The first chord as people begin pieces, or phrases."""
    if brief.kept:
        return slots
    key = slots[0].key
    minor = int(key >= MINOR_KEYS)
    counts = corpus_counts(brief.request.habits)
    if brief.before is None or brief.index == 0:
        weights = only(draw(counts.opening[minor], rng))
    else:
        alone = (counts.alone[minor][0] + counts.alone[minor][1]) / 2
        weights = np.minimum(counts.beginning[minor] / np.maximum(alone, 1e-9), _CONTRAST)
    return [slots[0]._replace(allowed=rolled(weights, key % 12 * PER_ROOT), change=0.9), *slots[1:]]


def _copied(brief: Brief, places: Sequence[Place], slots: list[Slot], like: Sequence[PlannedBar | None]) -> list[Slot]:
    """The chords of the bars that come back, moved to the phrase's key; the end is free where it closes otherwise."""
    known = [bar for bar in like if bar is not None]
    if not known:
        return slots
    then, closes = known[-1].chords[-1].key, known[-1].cadence if known[-1].bars_left == 0 else UNKNOWN
    if (then >= MINOR_KEYS) != (brief.key >= MINOR_KEYS):
        return slots
    semitones = brief.key - then
    free = 0 if closes in (brief.phrase.cadence, UNKNOWN) else min(2, brief.phrase.bars - 1)
    out = list(slots)
    for index, place in enumerate(places):
        bar = like[place.bar]
        if bar is not None and place.bar < brief.phrase.bars - free:
            timed = bar.chord_at(place.tick)
            key = (timed.key + semitones) % 12 + timed.key // MINOR_KEYS * MINOR_KEYS
            out[index] = Slot(key, slots[index].change, only(state_of_chord(timed.chord.moved(semitones))))
    return out


def _along(places: Sequence[Place], slots: list[Slot], along: Mapping[int, Sequence[TimedChord]]) -> list[Slot]:
    """Bars that are nearly others have the chords of those."""
    out = list(slots)
    for index, place in enumerate(places):
        if place.bar in along:
            timed = [chord for chord in along[place.bar] if chord.tick <= place.tick][-1]
            out[index] = slots[index]._replace(allowed=only(state_of_chord(timed.chord)))
    return out
