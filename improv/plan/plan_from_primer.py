"""A plan that goes on from bars that somebody played: they are the first phrase of a piece, what follows refers to it.

Key, metre, tempo and hands are theirs, as far as pieces of people differ within a mood. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.chord import MINOR_KEYS
from improv.music.primer import Primer, PrimerNote
from improv.plan.corpus_counts import FloatArray, corpus_counts
from improv.plan.form import draw_form
from improv.plan.phrase_brief import Purpose, rng_of
from improv.plan.plan import (
    AUTHENTIC,
    HALF,
    OTHER,
    Character,
    FormPhrase,
    Piece,
    Plan,
    PlannedBar,
    PlannedPhrase,
    Texture,
    TimedChord,
    metre_of,
)
from improv.plan.plan_request import PlanRequest
from improv.plan.planner import follow, loop_key
from improv.plan.texture import MOST_TEMPO, PIECES_DIFFER, TextureDraws, hands_in, hands_of

DOMINANT = 7
"""Semitones above the tonic."""
DEVIATIONS = 2.0
"""Of people's: no hands differ more from what a mood means."""


def begun_from(primer: Primer, request: PlanRequest, tick: int, seed: int) -> Plan:
    """A plan whose first phrase are the bars of the primer, before `tick`; the phrases after it are new."""
    bars = primer_bars(primer, tick)
    home = _home(primer, request)
    piece = Piece(0, 0, home, character(primer, bars, request), _form(primer, request, home, seed))
    plan = Plan(seed, request, piece, bars, (PlannedPhrase(0, 0, 0, 0, primer.bars, bars[0].section),), primer.bars)
    return follow(plan, request, tick, seed)


def primer_bars(primer: Primer, tick: int) -> tuple[PlannedBar, ...]:
    """The primer as bars of a plan, numbered from 0, the last one ending at `tick`."""
    metre = metre_of(primer.beats_per_bar)
    length = metre.bar_ticks
    bars = []
    for number in range(primer.bars):
        chords = tuple(
            TimedChord(one.tick - number * length, one.chord, primer.key)
            for one in primer.chords
            if number * length <= one.tick < (number + 1) * length
        )
        notes = [note for note in primer.notes if number * length <= note.tick < (number + 1) * length]
        bars.append(
            PlannedBar(
                number=number,
                tick=tick - (primer.bars - number) * length,
                metre=metre,
                chords=chords,
                piece=0,
                phrase=0,
                phrase_bar=number,
                bars_left=primer.bars - number - 1,
                cadence=_cadence(primer),
                section="A",
                texture=_texture(notes, primer.beats_per_bar),
            )
        )
    return tuple(bars)


def _cadence(primer: Primer) -> int:
    root = (primer.chords[-1].chord.root - primer.key) % 12
    return AUTHENTIC if root == 0 else HALF if root == DOMINANT else OTHER


def _texture(notes: Sequence[PrimerNote], beats: float) -> Texture:
    """What the hands do in a bar; a hand that rests has the place that is usual."""
    registers, onsets = [48.0, 67.0], [0.0, 0.0]
    for hand in (LEFT, RIGHT):
        own = [note for note in notes if note.hand == hand]
        if own:
            registers[hand] = sum(note.pitch for note in own) / len(own)
            onsets[hand] = len({note.tick for note in own}) * 4 / beats
    return Texture(registers[LEFT], registers[RIGHT], onsets[LEFT], onsets[RIGHT])


def _home(primer: Primer, request: PlanRequest) -> int:
    if request.key is not None:
        return request.key
    return loop_key(request.loop) if request.loop else primer.key


def character(primer: Primer, bars: Sequence[PlannedBar], request: PlanRequest) -> Character:
    """Metre, tempo and hands of the primer, as far as pieces differ within a mood."""
    metre = bars[0].metre if request.bar_beats is None else metre_of(request.bar_beats)
    faster = float(np.clip(math.log(primer.tempo_bpm / request.tempo_bpm), -MOST_TEMPO, MOST_TEMPO))
    plain = Character(metre, math.exp(faster))
    none = TextureDraws(
        rng_of(0, Purpose.TEXTURE), rng_of(0, Purpose.OWN_TEXTURE), contrast=False, habits=request.habits
    )
    usual = hands_of(replace(request, variety=0.0), plain, primer.key >= MINOR_KEYS, none)
    theirs: FloatArray = np.mean([hands_in(bar.texture) for bar in bars], axis=0)
    spread = DEVIATIONS * np.sqrt(np.diag(corpus_counts(request.habits).texture["piece_covariance"]))
    away = np.clip(PIECES_DIFFER * (theirs - usual), -spread, spread)
    left, right, left_onsets, right_onsets = (round(float(x) * request.variety, 4) for x in away)
    return replace(plain, hands=(left, right, left_onsets, right_onsets))


def _form(primer: Primer, request: PlanRequest, home: int, seed: int) -> tuple[FormPhrase, ...]:
    """A form as people's are whose first phrase is the primer's; what brings that back is as long."""
    if not request.form or request.loop:
        return ()
    form = list(draw_form(request, home, rng_of(seed, Purpose.FORM, 0)))
    form[0] = form[0]._replace(bars=primer.bars, cadence=_cadence(primer), like=None, last=False)
    if len(form) == 1:
        form.append(form[0]._replace(section="A'", like=0, cadence=AUTHENTIC, last=True))
    return tuple(one._replace(bars=primer.bars) if one.like == 0 and index else one for index, one in enumerate(form))
