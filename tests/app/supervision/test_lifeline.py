"""The memory that engine and supervisor share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.app.supervision.lifeline import HEADER_BYTES, SLOT_BYTES, SLOT_HEAD, Lifeline, Signs
from improv.midi.messages import PEDAL_KEY


@pytest.fixture
def lifeline() -> Iterator[Lifeline]:
    with Lifeline.create() as created:
        yield created


def test_signs_and_keys_are_seen_by_whoever_opens_it(lifeline: Lifeline) -> None:
    signs = Signs(7, 5, 12.5, 100, 101)
    with Lifeline.open(lifeline.path) as engine:
        engine.beat(signs, {(0, 60), (15, 127), (9, 0)})
    assert lifeline.signs() == signs
    assert set(lifeline.keys()) == {(0, 60), (15, 127), (9, 0)}
    lifeline.reset()
    assert lifeline.signs() == Signs()
    assert len(lifeline.keys()) == 3


def test_the_newest_checkpoint_counts(lifeline: Lifeline) -> None:
    assert lifeline.load() is None
    assert lifeline.model() == ""
    for number in range(5):
        assert lifeline.save(b"state %d" % number, f"model {number}")
    assert lifeline.load() == b"state 4"
    assert lifeline.model() == "model 4"


def test_a_checkpoint_that_was_half_written_leaves_the_one_before(lifeline: Lifeline) -> None:
    lifeline.save(b"whole", "a")
    lifeline.save(b"damaged", "b")
    lifeline._memory[HEADER_BYTES + SLOT_HEAD.size] ^= 1  # the second lies in slot 0
    assert lifeline.load() == b"whole"


def test_what_is_too_long_is_left_out(lifeline: Lifeline) -> None:
    lifeline.save(b"before", "a")
    assert not lifeline.save(bytes(SLOT_BYTES), "b")
    assert lifeline.load() == b"before"


@given(st.binary(max_size=64), st.integers(0, 2 * SLOT_BYTES - 64))
def test_whatever_stands_in_it_can_be_read(noise: bytes, at: int) -> None:
    with Lifeline.create() as lifeline:
        lifeline.save(b"first", "a")
        lifeline.save(b"second", "b")
        lifeline._memory[HEADER_BYTES + at : HEADER_BYTES + at + len(noise)] = noise
        assert lifeline.load() in (b"first", b"second", None)


def test_a_pedal_may_sound_as_well(lifeline: Lifeline) -> None:
    keys = {(0, PEDAL_KEY), (1, 0), (15, PEDAL_KEY), (15, 127)}
    lifeline.beat(Signs(), keys)
    assert set(lifeline.keys()) == keys
