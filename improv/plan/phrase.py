"""One phrase in bars: its chords, textures, references and arcs, or what remains of it when it is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from improv.music.chord import MINOR_KEYS
from improv.plan.chording import with_chords
from improv.plan.corpus_counts import FloatArray
from improv.plan.phrase_brief import Brief, Purpose, rng_of
from improv.plan.plan import PlannedBar, Texture
from improv.plan.referring import brought_along, known, settled, with_references
from improv.plan.texture import TextureDraws, bar_deviation, hands_in, hands_of, possible


def write_phrase(brief: Brief) -> tuple[PlannedBar, ...]:
    """All bars of the phrase, the kept ones first."""
    like = _like_bars(brief)
    whole = brief.kept
    for phrase_bar in range(len(brief.kept), brief.phrase.bars):
        tick = whole[-1].end_tick if whole else brief.first_tick
        whole += (_empty_bar(brief, phrase_bar, tick, like[phrase_bar]),)
    fresh = max(len(brief.kept) - (brief.cut is not None), 0)
    whole = whole[:fresh] + tuple(_placed(brief, bar) for bar in whole[fresh:])
    whole = whole[:fresh] + with_chords(brief, whole, fresh, like, {})
    whole = with_references(brief, whole)
    if along := brought_along(brief, whole):
        whole = whole[:fresh] + with_chords(brief, whole, fresh, like, along)
    draws = TextureDraws(
        brief.section_rng(Purpose.TEXTURE),
        brief.rng(Purpose.OWN_TEXTURE),
        brief.letter not in ("A", ""),
        brief.request.habits,
    )
    hands = hands_of(brief.request, brief.piece.character, brief.key >= MINOR_KEYS, draws)
    done = whole[: len(brief.kept)]
    for bar in whole[len(brief.kept) :]:
        done += (_with_texture(brief, done, settled(brief, done, bar), hands),)
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


def _with_texture(brief: Brief, done: tuple[PlannedBar, ...], bar: PlannedBar, hands: FloatArray) -> PlannedBar:
    """The bar with what its hands do: as in its phrase, and as in the bar that it refers to, as far as it is like."""
    rng = rng_of(brief.plan.seed, Purpose.OWN_TEXTURE, brief.number, brief.changed_at, bar.number)
    then = None if bar.far is None else known(brief, done, bar.far.bar)
    own = hands + bar_deviation(brief.request, bar.cadence if bar.bars_left == 0 else None, rng)
    if then is not None and bar.far is not None:
        share = bar.far.likeness / 100
        own = share * (hands_in(then.texture) + np.array([*bar.far.heights, 0, 0])) + (1 - share) * own
    return replace(bar, texture=possible(own))
