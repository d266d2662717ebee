"""The plan as it is published: words for the page, for OSC and for the state."""

from __future__ import annotations

from typing import NamedTuple

from improv.model.plan_inputs import CADENCES
from improv.model.vocabulary.hands import TICKS_PER_BEAT
from improv.music.chord import key_name
from improv.plan.plan import Plan, PlannedBar, TimedChord


class PlanView(NamedTuple):
    """key: as in C major. chord, next_chord: as on a lead sheet, next_chord empty where none is known. next_in_beats:
    quarters until it. metre: as in 6/8. phrase_bar, phrase_bars: from 1; how many there are. section: A, A', Coda,
    empty without a form. cadence: none, half, authentic or other. piece: from 1. refers_bars_ago: 0 when to none.
    """

    key: str
    chord: str
    next_chord: str
    next_in_beats: float
    metre: str
    phrase_bar: int
    phrase_bars: int
    section: str
    cadence: str
    piece: int
    refers_bars_ago: int
    likeness: int


class Mark(NamedTuple):
    """A place ahead. tick: of it. kind: phrase (one begins), bar or chord. chord: that begins, empty where one goes on.
    key: where another one begins, else empty. cadence: of the phrase that closes with this place; section: that begins;
    both empty elsewhere.
    """

    tick: int
    kind: str
    chord: str
    key: str
    cadence: str
    section: str


def marks(plan: Plan, first_tick: int, last_tick: int) -> list[Mark]:
    """Bar lines, phrases and chords that begin after `first_tick`, up to `last_tick`, as far as is planned."""
    out: list[Mark] = []
    before = plan.chord_at(first_tick)
    for bar in plan.bars[plan.index_at(first_tick) :]:
        for timed in bar.chords:
            tick = bar.tick + timed.tick
            if tick > last_tick:
                return out
            if tick > first_tick:
                out.append(_mark(plan, bar, timed, before))
            before = timed
    return out


def _mark(plan: Plan, bar: PlannedBar, timed: TimedChord, before: TimedChord) -> Mark:
    begins = timed.tick == 0 and bar.phrase_bar == 0
    behind = plan.bar(bar.number - 1)
    return Mark(
        bar.tick + timed.tick,
        "phrase" if begins else "bar" if timed.tick == 0 else "chord",
        timed.chord.name_in(timed.key) if timed.chord != before.chord else "",
        key_name(timed.key) if timed.key != before.key else "",
        CADENCES[behind.cadence] if begins and behind else "",
        bar.section if begins else "",
    )


def view(plan: Plan, tick: int) -> PlanView:
    """What is planned for a tick. Until the next chord it is counted from the felt beat that the tick lies in."""
    bar = plan.bar_at(tick)
    beat_tick = tick - (tick - bar.tick) % bar.metre.pulse_ticks
    now, following = plan.chord_at(tick), plan.next_chord(tick)
    return PlanView(
        key=key_name(now.key),
        chord=now.chord.name_in(now.key),
        next_chord=following[1].name_in(plan.chord_at(following[0]).key) if following else "",
        next_in_beats=(following[0] - beat_tick) / TICKS_PER_BEAT if following else 0.0,
        metre=bar.metre.name,
        phrase_bar=bar.phrase_bar + 1,
        phrase_bars=bar.phrase_bar + 1 + bar.bars_left,
        section=bar.section,
        cadence=CADENCES[bar.cadence],
        piece=bar.piece + 1,
        refers_bars_ago=bar.number - bar.far.bar if bar.far else 0,
        likeness=bar.far.likeness if bar.far else 0,
    )
