"""The form of a piece: sections, phrases, and the keys that they go through."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.chord import MINOR_KEYS
from improv.music.mood import CORNERS, Mood
from improv.plan.form import distance_fifths, draw_form
from improv.plan.plan import AUTHENTIC, FormPhrase
from improv.plan.plan_request import PlanRequest

SEEDS = st.integers(0, 2**31)
HOME = (0, False)


def drawn(mood: Mood, home: int, seed: int, reach: int = 6) -> tuple[FormPhrase, ...]:
    request = PlanRequest(mood=mood, attributes={"onset_density": 4.0, "register": 63.0}, reach_fifths=reach)
    return draw_form(request, home, np.random.default_rng(seed))


def key_of(phrase: FormPhrase, home: int) -> int:
    minor = (home >= MINOR_KEYS) != phrase.other_mode
    return (home + phrase.key) % 12 + MINOR_KEYS * minor


@given(SEEDS, st.integers(0, 23), st.builds(Mood, st.floats(-1, 1), st.floats(-1, 1)))
def test_a_piece_begins_and_ends_at_home_and_closes(seed: int, home: int, mood: Mood) -> None:
    form = drawn(mood, home, seed)
    assert (form[0].key, form[0].other_mode) == (form[-1].key, form[-1].other_mode) == HOME
    assert form[-1].cadence == AUTHENTIC
    assert [phrase.last for phrase in form] == [False] * (len(form) - 1) + [True]


@given(SEEDS, st.integers(0, 23), st.integers(0, 6))
def test_no_phrase_goes_further_than_is_allowed(seed: int, home: int, reach: int) -> None:
    form = drawn(Mood(0.0, 0.0), home, seed, reach)
    assert all(distance_fifths(home, key_of(phrase, home)) <= reach for phrase in form)


@given(SEEDS)
def test_a_phrase_that_begins_like_another_is_in_its_key(seed: int) -> None:
    form = drawn(CORNERS["calm"], 0, seed)
    for phrase in form[:-1]:
        if phrase.begins_like and phrase.like is not None and not phrase.last:
            assert key_of(phrase, 0) in (key_of(form[phrase.like], 0), 0)


@given(SEEDS)
def test_what_comes_back_has_its_key_or_comes_home(seed: int) -> None:
    form = drawn(CORNERS["sad"], 12, seed)
    for phrase in form:
        if phrase.like is not None and phrase.from_piece is None and not phrase.begins_like:
            assert key_of(phrase, 12) in (key_of(form[phrase.like], 12), 12)


@pytest.mark.parametrize("mood", CORNERS)
def test_pieces_go_through_keys_within_their_sections(mood: str) -> None:
    home = 0 if CORNERS[mood].valence > 0 else MINOR_KEYS
    forms = [drawn(CORNERS[mood], home, seed) for seed in range(200)]
    within = [key_of(a, home) != key_of(b, home) for form in forms for a, b in pairwise(form) if a.section == b.section]
    at_home = [(phrase.key, phrase.other_mode) == HOME for form in forms for phrase in form]
    assert 0.08 < np.mean(within) < 0.4, "of 1,000 and more steps from phrase to phrase"
    assert 0.6 < np.mean(at_home) < 0.92, "people are at home in .59 (minor) to .69 (major)"
