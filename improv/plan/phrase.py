"""One phrase in bars: its chords, textures, references and arcs, or what remains of it when it is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.chord import MINOR_KEYS, UNKNOWN, Chord
from improv.plan.brief import Brief, Purpose, rng_of
from improv.plan.chording import with_chords
from improv.plan.people import FloatArray
from improv.plan.plan import PlannedBar, Reference, Texture
from improv.plan.returns import NEVER, State, draw_near, draw_reference, draw_return
from improv.plan.rhythm import draw_rhythm
from improv.plan.texture import TextureDraws, bar_deviation, hands_in, hands_of, possible

BARS_BACK = 48
"""How far back a bar of a new phrase may refer: as far as references were looked for in people's music."""
LITERAL = 60
"""A return that is so much like its bar has the rhythm of that."""


def write_phrase(brief: Brief) -> tuple[PlannedBar, ...]:
    """All bars of the phrase, the kept ones first."""
    like = _like_bars(brief)
    whole = brief.kept
    for phrase_bar in range(len(brief.kept), brief.phrase.bars):
        tick = whole[-1].end_tick if whole else brief.first_tick
        whole += (_empty_bar(brief, phrase_bar, tick, like[phrase_bar]),)
    fresh = max(len(brief.kept) - (brief.cut is not None), 0)
    whole = whole[:fresh] + tuple(_placed(brief, bar) for bar in whole[fresh:])
    whole = whole[:fresh] + with_chords(brief, whole, fresh, like)
    draws = TextureDraws(
        brief.section_rng(Purpose.TEXTURE), brief.rng(Purpose.OWN_TEXTURE), brief.letter not in ("A", "")
    )
    hands = hands_of(brief.request, brief.piece.character, brief.key >= MINOR_KEYS, draws)
    done = whole[: len(brief.kept)]
    rng = brief.rng(Purpose.RETURNS)
    for bar in whole[len(brief.kept) :]:
        referring = _with_references(brief, done, bar, rng)
        done += (_with_texture(brief, done, referring, hands),)
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


def _like_bars(brief: Brief) -> tuple[PlannedBar | None, ...]:
    """Of each bar of the phrase the one that it brings back, None where it is new or that is not there in its metre."""
    phrase, none = brief.phrase, (None,) * brief.phrase.bars
    if phrase.like is None or brief.request.loop or brief.cut is not None:
        return none
    piece = brief.piece.number if phrase.from_piece is None else phrase.from_piece
    found = [p for p in brief.plan.phrases if p.piece == piece and p.place == phrase.like]
    if not found or found[-1].bars < phrase.bars:
        return none
    bars = tuple(brief.plan.bar(found[-1].first_bar + i) for i in range(phrase.bars))
    if any(bar is None or bar.metre != brief.piece.character.metre for bar in bars):
        return none
    if bars[-1] is not None and (bars[-1].chords[-1].key >= MINOR_KEYS) != (brief.key >= MINOR_KEYS):
        return none
    half = (phrase.bars + 1) // 2
    return bars[:half] + none[half:] if phrase.begins_like else bars


def _known(brief: Brief, done: tuple[PlannedBar, ...], number: int) -> PlannedBar | None:
    """A bar of the phrase, or one before it."""
    here = number - brief.first_bar
    return done[here] if 0 <= here < len(done) else None if here >= 0 else brief.plan.bar(number)


def _with_texture(brief: Brief, done: tuple[PlannedBar, ...], bar: PlannedBar, hands: FloatArray) -> PlannedBar:
    """The bar with what its hands do: as in its phrase, and as in the bar that it refers to, as far as it is like."""
    rng = rng_of(brief.plan.seed, Purpose.OWN_TEXTURE, brief.number, brief.changed_at, bar.number)
    then = None if bar.far is None else _known(brief, done, bar.far.bar)
    own = hands + bar_deviation(brief.request, bar.cadence if bar.bars_left == 0 else None, rng)
    if then is not None and bar.far is not None:
        share = bar.far.likeness / 100
        own = share * (hands_in(then.texture) + np.array([*bar.far[2:], 0, 0])) + (1 - share) * own
    return replace(bar, texture=possible(own))


def _with_references(
    brief: Brief, done: tuple[PlannedBar, ...], bar: PlannedBar, rng: np.random.Generator
) -> PlannedBar:
    """The bar with what it refers to. done: the bars of the phrase before it."""

    def known(number: int) -> PlannedBar | None:
        return bar if number == bar.number else _known(brief, done, number)

    before = known(bar.number - 1)
    far: Reference | None
    if bar.like is not None:
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
    if before is None or (far is not None and bar.like is not None and far.likeness >= LITERAL):
        return bar  # the rhythm is that of the bar that comes back
    # Numbers of their own: what is drawn here must not move what is drawn for the notes of later bars.
    own = rng_of(brief.plan.seed, Purpose.FIGURE, bar.number)
    closes = bar.bars_left == 0
    return replace(
        bar,
        left_rhythm=draw_rhythm(LEFT, before.left_rhythm, closes, own),
        right_rhythm=draw_rhythm(RIGHT, before.right_rhythm, closes, own),
    )
