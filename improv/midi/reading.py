"""The music in a MIDI file's bytes, the same for training and for playing: notes, tempo, metre, pedal, names of tracks.

Whatever damage leaves of a file is read, and what was mended on the way is said (`MidiMusic.notices`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from improv.errors import InputError
from improv.midi.file_parser import MAX_BYTES, Meta, Parsed, Track, parse
from improv.midi.note_ends import FileNote, Paired, Part, pair
from improv.midi.packed import unpacked

DEFAULT_TEMPO_US = 500_000
"""Microseconds of a quarter note where a file says nothing: 120 bpm, after the standard."""
MAX_NOTE_BEATS = 256
"""No string sounds longer; a note of more is cut."""
MAX_BEATS = 100_000
"""Twelve hours at 140 bpm; a damaged time says 67 million."""
_FASTEST_TEMPO_US = 60_000  # 1,000 bpm
_TRACK_NAME, _INSTRUMENT_NAME, _TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x03, 0x04, 0x51, 0x58, 0x59
_DEFAULT_TEMPO, _COMMON_TIME = DEFAULT_TEMPO_US.to_bytes(3, "big"), bytes((4, 2, 24, 8))
_LARGEST_DENOMINATOR = 6  # a 64th, as the power of 2 that a file writes
_MAX_NAME = 80


@dataclass(frozen=True)
class MidiMusic:
    """A file's music in ticks. notes: by onset, then pitch; drums are left out.

    tempos: (tick, microseconds per quarter note), at least one, the first at 0. meters: (tick, numerator, denominator),
    empty where there are none. pedals: (down, up) of any channel. parts and part_names: what `FileNote.part` counts, a
    name being the track's. has_tempo: whether the file says a tempo. drum_notes: how many were left out.
    notices: what was mended, as plain sentences without a full stop.
    """

    ticks_per_beat: int
    notes: tuple[FileNote, ...]
    tempos: tuple[tuple[int, int], ...]
    meters: tuple[tuple[int, int, int], ...]
    pedals: tuple[tuple[int, int], ...]
    parts: tuple[Part, ...]
    part_names: tuple[str, ...]
    has_tempo: bool
    drum_notes: int
    notices: tuple[str, ...]

    @cached_property
    def _clock(self) -> tuple[list[int], list[float]]:
        ticks, elapsed_s = [0], [0.0]
        last_us = self.tempos[0][1]
        for tick, tempo_us in self.tempos:
            elapsed_s.append(elapsed_s[-1] + (tick - ticks[-1]) * last_us / 1e6 / self.ticks_per_beat)
            ticks.append(tick)
            last_us = tempo_us
        return ticks[1:], elapsed_s[1:]

    def seconds_at(self, tick: int) -> float:
        """Seconds from the file's beginning to a tick, by the tempo map."""
        ticks, elapsed_s = self._clock
        at = max(bisect_right(ticks, tick) - 1, 0)
        return elapsed_s[at] + (tick - ticks[at]) * self.tempos[at][1] / 1e6 / self.ticks_per_beat


def read_music(content: bytes) -> MidiMusic:
    """The music in a file's bytes. InputError names the reason why there is none, as a phrase without a subject."""
    parsed = parse(unpacked(content, MAX_BYTES))
    songs = _songs(parsed)
    mended: Counter[str] = Counter()
    paired = _joined([pair(tracks) for tracks in songs], mended)
    tracks = [track for tracks in songs for track in tracks]
    metas = sorted((meta for track in tracks for meta in track.metas), key=lambda meta: meta[0])
    notices = list(parsed.notices)
    if len(songs) > 1:
        notices.append(f"the {len(songs)} songs (format 2) are read one after the other")
    notes = _cut(paired.notes, MAX_NOTE_BEATS * parsed.ticks_per_beat, mended)
    tempos = _tempos(metas, mended)
    meters = _meters(metas, mended)
    notices += [f"{what} ({times} times)" if times > 1 else what for what, times in mended.items()]
    if not notes:
        raise InputError("only drums" if paired.drum_notes else "no notes")
    if max(note.end for note in notes) > MAX_BEATS * parsed.ticks_per_beat:
        raise InputError(f"damaged MIDI file: it is longer than {MAX_BEATS} quarter notes")
    if parsed.frame_beat_us is not None:
        tempos = [(0, parsed.frame_beat_us)]
    return MidiMusic(
        ticks_per_beat=parsed.ticks_per_beat,
        notes=tuple(notes),
        tempos=tuple(tempos if tempos and tempos[0][0] == 0 else [(0, DEFAULT_TEMPO_US), *tempos]),
        meters=tuple(meters),
        pedals=tuple(paired.pedals),
        parts=tuple(paired.parts),
        part_names=tuple(_name(tracks[part.track]) for part in paired.parts),
        has_tempo=bool(tempos) and parsed.frame_beat_us is None,
        drum_notes=paired.drum_notes,
        notices=tuple(notices),
    )


def _songs(parsed: Parsed) -> list[list[Track]]:
    """Tracks that sound together; of format 2 each is a song, which begins on the quarter note after the one before."""
    if parsed.kind != 2 or len(parsed.tracks) == 1:
        return [list(parsed.tracks)]
    songs, begin = [], 0
    for track in parsed.tracks:
        # A song without a tempo or a metre of its own has the standard's, not those of the song before.
        fresh: list[Meta] = [(begin, _TEMPO, _DEFAULT_TEMPO), (begin, _TIME_SIGNATURE, _COMMON_TIME)] if begin else []
        messages = [(tick + begin, status, data1, data2) for tick, status, data1, data2 in track.messages]
        metas = [(tick + begin, kind, data) for tick, kind, data in track.metas]
        songs.append([Track(messages, fresh + metas, track.end_tick + begin)])
        begin += -(-track.end_tick // parsed.ticks_per_beat) * parsed.ticks_per_beat
    return songs


def _joined(songs: Sequence[Paired], mended: Counter[str]) -> Paired:
    """Songs whose tracks are counted on."""
    if len(songs) == 1:
        mended.update(songs[0].mended)
        return songs[0]
    found = Paired()
    for number, song in enumerate(songs):  # each is one track
        found.notes += [note._replace(part=note.part + len(found.parts)) for note in song.notes]
        found.parts += [part._replace(track=number) for part in song.parts]
        found.pedals += song.pedals
        found.drum_notes += song.drum_notes
        mended.update(song.mended)
    found.notes.sort()
    return found


def _cut(notes: list[FileNote], longest: int, mended: Counter[str]) -> list[FileNote]:
    found = []
    for note in notes:
        if note.end - note.onset > longest:
            mended[f"a note of more than {MAX_NOTE_BEATS} quarter notes is cut"] += 1
            note = note._replace(end=note.onset + longest)
        found.append(note)
    return found


def _tempos(metas: Sequence[Meta], mended: Counter[str]) -> list[tuple[int, int]]:
    """Tempi that are some, of several at one tick the last."""
    found: dict[int, int] = {}
    for tick, kind, data in metas:
        if kind != _TEMPO:
            continue
        tempo_us = int.from_bytes(data[:3], "big")
        if len(data) < 3 or tempo_us < _FASTEST_TEMPO_US:
            mended["a tempo that is none is left out"] += 1
        else:
            found[tick] = tempo_us
    return list(found.items())


def _meters(metas: Sequence[Meta], mended: Counter[str]) -> list[tuple[int, int, int]]:
    """Time signatures that are some, of several at one tick the last. A strange key signature is only told."""
    found: dict[int, tuple[int, int]] = {}
    for tick, kind, data in metas:
        if kind == _KEY_SIGNATURE:
            if len(data) < 2 or not -7 <= int.from_bytes(data[:1], "big", signed=True) <= 7 or data[1] > 1:
                mended["a key signature that is none is left out"] += 1
        elif kind == _TIME_SIGNATURE:
            if len(data) < 2 or not data[0] or data[1] > _LARGEST_DENOMINATOR:
                mended["a time signature that is none is left out"] += 1
            else:
                if len(data) < 4:
                    mended["a time signature that breaks off is read as far as it goes"] += 1
                found[tick] = (data[0], 1 << data[1])
    return [(tick, *meter) for tick, meter in found.items()]


def _name(track: Track) -> str:
    """A track's name, or its instrument's; "" where it has none."""
    for wanted in (_TRACK_NAME, _INSTRUMENT_NAME):
        for _, kind, data in track.metas:
            if kind == wanted and data.strip(b"\0 "):
                return _text(data)[:_MAX_NAME]
    return ""


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
