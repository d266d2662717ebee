"""The chunks and events of a Standard MIDI File, read so that damage costs only what it hits.

The parser goes on after what the standard forbids and programs write nevertheless: foreign chunks, long headers, wrong
counts of tracks and bytes, a lost end of track, data bytes over 127, running status across meta events. What it mended
it says in plain words. Source of the format: Standard MIDI Files 1.0, MIDI Association.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from improv.errors import InputError
from improv.midi.messages import FIRST_STATUS, FIRST_SYSTEM, PITCHWHEEL, PROGRAM_CHANGE, SYSEX, number_at
from improv.midi.resynchronise import is_shifted, resynchronised
from improv.midi.shifted_heads import shifted_track, with_whole_header

MAX_BYTES = 16 << 20
MAX_EVENTS = 2_000_000
"""Channel messages of one track; beyond that its tables alone would fill the memory."""

Message = tuple[int, int, int, int]
"""A channel message: tick, status byte, two data bytes (the second is 0 where the message has one)."""
Meta = tuple[int, int, bytes]
"""A meta event: tick, kind (0x51 is a tempo), its bytes."""

_HEADER, _TRACK = b"MThd", b"MTrk"
_HEADER_WITHIN_BYTES = 1024  # a RIFF container or the header of a Macintosh file stands before the music
_CHUNK_HEAD_BYTES = 8
_META, _END_OF_TRACK = 0xFF, 0x2F
_SYSEX = (SYSEX, 0xF7)
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # the other system messages have none
_DROP_FRAME = 29
_MAX_FRAMES_PER_S = 100
_BEATS_PER_S = 2  # of a file that counts frames: half a second stands for a beat


_RESUMED_WITHIN_BYTES = 512
_EVENTS_OF_SENSE = 8  # bytes that began in the wrong place rarely look like so many


@dataclass
class Track:
    """One track, its messages and metas in the file's order. end_tick: where it ends."""

    messages: list[Message] = field(default_factory=list)
    metas: list[Meta] = field(default_factory=list)
    end_tick: int = 0


@dataclass(frozen=True)
class Parsed:
    """A file's tracks. kind: its format, 0..2. ticks_per_beat: above 0.

    frame_beat_us: None; of a file that counts SMPTE frames the microseconds that stand for a beat, whatever tempo
    events say. notices: what was mended, as plain sentences without a full stop.
    """

    kind: int
    ticks_per_beat: int
    frame_beat_us: int | None
    tracks: tuple[Track, ...]
    notices: tuple[str, ...]


def parse(content: bytes) -> Parsed:
    """The tracks in a file's bytes. InputError names the reason why there is none, as a phrase without a subject."""
    if len(content) > MAX_BYTES:
        raise InputError(f"{len(content)} bytes, more than {MAX_BYTES}")
    whole, content = content, with_whole_header(content)
    start = content.find(_HEADER, 0, None if content.startswith(b"RIFF") else _HEADER_WITHIN_BYTES)
    if start < 0 and _almost(content, 0, _HEADER) and _TRACK in content:
        start = 0
    if start < 0:
        raise InputError("an empty file" if not content else "no MIDI file: the header MThd is missing")
    head = content[start + _CHUNK_HEAD_BYTES :][:6]
    if len(head) < 6:
        raise InputError("damaged MIDI file: it breaks off within its header")
    notices = ["a byte of its header is put right"] if content is not whole else []
    kind, count, division = (int.from_bytes(head[at : at + 2], "big") for at in (0, 2, 4))
    if start > 0 and content[:4] != b"RIFF":
        notices.append(f"{start} bytes before the header are left out")
    if kind > 2:
        notices.append(f"its format {kind} is none of 0, 1 and 2: it is read as 1")
    length = int.from_bytes(content[start + 4 : start + _CHUNK_HEAD_BYTES], "big")
    if length != 6:
        notices.append(f"its header has {length} bytes instead of 6")
    ticks_per_beat, frame_beat_us = _time(division)
    mended: Counter[str] = Counter()
    after_head = start + _CHUNK_HEAD_BYTES + max(length, 6)
    if not _is_chunk(content, after_head) and content.find(_TRACK, start + _CHUNK_HEAD_BYTES + 6) >= 0:
        after_head = start + _CHUNK_HEAD_BYTES + 6
    tracks = _tracks(content, after_head, mended)
    if not tracks:
        raise InputError("damaged MIDI file: no track is left")
    if frame_beat_us is not None:
        notices.append("it counts SMPTE frames and no beats: half a second stands for a beat")
    if count != len(tracks):
        notices.append(f"its header counts {count} tracks, {len(tracks)} are there")
    notices += [f"{what} ({times} times)" if times > 1 else what for what, times in mended.items()]
    return Parsed(kind if kind <= 2 else 1, ticks_per_beat, frame_beat_us, tuple(tracks), tuple(notices))


def _time(division: int) -> tuple[int, int | None]:
    """Ticks per beat, and the length of a beat where the file counts frames."""
    if not division & 0x8000:
        if not division:
            raise InputError("damaged MIDI file: 0 ticks per quarter note tell no time")
        return division, None
    frames, ticks = 256 - (division >> 8), division & 0xFF
    nominal = 30 if frames == _DROP_FRAME else frames
    if not ticks or frames > _MAX_FRAMES_PER_S:
        raise InputError(f"damaged MIDI file: {frames} SMPTE frames a second of {ticks} ticks tell no time")
    second_us = 1_001_000 if frames == _DROP_FRAME else 1_000_000
    if nominal * ticks % _BEATS_PER_S:  # too coarse to be halved: a second stands for a beat
        return nominal * ticks, second_us
    return nominal * ticks // _BEATS_PER_S, second_us // _BEATS_PER_S


def _tracks(content: bytes, at: int, mended: Counter[str]) -> list[Track]:
    """Every track from a byte on."""
    tracks: list[Track] = []
    while at + _CHUNK_HEAD_BYTES <= len(content):
        if _almost(content, at, _TRACK):
            track, at = _track(content, at, mended)
            tracks.append(track)
        elif (shifted := shifted_track(content, at)) is not None:
            mended["a track is known by most of its name"] += 1
            track, at = _track(content, shifted, mended)
            tracks.append(track)
        elif _is_chunk(content, at):
            mended["a chunk of a foreign kind is left out"] += 1
            at += _CHUNK_HEAD_BYTES + int.from_bytes(content[at + 4 : at + _CHUNK_HEAD_BYTES], "big")
        else:
            following = content.find(_TRACK, at)
            if content[at : following if following >= 0 else None].strip(b"\0"):
                mended["bytes that are no chunk are left out"] += 1
            at = following if following >= 0 else len(content)
    return tracks


def _almost(content: bytes, at: int, name: bytes) -> bool:
    """Whether a chunk's name stands there, or all but one letter of it."""
    return sum(a == b for a, b in zip(content[at : at + len(name)], name, strict=False)) >= len(name) - 1


def _is_chunk(content: bytes, at: int) -> bool:
    """Whether a chunk begins there: a track of any length, or another kind that ends within the file."""
    name = content[at : at + 4]
    if name == _TRACK:
        return True
    end = at + _CHUNK_HEAD_BYTES + int.from_bytes(content[at + 4 : at + _CHUNK_HEAD_BYTES], "big")
    return len(name) == 4 and name.isalnum() and end <= len(content)


def _track(content: bytes, at: int, mended: Counter[str]) -> tuple[Track, int]:
    """The track whose chunk begins at a byte, and where the next chunk begins.

    Its length holds where it leads to another chunk or to the file's end. Else the track ends with its end-of-track
    event, and at the latest where the next one begins.
    """
    begin = at + _CHUNK_HEAD_BYTES
    declared = begin + int.from_bytes(content[at + 4 : begin], "big")
    size = len(content)
    if declared == size or (declared < size and _is_chunk(content, declared)):
        track, end, complete = _in_step(content[begin:declared], mended, to_the_last_byte=True)
        if begin + end < declared and complete and content.startswith(_TRACK, begin + end):
            mended["a track is shorter than its length says"] += 1
            return track, begin + end
        if not complete:
            mended["a track without an end is read as far as it goes"] += 1
        return track, declared
    following = content.find(_TRACK, begin)
    limit = following if following >= 0 else size
    track, end, complete = _in_step(content[begin:limit], mended, to_the_last_byte=False)
    if not complete:
        mended["a track without an end is read as far as it goes"] += 1
        return track, limit
    if begin + end != declared:
        mended["the length of a track is wrong"] += 1
    return track, begin + end


def _in_step(data: bytes, mended: Counter[str], *, to_the_last_byte: bool) -> tuple[Track, int, bool]:
    """A track's events as `_events` reads them, without what brings reading out of step."""
    track, of_track = Track(), Counter[str]()
    end, complete = _events(data, track, of_track, to_the_last_byte=to_the_last_byte)
    if is_shifted(track.messages):
        mendable, times = resynchronised(data)
        if times:
            track, of_track = Track(), Counter({"a byte too many or too few is left out with what it hit": times})
            end, complete = _events(mendable, track, of_track, to_the_last_byte=to_the_last_byte)
            end += len(data) - len(mendable)
    mended.update(of_track)
    return track, end, complete


def _events(data: bytes, track: Track, mended: Counter[str], *, to_the_last_byte: bool) -> tuple[int, bool]:  # noqa: C901 (the innermost loop of reading, left in one piece for speed)
    """Read events into a track. Returns where reading stopped and whether an end of track was met.

    to_the_last_byte: whether what follows an end of track (unless that is another track) is read, too.
    """
    append, metas = track.messages.append, track.metas
    at, size, tick, status = 0, len(data), 0, 0
    complete = False
    try:
        while at < size:
            byte = data[at]
            at += 1
            delta = byte & 0x7F
            while byte > 0x7F:
                byte = data[at]
                at += 1
                delta = delta << 7 | byte & 0x7F
            tick += delta
            byte = data[at]
            if byte < FIRST_STATUS:
                if not status:
                    mended["bytes outside of any message are left out"] += 1
                    at += 1
                    continue
            elif byte < FIRST_SYSTEM:
                status = byte
                at += 1
            else:
                at, kind, body = _system_or_behind(data, at, byte, mended)
                if kind == _END_OF_TRACK:
                    complete = True
                    if not to_the_last_byte or data.startswith(_TRACK, at):
                        break
                    if data[at:].strip(b"\0"):
                        mended["what follows after an end of track is read, too"] += 1
                    status = 0
                elif kind is not None:
                    metas.append((tick, kind, body))
                continue
            data1 = data[at]
            if PROGRAM_CHANGE <= status < PITCHWHEEL:  # these have one data byte
                at += 1
                data2 = 0
            else:
                data2 = data[at + 1]
                at += 2
            if data1 > 0x7F:
                mended["messages with a first data byte over 127 are left out"] += 1
                continue
            if data2 > 0x7F:
                mended["data bytes over 127 are read as 127"] += 1
                data2 = 0x7F
            append((tick, status, data1, data2))
            if len(track.messages) > MAX_EVENTS:
                raise InputError(f"more than {MAX_EVENTS} events in a track")
    except IndexError:  # it breaks off within an event
        complete = False
        at = size
    track.end_tick = tick
    return at, complete


def _system_or_behind(data: bytes, at: int, byte: int, mended: Counter[str]) -> tuple[int, int | None, bytes]:
    """As `_system`; of an event of a wrong length where reading goes on behind it. IndexError: nowhere."""
    try:
        return _system(data, at, byte, mended)
    except IndexError:
        at = _resumed(data, at)
        mended["an event whose length is wrong is left out"] += 1
        return at, None, b""


def _system(data: bytes, at: int, byte: int, mended: Counter[str]) -> tuple[int, int | None, bytes]:
    """Where a system or meta event ends, its meta kind if it is one, and its bytes. IndexError: it breaks off."""
    at += 1
    kind: int | None = None
    if byte == _META:
        kind = data[at]
        at += 1
    elif byte not in _SYSEX:
        mended["messages that do not belong into a file are left out"] += 1
        return at + _SYSTEM_DATA_BYTES.get(byte, 0), None, b""
    length, at = number_at(data, at)
    if at + length > len(data):
        raise IndexError
    if byte == SYSEX and any(part >= FIRST_STATUS for part in data[at : at + length - 1]):
        raise IndexError  # its bytes are below 128 up to its end: the length is wrong
    return at + length, kind, data[at : at + length]


def _resumed(data: bytes, at: int) -> int:
    """Where events that make sense begin again after one of a wrong length. IndexError: nowhere near."""
    for place in range(at + 1, min(at + _RESUMED_WITHIN_BYTES, len(data))):
        if _make_sense(data, place):
            return place
    raise IndexError


def _make_sense(data: bytes, at: int) -> bool:
    """Whether the next events from a byte on are healthy, the first with a status of its own."""
    status = 0
    try:
        for _ in range(_EVENTS_OF_SENSE):
            end_of_delta = next(place for place in range(at, at + 4) if data[place] < FIRST_STATUS)
            at = end_of_delta + 1
            byte = data[at]
            if byte >= FIRST_SYSTEM:
                at, kind, _ = _system(data, at, byte, Counter())
                if kind == _END_OF_TRACK:
                    return True
                if byte not in (_META, *_SYSEX) or (kind or 0) >= FIRST_STATUS:
                    return False
                status = 0
                continue
            if byte >= FIRST_STATUS:
                status = byte
                at += 1
            length = 1 if PROGRAM_CHANGE <= status < PITCHWHEEL else 2
            if not status or max(data[at : at + length]) >= FIRST_STATUS:
                return False
            at += length
    except (IndexError, StopIteration, ValueError):
        return False
    return True
