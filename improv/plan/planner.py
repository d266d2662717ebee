"""The planner: keeps a plan a phrase ahead of the music and changes it from the next chord on. Pure functions.

`follow` is all that is needed: it takes the plan as it is, what is asked for and the tick that is played next, and
gives a plan that fits, the same object where nothing has to change. All that is drawn comes from the seed, the numbers
of piece and phrase and, for a change, its tick: the same calls give the same plan.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from improv.model.habits import START
from improv.music.chord import MINOR_KEYS, Chord, scale_classes
from improv.music.lead_sheet import Loop
from improv.plan import rhythm
from improv.plan.corpus_counts import corpus_counts
from improv.plan.form import away, draw_bars, draw_cadence, draw_form, draw_usual_bars, recalling
from improv.plan.phrase import write_phrase
from improv.plan.phrase_brief import Brief, Purpose, rng_of
from improv.plan.plan import AUTHENTIC, FormPhrase, Piece, Plan, PlannedBar, PlannedPhrase, metre_of
from improv.plan.plan_request import PlanRequest
from improv.plan.texture import draw_character

KEPT_BARS = 512
"""Bars behind that are remembered: at a hundred beats a minute twenty minutes."""
TURNED_VALENCE = 0.1
"""A home key changes its mode when the valence is so far on the other side."""
REPLANNED_TURN = 0.35
"""On the plane: a mood that has moved so far from the plan's is planned anew at once, less with the next phrase."""
REPLANNED_DENSITY_OCTAVES, REPLANNED_SEMITONES, REPLANNED_DISSONANCE = 0.4, 4.0, 0.05
RECALLED = 0.7
"""Share of the later pieces that begin with the theme of an earlier one."""
HOME_AGAIN = 0.6
"""Share of the later pieces that are in the key of the first."""
MARKED_BARS = 4
"""A turn of the mode is marked by a cadence at most so many bars later."""
_MODE_SOFTNESS = 0.05


def make_ready(habits: str = "") -> None:
    """Read what plans are drawn from, everybody's or with a composer's habits: a third of a second, before the music
    waits for it.
    """
    corpus_counts(habits)
    rhythm.counts(habits)


def follow(plan: Plan | None, request: PlanRequest, tick: int, seed: int = 0) -> Plan:
    """The plan for what is asked for now. tick: the next to be played; what lies before it is never changed.

    At least the phrase after the one of `tick` is planned. seed: of a new plan.
    """
    if plan is None:
        plan = _begun(request, tick, seed)
    elif request != plan.request:
        plan = _changed(plan, request, tick)
    while plan.bars[-1].phrase <= plan.bar_at(tick).phrase:
        plan = _extended(plan, request)
    return plan


def realign(plan: Plan, request: PlanRequest, tick: int) -> Plan:
    """The plan when a bar line stands at `tick` for reasons of its own, such as another program's song position.

    Bars from there on are planned anew, the phrase that is cut goes on.
    """
    here = plan.bar_at(tick - 1)
    bars = tuple(bar for bar in plan.bars if bar.tick < tick)
    if not bars:
        return _begun(request, tick, plan.seed)
    if bars[-1].end_tick != tick:
        metre = metre_of((tick - bars[-1].tick) / 12)
        chords = tuple(c for c in bars[-1].chords if c.tick < metre.bar_ticks)
        bars = (*bars[:-1], replace(bars[-1], metre=metre, chords=chords))
    short = replace(plan, bars=bars, phrases=tuple(p for p in plan.phrases if p.first_bar <= bars[-1].number))
    if here.bars_left == 0:
        return follow(short, request, tick)
    return follow(_rewritten(short, request, len(bars), None), request, tick)


def loop_key(loop: Loop) -> int:
    """The key whose scale holds most of a loop's chords, the first chord's own among equals."""

    def fit(key: int) -> tuple[float, bool]:
        scale = set(scale_classes(key))
        chords = [chord for bar in loop for chord in bar]
        return sum(len(scale & set(c.classes)) / len(c.classes) for c in chords), _is_tonic(chords[0], key)

    return max(range(24), key=fit)


def _is_tonic(chord: Chord, key: int) -> bool:
    return chord.root == key % 12 and (3 in {(c - chord.root) % 12 for c in chord.classes}) == (key >= MINOR_KEYS)


def _begun(request: PlanRequest, tick: int, seed: int) -> Plan:
    piece = _new_piece(None, request, seed, 0, 0)
    empty = Plan(seed, request, piece)
    return _appended(empty, request, piece, number=0, index=0, first_bar=0, first_tick=tick)


def _new_piece(plan: Plan | None, request: PlanRequest, seed: int, number: int, first_phrase: int) -> Piece:
    home = _home(plan, request, seed, number)
    minor = home >= MINOR_KEYS
    character = draw_character(request, minor, rng_of(seed, Purpose.CHARACTER, number))
    rng = rng_of(seed, Purpose.FORM, number)
    form = draw_form(request, home, rng) if request.form and not request.loop else ()
    if plan is not None and form and rng.random() < RECALLED * request.variety:
        theme = _theme(plan, home, rng)
        if theme and (bar := plan.bar(theme[0].first_bar)) is not None:
            form = recalling(form, theme)
            character = replace(character, metre=metre_of(request.bar_beats) if request.bar_beats else bar.metre)
    return Piece(number, first_phrase, home, character, form)


def _theme(plan: Plan, home: int, rng: np.random.Generator) -> list[PlannedPhrase]:
    """The phrases that an earlier piece of the same mode began with, as far as they are kept."""
    themes: dict[int, list[PlannedPhrase]] = {}
    for phrase in plan.phrases:
        bar = plan.bar(phrase.first_bar)
        if phrase.section == "A" and bar is not None and (bar.chords[0].key >= MINOR_KEYS) == (home >= MINOR_KEYS):
            themes.setdefault(phrase.piece, []).append(phrase)
    whole = [theme for theme in themes.values() if theme[0].place == 0]
    return whole[int(rng.integers(len(whole)))] if whole else []


def _home(plan: Plan | None, request: PlanRequest, seed: int, number: int) -> int:
    """The key of a new piece."""
    if request.key is not None:
        return request.key
    if request.loop:
        return loop_key(request.loop)
    if request.person.key is not None:
        return request.person.key
    rng = rng_of(seed, Purpose.KEY, number)
    minor = bool(rng.random() > 1 / (1 + math.exp(-request.mood.valence / _MODE_SOFTNESS)))
    first = rng_of(seed, Purpose.KEY, 0)
    first.random()
    tonic = int(first.integers(12))
    last = None if plan is None else plan.piece.home
    if last is None or rng.random() < HOME_AGAIN:
        return tonic + MINOR_KEYS * minor
    semitones, other_mode = away(last % 12 + MINOR_KEYS * minor, request, rng)
    return (last + (0 if other_mode else semitones)) % 12 + MINOR_KEYS * minor


def _form_phrase(plan: Plan, piece: Piece, index: int, request: PlanRequest, number: int) -> FormPhrase:
    """A phrase of the form, or a new one where there is no form."""
    if piece.form:
        return piece.form[index]
    rng = rng_of(plan.seed, Purpose.PHRASE, number)
    bars = request.phrase_bars or draw_bars(
        request, draw_usual_bars(request, rng_of(plan.seed, Purpose.FORM, piece.number)), rng
    )
    if request.loop:
        bars = max(1, round(bars / len(request.loop))) * len(request.loop)
        return FormPhrase("", min(bars, 64), 0)
    before = plan.bars[-1].cadence if plan.bars else START
    return FormPhrase("", bars, draw_cadence(request, before, piece.home >= MINOR_KEYS, rng))


def _extended(plan: Plan, request: PlanRequest) -> Plan:
    """With one more phrase."""
    last = plan.bars[-1]
    piece, index, number = plan.piece, plan.phrases[-1].place + 1, last.phrase + 1
    if (piece.form and index >= len(piece.form)) or bool(piece.form) != (request.form and not request.loop):
        piece, index = _new_piece(plan, request, plan.seed, piece.number + 1, number), 0
    return _appended(plan, request, piece, number, index, last.number + 1, last.end_tick)


def _appended(
    plan: Plan, request: PlanRequest, piece: Piece, number: int, index: int, first_bar: int, first_tick: int
) -> Plan:
    phrase = _form_phrase(plan, piece, index, request, number)
    last = plan.bars[-1].chords[-1] if plan.bars else None
    same = last is not None and plan.bars[-1].piece == piece.number
    brief = Brief(
        replace(plan, request=request, piece=piece),
        request,
        piece,
        phrase,
        number,
        index,
        first_bar,
        first_tick,
        before=last.chord if last else None,
        previous_key=last.key if same and last else None,
    )
    bars = plan.bars + write_phrase(brief)
    phrases = (*plan.phrases, PlannedPhrase(number, piece.number, index, first_bar, phrase.bars, phrase.section))
    oldest = bars[max(len(bars) - KEPT_BARS, 0)].phrase
    return replace(
        plan,
        request=request,
        piece=piece,
        bars=tuple(bar for bar in bars if bar.phrase >= oldest),
        phrases=tuple(p for p in phrases if p.number >= oldest),
    )


def _changed(plan: Plan, request: PlanRequest, tick: int) -> Plan:
    """The plan when something else is asked for than it was made under."""
    old, here = plan.request, plan.bar_at(tick)
    piece = _current_piece(plan, here)
    minor = _wanted_minor(request, piece.home >= MINOR_KEYS)
    if request.end_in_bars is not None and old.end_in_bars is None:
        return _ending(plan, request, tick, piece)
    heard = request.person != old.person and _is_news(plan, request, tick)
    if heard or request.chord != old.chord or request.loop != old.loop:
        return _led(plan, request, tick, piece)
    if request.key is not None and request.key != old.key:
        return _turned(plan, request, tick, piece, request.key)
    if request.key is None and not request.loop and minor != (piece.home >= MINOR_KEYS):
        return _turned(plan, request, tick, piece, _turned_key(plan, request, tick, piece, minor))
    if _is_far(old, request):
        return _rewritten(plan, request, *_next_chord(plan, tick))
    if (request.phrase_bars, request.form, request.reach_fifths) != (old.phrase_bars, old.form, old.reach_fifths):
        return _reformed(plan, request, here, piece)
    if request.bar_beats != old.bar_beats and request.bar_beats is not None:
        character = replace(piece.character, metre=metre_of(request.bar_beats))
        plan = replace(plan, piece=replace(piece, character=character))
        return _rewritten(plan, request, plan.index_at(tick) + 1, None)
    return plan


def _current_piece(plan: Plan, here: PlannedBar) -> Piece:
    """The piece that is played; a new one that is planned but not begun is planned again later."""
    return plan.piece if plan.piece.number == here.piece else _previous(plan, here)


def _previous(plan: Plan, here: PlannedBar) -> Piece:
    """The piece before the last planned one, as far as it matters: all of it is played but the current phrase."""
    bars = tuple(p for p in plan.phrases if p.piece == here.piece)
    minor = here.chords[0].key
    form = tuple(FormPhrase(p.section, p.bars, AUTHENTIC, last=p is bars[-1]) for p in bars)
    index = bars[-1].place + 1 - len(form)
    padding = tuple(FormPhrase("", 1, 0) for _ in range(index))
    character = replace(plan.piece.character, metre=here.metre)
    return Piece(here.piece, bars[0].number, minor, character, padding + form if plan.piece.form else ())


def _wanted_minor(request: PlanRequest, minor: bool) -> bool:
    """Whether the mood wants a minor key; near the middle the mode stays. A person's key goes before the mood."""
    if request.person.key is not None:
        return request.person.key >= MINOR_KEYS
    if request.mood.valence < -TURNED_VALENCE:
        return True
    return minor and request.mood.valence <= TURNED_VALENCE


def _is_far(old: PlanRequest, new: PlanRequest) -> bool:
    """Whether the plan's mood or attributes are no longer those that are wanted."""
    if math.dist(old.mood, new.mood) > REPLANNED_TURN:
        return True
    was, now = old.attributes, new.attributes
    if "onset_density" in was and "onset_density" in now:
        ratio = max(now["onset_density"], 0.01) / max(was["onset_density"], 0.01)
        if abs(math.log2(ratio)) > REPLANNED_DENSITY_OCTAVES:
            return True
    return any(
        abs(now.get(name, 0) - was.get(name, 0)) > limit and name in was and name in now
        for name, limit in (("register", REPLANNED_SEMITONES), ("dissonance", REPLANNED_DISSONANCE))
    )


def _is_news(plan: Plan, request: PlanRequest, tick: int) -> bool:
    """Whether a person plays in another key or another chord than is planned for now."""
    timed, person = plan.chord_at(tick), request.person
    if request.chord is not None or request.loop:
        return False
    other_key = person.key is not None and request.key is None and person.key != timed.key
    other_chord = person.chord is not None and person.chord[:2] != timed.chord[:2]
    return other_key or other_chord


def _next_chord(plan: Plan, tick: int) -> tuple[int, int | None]:
    """Where a change begins: index of a bar behind those that are kept whole, and the place in the last of them from
    which its chords change. The next chord, at the latest the next bar line; the tick itself where a bar begins there.
    """
    index = plan.index_at(tick)
    bar = plan.bars[index]
    if bar.tick >= tick:
        return index, None
    later = [c.tick for c in bar.chords if c.tick >= tick - bar.tick]
    return (index + 1, later[0]) if later else (index + 1, None)


def _rewritten(plan: Plan, request: PlanRequest, kept: int, cut: int | None, phrase: FormPhrase | None = None) -> Plan:
    """The plan with its first `kept` bars, the last of them cut, and the rest of that phrase anew; what follows later
    is planned when it is needed. phrase: what the phrase becomes, None: as it was.
    """
    here = plan.bars[kept - 1] if cut is not None or kept == len(plan.bars) else plan.bars[kept]
    number = here.phrase
    planned = next(p for p in plan.phrases if p.number == number)
    bars = plan.bars[:kept]
    if cut is None and kept and bars[-1].phrase == number and bars[-1].bars_left == 0 and phrase is None:
        return replace(plan, request=request, phrases=tuple(p for p in plan.phrases if p.number <= number))
    piece = plan.piece if plan.piece.number == here.piece else _current_piece(plan, here)
    own = tuple(bar for bar in bars if bar.phrase == number)
    before = tuple(bar for bar in bars if bar.phrase < number)
    if phrase is None:
        old = piece.form[planned.place] if piece.form else FormPhrase("", planned.bars, here.cadence)
        phrase = old._replace(bars=planned.bars)
    earlier = tuple(p for p in plan.phrases if p.number < number)
    last = (own[:-1] or before)[-1].chords[-1] if own[:-1] or before else None
    if cut is None and own:
        last = own[-1].chords[-1]
    base = replace(plan, request=request, piece=piece, bars=before or own, phrases=earlier)
    brief = Brief(
        base,
        request,
        piece,
        phrase,
        number,
        planned.place,
        planned.first_bar,
        own[0].tick if own else before[-1].end_tick,
        kept=own,
        cut=cut,
        before=last.chord if last else None,
        previous_key=last.key if last else None,
    )
    again = planned._replace(bars=phrase.bars, section=phrase.section)
    return replace(base, bars=before + write_phrase(brief), phrases=(*earlier, again))


def _turned_key(plan: Plan, request: PlanRequest, tick: int, piece: Piece, minor: bool) -> int:
    """Where a turn of the mode leads: the parallel or the relative key, or another that people go to, within reach."""
    key = plan.chord_at(tick).key
    rng = rng_of(plan.seed, Purpose.MOOD, plan.bar_at(tick).number)
    counts = corpus_counts(request.habits).keys[int(key >= MINOR_KEYS), :, int(minor)]
    near = {0, 9 if minor else 3} if request.reach_fifths >= 3 else {9 if minor else 3}
    weights = np.array([counts[s] if s in near else 0.0 for s in range(12)]) + 1e-9
    if (key >= MINOR_KEYS) == minor:  # an away section is in the wanted mode already: it becomes home
        return key
    return (key + int(rng.choice(12, p=weights / weights.sum()))) % 12 + MINOR_KEYS * minor


def _turned(plan: Plan, request: PlanRequest, tick: int, piece: Piece, home: int) -> Plan:
    """From the next chord on in another key, which a cadence confirms before long."""
    kept, cut = _next_chord(plan, tick)
    if kept >= len(plan.bars) and cut is None:
        return replace(plan, request=request, piece=replace(piece, home=home))
    here = plan.bars[kept - 1] if cut is not None else plan.bars[kept]
    planned = next(p for p in plan.phrases if p.number == here.phrase)
    form = _rehomed(piece, planned.place, home, request, plan.seed)
    bars = min(planned.bars, here.phrase_bar + 1 + MARKED_BARS)
    if planned.bars - here.phrase_bar < 2:  # too late to turn within the phrase
        bars = planned.bars + MARKED_BARS
    phrase = FormPhrase(here.section, min(bars, 64), AUTHENTIC)
    if form:
        form = (*form[: planned.place], phrase, *form[planned.place + 1 :])
    plan = replace(plan, piece=replace(piece, home=home, form=form))
    return _rewritten(plan, request, kept, cut, phrase)


def _rehomed(piece: Piece, index: int, home: int, request: PlanRequest, seed: int) -> tuple[FormPhrase, ...]:
    """The form with the keys of its later new sections drawn again around another home."""
    form = list(piece.form)
    keys: dict[tuple[str, int, bool], tuple[int, bool]] = {}
    for i in range(index + 1, len(form)):
        letter, semitones, other_mode = form[i].section[:1], form[i].key, form[i].other_mode
        if semitones or other_mode:
            rng = rng_of(seed, Purpose.KEY, piece.number, index, ord(letter), semitones, int(other_mode))
            key = keys.setdefault((letter, semitones, other_mode), away(home, request, rng))
            form[i] = form[i]._replace(key=key[0], other_mode=key[1])
    return tuple(form)


def _led(plan: Plan, request: PlanRequest, tick: int, piece: Piece) -> Plan:
    """From this tick on as a person plays, or as chords from outside say."""
    bar = plan.bar_at(tick)
    place = tick - bar.tick
    index = plan.index_at(tick)
    if request.loop and request.loop != plan.request.loop:
        plan = replace(plan, loop_bar=bar.number if place == 0 else bar.number + 1)
        if place:
            plan = replace(plan, loop_bar=bar.number)
    home = piece.home
    if request.key is None and request.loop:
        home = loop_key(request.loop)
    elif request.key is None and request.person.key is not None:
        home = request.person.key
    planned = next(p for p in plan.phrases if p.number == bar.phrase)
    old = piece.form[planned.place] if piece.form else FormPhrase("", planned.bars, bar.cadence)
    phrase = old._replace(bars=planned.bars, like=None)
    if home != piece.home:
        phrase = phrase._replace(key=0, other_mode=False)
        form = _rehomed(piece, planned.place, home, request, plan.seed)
        piece = replace(piece, home=home, form=form)
    if piece.form:
        piece = replace(piece, form=(*piece.form[: planned.place], phrase, *piece.form[planned.place + 1 :]))
    plan = replace(plan, piece=piece)
    chord = request.person.chord
    if chord is not None and not request.loop and request.chord is None:
        timed = bar.chord_at(place)
        chords = (*(c for c in bar.chords if c.tick < place), timed._replace(tick=place, chord=chord))
        plan = replace(plan, bars=(*plan.bars[:index], replace(bar, chords=chords), *plan.bars[index + 1 :]))
        later = [tick_ for tick_, _ in bar.metre.slots if tick_ > place]
        return _rewritten(plan, request, index + 1, later[0] if later else None, phrase)
    return _rewritten(plan, request, index + 1, place, phrase)


def _reformed(plan: Plan, request: PlanRequest, here: PlannedBar, piece: Piece) -> Plan:
    """The form anew after the current phrase."""
    bars = tuple(bar for bar in plan.bars if bar.phrase <= here.phrase)
    phrases = tuple(p for p in plan.phrases if p.number <= here.phrase)
    index = phrases[-1].place
    form: tuple[FormPhrase, ...] = ()
    if request.form and not request.loop:
        done = piece.form[: index + 1] or tuple(FormPhrase("", 1, 0) for _ in range(index + 1))
        drawn = draw_form(request, piece.home, rng_of(plan.seed, Purpose.FORM, piece.number, here.phrase))
        like = [None if p.like is None else p.like + len(done) for p in drawn]
        form = done + tuple(p._replace(like=back) for p, back in zip(drawn, like, strict=True))
    return replace(plan, request=request, bars=bars, phrases=phrases, piece=replace(piece, form=form))


def _ending(plan: Plan, request: PlanRequest, tick: int, piece: Piece) -> Plan:
    """The current phrase closes the piece in so many bars."""
    bar = plan.bar_at(tick)
    planned = next(p for p in plan.phrases if p.number == bar.phrase)
    bars = bar.phrase_bar + 1 + max(request.end_in_bars or 0, 0)
    old = piece.form[planned.place] if piece.form else FormPhrase("", bars, AUTHENTIC)
    phrase = old._replace(bars=bars, cadence=AUTHENTIC, like=None, key=0, other_mode=False, last=True)
    form = (*piece.form[: planned.place], phrase) if piece.form else ()
    plan = replace(plan, piece=replace(piece, form=form))
    kept, cut = _next_chord(plan, tick)
    if cut is None:
        kept = max(kept, plan.index_at(tick) + 1) if bar.tick < tick else kept
    return _rewritten(plan, request, kept, cut, phrase)
