"""A model is passed on under the licence of all of its sources, or as unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.models.licences import SOURCES, UNKNOWN, attribution, licence_of

KNOWN = st.lists(st.sampled_from(sorted(SOURCES)), min_size=1, max_size=4)


@given(KNOWN)
def test_known_sources_give_their_licence(sources: list[str]) -> None:
    free = set(sources) == {"openscore-lieder-cc0"}  # asks for nothing, and so goes with any other
    assert licence_of(sources) == ("CC0 1.0" if free else "CC BY-SA 4.0")


@given(KNOWN, st.text(min_size=1).filter(lambda name: name not in SOURCES), st.integers(0, 4))
def test_one_unknown_source_makes_the_licence_unknown(sources: list[str], other: str, at: int) -> None:
    assert licence_of([*sources[:at], other, *sources[at:]]) == UNKNOWN
    assert attribution(other) == f"{other} (licence unknown)"


@pytest.mark.parametrize("name", ["maestro-v3.0.0", "my_midis", "piano-midi", "Giant-MIDI", "music21:foo"])
def test_what_others_call_theirs_is_not_guessed(name: str) -> None:
    assert licence_of(["piano-midi-de", name]) == UNKNOWN


def test_a_model_that_learns_on_inherits() -> None:
    assert licence_of([], "CC BY 4.0") == "CC BY 4.0"
    assert licence_of(["piano-midi-de"], "CC BY 4.0") == "CC BY 4.0 and CC BY-SA 4.0"
    assert licence_of(["piano-midi-de"], UNKNOWN) == UNKNOWN
    assert licence_of(["mine"], "CC BY-SA 4.0") == UNKNOWN
    assert licence_of([]) == UNKNOWN
