"""The Markov baseline on chains that can be counted by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.vocabulary.polyphony import END, SIZE, START, STEP_END, PolyphonyEncoding, new_note
from training.dataset.dataset import PieceRow
from training.evaluation.markov import Markov, within

ENCODING = PolyphonyEncoding()


def stream(*ids: int) -> np.ndarray:
    return np.array([START, *ids, END], dtype=np.int64)


def chain_of(*streams: np.ndarray) -> Markov:
    return Markov.count(list(streams), ENCODING)


def test_a_chain_of_silence_by_hand() -> None:
    """START | | END: no pitches, so that all twelve transpositions are alike and every count is twelvefold."""
    chain = chain_of(stream(STEP_END, STEP_END))
    uniform = 1 / SIZE
    # Order 0: STEP_END 24, END 12 of 36 tokens, 2 types.
    step0, end0 = (24 + 2 * uniform) / 38, (12 + 2 * uniform) / 38
    # Order 1 after STEP_END: STEP_END 12, END 12, 2 types. Order 2 after STEP_END STEP_END: END 12, 1 type.
    end1 = (12 + 2 * end0) / 26
    end2 = (12 + 1 * end1) / 13
    # After START START and after START comes STEP_END, 12 of 12, 1 type.
    first = (12 + (12 + step0) / 13) / 13
    # After START STEP_END comes STEP_END, 12 of 12, 1 type.
    second = (12 + (12 + 2 * step0) / 26) / 13
    expected = [-math.log(p) for p in (first, second, end2)]
    assert chain.nats(stream(STEP_END, STEP_END)) == pytest.approx(expected)


def test_an_unknown_context_falls_back_to_the_shorter() -> None:
    chain = chain_of(stream(STEP_END, STEP_END))
    never = np.array([[new_note(60), STEP_END]])
    only_order_1 = np.array([[END, STEP_END]])
    token = np.array([END])
    assert chain.probability(never, token) == chain.probability(only_order_1, token)
    nothing_known = np.array([[new_note(60), new_note(60)]])
    assert chain.probability(nothing_known, token) == pytest.approx((12 + 2 / SIZE) / 38)


@pytest.mark.parametrize("context", [(START, START), (START, STEP_END), (new_note(60), new_note(50)), (END, END)])
def test_probabilities_sum_to_one(context: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    chain = chain_of(*(stream(*rng.integers(2, SIZE, 50)) for _ in range(3)))
    before = np.tile(np.array(context), (SIZE, 1))
    chances = chain.probability(before, np.arange(SIZE))
    assert chances.sum() == pytest.approx(1)
    assert (chances > 0).all()


def test_every_key_is_known() -> None:
    played = stream(new_note(60), STEP_END, new_note(64), STEP_END)
    chain = chain_of(played)
    inside = [chain.nats(ENCODING.transpose(played, semitones)).sum() for semitones in range(-5, 7)]
    assert max(inside) < chain.nats(ENCODING.transpose(played, 7)).sum()


def test_transpositions_stay_within_the_range() -> None:
    highest = stream(new_note(127), STEP_END)
    chain = chain_of(highest)
    counted = np.unique(chain.tables[0].ngrams)
    assert counted.tolist() == [END, STEP_END, *(new_note(pitch) for pitch in range(122, 128))]


def test_nothing_counted_is_uniform() -> None:
    assert chain_of().nats(stream(STEP_END)) == pytest.approx([math.log(SIZE)] * 2)


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=200), st.integers(1, 20_000))
def test_a_large_corpus_is_counted_in_part(lengths: list[int], most: int) -> None:
    ends = np.cumsum([0, *lengths]).tolist()
    pieces = [PieceRow(f"{a}", "w", "s", "train", a, b, "") for a, b in itertools.pairwise(ends)]
    chosen = within(pieces, most)
    assert chosen
    assert len(chosen) == 1 or sum(row.stop - row.start for row in chosen) <= most
    assert chosen == sorted(chosen, key=lambda row: row.start)
    if sum(lengths) <= most:
        assert chosen == pieces
