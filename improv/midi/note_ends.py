"""Which note-off ends which note: clear rules for healthy files, and for files in which one was lost.

1. A note-off ends the note of its track, channel and pitch that was struck first and still sounds.
2. Where a key is struck three times and more without coming to rest, two voices share it: one holds, the other
   repeats. A single note-off between two strikes then ends the repeated note, unless it comes so early that it is a
   late release.
3. Notes that are left over have lost their note-off. The one that lost it is the first after which the key never comes
   to rest; the later ones keep theirs. An unused note-off of another track or a message that silences the channel ends
   it, if that comes before the next strike of the key; else that strike does, or the end of the track.
4. A pedal that never rises rises with the last track.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from improv.midi.file_parser import Track
from improv.midi.messages import RESET_CONTROLLERS

DRUM_CHANNEL = 9
_NOTE_OFF, _NOTE_ON, _CONTROL, _PROGRAM = 0x8, 0x9, 0xB, 0xC
_SUSTAIN, _SILENCING = 64, (120, 123)  # all sound off, all notes off
_PEDAL_DOWN = 64
_LATE_RELEASE = 0.25  # of the time between two strikes: a note-off within it belongs to the note before
_SWEEP = 12  # so many note-offs at one tick that end nothing: a program silenced every key


class FileNote(NamedTuple):
    """A note in ticks of its file. part: index into the parts; program: General MIDI, 0..127."""

    onset: int
    pitch: int
    end: int
    velocity: int
    part: int
    program: int


class Part(NamedTuple):
    """The notes of one channel on one track. track: index into the tracks; channel: 0..15."""

    track: int
    channel: int


@dataclass
class Paired:
    """What tracks that sound together say: notes (drums left out) and spans of the sustain pedal, both sorted.

    mended: what was put right, and how often.
    """

    notes: list[FileNote] = field(default_factory=list)
    pedals: list[tuple[int, int]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    drum_notes: int = 0
    mended: Counter[str] = field(default_factory=Counter)


class _Event(NamedTuple):
    """A note-on, or a note-off (velocity 0). program: -1 where its track has set none."""

    tick: int
    velocity: int
    program: int


@dataclass
class _Channel:
    """What is said of a channel on any track, in ticks."""

    programs: list[tuple[int, int]] = field(default_factory=list)
    pedal: list[tuple[int, bool]] = field(default_factory=list)
    silenced: list[int] = field(default_factory=list)
    unused_ends: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """pitch -> note-offs that ended nothing on their own track."""


class _Lost(NamedTuple):
    """A note without a note-off. next_strike: of its key, if there is one; end_tick: of its track."""

    part: int
    channel: int
    pitch: int
    struck: _Event
    next_strike: int | None
    end_tick: int


def pair(tracks: Sequence[Track]) -> Paired:
    """The notes and pedals of tracks that sound together."""
    channels = [_Channel() for _ in range(16)]
    found = Paired()
    lost: list[_Lost] = []
    for index, track in enumerate(tracks):
        for channel, keys in _keys(track, channels).items():
            if channel == DRUM_CHANNEL:
                found.drum_notes += sum(event.velocity > 0 for events in keys.values() for event in events)
                continue
            part = len(found.parts)
            found.parts.append(Part(index, channel))
            swept = _sweeps(keys)
            channels[channel].silenced += sorted(swept)
            for pitch, events in keys.items():
                kept = [e for e in events if e.velocity or e.tick not in swept] if swept else events
                pairs, without_end, unused = _pair_key(kept)
                channels[channel].unused_ends[pitch] += unused
                found.notes += [FileNote(a.tick, pitch, b.tick, a.velocity, part, a.program) for a, b in pairs]
                for struck, following in without_end:
                    next_strike = following.tick if following else None
                    lost.append(_Lost(part, channel, pitch, struck, next_strike, track.end_tick))
    for said in channels:
        said.silenced.sort()
        for ends in said.unused_ends.values():
            ends.sort()
    found.notes += [_ended(note, channels[note.channel], found.mended) for note in lost]
    found.notes = sorted(_with_program(found.notes, found.parts, channels))
    last_tick = max((track.end_tick for track in tracks), default=0)
    found.pedals = sorted(
        span
        for number, channel in enumerate(channels)
        if number != DRUM_CHANNEL
        for span in _pedals(channel.pedal, last_tick, found.mended)
    )
    return found


def _keys(track: Track, channels: Sequence[_Channel]) -> dict[int, dict[int, list[_Event]]]:
    """channel -> pitch -> its strikes and note-offs in order; other messages go to `channels`."""
    keys: dict[int, dict[int, list[_Event]]] = {}
    programs = [-1] * 16
    make = _Event._make
    for tick, status, data1, data2 in track.messages:
        kind, channel = status >> 4, status & 15
        if kind in (_NOTE_ON, _NOTE_OFF):
            event = make((tick, data2 if kind == _NOTE_ON else 0, programs[channel]))
            try:
                keys[channel][data1].append(event)
            except KeyError:
                keys.setdefault(channel, {})[data1] = [event]
        elif kind == _CONTROL:
            if data1 == _SUSTAIN:
                channels[channel].pedal.append((tick, data2 >= _PEDAL_DOWN))
            elif data1 == RESET_CONTROLLERS:
                channels[channel].pedal.append((tick, False))
            elif data1 in _SILENCING:
                channels[channel].silenced.append(tick)
        elif kind == _PROGRAM:
            programs[channel] = data1
            channels[channel].programs.append((tick, data1))
    return keys


def _sweeps(keys: dict[int, list[_Event]]) -> set[int]:
    """Ticks at which every key of a channel was let go, held or not."""
    unused: Counter[int] = Counter()
    for events in keys.values():
        sounding = 0
        for event in events:
            if event.velocity:
                sounding += 1
            elif sounding:
                sounding -= 1
            else:
                unused[event.tick] += 1
    return {tick for tick, count in unused.items() if count >= _SWEEP}


def _pair_key(
    events: list[_Event],
) -> tuple[list[tuple[_Event, _Event]], list[tuple[_Event, _Event | None]], list[int]]:
    """Strikes of one key with their ends; strikes without an end with the next strike; note-offs that end nothing."""
    pairs: list[tuple[_Event, _Event]] = []
    unused: list[int] = []
    sounding: list[_Event] = []
    cluster: list[_Event] = []  # since the key was at rest
    for event in events:
        if event.velocity:
            sounding.append(event)
        elif sounding:
            sounding.pop()
        else:
            unused.append(event.tick)
            continue
        cluster.append(event)
        if not sounding:
            pairs += _pair_cluster(cluster)
            cluster = []
    if not sounding:
        return pairs, [], unused
    # The last come first: what is left on the pile is each strike after which the key never came to rest.
    without_end = [(struck, _next_strike(struck, cluster)) for struck in sounding]
    left_out = {id(struck) for struck in sounding}
    healthy, _, _ = _pair_key([event for event in cluster if id(event) not in left_out])
    return pairs + healthy, without_end, unused


def _next_strike(struck: _Event, events: Iterable[_Event]) -> _Event | None:
    return next((event for event in events if event.velocity and event.tick > struck.tick), None)


def _pair_cluster(events: list[_Event]) -> list[tuple[_Event, _Event]]:
    """Pairs of as many strikes as note-offs, between two rests of the key."""
    if len(events) == 2:
        return [(events[0], events[1])]
    strikes = [event for event in events if event.velocity]
    if len(strikes) == 2:
        return list(zip(strikes, [event for event in events if not event.velocity], strict=True))
    pairs = []
    sounding: deque[_Event] = deque()
    shared = False  # whether a voice holds the key while another repeats it: then the last struck ends first
    for index, event in enumerate(events):
        if event.velocity:
            sounding.append(event)
            continue
        before, after = events[index - 1], events[index + 1 : index + 2]
        alone = before.velocity > 0 and bool(after) and after[0].velocity > 0
        late = alone and event.tick - before.tick < _LATE_RELEASE * (after[0].tick - before.tick)
        shared = shared or (alone and not late)
        pairs.append((sounding.pop() if shared and not late else sounding.popleft(), event))
    return pairs


def _ended(note: _Lost, channel: _Channel, mended: Counter[str]) -> FileNote:
    """A note that lost its note-off, with the end that the rest of the file gives it."""
    unused = channel.unused_ends[note.pitch]
    at = bisect_right(unused, note.struck.tick)
    if at < len(unused) and (note.next_strike is None or unused[at] <= note.next_strike):
        end = unused.pop(at)
        mended["a note-off on another track than its note is used"] += 1
    else:
        at = bisect_right(channel.silenced, note.struck.tick)
        until = note.end_tick if note.next_strike is None else note.next_strike
        end = min(until, channel.silenced[at]) if at < len(channel.silenced) else until
        mended["a note without a note-off ends when its key is struck again or with its track"] += 1
    return FileNote(note.struck.tick, note.pitch, end, note.struck.velocity, note.part, note.struck.program)


def _with_program(notes: list[FileNote], parts: Sequence[Part], channels: Sequence[_Channel]) -> list[FileNote]:
    """Notes whose track has set no program get the one that another track has set for their channel, else 0."""
    changes = [sorted(channel.programs, key=lambda change: change[0]) for channel in channels]
    filled = []
    for note in notes:
        if note.program < 0:
            known = changes[parts[note.part].channel]
            at = bisect_right(known, note.onset, key=lambda change: change[0])
            note = note._replace(program=known[at - 1][1] if at else 0)
        filled.append(note)
    return filled


def _pedals(events: list[tuple[int, bool]], last_tick: int, mended: Counter[str]) -> list[tuple[int, int]]:
    spans = []
    down: int | None = None
    for tick, pressed in sorted(events, key=lambda event: event[0]):
        if pressed and down is None:
            down = tick
        elif not pressed and down is not None:
            spans.append((down, tick))
            down = None
    if down is not None and down < last_tick:
        spans.append((down, last_tick))
        mended["a pedal that never rises ends with the last track"] += 1
    return spans
