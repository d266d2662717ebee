"""No output is asked for more than an instrument can bear, and whatever began ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from improv.player.process.bounds import LONGEST_NOTE_S, MOST_PER_S, MOST_SOUNDING, MOST_STRIKES_PER_S
from improv.player.process.queue import NoteQueue
from improv.player.protocol import PlannedNote
from tests.player.fakes import LATE_NOTE_LIMIT_S

NOTES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 127), st.floats(0, 3), st.floats(0, 500)), min_size=1, max_size=600
)


@given(NOTES)
def test_the_bounds_hold_for_any_plan(planned: list[tuple[int, int, float, float]]) -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    notes = [PlannedNote(i, c, p, 64, on_s, on_s + length_s) for i, (c, p, on_s, length_s) in enumerate(planned)]
    queue.schedule(notes)
    began: dict[tuple[int, int], list[float]] = {}
    sounding: dict[tuple[int, int], float] = {}
    while (next_s := queue.next_due_s()) is not None:
        for due in queue.pop_due(next_s):
            key = (due.message[0] & 0x0F, due.message[1])
            if due.note is not None:
                assert key not in sounding
                sounding[key] = next_s
                began.setdefault(key, []).append(next_s)
            else:
                assert next_s - sounding.pop(key) <= LONGEST_NOTE_S + 1e-6
            assert len(sounding) <= MOST_SOUNDING
    assert not sounding
    every = sorted(at_s for strikes in began.values() for at_s in strikes)
    for strikes, most in ((every, MOST_PER_S), *((one, MOST_STRIKES_PER_S) for one in began.values())):
        assert all(later - first >= 1.0 for first, later in zip(strikes, strikes[most:], strict=False))


def test_an_end_that_is_put_off_for_ever_comes() -> None:
    queue = NoteQueue(LATE_NOTE_LIMIT_S)
    queue.schedule([PlannedNote(1, 0, 60, 64, 0.0, 10.0)])
    queue.pop_due(0.0)
    for now_s in range(0, 600, 5):
        queue.move_offs([(1, now_s + 10.0)])
    assert queue.next_due_s() == LONGEST_NOTE_S
