"""What is heard of the person: keys, pedal, phrases, harmony, hands, mood; all of it bounded."""

from __future__ import annotations

import os
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.listening.hands import hands
from improv.listening.keyboard import LONGEST_KEY_S, LONGEST_PEDAL_S, MOST_STRIKES, Heard
from improv.listening.listener import WAITING_STRIKES, Listener
from improv.music.attributes import Key
from tests.listening.players import listened, off, on, pedal, player

PERFORMANCES = "BRAINMUSIC_PERFORMANCES"  # a folder with MIDI files of people who play


def test_every_key_is_handed_out_once_however_short() -> None:
    listener = Listener()
    listener.receive(on(60, 91), 1.0)
    listener.receive(off(60), 1.002)
    listener.receive(pedal(127), 1.003)
    listener.receive(on(64, 40), 1.004)
    first, second = listener.strikes()
    assert (first.pitch, first.velocity, first.short, first.pedalled) == (60, 91, True, False)
    assert (second.pitch, second.velocity, second.short, second.pedalled) == (64, 40, False, True)
    assert listener.strikes() == ()


def test_the_pedal_holds_what_is_let_go_until_it_goes_up() -> None:
    listener = Listener()
    listener.receive(pedal(127), 1.0)
    listener.receive(on(60), 1.1)
    listener.receive(off(60), 1.2)
    view = listener.view(1.3)
    assert view.pedal
    assert (view.down, view.sounding) == (frozenset(), frozenset({60}))
    listener.receive(pedal(0), 1.4)
    assert listener.view(1.5).sounding == frozenset()


def test_a_key_is_not_held_for_ever() -> None:
    listener = Listener()
    listener.receive(on(60), 1.0)
    assert listener.view(1.0 + LONGEST_KEY_S - 1).down == {60}
    assert listener.view(1.0 + LONGEST_KEY_S + 1).down == frozenset()


def test_a_pedal_is_not_down_for_ever() -> None:
    listener = Listener()
    listener.receive(pedal(127), 1.0)
    assert listener.view(LONGEST_PEDAL_S).pedal
    listener.receive(pedal(127), LONGEST_PEDAL_S)  # a pedal that sends its value again and again is no new one
    assert not listener.view(LONGEST_PEDAL_S + 2.0).pedal


def test_a_phrase_ends_with_a_rest_and_not_between_legato_notes() -> None:
    listener = Listener()
    at_s = 1.0
    for index in range(16):  # finger change: each key goes up after the next went down
        listener.receive(on(60 + index % 5), at_s)
        if index:
            listener.receive(off(60 + (index - 1) % 5), at_s + 0.03)
        assert listener.view(at_s + 0.4).playing
        at_s += 0.5
    listener.receive(off(60 + 15 % 5), at_s)
    assert listener.view(at_s + 0.4).playing
    view = listener.view(at_s + 1.9)
    assert not view.playing
    assert view.ended_s == pytest.approx(at_s)
    assert len(view.call) == 16


def test_no_phrase_ends_under_the_pedal_until_the_strings_have_died_away() -> None:
    listener = Listener()
    listener.receive(pedal(127), 0.9)
    for index in range(4):
        listener.receive(on(60 + index), 1.0 + 0.5 * index)
        listener.receive(off(60 + index), 1.1 + 0.5 * index)
    assert listener.view(5.0).playing
    assert not listener.view(9.0).playing


def test_staccato_with_rests_as_long_as_its_gaps_is_one_phrase() -> None:
    listener, at_s = Listener(), 1.0
    for index in range(12):
        listener.receive(on(60 + index), at_s)
        listener.receive(off(60 + index), at_s + 0.08)
        assert listener.view(at_s + 0.85).playing
        at_s += 0.9
    assert not listener.view(at_s + 1.8).playing


def test_a_pedal_can_hand_over_at_once() -> None:
    listener = Listener()
    assert not listener.hand_over(1.0)
    listener.receive(on(60), 1.0)
    assert listener.hand_over(1.2)
    view = listener.view(1.2)
    assert not view.playing
    assert [note.pitch for note in view.call] == [60]


def test_key_chord_hands_and_loudness() -> None:
    listener = Listener()
    at_s = 1.0
    for bass, chord in ((45, (57, 60, 64)), (50, (57, 62, 65)), (40, (56, 59, 64)), (45, (57, 60, 64))) * 2:
        for pitch in (bass, *chord):
            listener.receive(on(pitch, 90), at_s)
        for pitch in (bass, *chord):
            listener.receive(off(pitch), at_s + 0.9)
        at_s += 1.0
    listener.receive(on(45, 90), at_s)
    for pitch in (72, 76, 81):
        listener.receive(on(pitch, 90), at_s)
    view = listener.view(at_s + 0.1)
    assert view.key == Key(9, False)
    assert view.chord is not None
    assert (view.chord.root, view.chord.quality, view.chord.bass) == (9, "m", 9)
    assert view.loudness == 90
    assert view.left is not None
    assert view.right is not None
    assert view.left.highest < view.right.lowest


def chord_of(listener: Listener, pitches: tuple[int, ...], at_s: float, velocity: int = 60) -> None:
    """For half a second."""
    for pitch in pitches:
        listener.receive(on(pitch, velocity), at_s)
        listener.receive(off(pitch), at_s + 0.5)


def test_the_first_chord_tells_which_tones_are_likely() -> None:
    listener = Listener()
    assert listener.view(0.5).in_key == ()
    chord_of(listener, (60, 64, 67), 1.0)
    in_key = listener.view(1.6).in_key
    assert {0, 2, 4, 7, 9, 11} >= set(sorted(range(12), key=lambda tone: -in_key[tone])[:5]) >= {0, 4, 7}
    assert max(in_key[tone] for tone in (1, 3, 8, 10)) < 0.75


def test_another_key_is_heard_within_a_few_chords() -> None:
    listener = Listener()
    for index, triad in enumerate([(60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67)] * 3):
        chord_of(listener, triad, 1 + 0.6 * index)
        listener.view(1.5 + 0.6 * index)
    assert listener.view(8.2).key == Key(0, True)
    for index, triad in enumerate([(64, 68, 71), (69, 73, 76), (71, 75, 78), (64, 68, 71)] * 2):
        chord_of(listener, triad, 8.2 + 0.6 * index)
        for part in range(6):
            listener.view(8.25 + 0.6 * index + 0.1 * part)
    view = listener.view(13.0)
    assert view.key == Key(4, True)
    assert view.in_key[0] < 0.5 < 0.9 < view.in_key[4]


def test_how_loud_they_played_is_remembered_while_they_rest() -> None:
    listener = Listener()
    chord_of(listener, (60, 64), 1.0, velocity=40)
    assert listener.view(1.2).loudness == 40
    chord_of(listener, (60, 64), 4.0, velocity=90)
    assert listener.view(4.2).loudness == 90
    assert listener.view(9.0).loudness == 90


def test_slow_low_minor_is_sadder_than_quick_high_major() -> None:
    def mood(steps: tuple[int, ...], gap_s: float, tonic: int) -> tuple[float, float]:
        listener, at_s = Listener(), 1.0
        while at_s < 14:
            for step in steps:
                listener.receive(on(tonic + step, 60), at_s)
                listener.receive(off(tonic + step), at_s + 0.9 * gap_s)
                at_s += gap_s
        found = listener.view(at_s).mood
        assert found is not None
        return found

    sad, happy = mood((0, 3, 7, 12, 8, 3), 0.8, 48), mood((0, 4, 7, 12, 9, 4), 0.18, 72)
    assert sad[0] < happy[0]
    assert sad[1] < happy[1]


def test_the_hands_stay_where_they_were_while_nothing_is_played() -> None:
    listener = Listener()
    for index, pitch in enumerate((60, 64, 67) * 4):
        listener.receive(on(pitch), 1.0 + 0.3 * index)
        listener.receive(off(pitch), 1.2 + 0.3 * index)
    right = listener.view(5.0).right
    assert right is not None
    assert listener.view(25.0).right == right
    listener.receive(on(84), 26.0)
    assert listener.view(26.0).right == (84, 84, 84)


@given(st.lists(st.integers(0, 127), min_size=1, max_size=60))
def test_hands_cover_what_is_played(pitches: list[int]) -> None:
    left, right = hands(pitches)
    found = [hand for hand in (left, right) if hand is not None]
    assert (found[0].lowest, found[-1].highest) == (min(pitches), max(pitches))
    for hand in found:
        assert hand.lowest <= hand.mean <= hand.highest
    if left is not None and right is not None:
        assert left.highest < right.lowest


@given(st.lists(st.tuples(st.binary(max_size=4), st.floats(0, 2)), max_size=80))
def test_whatever_comes_in_is_survived(messages: list[tuple[bytes, float]]) -> None:
    listener, now_s = Listener(), 1.0
    for message, gap_s in messages:
        now_s += gap_s
        listener.receive(message, now_s)
        view = listener.view(now_s)
        assert view.down <= view.sounding


@given(st.lists(st.tuples(st.integers(21, 108), st.booleans(), st.floats(0.01, 0.5)), max_size=60))
def test_no_strike_is_lost(events: list[tuple[int, bool, float]]) -> None:
    listener, now_s, struck = Listener(), 1.0, 0
    handed = 0
    for pitch, down, gap_s in events:
        now_s += gap_s
        listener.receive(on(pitch) if down else off(pitch), now_s)
        struck += down
        if len(listener._waiting) > WAITING_STRIKES // 2:
            handed += len(listener.strikes())
    assert handed + len(listener.strikes()) == struck


def test_ten_thousand_notes_a_second_are_heard_selectively() -> None:
    listener = Listener()
    for index in range(10_000):
        at_s = 1 + index / 10_000
        listener.receive(on(21 + index % 88), at_s)
        listener.receive(off(21 + index % 88), at_s)
        if index % 500 == 0:
            listener.view(at_s)
            listener.strikes()
    assert listener.keyboard.ignored > 9_000
    assert len(listener.keyboard.notes(0)) <= 1000 * MOST_STRIKES
    assert listener.view(2.0).onsets_per_s < 50


def test_a_scripted_player_is_seen_whole() -> None:
    struck = player(11, 100, bars=8)
    view = listened(struck).view(struck[-1].at_s + 0.1)
    assert view.sure_beat is not None
    assert view.key == Key(0, True)
    assert view.playing
    assert 1 < view.onsets_per_s < 8


@pytest.mark.skipif(PERFORMANCES not in os.environ, reason=f"{PERFORMANCES} names no folder with performances")
def test_performances_of_people_are_heard_whole() -> None:
    files = sorted(Path(os.environ[PERFORMANCES]).rglob("*.mid"))[::20][:10]
    assert files
    for path in files:
        listener, now_s, struck, handed = Listener(), 0.0, 0, 0
        for message in mido.MidiFile(path):
            now_s += message.time
            if message.is_meta or now_s > 60:
                continue
            struck += message.type == "note_on" and message.velocity > 0
            listener.receive(bytes(message.bytes()), now_s)
            listener.view(now_s)
            handed += len(listener.strikes())
        assert handed >= 0.99 * struck
        assert listener.view(now_s).key is not None


def test_only_keys_of_the_persons_part_are_heard() -> None:
    listener = Listener(part=Heard(48, 127, frozenset({1})))
    assert not listener.receive(on(60), 1.0)
    assert not listener.receive(on(40, channel=1), 1.1)
    assert listener.receive(on(60, channel=1), 1.2)
    assert listener.view(1.3).down == {60}


def test_our_own_pedal_that_comes_back_is_not_the_persons() -> None:
    listener = Listener()
    for number in range(8):
        listener.sent(60 + number, 80, 100.0 + number)
        listener.receive(bytes((0x90, 60 + number, 80)), 100.05 + number)
        listener.receive(bytes((0x80, 60 + number, 64)), 100.3 + number)
    assert listener.echo.hears_itself
    listener.receive(bytes((0xB0, 64, 127)), 108.0)
    assert not listener.keyboard.pedal
