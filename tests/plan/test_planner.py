"""Properties of plans: they are whole, close with their cadences, keep the past and repeat themselves for a seed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.errors import InputError
from improv.model.plan_inputs import CADENCES
from improv.music.chord import MINOR_KEYS, QUALITIES, Chord, chord_named
from improv.music.lead_sheet import parse_loop
from improv.music.mood import CORNERS, Mood
from improv.music.sequence import Tonal
from improv.plan.form import distance_fifths
from improv.plan.plan import AUTHENTIC, HALF, Plan, PlannedBar, Reference, metre_of
from improv.plan.plan_request import PersonView, PlanRequest
from improv.plan.plan_words import view
from improv.plan.planner import follow, loop_key, realign
from improv.plan.referring import OVER_OTHER_CHORDS, agreement

SEEDS = st.integers(0, 2**31)
MOODS = st.builds(Mood, st.floats(-1, 1), st.floats(-1, 1))
DOMINANT = {QUALITIES.index("maj"), QUALITIES.index("dom7")}
DIMINISHED = {QUALITIES.index(name) for name in ("dim", "hdim7", "dim7")}


def request(mood: Mood = CORNERS["happy"], /, **changes: object) -> PlanRequest:
    return replace(PlanRequest(mood=mood, attributes={"onset_density": 4.0, "register": 63.0}), **changes)  # type: ignore[arg-type]


def played(start: PlanRequest, seed: int, ticks: int) -> Plan:
    """A plan followed beat by beat."""
    plan = follow(None, start, 0, seed)
    for tick in range(0, ticks, 12):
        plan = follow(plan, start, tick)
    return plan


def whole_phrases(plan: Plan) -> list[list[PlannedBar]]:
    groups: dict[int, list[PlannedBar]] = {}
    for bar in plan.bars:
        groups.setdefault(bar.phrase, []).append(bar)
    return list(groups.values())


def check_whole(plan: Plan) -> None:
    """What holds for every plan."""
    for bar, after in pairwise(plan.bars):
        assert after.number == bar.number + 1
        assert after.tick == bar.end_tick
    for bars in whole_phrases(plan):
        assert [b.phrase_bar for b in bars] == list(range(len(bars)))
        assert bars[-1].bars_left == 0
    for bar in plan.bars:
        assert bar.chords[0].tick == 0
        assert all(a.tick < b.tick < bar.metre.bar_ticks for a, b in pairwise(bar.chords))
        assert all(0 <= c.key < 24 and 0 <= c.chord.root < 12 and 0 <= c.chord.bass < 12 for c in bar.chords)
        assert 0 <= bar.cadence < len(CADENCES)
        assert -1 <= bar.loudness <= 1
        assert 0.8 <= bar.tempo_factor <= 1.1
        assert bar.near_likeness == -1 if bar.number == 0 else 0 <= bar.near_likeness <= 100
        if bar.far is not None:
            assert bar.far.bar < bar.number
            assert 0 <= bar.far.likeness <= 100
        assert 28 <= bar.texture.left_register < bar.texture.right_register <= 96


def bar_with(plan: Plan, number: int) -> PlannedBar:
    bar = plan.bar(number)
    assert bar is not None
    return bar


def leads_home(chord: Chord, key: int) -> bool:
    """Whether a chord is a dominant: V, V7 or the diminished chord of the leading tone."""
    degree = (chord.root - key) % 12
    return (degree == 7 and chord.quality in DOMINANT) or (degree == 11 and chord.quality in DIMINISHED)


@settings(max_examples=8, deadline=None)
@given(MOODS, SEEDS)
def test_every_phrase_closes_with_its_cadence(mood: Mood, seed: int) -> None:
    plan = played(request(mood), seed, 48 * 40)
    check_whole(plan)
    for bars in whole_phrases(plan):
        if len(bars) < 2:
            continue
        *_, before, arrival = (timed for bar in bars for timed in bar.chords)
        degree = (arrival.chord.root - arrival.key) % 12
        if bars[0].cadence == AUTHENTIC:
            assert degree == 0
            assert arrival.chord.bass == arrival.chord.root
            assert leads_home(before.chord, arrival.key)
        if bars[0].cadence == HALF:
            assert degree == 7
            assert arrival.chord.quality in DOMINANT
            assert not leads_home(before.chord, arrival.key)
        if bars[-1].section == "Coda":
            assert arrival.tick == 0
            assert bars[0].cadence == AUTHENTIC


@settings(max_examples=4, deadline=None)
@given(MOODS, SEEDS)
def test_the_same_seed_gives_the_same_plan_and_another_one_another(mood: Mood, seed: int) -> None:
    assert played(request(mood), seed, 48 * 24) == played(request(mood), seed, 48 * 24)
    bars = played(request(mood), seed, 48 * 24).bars
    assert played(request(mood), seed + 1, 48 * 24).bars != bars


@settings(max_examples=25, deadline=None)
@given(MOODS, MOODS, SEEDS, st.integers(1, 1500))
def test_a_turn_keeps_what_lies_behind_and_the_chord_that_sounds(first: Mood, then: Mood, seed: int, tick: int) -> None:
    plan = played(request(first), seed, tick)
    turned = follow(plan, request(then), tick)
    check_whole(turned)
    here = plan.bar_at(tick)
    assert turned.bars[: here.number] == plan.bars[: here.number]
    for before in range(max(tick - 96, 0), tick):
        assert turned.chord_at(before) == plan.chord_at(before)
    assert follow(plan, request(then), tick) == turned


@pytest.mark.parametrize("seed", range(8))
def test_a_turn_to_sadness_reaches_a_minor_key_by_a_cadence(seed: int) -> None:
    plan = played(request(), seed, 500)
    assert plan.chord_at(500).key < MINOR_KEYS or view(plan, 500).section not in ("", "A")
    sad = request(CORNERS["sad"])
    turned = follow(plan, sad, 500)
    for tick in range(500, 1500, 12):
        turned = follow(turned, sad, tick)
    after = [bar for bar in turned.bars if 500 <= bar.tick < 500 + 48 * 10]
    closes = [b for b in after if b.bars_left == 0 and b.cadence == AUTHENTIC and b.chords[0].key >= MINOR_KEYS]
    assert closes


def test_nothing_changes_while_nothing_else_is_asked_for() -> None:
    plan = follow(None, request(), 0, 5)
    assert follow(plan, request(), 12) is plan


def test_small_turns_of_a_knob_leave_the_phrase_as_it_is() -> None:
    plan = follow(None, request(Mood(0.6, 0.5)), 0, 5)
    assert follow(plan, request(Mood(0.62, 0.52)), 12) is plan


@settings(max_examples=4, deadline=None)
@given(SEEDS, st.integers(0, 23))
def test_a_commanded_key_holds_and_pieces_modulate_within_reach(seed: int, key: int) -> None:
    for reach in (0, 1, 2):
        plan = played(request(Mood(0, 0), key=key, reach_fifths=reach), seed, 48 * 60)
        assert all(distance_fifths(key, c.key) <= reach for bar in plan.bars for c in bar.chords)
        assert plan.bars[0].chords[0].key == key


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, 11))
def test_the_same_plan_in_another_key_is_the_same_plan_moved(seed: int, semitones: int) -> None:
    plain = played(request(key=0), seed, 48 * 24)
    moved = played(request(key=semitones), seed, 48 * 24)
    for a, b in zip(plain.bars, moved.bars, strict=True):
        assert [c.chord.moved(semitones) for c in a.chords] == [c.chord for c in b.chords]
        assert [(c.tick, (c.key + semitones) % 12) for c in a.chords] == [(c.tick, c.key % 12) for c in b.chords]
        assert (a.texture, a.near_likeness) == (b.texture, b.near_likeness)
        tonal = a.far and a.far.tonal and Tonal(b.chords[0].key, b.chords[0].key, a.far.tonal.steps)
        if tonal is None or a.far is None or a.chords[0].key == a.far.tonal.from_key:  # type: ignore[union-attr]
            assert (a.far and a.far._replace(tonal=tonal)) == b.far


@settings(max_examples=20, deadline=None)
@given(MOODS, SEEDS)
def test_no_bar_is_nearly_another_over_other_chords(mood: Mood, seed: int) -> None:
    plan = played(request(mood), seed, 48 * 32)
    for bar in plan.bars:
        if bar.far is not None:
            same = agreement(bar.far, bar, bar_with(plan, bar.far.bar))
            assert bar.far.likeness <= OVER_OTHER_CHORDS + (100 - OVER_OTHER_CHORDS) * same + 0.5
        if bar.number:
            then = bar_with(plan, bar.number - 1)
            same = agreement(Reference(then.number, 0), bar, then)
            assert bar.near_likeness <= OVER_OTHER_CHORDS + (100 - OVER_OTHER_CHORDS) * same + 0.5


def test_sequences_come_and_go_on() -> None:
    """A bar's step of a sequence and the next one's, as far back and as far up."""
    steps = longer = bars = 0
    for seed in range(10):
        plan = played(request(), seed, 48 * 32)
        bars += len(plan.bars)
        for bar, after in pairwise(plan.bars):
            if bar.far and bar.far.tonal and bar.far.tonal.steps:
                steps += 1
                longer += after.far is not None and is_next_step(bar.far, after.far)
    assert 0.05 < steps / bars < 0.4
    assert longer > 0


def is_next_step(far: Reference, after: Reference) -> bool:
    """Whether the reference of the bar after goes on with the same sequence: as far back, as many steps."""
    steps = [one.tonal.steps if one.tonal else 0 for one in (far, after)]
    return after.bar == far.bar + 1 and steps[0] == steps[1]


def test_a_loop_of_chords_is_kept_bar_by_bar() -> None:
    plan = played(request(loop=parse_loop("Am F C G")), 3, 48 * 20)
    names = [bar.chords[0].chord.name for bar in plan.bars]
    assert names[:8] == ["Am", "F", "C", "G"] * 2
    assert {len(bar.chords) for bar in plan.bars} == {1}
    assert loop_key(parse_loop("Am F C G")) in (0, 9 + MINOR_KEYS)


def test_a_loop_that_begins_within_a_bar_leaves_what_was_played() -> None:
    plan = played(request(bar_beats=4.0), 3, 500)
    looped = follow(plan, request(bar_beats=4.0, loop=parse_loop("Dm . E7 .")), 500)
    here = looped.bar_at(500)
    assert looped.chord_at(499) == plan.chord_at(499)
    assert looped.chord_at(500).chord.name == "Dm"
    following = [looped.bar(here.number + i) for i in (1, 2, 3, 4)]
    assert [b.chords[0].chord.name for b in following if b] == ["Dm", "E7", "E7", "Dm"]


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(0, 900), st.sampled_from(["Bbm", "F#7", "Cdim", "Eb", "G/B"]))
def test_what_a_person_plays_is_taken_up_at_once(seed: int, tick: int, name: str) -> None:
    chord = chord_named(name)
    plan = played(request(), seed, tick)
    heard = follow(plan, request(person=PersonView(key=None, chord=chord)), tick)
    check_whole(heard)
    assert heard.chord_at(tick).chord[:2] == chord[:2]
    assert heard.bars[: plan.bar_at(tick).number] == plan.bars[: plan.bar_at(tick).number]
    if tick:
        assert heard.chord_at(tick - 1) == plan.chord_at(tick - 1)


def test_a_chord_from_outside_holds_until_it_is_taken_back() -> None:
    chord = chord_named("Ebmaj7")
    plan = played(request(), 7, 100)
    held = follow(plan, request(chord=chord), 100)
    assert {c.chord for t in range(100, held.end_tick, 6) for c in [held.chord_at(t)]} == {chord}
    free = follow(held, request(), 200)
    check_whole(free)
    assert free.chord_at(199).chord == chord
    assert any(free.chord_at(t).chord != chord for t in range(200, free.end_tick, 12))


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_an_ending_closes_in_so_many_bars(bars: int) -> None:
    plan = played(request(bar_beats=4.0), 11, 300)
    here = plan.bar_at(300).number
    ending = follow(plan, request(bar_beats=4.0, end_in_bars=bars), 300)
    check_whole(ending)
    last = ending.bar(here + bars)
    assert last is not None
    assert (last.bars_left, last.cadence) == (0, AUTHENTIC)
    assert (last.chords[0].chord.root - last.chords[0].key) % 12 == 0
    assert len({c.chord.root for c in last.chords}) == 1


@pytest.mark.parametrize("bars", [1, 2, 3, 8, 16])
def test_phrases_are_as_long_as_commanded(bars: int) -> None:
    plan = played(request(phrase_bars=bars), 2, 48 * 40)
    lengths = {len(group) for group in whole_phrases(plan) if group[0].section != "Coda"}
    assert lengths == {bars}


def test_sections_come_back_with_their_chords() -> None:
    found = 0
    for seed in range(6):
        plan = played(request(), seed, 48 * 60)
        for bars in whole_phrases(plan):
            back = [(b, plan.bar(b.like)) for b in bars if b.like is not None]
            same = [[c.chord for c in b.chords] == [c.chord for c in then.chords] for b, then in back if then]
            found += bool(back)
            assert sum(same) >= len(same) - 2
            assert all(b.far is not None and b.far.bar == b.like for b, _ in back)
    assert found >= 5


def test_without_a_form_nothing_has_a_section() -> None:
    plan = played(request(form=False), 2, 48 * 40)
    check_whole(plan)
    assert {bar.section for bar in plan.bars} == {""}
    assert {bar.piece for bar in plan.bars} == {0}


def test_form_turned_off_and_on_again_goes_on_from_the_next_phrase() -> None:
    plan = played(request(), 2, 480)
    off = follow(plan, request(form=False), 480)
    check_whole(off)
    assert off.bars[-1].section == ""
    on = follow(off, request(), 490)
    check_whole(on)
    assert on.bars[-1].section != ""


def test_pieces_differ_and_a_new_one_follows_the_end_of_one() -> None:
    plan = played(request(), 4, 48 * 250)
    check_whole(plan)
    assert plan.piece.number >= 2
    assert len(plan.bars) <= 600


def test_a_later_piece_may_begin_with_the_theme_of_an_earlier_one() -> None:
    recalled = 0
    for seed in range(3):
        plan = played(request(), seed, 48 * 250)
        for phrase in plan.phrases:
            first = plan.bar(phrase.first_bar)
            if phrase.piece and phrase.place == 0 and first is not None and first.like is not None:
                then = plan.bar(first.like)
                assert then is not None
                assert then.piece < first.piece
                assert then.metre == first.metre
                recalled += 1
    assert recalled


def test_variety_is_people_s_metres_and_none_is_four_four() -> None:
    metres = {follow(None, request(), 0, seed).piece.character.metre.name for seed in range(40)}
    assert metres >= {"4/4", "3/4", "2/4", "6/8"}
    plain = [follow(None, request(variety=0.0), 0, seed).piece.character for seed in range(10)]
    assert {(c.metre.name, c.tempo_factor, c.speed) for c in plain} == {("4/4", 1.0, 0.0)}


def test_another_metre_begins_with_the_next_bar_line() -> None:
    plan = played(request(bar_beats=4.0), 4, 200)
    waltz = follow(plan, request(bar_beats=3.0), 200)
    check_whole(waltz)
    here = waltz.bar_at(200)
    after = waltz.bar(here.number + 1)
    assert after is not None
    assert (here.metre.bar_ticks, after.metre.bar_ticks) == (48, 36)


def test_a_bar_line_set_from_outside_cuts_the_bar() -> None:
    asked = request(bar_beats=4.0)
    plan = played(asked, 4, 200)
    moved = realign(plan, asked, 210)
    check_whole(moved)
    assert moved.bar_at(210).tick == 210
    assert moved.bar_at(209).metre.bar_ticks == 210 - plan.bar_at(209).tick


def test_odd_metres_have_felt_beats() -> None:
    assert metre_of(2.5).slots == ((0, 3), (6, 1), (12, 1), (18, 1), (24, 1))
    assert metre_of(4.5).pulse_ticks == 18
    assert [s for _, s in metre_of(4.0).slots] == [3, 1, 2, 1]


@pytest.mark.parametrize(
    ("text", "names"),
    [("Am F C G", ["Am", "F", "C", "G"]), ("Am . F .", ["Am", "Am", "F", "F"]), ("Am | F C", ["Am", "F C"]), ("", [])],
)
def test_typed_chords_are_bars(text: str, names: list[str]) -> None:
    assert [" ".join(c.name for c in bar) for bar in parse_loop(text)] == names


@pytest.mark.parametrize("text", [". Am", "Hm", "Am X", "C5", " ".join(["C"] * 65)])
def test_typed_chords_that_are_none_are_told(text: str) -> None:
    with pytest.raises(InputError, match="chord"):
        parse_loop(text)


@pytest.mark.parametrize("wrong", [{"phrase_bars": 0}, {"phrase_bars": 17}, {"reach_fifths": 7}, {"key": 24}])
def test_impossible_wishes_are_told(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError):
        request(**wrong)


def test_the_view_names_what_is_planned() -> None:
    plan = follow(None, request(loop=parse_loop("Am F"), bar_beats=4.0), 0, 1)
    seen = view(plan, 24)
    assert (seen.chord, seen.next_chord, seen.next_in_beats) == ("Am", "F", 2.0)
    assert seen.phrase_bar == 1


def test_a_persons_key_goes_before_the_mood_and_no_section_leaves_it() -> None:
    sad = {"mood": Mood(-0.8, -0.5), "person": PersonView(key=2), "reach_fifths": 0}
    plan = follow(None, request(), 0)
    for tick in range(0, 48 * 60, 12):
        plan = follow(plan, request(**sad), tick)
    heard = {chord.key for bar in plan.bars if bar.tick > 48 * 12 for chord in bar.chords}
    assert heard == {2}
