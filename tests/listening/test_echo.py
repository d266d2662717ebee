"""A copy of our own notes is no person, and a person is no copy."""

from __future__ import annotations

import random

import pytest

from improv.listening.echo import EchoGuard, OutputPath


def ours(rng: random.Random, count: int) -> list[tuple[float, int, int]]:
    """(second, pitch, velocity) of notes that we send."""
    at_s, notes = 1.0, []
    for _ in range(count):
        at_s += rng.choice([0.12, 0.25, 0.25, 0.5])
        pitches = rng.choices([48, 52, 55, 60, 62, 64, 65, 67, 69, 71, 72], k=rng.choice([1, 1, 2, 3]))
        notes += [(at_s, pitch, rng.randint(40, 90)) for pitch in pitches]
    return notes


@pytest.mark.parametrize("delay_s", [0.0, 0.008, 0.12, 0.4, 0.97])
@pytest.mark.parametrize("shift", [0, 12, -12])
@pytest.mark.parametrize("keeps_velocity", [True, False])
def test_an_echo_is_ours(delay_s: float, shift: int, keeps_velocity: bool) -> None:
    rng = random.Random(f"{delay_s}{shift}")
    guard, notes = EchoGuard(), ours(rng, 200)
    events = [(at_s, 0, pitch, velocity) for at_s, pitch, velocity in notes]
    events += [(at_s + delay_s + rng.uniform(0, 0.006), 1, pitch + shift, velocity) for at_s, pitch, velocity in notes]
    taken_for_a_person = 0
    for at_s, back, pitch, velocity in sorted(events):
        if not back:
            guard.sent(pitch, velocity, at_s)
        elif not guard.struck(0, pitch, velocity if keeps_velocity else max(1, velocity - rng.randint(1, 20)), at_s):
            taken_for_a_person += 1
    assert taken_for_a_person <= (3 if keeps_velocity else 4)  # under 1 %
    assert guard.hears_itself


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("as_loud_as_we", [False, True])
def test_a_person_who_plays_the_same_keys_is_heard(seed: int, as_loud_as_we: bool) -> None:
    rng = random.Random(seed)
    events = [(at_s, 0, pitch, velocity) for at_s, pitch, velocity in ours(rng, 300)]
    theirs = [(at_s, 1, pitch, velocity) for at_s, pitch, velocity in ours(random.Random(seed + 100), 300)]
    if as_loud_as_we:  # many keyboards send one velocity, and our loudness follows it
        events, theirs = ([(*note[:3], 80) for note in notes] for notes in (events, theirs))
    # a person is never as regular as our grid
    theirs = [(at_s + rng.gauss(0, 0.012), *rest) for at_s, *rest in theirs]
    guard = EchoGuard()
    heard = 0
    for at_s, person, pitch, velocity in sorted(events + theirs):
        if not person:
            guard.sent(pitch, velocity, at_s)
        else:
            heard += not guard.struck(0, pitch, velocity, at_s)
    assert heard >= (0.95 if as_loud_as_we else 0.98) * len(theirs)


def test_a_loop_that_is_plugged_in_later_is_known_after_a_few_notes() -> None:
    rng, guard = random.Random(2), EchoGuard()
    heard = 0
    for number, (at_s, pitch, velocity) in enumerate(ours(rng, 100)):
        guard.sent(pitch, velocity, at_s)
        heard += number >= 50 and not guard.struck(0, pitch, velocity, at_s + 0.01)
    assert heard <= 4
    assert guard.hears_itself


def test_an_output_that_transposes_is_known() -> None:
    guard = EchoGuard([OutputPath(transpose=-5, latency_s=0.2)])
    for index in range(8):
        guard.sent(60 + index, 70, 1.0 + index)
        assert guard.struck(0, 55 + index, 70, 2.1 + index - 0.9 + 0.2)


def test_the_end_of_an_echo_is_no_key_of_the_persons() -> None:
    guard = EchoGuard()
    guard.sent(60, 70, 1.0)
    assert guard.struck(0, 60, 70, 1.01)
    assert guard.released(0, 60)
    assert not guard.released(0, 60)


def test_a_loop_that_was_unplugged_is_forgotten() -> None:
    guard = EchoGuard()
    for index in range(20):
        guard.sent(60, 70, 1.0 + index)
        guard.struck(0, 60, 70, 1.1 + index)
    for index in range(40):
        guard.sent(60, 70, 30.0 + index)
    guard.struck(0, 64, 71, 72.0)
    assert not guard.hears_itself
