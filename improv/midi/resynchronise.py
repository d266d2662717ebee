"""A byte too many or too few in a track whose events go without a status: found by what it makes of the notes.

Where the status is left out (running status) an event is a time, a pitch and a velocity. After a lost byte each is read
as another one: keys end that never began, keys are struck that sound, pitches lie beyond every instrument. Where that
lasts, reading begins anew at the byte from which it no longer does. Nothing is put in: a few bytes are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from improv.midi.messages import FIRST_STATUS, FIRST_SYSTEM, NOTE_OFF, NOTE_ON, PITCHWHEEL, PROGRAM_CHANGE, number_at

_WINDOW = 16  # notes that are looked at together
# Of them against the sense of music: so many where reading is shifted, at most so many elsewhere.
_SICK, _HEALTHY = 8, 3
_EVENTS_BACK, _MOST_LEFT_OUT = 40, 8  # where the damage is looked for, and the longest piece that is left out, in bytes
_STRUCK = 4  # of them begin a note: keys that are only let go, as at the end of a piece, tell nothing
_MOST_LOOKED_AT = 4 * _EVENTS_BACK
_MOST_MENDS = 8  # of a track: more is no single byte that went wrong
_LOWEST, _HIGHEST = 12, 119  # pitches that instruments have, with an octave to spare

_NO_NOTES = 0xA0  # statuses below speak of keys that are struck or let go
_ALL = (1 << _WINDOW) - 1

Message = tuple[int, int, int, int]
Key = tuple[int, int]


class _Event(NamedTuple):
    """A channel message. at: the byte at which its time begins. running: the status that held before it."""

    at: int
    running: int
    status: int
    data1: int
    data2: int


class _Sense:
    """Whether the messages that it is shown one after the other make sense; asked of the last few together."""

    def __init__(self, sounding: set[Key] | None = None) -> None:
        self._sounding = sounding if sounding is not None else set()
        self._strange = self._struck = 0  # bits of the last notes
        self._others: list[tuple[int, int]] = []  # status and first data byte of messages in a row that are no notes

    def is_lost(self, status: int, data1: int, data2: int, counts: bool = True) -> bool:
        """After a further message. counts: False for one that was looked at before."""
        if status >= _NO_NOTES:
            self._others.append((status, data1))
            return counts and len(self._others) >= _WINDOW and self._wanders()
        self._others.clear()
        strange = _is_strange(status, data1, data2, self._sounding)
        self._strange = (self._strange << 1 | (strange and counts)) & _ALL
        self._struck = (self._struck << 1 | (status >= NOTE_ON and data2 > 0)) & _ALL
        return self._strange.bit_count() >= _SICK and self._struck.bit_count() >= _STRUCK

    def _wanders(self) -> bool:
        """A pedal moves one control often; what were notes speaks of many controls under one status."""
        last = self._others[-_WINDOW:]
        return len({status for status, _ in last}) == 1 and len({data1 for _, data1 in last}) >= _WINDOW // 3


def is_shifted(messages: Sequence[Message]) -> bool:
    """Whether so many messages in a row make so little sense that a byte is missing, or one too many."""
    sense = _Sense()
    return any(sense.is_lost(status, data1, data2) for _, status, data1, data2 in messages)


def resynchronised(data: bytes) -> tuple[bytes, int]:
    """The events of a track without the few bytes after which all is read wrongly, and how often some were left out."""
    begin = mends = 0  # events before `begin` were looked at
    for _ in range(_MOST_MENDS):
        events = list(_events(data, 0, 0))
        sick = _first_sick(events, begin)
        if sick is None:
            break
        cut = _cut(data, events, sick)
        if cut is None:
            begin = events[sick].at + 1
            continue
        begin, resumed = cut
        data = data[:begin] + data[resumed:]
        mends += 1
    return data, mends


def _is_strange(status: int, data1: int, data2: int, sounding: set[Key]) -> bool:
    """Whether a note message makes no sense where these keys sound; afterwards they are those that sound then."""
    key = (status & 0x0F, data1)
    if status >= NOTE_ON and data2:
        strange = key in sounding or not _LOWEST <= data1 <= _HIGHEST or data2 >= FIRST_STATUS
        sounding.add(key)
        return strange
    if key in sounding:
        sounding.remove(key)
        return False
    return True


def _first_sick(events: Sequence[_Event], begin: int) -> int | None:
    """The first event by which too many made no sense, behind a byte."""
    sense = _Sense()
    for index, event in enumerate(events):
        if sense.is_lost(event.status, event.data1, event.data2, event.at >= begin):
            return index
    return None


def _cut(data: bytes, events: Sequence[_Event], sick: int) -> tuple[int, int] | None:
    """From which byte to which the track is to be left out so that it makes sense again; None: nothing helps."""
    first = max(sick - _EVENTS_BACK, 0)
    sounding: set[Key] = set()
    for event in events[:first]:
        if event.status < _NO_NOTES:
            _is_strange(event.status, event.data1, event.data2, sounding)
    best: tuple[int, int, int] | None = None
    before = 0  # events since the first that make no sense as they are
    for event in events[first : sick + 1]:
        for resumed in range(event.at + 1, event.at + _MOST_LEFT_OUT + 1):
            after = _strange_after(data, resumed, event.running, set(sounding), events[sick].at)
            if after is not None and (best is None or (before + after, resumed - event.at) < best[:2]):
                best = (before + after, resumed - event.at, event.at)
        if event.status < _NO_NOTES:
            before += _is_strange(event.status, event.data1, event.data2, sounding)
    return (best[2], best[2] + best[1]) if best is not None and best[0] <= _HEALTHY else None


def _strange_after(data: bytes, at: int, running: int, sounding: set[Key], sick_at: int) -> int | None:
    """How many notes from a byte on make no sense, until enough are seen behind the place where it was noticed; None:
    too few stand there to tell.
    """
    notes = strange = struck = 0
    for event in itertools.islice(_events(data, at, running), _MOST_LOOKED_AT):
        if event.status < _NO_NOTES:
            strange += _is_strange(event.status, event.data1, event.data2, sounding)
            notes += event.at >= sick_at
            struck += event.at >= sick_at and event.status >= NOTE_ON and event.data2 > 0
            if notes == _WINDOW or strange > _HEALTHY:
                break
    return strange if notes >= _SICK and struck >= _STRUCK else None


def _events(data: bytes, at: int, running: int) -> Iterator[_Event]:
    """Channel messages from a byte on, until nothing can be read."""
    try:
        while at < len(data):
            begin, held = at, running
            _, at = number_at(data, at)
            byte = data[at]
            if byte >= FIRST_SYSTEM:
                at = _behind_system(data, at)
                continue
            if byte >= FIRST_STATUS:
                running = byte
                at += 1
            if running < NOTE_OFF:
                return
            single = PROGRAM_CHANGE <= running < PITCHWHEEL
            yield _Event(begin, held, running, data[at], 0 if single else data[at + 1])
            at += 1 if single else 2
    except IndexError:
        return


def _behind_system(data: bytes, at: int) -> int:
    """Behind a meta or exclusive event. IndexError: it is none, or it breaks off."""
    byte = data[at]
    at += 2 if byte == 0xFF else 1
    if byte not in (0xFF, 0xF0, 0xF7):
        raise IndexError
    length, end = number_at(data, at)
    if end + length > len(data):
        raise IndexError
    return end + length
