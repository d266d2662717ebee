"""Nothing that is read raises anything but a sentence: the kept examples, and some that went wrong.

`make fuzz` does the same for longer.
"""

from __future__ import annotations

import random

import pytest

from tests.fuzz.mutation import corpus, examples, spoilt
from tests.fuzz.targets import TARGETS

TRIES = {"live_midi": 15, "config": 40, "journey": 100}  # others are quicker
USUAL_TRIES = 200

KEPT = [pytest.param(name, data, id=f"{name}-{file}") for name in TARGETS for file, data in corpus(name).items()]


@pytest.mark.parametrize(("name", "data"), KEPT)
def test_every_kept_example_is_taken_in_order(name: str, data: bytes) -> None:
    TARGETS[name].take(data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_went_wrong_is_taken_in_order(name: str) -> None:
    chance, sound = random.Random(1), examples(name)
    for _ in range(TRIES.get(name, USUAL_TRIES)):
        data = spoilt(chance, sound)
        try:
            TARGETS[name].take(data)
        except Exception as error:
            pytest.fail(f"{name}: {data!r} raises {type(error).__name__}: {error}")


def test_every_target_has_examples() -> None:
    assert all(examples(name) != [b""] for name in TARGETS)
