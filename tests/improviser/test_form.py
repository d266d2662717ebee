"""The form: what comes back, from where, and that it is a pull, not a copy."""

from __future__ import annotations

from dataclasses import replace

from improv.improviser.operations import Configure, Rewind
from improv.model.onnx_model import OnnxModel
from improv.music.mood import Mood
from improv.music.position import Position
from improv.plan.phrase_memory import OTHER_MOOD, PHRASE_BARS, RETURNS, PhraseMemory
from tests.fakes import controls, improviser, plan, without_ids

HERE = Mood(0.5, 0.5)
START = Position(0, 0.0, 120.0, 0, 4.0, 4)
PHRASE_TICKS = PHRASE_BARS * 16


def at(tick: int) -> Position:
    """A place in music of 4/4 in sixteenths."""
    return START._replace(tick=tick, bar_tick=tick // 16 * 16, bar=tick // 16 + 1)


def played(until: int, every: int = 4) -> PhraseMemory:
    """A theme that began pitch 60 + (bar of the phrase) on every beat."""
    theme = PhraseMemory()
    for tick in range(until):
        pitches = frozenset({60 + tick // 16 % PHRASE_BARS}) if tick % every == 0 else frozenset[int]()
        theme.remember(at(tick), pitches, HERE)
    return theme


def test_the_second_phrase_brings_back_the_first() -> None:
    theme = played(PHRASE_TICKS + 40)
    recall = theme.recall(at(PHRASE_TICKS + 32), HERE)
    assert recall is not None
    assert (recall.pitches, recall.ticks_to_next, recall.weight) == (frozenset({62}), 4, 1.0)
    between = theme.recall(at(PHRASE_TICKS + 33), HERE)
    assert between is not None
    assert (between.pitches, between.ticks_to_next) == (frozenset(), 3)


def test_a_new_phrase_brings_nothing_back() -> None:
    for phrase, back in enumerate(RETURNS):
        recall = played(phrase * PHRASE_TICKS + 16).recall(at(phrase * PHRASE_TICKS + 16), HERE)
        assert (recall is None) == (back == 0), phrase


def test_what_was_not_played_is_not_brought_back() -> None:
    theme = PhraseMemory()
    theme.remember(at(40), frozenset({60}), HERE)
    assert theme.recall(at(PHRASE_TICKS + 32), HERE) is None
    assert theme.recall(at(PHRASE_TICKS + 40), HERE) is not None


def test_a_phrase_of_another_mood_is_left_behind() -> None:
    theme = played(PHRASE_TICKS + 1)
    near, far = Mood(0.5, 0.5 - OTHER_MOOD / 2), Mood(0.5, 0.5 - OTHER_MOOD)
    half, none = theme.recall(at(PHRASE_TICKS), near), theme.recall(at(PHRASE_TICKS), far)
    assert half is not None
    assert none is not None
    assert (round(half.weight, 3), none.weight) == (0.5, 0.0)


def test_what_is_forgotten_is_not_brought_back_and_old_phrases_are_dropped() -> None:
    theme = played(PHRASE_TICKS)
    theme.forget(33)
    recall = theme.recall(at(PHRASE_TICKS + 32), HERE)
    assert recall is not None
    assert recall.ticks_to_next is None
    theme = played(20 * PHRASE_TICKS, every=1)
    assert len(theme._started) <= (max(RETURNS) + 1) * PHRASE_TICKS + 1


def echo(strength: float, tiny: OnnxModel) -> float:
    """Share of the second phrase's onsets that the first had at the same place."""
    subject = improviser(tiny, "happy")
    subject.apply(Configure(replace(subject.settings, recall_pull=strength)))
    steps = plan(subject, controls("happy"), 2 * PHRASE_TICKS)
    first, second = (
        {(step.position.tick % PHRASE_TICKS, note.pitch) for step in half for note in step.started}
        for half in (steps[:PHRASE_TICKS], steps[PHRASE_TICKS:])
    )
    return len(first & second) / len(second)


def test_the_music_returns_but_is_no_copy(tiny: OnnxModel) -> None:
    none, some = echo(0.0, tiny), echo(3.0, tiny)
    assert some > none + 0.2
    assert some < 1.0


def test_going_back_inside_a_returning_phrase_is_as_if_nothing_had_been(tiny: OnnxModel) -> None:
    subject = improviser(tiny)
    subject.apply(Configure(replace(subject.settings, recall_pull=3.0)))
    plan(subject, controls(), PHRASE_TICKS + 20)
    first = plan(subject, controls(), 30)
    subject.apply(Rewind(PHRASE_TICKS + 20))
    plan(subject, controls(), 5)
    subject.apply(Rewind(PHRASE_TICKS + 20))
    assert without_ids(plan(subject, controls(), 30)) == without_ids(first)
