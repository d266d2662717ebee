"""The note queue: what leaves it, in which order, and what never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.midi.messages import PEDAL_KEY
from improv.player.process.bounds import LONGEST_PEDAL_S
from improv.player.process.queue import REMEMBERED_IDS, STALE_ENTRIES, NoteQueue
from tests.player.fakes import LATE_NOTE_LIMIT_S, balance, is_off, is_on, note


def sent(queue: NoteQueue, now_s: float) -> list[tuple[int, ...]]:
    return [tuple(due.message) for due in queue.pop_due(now_s)]


def test_a_note_leaves_at_its_times() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 2.0, pitch=64)])
    assert queue.next_due_s() == 1.0
    assert sent(queue, 0.999) == []
    assert sent(queue, 1.0) == [(0x90, 64, 80)]
    assert queue.next_due_s() == 2.0
    assert queue.sounding == 1
    assert sent(queue, 2.0) == [(0x80, 64, 64)]
    assert queue.sounding == 0
    assert queue.next_due_s() is None


def test_offs_before_ons_at_the_same_instant() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(2, 1.0, 2.0, pitch=62), note(1, 0.5, 1.0, pitch=60)])
    sent(queue, 0.5)
    assert sent(queue, 1.0) == [(0x80, 60, 64), (0x90, 62, 80)]


def test_a_late_note_on_is_dropped_with_its_note_off() -> None:
    queue = NoteQueue(late_note_limit_s=0.05)
    queue.schedule([note(1, 1.0, 2.0), note(2, 1.04, 2.0, pitch=61)])
    assert sent(queue, 1.06) == [(0x90, 61, 80)]
    assert sent(queue, 3.0) == [(0x80, 61, 64)]
    assert queue.statistics().notes_dropped == 1
    assert [note.note_id for note in queue.take_dropped()] == [1]
    assert queue.take_dropped() == ()
    assert queue.revoke(0) == (2,)


def test_a_late_note_off_is_sent() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 2.0)])
    sent(queue, 1.0)
    assert sent(queue, 100.0) == [(0x80, 60, 64)]


def test_a_key_struck_again_is_released_first_and_only_once() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 3.0), note(2, 2.0, 4.0)])
    sent(queue, 1.0)
    assert sent(queue, 2.0) == [(0x80, 60, 64), (0x90, 60, 80)]
    assert sent(queue, 3.0) == []
    assert sent(queue, 4.0) == [(0x80, 60, 64)]


def test_the_same_pitch_on_another_channel_is_another_key() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 3.0), note(2, 2.0, 4.0, channel=5)])
    sent(queue, 1.0)
    assert sent(queue, 2.0) == [(0x95, 60, 80)]
    assert sent(queue, 4.0) == [(0x80, 60, 64), (0x85, 60, 64)]


@pytest.mark.parametrize("already_sounds", [False, True])
@pytest.mark.parametrize("off_s", [1.5, 9.0])
def test_the_end_of_a_note_can_be_moved(already_sounds: bool, off_s: float) -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 3.0)])
    if already_sounds:
        sent(queue, 1.0)
    queue.move_offs([(1, off_s), (99, 5.0)])
    sent(queue, 1.0)
    assert queue.next_due_s() == off_s
    assert sent(queue, off_s - 0.01) == []
    assert sent(queue, 20.0) == [(0x80, 60, 64)]


def test_an_end_cannot_be_moved_before_the_beginning() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 0.5)])
    queue.move_offs([(1, 0.2)])
    assert sent(queue, 1.0) == [(0x90, 60, 80), (0x80, 60, 64)]


def test_revoke_drops_what_was_not_sent_and_names_what_was() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(i, float(i), i + 0.5, pitch=60 + i) for i in range(1, 6)])
    sent(queue, 1.0), sent(queue, 2.0), sent(queue, 3.0)
    assert queue.revoke(2) == (2, 3)
    assert sent(queue, 10.0) == [(0x80, 63, 64)]


def test_silence_ends_all_and_empties_the_queue() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 5.0), note(2, 1.0, 5.0, pitch=64, channel=3), note(3, 2.0, 5.0)])
    sent(queue, 1.0)
    ended = [tuple(message) for message in queue.silence()]
    assert ended[:2] == [(0x80, 60, 64), (0x83, 64, 64)]
    assert ended[2:] == [(0xB0, 123, 0), (0xB0, 64, 0), (0xB3, 123, 0), (0xB3, 64, 0)]
    assert queue.next_due_s() is None
    assert queue.statistics().sounding == 0


def test_end_sounding_leaves_the_queue() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 5.0), note(2, 2.0, 3.0, pitch=61)])
    sent(queue, 1.0)
    assert tuple(queue.end_sounding()[0]) == (0x80, 60, 64)
    assert sent(queue, 2.0) == [(0x90, 61, 80)]
    assert sent(queue, 9.0) == [(0x80, 61, 64)]


def test_statistics_of_lateness() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    for milliseconds in range(100):
        queue.count_lateness(milliseconds / 1000)
    statistics = queue.statistics()
    assert (statistics.lateness_p50_s, statistics.lateness_p99_s, statistics.lateness_max_s) == (0.05, 0.099, 0.099)


def test_memory_stays_bounded() -> None:
    """Months in short: the end of one endless note moves all the time, thousands of notes are revoked and sent."""
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(0, 0.0, 1e9, pitch=1)])
    for i in range(1, 20_000):
        queue.schedule([note(i, i * 0.1, i * 0.1 + 0.05), note(i + 1_000_000, 1e8, 1e8)])
        queue.revoke(1_000_000)
        queue.move_offs([(0, 1e9 + i)])
        queue.pop_due(i * 0.1)
    assert len(queue._heap) <= 2 * STALE_ENTRIES
    assert len(queue._sent_ids) <= REMEMBERED_IDS


times = st.integers(0, 40).map(lambda tenth: tenth / 10)
operations = st.one_of(
    st.tuples(st.just("schedule"), times, times, st.integers(60, 62), st.integers(0, 1)),
    st.tuples(st.just("move"), st.integers(0, 20), times),
    st.tuples(st.just("revoke"), st.integers(0, 20)),
    st.tuples(st.just("advance"), st.integers(0, 8)),
    st.tuples(st.just("silence")),
    st.tuples(st.just("end_sounding")),
)


@given(st.lists(operations, max_size=60))
def test_whatever_happens_every_note_on_has_one_note_off(done: list[tuple]) -> None:  # type: ignore[type-arg]
    queue, now_s, next_id = NoteQueue(0.15), 0.0, 0
    messages: list[bytes] = []
    begun: list[int] = []
    revoked: set[int] = set()
    for name, *values in done:
        match name:
            case "schedule":
                in_s, length_s, pitch, channel = values
                queue.schedule([note(next_id, now_s + in_s, now_s + in_s + length_s, pitch, channel)])
                next_id += 1
            case "move":
                queue.move_offs([(values[0], now_s + values[1])])
            case "revoke":
                already_sent = queue.revoke(values[0])
                assert already_sent == tuple(sorted(i for i in begun if i >= values[0]))
                revoked |= set(range(values[0], next_id)) - set(begun)
            case "silence" | "end_sounding":
                if name == "silence":
                    revoked |= set(range(next_id)) - set(begun)
                messages += getattr(queue, name)()
                assert not balance(messages)
                assert queue.sounding == 0
            case "advance":
                now_s += values[0] / 10
                due = queue.pop_due(now_s)
                assert [d.due_s for d in due] == sorted(d.due_s for d in due)
                assert all(d.due_s <= now_s for d in due)
                assert all(now_s - d.due_s <= 0.15 + 1e-9 for d in due if is_on(d.message))
                messages += [d.message for d in due]
                begun += [d.note.note_id for d in due if d.note is not None]
                next_s = queue.next_due_s()
                assert next_s is None or next_s > now_s
        assert sum(balance(messages).values()) == queue.sounding
        assert max(balance(messages).values(), default=1) == 1
    messages += [d.message for d in queue.pop_due(now_s + 1000)]
    statistics = queue.statistics()
    assert not balance(messages)
    assert len(begun) == len(set(begun))
    assert not set(begun) & revoked
    assert statistics.notes_sent == sum(map(is_on, messages)) == len(begun)
    assert sum(map(is_off, messages)) == len(begun)
    assert statistics.sounding == 0
    assert queue.next_due_s() is None


def test_a_pedal_goes_down_and_up_as_a_key_and_is_no_note() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 2.0), note(2, 1.1, 1.9, pitch=PEDAL_KEY)])
    assert [*sent(queue, 1.0), *sent(queue, 1.1)] == [(0x90, 60, 80), (0xB0, 64, 80)]
    assert (queue.sounding, queue.statistics().notes_sent) == (1, 1)
    assert sent(queue, 2.0) == [(0xB0, 64, 0), (0x80, 60, 64)]


def test_a_pedal_that_is_down_rises_before_it_goes_down_anew() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(number, float(number), 9.0, pitch=PEDAL_KEY) for number in (1, 2)])
    sent(queue, 1.0)
    assert sent(queue, 2.0) == [(0xB0, 64, 0), (0xB0, 64, 80)]
    assert next(tuple(message) for message in queue.silence()) == (0xB0, 64, 0)


def test_a_pedal_whose_end_nobody_tells_rises_by_itself() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([note(1, 1.0, 2.0, pitch=PEDAL_KEY)])
    sent(queue, 1.0)
    queue.move_offs([(1, 1e6)])
    assert sent(queue, 1.0 + LONGEST_PEDAL_S) == [(0xB0, 64, 0)]
