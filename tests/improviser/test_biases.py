"""Biases for networks with a plan."""

from __future__ import annotations

from improv.improviser import biases


def test_what_clashes_and_is_not_in_the_chord_is_made_rarer() -> None:
    nats = biases.clash_bias([60, 71], chord=(0, 4, 7))
    assert nats[61] == nats[73] == nats[59] == -biases.CLASH_BIAS
    assert nats[72] == 0  # a chord tone, whatever it clashes with
    assert nats[64] == nats[65] == 0
    assert not biases.clash_bias([], chord=(0, 4, 7)).any()
