"""What a scripted model's music becomes under schedules of commands is what was kept, on every machine."""

from __future__ import annotations

import pytest

from tests.golden.scripted import SCHEDULES, differences, digests, stored

# Far above what machines differ by in float64, far below what could change a choice.
SHAKEN_NATS = 1e-9


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_music_is_what_it_was(name: str) -> None:
    assert not list(differences(stored()[name], digests(name))), (
        "where it is meant to change: python -m tests.golden.scripted, and say in the commit why"
    )


@pytest.mark.parametrize("name", ["duet", "limits", "models"])
def test_the_last_digits_of_a_machine_change_nothing(name: str) -> None:
    assert digests(name, SHAKEN_NATS) == digests(name)


def test_every_schedule_is_kept_and_no_other() -> None:
    assert stored().keys() == SCHEDULES.keys()


def test_another_music_has_other_digests() -> None:
    kept = stored()
    assert list(differences(kept["moods"], kept["duet"]))
    assert not list(differences(kept["moods"], kept["moods"]))
