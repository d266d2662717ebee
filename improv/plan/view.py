"""The plan as it is published: words for the page, for OSC and for the state."""

from __future__ import annotations

from typing import NamedTuple

from improv.model.plan_inputs import CADENCES
from improv.model.vocabulary.hands import TICKS_PER_BEAT
from improv.music.chord import key_name
from improv.plan.plan import Plan


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


def view(plan: Plan, tick: int) -> PlanView:
    """What is planned for a tick."""
    bar = plan.bar_at(tick)
    now, following = plan.chord_at(tick), plan.next_chord(tick)
    return PlanView(
        key=key_name(now.key),
        chord=now.chord.name,
        next_chord=following[1].name if following else "",
        next_in_beats=(following[0] - tick) / TICKS_PER_BEAT if following else 0.0,
        metre=bar.metre.name,
        phrase_bar=bar.phrase_bar + 1,
        phrase_bars=bar.phrase_bar + 1 + bar.bars_left,
        section=bar.section,
        cadence=CADENCES[bar.cadence],
        piece=bar.piece + 1,
        refers_bars_ago=bar.number - bar.far.bar if bar.far else 0,
        likeness=bar.far.likeness if bar.far else 0,
    )
