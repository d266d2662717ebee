"""What of the input goes on to the engine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from improv.midi.messages import key_of
from improv.player.process.input_limit import CONTROL_EVERY_S, NOTES_AT_ONCE, NOTES_PER_S, InputLimit


def passed(messages: list[tuple[float, bytes]], until_s: float) -> list[bytes]:
    """What goes on where the loop looks every 3 ms."""
    limit, waiting, found, now_s = InputLimit(), list(messages), [], 0.0
    while now_s < until_s:
        while waiting and waiting[0][0] <= now_s:
            at_s, message = waiting.pop(0)
            limit.feed(message, at_s)
        found += [arrived.message for arrived in limit.pop_due(now_s)]
        now_s += 0.003
    assert not limit.waits
    return found


def test_a_flood_of_a_control_keeps_its_last_value() -> None:
    flood = [(number / 3000, bytes((0xB0, 22, number % 128))) for number in range(3000)]
    found = passed(flood, 2.0)
    assert found[0] == flood[0][1]
    assert found[-1] == flood[-1][1]
    assert len(found) <= 1 + 1 / CONTROL_EVERY_S


def test_what_hands_do_goes_on_whole() -> None:
    played = [(number * 0.02, bytes((0x90, 40 + number % 40, 80))) for number in range(200)]
    assert passed(played, 5.0) == [message for _, message in played]


def test_a_button_that_is_pressed_and_let_go_is_pressed_and_let_go() -> None:
    assert passed([(0.0, bytes((0xB0, 85, 127))), (0.001, bytes((0xB0, 85, 0)))], 0.1) == [
        bytes((0xB0, 85, 127)),
        bytes((0xB0, 85, 0)),
    ]


@given(st.lists(st.tuples(st.floats(0, 0.01), st.integers(0, 2), st.integers(0, 127), st.integers(0, 127))))
def test_every_key_that_goes_on_is_let_go_and_there_are_not_too_many(raw: list[tuple[float, int, int, int]]) -> None:
    limit, at_s, down, ons = InputLimit(), 0.0, set(), 0
    given_down = set()
    for gap_s, channel, pitch, velocity in raw:
        at_s += gap_s
        limit.feed(bytes((0x90 | channel, pitch, velocity)), at_s)
        (given_down.add if velocity else given_down.discard)((channel, pitch))
        for arrived in limit.pop_due(at_s):
            key = key_of(arrived.message)
            assert key is not None
            ons += bool(key[2])
            (down.add if key[2] else down.discard)(key[:2])
        assert down <= given_down
    assert ons <= NOTES_AT_ONCE + NOTES_PER_S * at_s + 1
