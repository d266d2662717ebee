"""MIDI files as the world writes them: what can be read is read, the same for playing and for training."""

from __future__ import annotations

import contextlib
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from improv.errors import InputError
from improv.midi.grid_file import read_notes, timed_notes
from improv.midi.reading import MAX_NOTE_BEATS, MidiMusic, read_music
from improv.music.note import HALVES_UP
from tests.midi.smf import (
    END_OF_TRACK,
    TICKS_PER_BEAT,
    Event,
    Key,
    body,
    chunk,
    control,
    events,
    header,
    meta,
    off,
    on,
    smf,
    tunes,
    variable_length,
)
from training.corpus.midi import read_midi
from training.corpus.score import Rejected, Score

TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59
SCALE = [Key(96 * beat, 60 + beat, 96 * beat + 96) for beat in range(8)]


def keys(music: MidiMusic) -> list[Key]:
    return [Key(note.onset, note.pitch, note.end, note.velocity) for note in music.notes]


# Containers and chunks: each of these files holds the notes of `tune` on one track and one oddity.

Hurt = Callable[[list[Key], st.DataObject], bytes]


def _long_header(tune: list[Key], data: st.DataObject) -> bytes:
    return header(more=data.draw(st.binary(min_size=1, max_size=20))) + chunk(b"MTrk", body(events(tune)))


def _header_length_of_nothing(tune: list[Key], data: st.DataObject) -> bytes:
    length = data.draw(st.sampled_from((0, 1, 5, 0xFFFFFFFF)))
    return chunk(b"MThd", header()[8:], length) + chunk(b"MTrk", body(events(tune)))


def _wrong_track_count(tune: list[Key], data: st.DataObject) -> bytes:
    wrong = data.draw(st.integers(0, 65535).filter(lambda count: count != 1))
    return header(tracks=wrong) + chunk(b"MTrk", body(events(tune)))


def _foreign_chunk(tune: list[Key], data: st.DataObject) -> bytes:
    foreign = chunk(data.draw(st.sampled_from((b"XFIH", b"CASM", b"XFKM"))), data.draw(st.binary(max_size=40)))
    track = chunk(b"MTrk", body(events(tune)))
    return header() + (foreign + track if data.draw(st.booleans()) else track + foreign)


def _bytes_between(tune: list[Key], data: st.DataObject) -> bytes:
    junk = data.draw(st.binary(min_size=1, max_size=30).filter(lambda junk: b"MT" not in junk and junk.strip(b"\0")))
    track = chunk(b"MTrk", body(events(tune)))
    return header() + b"\xff" + junk + track


def _unknown_format(tune: list[Key], data: st.DataObject) -> bytes:
    return header(kind=data.draw(st.integers(3, 65535))) + chunk(b"MTrk", body(events(tune)))


def _bytes_before(tune: list[Key], data: st.DataObject) -> bytes:
    return b"\0" * data.draw(st.integers(1, 200)) + smf(events(tune))


def _wrong_length(tune: list[Key], data: st.DataObject) -> bytes:
    written = body(events(tune))
    wrong = data.draw(st.one_of(st.integers(0, 2 * len(written)), st.sampled_from((0xFFFFFFFF, 1 << 20))))
    assume(wrong != len(written))
    return header() + chunk(b"MTrk", written, wrong)


def _wrong_length_before_another(tune: list[Key], data: st.DataObject) -> bytes:
    empty = chunk(b"MTrk", body([(0, meta(3, b"name"))]))
    written = body(events(tune))
    wrong = data.draw(st.integers(0, len(written) + len(empty) + 40))
    assume(wrong not in (len(written), len(written) + len(empty)))
    return header(tracks=2) + chunk(b"MTrk", written, wrong) + empty


def _swallowed_track(tune: list[Key], data: st.DataObject) -> bytes:
    empty = chunk(b"MTrk", body([(0, meta(3, b"name"))]))
    first = body([(0, meta(3, b"names"))])
    track = chunk(b"MTrk", body(events(tune)))
    return header(tracks=2) + chunk(b"MTrk", first, len(first) + len(track)) + track if tune else empty


def _no_end_of_track(tune: list[Key], data: st.DataObject) -> bytes:
    return header() + chunk(b"MTrk", body(events(tune), end=b""))


def _end_of_track_in_the_middle(tune: list[Key], data: st.DataObject) -> bytes:
    return header() + chunk(b"MTrk", body([*events(tune), (data.draw(st.integers(0, 500)), END_OF_TRACK)]))


def _message_of_no_file(tune: list[Key], data: st.DataObject) -> bytes:
    message = data.draw(st.sampled_from((b"\xf8", b"\xfe", b"\xf2\x01\x02", b"\xf3\x01", b"\xf6")))
    return smf([*events(tune), (data.draw(st.integers(0, 500)), message)])


def _strange_key_signature(tune: list[Key], data: st.DataObject) -> bytes:
    wrong = data.draw(st.one_of(st.binary(max_size=1), st.sampled_from((b"\xf8\0", b"\x08\0", b"\0\x02", b"\xff\xff"))))
    return smf([(data.draw(st.integers(0, 500)), meta(KEY_SIGNATURE, wrong)), *events(tune)])


def _strange_time_signature(tune: list[Key], data: st.DataObject) -> bytes:
    wrong = data.draw(st.one_of(st.binary(max_size=1), st.sampled_from((b"\4\2", b"\0\2\x18\x08", b"\4\xff\x18\x08"))))
    return smf([(data.draw(st.integers(0, 500)), meta(TIME_SIGNATURE, wrong)), *events(tune)])


def _strange_tempo(tune: list[Key], data: st.DataObject) -> bytes:
    wrong = data.draw(st.sampled_from((b"", b"\7", b"\7\xa1", b"\0\0\0", b"\0\0\1")))
    return smf([(data.draw(st.integers(0, 2000)), meta(TEMPO, wrong)), *events(tune)])


HURT: list[Hurt] = [
    _long_header,
    _header_length_of_nothing,
    _wrong_track_count,
    _foreign_chunk,
    _bytes_between,
    _unknown_format,
    _bytes_before,
    _wrong_length,
    _wrong_length_before_another,
    _swallowed_track,
    _no_end_of_track,
    _end_of_track_in_the_middle,
    _message_of_no_file,
    _strange_key_signature,
    _strange_time_signature,
    _strange_tempo,
]


@pytest.mark.parametrize("hurt", HURT, ids=lambda hurt: hurt.__name__)
@settings(max_examples=25)
@given(tune=tunes(), data=st.data())
def test_one_oddity_costs_no_note_and_is_said(hurt: Hurt, tune: list[Key], data: st.DataObject) -> None:
    music = read_music(hurt(tune, data))
    assert keys(music) == tune
    assert music.notices
    assert not [notice for notice in music.notices if notice.endswith(".") or "\n" in notice]


@given(tunes())
def test_a_healthy_file_is_not_talked_about(tune: list[Key]) -> None:
    music = read_music(smf(events(tune)))
    assert (keys(music), music.notices) == (tune, ())


@given(tunes())
def test_running_status_holds_across_meta_events(tune: list[Key]) -> None:
    strikes = [(n.onset, on(n.pitch, n.velocity)) for n in tune] + [(n.end, on(n.pitch, 0)) for n in tune]
    texts = [(tick, meta(1, b"text")) for tick, _ in strikes]
    in_order = [event for pair in zip(sorted(strikes, key=_off_first), sorted(texts), strict=True) for event in pair]
    assert keys(read_music(header() + chunk(b"MTrk", body(in_order, running=True)))) == tune


def _off_first(event: Event) -> tuple[int, bool]:
    return event[0], event[1][2] > 0


@given(tunes(), st.integers(0, 255))
def test_a_riff_container_is_opened(tune: list[Key], more: int) -> None:
    content = smf(events(tune))
    inside = b"RMID" + b"data" + len(content).to_bytes(4, "little") + content + bytes(more)
    assert keys(read_music(b"RIFF" + len(inside).to_bytes(4, "little") + inside)) == tune


@given(tunes(), st.data())
def test_a_velocity_over_127_is_127(tune: list[Key], data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, len(tune) - 1))
    hurt = [
        note._replace(velocity=data.draw(st.integers(128, 255))) if i == wrong else note for i, note in enumerate(tune)
    ]
    music = read_music(smf(events(hurt)))
    assert keys(music) == [note._replace(velocity=min(note.velocity, 127)) for note in hurt]
    assert music.notices == ("data bytes over 127 are read as 127",)


@given(tunes(), st.integers(128, 255), st.integers(0, 900))
def test_a_pitch_over_127_costs_that_note_alone(tune: list[Key], pitch: int, tick: int) -> None:
    music = read_music(smf([*events(tune), (tick, bytes((0x90, pitch, 80)))]))
    assert keys(music) == tune
    assert music.notices


@given(tunes(least=2), st.data())
def test_a_file_that_breaks_off_keeps_what_came_before(tune: list[Key], data: st.DataObject) -> None:
    content = smf(events(tune))
    cut = data.draw(st.integers(len(header()) + 8, len(content) - 1))
    with contextlib.suppress(InputError):
        music = read_music(content[:cut])
        assert music.notices
        last_tick = max(note.end for note in music.notes)
        whole = {note for note in tune if note.end < last_tick}
        assert whole <= set(keys(music))
        assert {note[:2] for note in keys(music)} <= {note[:2] for note in tune}


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    with contextlib.suppress(InputError):
        music = read_music(header() + chunk(b"MTrk", content) + content)
        assert all(0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 for note in music.notes)
        assert all(note.end >= note.onset for note in music.notes)


@given(tunes(), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_flipped_bytes_break_the_reader(tune: list[Key], flips: list[tuple[int, int]]) -> None:
    content = bytearray(smf(events(tune), events(tune, channel=1)))
    for at, value in flips:
        content[at % len(content)] = value
    with contextlib.suppress(InputError):
        assert read_music(bytes(content)).notes


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"RIFF....", "no MIDI file: the header MThd is missing"),
        (b"MThd\0\0\0\6\0\1", "it breaks off within its header"),
        (header(), "no track is left"),
        (header(division=0) + chunk(b"MTrk", body([])), "0 ticks per quarter note tell no time"),
        (header(division=0xE700) + chunk(b"MTrk", body([])), "25 SMPTE frames a second of 0 ticks tell no time"),
        (smf([(0, meta(1, b"text"))]), "no notes"),
        (smf([(0, on(36, 80, 9)), (96, off(36, 9))]), "only drums"),
        (smf([(0, on(60)), (1 << 27, off(60)), (1 << 27, on(60)), (1 << 27, off(60))]), "longer than 100000 quarter"),
    ],
)
def test_a_file_without_music_is_refused_with_one_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_music(content)


# Pairs of strikes and note-offs.


@given(tunes(), st.data())
def test_lost_note_offs_cost_no_other_note_anything(tune: list[Key], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from(tune), min_size=1, max_size=3))
    last_tick = max(note.end for note in tune) + 50
    kept = sorted(_with_ends(tune, lost))
    found = keys(read_music(smf(kept, end_tick=last_tick)))
    right = [note if note not in lost else note._replace(end=_next(note, tune, last_tick)) for note in tune]
    assert found == sorted(right)


def _with_ends(tune: list[Key], lost: set[Key]) -> list[Event]:
    dropped = [(note.end, off(note.pitch)) for note in lost]
    return [event for event in events(tune) if event not in dropped]


def _next(note: Key, tune: list[Key], last_tick: int) -> int:
    return min((n.onset for n in tune if n.pitch == note.pitch and n.onset > note.onset), default=last_tick)


def test_one_lost_note_off_among_twelve_quarters() -> None:
    quarters = [Key(192 * beat, 72, 192 * beat + 96) for beat in range(12)]
    found = keys(read_music(smf(_with_ends(quarters, {quarters[1]}))))
    assert found == [quarters[0], quarters[1]._replace(end=384), *quarters[2:]]


@given(tunes(), st.data())
def test_a_lost_note_off_is_no_worse_when_every_key_is_let_go_at_the_end(tune: list[Key], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(tune))
    last_tick = max(note.end for note in tune) + 50
    silence = [(last_tick, off(pitch)) for pitch in range(128)]
    found = keys(read_music(smf(_with_ends(tune, {lost}) + silence)))
    assert found == sorted([n if n != lost else n._replace(end=_next(n, tune, last_tick)) for n in tune])


@given(tunes(), st.data())
def test_a_message_that_silences_the_channel_ends_what_lost_its_end(tune: list[Key], data: st.DataObject) -> None:
    last = tune[-1]
    silence = [(last.end, control(data.draw(st.sampled_from((120, 123))), 0))]
    assert keys(read_music(smf(_with_ends(tune, {last}) + silence, end_tick=last.end + 500))) == tune


@given(tunes(), st.sets(st.integers(0, 11)))
def test_note_offs_may_stand_on_another_track(tune: list[Key], moved: set[int]) -> None:
    elsewhere = [(note.end, off(note.pitch)) for index, note in enumerate(tune) if index in moved]
    here = [event for event in events(tune) if event not in elsewhere]
    music = read_music(smf(elsewhere, here))
    assert keys(music) == tune
    assert bool(music.notices) == bool(elsewhere)


@given(tunes(), tunes())
def test_two_hands_on_one_channel_do_not_end_each_others_notes(right: list[Key], left: list[Key]) -> None:
    music = read_music(smf(events(right), events(left)))
    assert keys(music) == sorted(right + left)
    by_part = [[Key(n.onset, n.pitch, n.end, n.velocity) for n in music.notes if n.part == part] for part in (0, 1)]
    assert by_part == [right, left]


@given(tunes(), st.lists(st.tuples(st.integers(0, 900), st.integers(91, 127)), max_size=5))
def test_note_offs_of_keys_at_rest_mean_nothing(tune: list[Key], extra: list[tuple[int, int]]) -> None:
    more = [(tick, off(pitch)) for tick, pitch in extra if pitch != 100]
    assert keys(read_music(smf(events(tune) + more, end_tick=1000))) == tune


@pytest.mark.parametrize(
    ("happening", "right"),
    [
        ([(0, on(60)), (50, on(60)), (100, off(60))], [(0, 50), (50, 100)]),  # struck again, one note-off
        ([(0, on(60)), (50, on(60)), (60, off(60)), (100, off(60))], [(0, 60), (50, 100)]),  # a late release
        ([(0, on(60)), (50, on(60)), (50, off(60)), (100, off(60))], [(0, 50), (50, 100)]),  # struck before let go
        ([(0, on(60)), (0, on(60)), (50, off(60)), (100, off(60))], [(0, 50), (0, 100)]),  # two voices at once
        ([(0, on(60)), (0, off(60)), (50, on(60)), (100, off(60))], [(0, 0), (50, 100)]),  # no length
        (  # legato all along
            [(0, on(60)), (50, on(60)), (55, off(60)), (100, on(60)), (105, off(60)), (150, off(60))],
            [(0, 55), (50, 105), (100, 150)],
        ),
        (  # one voice holds the key that the other repeats
            [(0, on(60)), (25, on(60)), (50, off(60)), (75, on(60)), (100, off(60)), (200, off(60))],
            [(0, 200), (25, 50), (75, 100)],
        ),
        ([(0, on(60)), (50, on(60)), (100, on(60)), (150, off(60))], [(0, 50), (50, 100), (100, 150)]),
        ([(0, on(60)), (50, on(60)), (100, on(60))], [(0, 50), (50, 100), (100, 300)]),  # none at all
    ],
)
def test_a_key_that_is_struck_while_it_sounds(happening: list[Event], right: list[tuple[int, int]]) -> None:
    found = read_music(smf(happening, end_tick=300)).notes
    assert [(note.onset, note.end) for note in found] == right


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(60, 62), st.booleans()), max_size=60))
def test_any_strikes_and_note_offs_give_as_many_notes_as_strikes(raw: list[tuple[int, int, bool]]) -> None:
    happening = sorted((tick, on(pitch) if struck else off(pitch)) for tick, pitch, struck in raw)
    strikes = sum(struck for *_, struck in raw)
    if not strikes:
        return
    music = read_music(smf(happening, end_tick=50))
    assert len(music.notes) == strikes
    assert all(note.onset <= note.end <= 50 for note in music.notes)


@given(tunes(), st.integers(0, 400))
def test_a_pedal_that_never_rises_ends_with_the_file(tune: list[Key], down: int) -> None:
    content = smf([*events(tune), (down, control(64, 127))], end_tick=5000)
    assert read_music(content).pedals == ((down, 5000),)


def test_a_pedal_on_a_track_of_its_own_belongs_to_its_channel() -> None:
    pedal = [(10, control(64, 100)), (60, control(64, 0)), (70, control(64, 64)), (80, control(64, 63))]
    assert read_music(smf(events(SCALE), pedal)).pedals == ((10, 60), (70, 80))
    assert not read_music(smf(events(SCALE), [(0, control(64, 100, channel=9))])).pedals
    reset = [(0, control(64, 127)), (50, control(121, 0))]
    assert read_music(smf(reset, events(SCALE))).pedals == ((0, 50),)  # the standard lets it rise


def test_a_note_of_hours_is_cut() -> None:
    content = smf([(0, on(60)), *events(SCALE), (96 * 1000, off(60))])
    music = read_music(content)
    assert max(note.end for note in music.notes) == MAX_NOTE_BEATS * TICKS_PER_BEAT
    assert "a note of more than 256 quarter notes is cut" in music.notices


def test_a_program_on_another_track_holds_for_the_channel() -> None:
    music = read_music(smf([(0, bytes((0xC0, 40))), (200, bytes((0xC0, 41)))], events(SCALE)))
    assert [note.program for note in music.notes] == [40, 40, 40] + [41] * 5


# Time.


@given(tunes(), tunes())
def test_the_songs_of_format_2_come_one_after_the_other(first: list[Key], second: list[Key]) -> None:
    tempo, slow = (0, meta(TEMPO, (400_000).to_bytes(3, "big"))), (0, meta(TEMPO, (800_000).to_bytes(3, "big")))
    waltz = (0, meta(TIME_SIGNATURE, b"\x03\x02\x18\x08"))
    music = read_music(smf([tempo, waltz, *events(first)], [slow, *events(second)], events(SCALE), kind=2))
    begin = -(-max(note.end for note in first) // TICKS_PER_BEAT) * TICKS_PER_BEAT
    third = begin + -(-max(note.end for note in second) // TICKS_PER_BEAT) * TICKS_PER_BEAT
    moved = [n._replace(onset=n.onset + begin, end=n.end + begin) for n in second]
    last = [n._replace(onset=n.onset + third, end=n.end + third) for n in SCALE]
    assert keys(music) == sorted(first + moved + last)
    assert music.tempos == ((0, 400_000), (begin, 800_000), (third, 500_000))
    assert music.meters == ((0, 3, 4), (begin, 4, 4), (third, 4, 4))
    assert "the 3 songs (format 2) are read one after the other" in music.notices


def test_one_song_of_format_2_is_a_plain_file() -> None:
    music = read_music(smf(events(SCALE), kind=2))
    assert (keys(music), music.notices) == (SCALE, ())


@pytest.mark.parametrize(("frames", "second"), [(24, 1.0), (25, 1.0), (29, 1.001), (30, 1.0)])
@pytest.mark.parametrize("ticks", [4, 40, 80])
def test_frames_are_seconds_whatever_the_tempo_says(tmp_path: Path, frames: int, second: float, ticks: int) -> None:
    per_second = (30 if frames == 29 else frames) * ticks
    division = (256 - frames) << 8 | ticks
    content = smf([(0, meta(TEMPO, b"\x01\0\0")), (per_second, on(60)), (3 * per_second, off(60))], division=division)
    (tmp_path / "a.mid").write_bytes(content)
    (note,) = timed_notes(tmp_path / "a.mid")
    assert (note.on_s, note.off_s) == (pytest.approx(second), pytest.approx(3 * second))
    music = read_music(content)
    assert not music.has_tempo
    assert len(music.notices) == 1


def test_without_a_tempo_it_is_120_until_there_is_one() -> None:
    music = read_music(smf([*events(SCALE), (192, meta(TEMPO, (1_000_000).to_bytes(3, "big")))]))
    assert [music.seconds_at(tick) for tick in (0, 96, 192, 288)] == [0, 0.5, 1, 2]
    assert music.has_tempo
    assert not read_music(smf(events(SCALE))).has_tempo


@given(tunes(), st.lists(st.tuples(st.integers(0, 800), st.integers(100_000, 2_000_000)), max_size=5))
def test_seconds_are_those_of_mido(tune: list[Key], tempos: list[tuple[int, int]]) -> None:
    content = smf([(tick, meta(TEMPO, us.to_bytes(3, "big"))) for tick, us in sorted(tempos)], events(tune))
    music = read_music(content)
    now, ends = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(content)):
        now += message.time
        if message.type == "note_off":
            ends.append(now)
    assert sorted(music.seconds_at(note.end) for note in music.notes) == pytest.approx(ends)


@given(st.lists(tunes(), min_size=1, max_size=3))
def test_names_of_tracks_and_hands_stay_known(tracks: list[list[Key]]) -> None:
    named = [[(0, meta(3, f"hand {i}".encode())), *events(tune, channel=i)] for i, tune in enumerate(tracks)]
    music = read_music(smf(*named))
    assert music.part_names == tuple(f"hand {i}" for i in range(len(tracks)))
    assert [part.channel for part in music.parts] == list(range(len(tracks)))


def test_names_are_read_in_either_code() -> None:
    assert read_music(smf([(0, meta(3, "Klavier ♯".encode())), *events(SCALE)])).part_names == ("Klavier ♯",)
    assert read_music(smf([(0, meta(4, b"Fl\xfcgel\r\n\0")), *events(SCALE)])).part_names == ("Flügel",)


# The same on both sides.


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hurt=st.sampled_from(HURT), tune=tunes(), data=st.data())
def test_training_reads_what_improv_reads(tmp_path: Path, hurt: Hurt, tune: list[Key], data: st.DataObject) -> None:
    content = hurt(tune, data)
    (tmp_path / "a.mid").write_bytes(content)
    rate = 24
    score = read_midi(content)
    starts = (score.notes["onset"] * rate + HALVES_UP).astype(int)
    ends = (score.ends * rate + HALVES_UP).astype(int)
    found = sorted(zip(starts.tolist(), score.notes["pitch"].tolist(), ends.tolist(), strict=True))
    notes = read_notes(tmp_path / "a.mid", rate)
    assert [(onset, pitch, max(end, onset + 1)) for onset, pitch, end in found] == [
        (n.onset, n.pitch, n.end) for n in notes
    ]
    assert score.done == read_music(content).notices


@given(st.binary(max_size=100))
def test_training_refuses_what_improv_refuses(content: bytes) -> None:
    hurt = header() + chunk(b"MTrk", content)

    def told(read: Callable[[bytes], MidiMusic | Score]) -> str | int:
        try:
            return len(read(hurt).notes)
        except (InputError, Rejected) as reason:
            return str(reason)

    assert told(read_music) == told(read_midi)


@pytest.mark.parametrize(
    "broken",
    [
        b"\0\xff\x01\x7fhi",  # a text that says it is longer than the track
        b"\0\xff\x01\xff\x7fhi",
        b"\0\xf0\x7e\x7f\x09\x01\xf7",  # a system message without its length
        b"\0\xf0\x64\x7e\x7f\x09\x01\xf7",
        b"\0\xff\x58\x70\4\2\x18\x08",
    ],
)
def test_an_event_of_a_wrong_length_costs_itself_alone(broken: bytes) -> None:
    music = read_music(header() + chunk(b"MTrk", broken + body(events(SCALE))))
    assert [(note.pitch, note.end - note.onset) for note in music.notes] == [(n.pitch, 96) for n in SCALE]
    assert "an event whose length is wrong is left out" in music.notices


@given(st.integers(0, 17), st.integers(0, 255))
def test_one_wrong_byte_in_the_names_of_chunks_or_the_length_of_the_header_costs_nothing(at: int, byte: int) -> None:
    content = bytearray(smf(events(SCALE)))
    if 8 <= at < 14:  # format, count and time are another matter
        at = 4 + at % 4
    content[at] = byte
    assert keys(read_music(bytes(content))) == SCALE


def test_the_music_of_a_riff_file_may_stand_behind_pictures() -> None:
    inside, picture = smf(events(SCALE)), b"x" * 5000
    riff = b"RMIDDISP" + len(picture).to_bytes(4, "little") + picture + b"data" + len(inside).to_bytes(4, "little")
    assert keys(read_music(b"RIFF" + (len(riff) + len(inside)).to_bytes(4, "little") + riff + inside)) == SCALE


def test_packed_files_are_read_and_damaged_ones_refused() -> None:
    plain, out = smf(events(SCALE)), io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("readme.txt", b"MThd")
        file.writestr("songs/._a.mid", b"\0")
        file.writestr("songs/A.MID", plain)
    for packed in (gzip.compress(plain), out.getvalue(), gzip.compress(out.getvalue())):
        assert keys(read_music(packed)) == SCALE
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("b.mid", plain)
    for packed, reason in (
        (out.getvalue(), "a zip with 2 MIDI files"),
        (gzip.compress(plain)[:15] + b"x" * 40, "damaged packed file"),
        (gzip.compress(b"\0" * (17 << 20)), "unpacks to more than"),
        (b"PK\x03\x04" + plain, "damaged packed file"),
    ):
        with pytest.raises(InputError, match=reason):
            read_music(packed)


def test_the_builder_writes_what_mido_reads() -> None:
    file = mido.MidiFile(file=io.BytesIO(smf([(0, meta(TEMPO, b"\7\xa1\x20")), (300, on(60)), (70_000, off(60))])))
    assert [(m.time, m.type) for m in file.tracks[0]] == [
        (0, "set_tempo"),
        (300, "note_on"),
        (69_700, "note_off"),
        (0, "end_of_track"),
    ]
    assert variable_length(0x0FFFFFFF) == b"\xff\xff\xff\x7f"
