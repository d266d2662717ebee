"""The ends of notes that a player which failed left sounding."""

from __future__ import annotations

from improv.clock import ManualClock
from improv.midi.messages import PEDAL_KEY, all_off
from improv.player.process.hung_notes import OWED_S, REPEATS_S, HungNotes
from improv.player.process.output import Output
from improv.player.process.ports import Ports
from improv.player.protocol import OutputSettings
from tests.player.fakes import LATE_NOTE_LIMIT_S, RecordingDriver, note


def test_the_ends_are_sent_again_and_again_and_then_no_more() -> None:
    hung = HungNotes()
    hung.add([(0, 60), (3, 62)], 100.0)
    sent = [(at / 100, message) for at in range(10_000, 11_000) for message in hung.pop_due(at / 100)]
    ends = [bytes((0x80, 60, 64)), bytes((0x83, 62, 64)), *all_off((0, 3))]
    assert sent == [(round(100 + after_s, 2), message) for after_s in REPEATS_S for message in ends]


def test_whoever_is_connected_later_hears_them_as_well() -> None:
    hung = HungNotes()
    hung.add([(0, 60)], 100.0)
    for at_s in range(100, 200):
        hung.pop_due(at_s)
    hung.renew(200.0)
    assert hung.pop_due(200.0)[0] == bytes((0x80, 60, 64))
    hung.renew(100.0 + OWED_S)
    assert hung.pop_due(100.0 + OWED_S) == []


def test_a_key_that_sounds_again_is_not_cut_off() -> None:
    clock = ManualClock(100.0)
    driver = RecordingDriver(clock)
    driver.open()
    output = Output(Ports(driver), clock, late_note_limit_s=LATE_NOTE_LIMIT_S)
    output.end_hung([(0, 60), (0, 64)])
    output.schedule([note(1, 100.1, 130.0, 60)])
    clock.wait(100.1)
    output.send_due(clock.now())
    driver.sent.clear()
    for _ in range(100):
        clock.wait(clock.now() + 0.1)
        output.end_owed()
    assert {message for _, message in driver.sent} == {bytes((0x80, 64, 64))}


def test_a_hung_note_ends_before_another_one_begins_on_its_key() -> None:
    """The ends that were sent when the port was opened may have been lost."""
    clock = ManualClock(100.0)
    driver = RecordingDriver(clock)
    driver.open()
    output = Output(Ports(driver), clock, late_note_limit_s=LATE_NOTE_LIMIT_S)
    output.end_hung([(0, 60)])
    driver.sent.clear()
    output.schedule([note(1, 100.05, 100.1, 60), note(2, 100.2, 100.3, 60)])
    for at_s in (100.05, 100.1, 100.2, 100.3):
        clock.wait(at_s)
        output.send_due(clock.now())
    end, begin = bytes((0x80, 60, 64)), bytes((0x90, 60, 80))
    assert [message for _, message in driver.sent] == [end, begin, end, begin, end]


def test_a_pedal_that_was_left_down_rises_until_it_goes_down_anew() -> None:
    clock = ManualClock(100.0)
    driver = RecordingDriver(clock)
    driver.open()
    output = Output(Ports(driver), clock, OutputSettings(channel=3, transpose=12), late_note_limit_s=LATE_NOTE_LIMIT_S)
    output.end_hung([(0, 60), (0, PEDAL_KEY)])
    up, down = bytes((0xB3, 64, 0)), bytes((0xB3, 64, 80))
    assert [message for _, message in driver.sent].count(up) >= 1
    output.schedule([note(1, 100.1, 130.0, PEDAL_KEY)])
    clock.wait(100.1)
    output.send_due(clock.now())
    assert driver.sent[-1][1] == down
    driver.sent.clear()
    for _ in range(100):
        clock.wait(clock.now() + 0.1)
        output.end_owed()
    assert up not in {message for _, message in driver.sent}
    driver.sent.clear()
    output.send_all(output.queue.silence())
    assert driver.sent[0][1] == up
