"""Takes: what was heard is in them, also after a crash; they can be made again to the last digit."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import itertools
import json
import os
import random
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.app.cli import main
from improv.clock import ManualClock
from improv.config import adapters, load
from improv.control import state
from improv.control.commands import (
    AbortJourney,
    AllNotesOff,
    Command,
    End,
    HoldJourney,
    JumpJourney,
    Pause,
    Play,
    Reset,
    ResumeJourney,
    SetAttribute,
    SetChord,
    SetChords,
    SetForm,
    SetGlide,
    SetIntensity,
    SetKey,
    SetLimit,
    SetMode,
    SetMood,
    SetPhraseBars,
    SetReach,
    StartJourney,
)
from improv.control.journey import Iso, Journey, Waypoint
from improv.control.state import ControlState
from improv.engine.engine import Engine
from improv.errors import InputError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import (
    Begin,
    Configure,
    Follow,
    FollowTempo,
    Hear,
    Locate,
    Offer,
    Operation,
    Plan,
    Prime,
    Release,
    Replace,
    Resume,
    Rewind,
    Shorten,
)
from improv.improviser.planned_step import PlannedStep
from improv.improviser.settings import Settings
from improv.listening.influence import Influence, Quote
from improv.model.onnx_model import Model, OnnxModel, digest_of, resolve
from improv.music.attributes import Key
from improv.music.chord import chord_named
from improv.music.mood import CORNERS, Mood
from improv.music.position import Position
from improv.music.primer import Primer, PrimerChord, PrimerNote
from improv.player.protocol import MoveOff, Received, Schedule
from improv.takes import journal, library, recreate, take
from improv.takes.export.midi import midi_file
from improv.takes.export.report import html
from improv.takes.journal import SUFFIX, JournalWriter, Record, line_of, record_of
from improv.takes.recorder import RETRY_EVERY_S, OperationRecorder, Recording, in_words
from improv.takes.schema import controls_record, operations, settings_of, settings_record
from tests.conftest import TINY
from tests.engine.test_led import Master
from tests.fakes import FallibleLink
from tests.planned import Untaught
from tools.waiting import eventually

START = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
ROUNDING_S = 1e-5  # the journal keeps microseconds


class Session:
    """An engine that records, on a manual clock."""

    def __init__(
        self,
        model: Model,
        folder: Path,
        minutes: float = 30.0,
        seed: int = 3,
        keep: int = 50,
        overrides: Sequence[str] = (),
    ) -> None:
        config = load(None, overrides, {})
        self.clock = ManualClock(500.0)
        self.link = FallibleLink(self.clock)
        about = {"seed": seed, "model": {"name": "tiny", "sha256": digest_of(TINY)}, "config": config.model_dump()}
        about["config"]["model"]["path"] = str(TINY)
        about["config"]["midi"]["outputs"] = []

        def wall() -> datetime.datetime:
            return START + datetime.timedelta(seconds=self.clock.now() - 500.0)

        self.recording = Recording(folder, minutes, keep, self.clock, wall, about)
        first = adapters.initial_controls(config)
        settings = adapters.improviser_settings(config)
        self.engine = Engine(
            Improviser(model, settings, first, seed, OperationRecorder(self.recording, first, settings)),
            self.link,
            self.clock,
            first,
            config.controls.midi_map(config.mood.moods),
            adapters.engine_settings(config),
            self.recording.commanded,
        )
        self.link.observers.add(self.recording)

    def play(self, seconds: float) -> None:
        end_s = self.clock.now() + seconds
        while self.clock.now() < end_s:
            self.engine.turn(min(0.05, end_s - self.clock.now()))

    def command(self, *commands: Command) -> None:
        for command in commands:
            self.engine.act(command, self.clock.now())

    def eventful(self, seconds: float, seed: int, *, deaths: bool = True) -> None:
        """Commands of all kinds at random, and deaths of the player."""
        chance = random.Random(seed)
        end_s = self.clock.now() + seconds
        while self.clock.now() < end_s:
            self.play(chance.uniform(0.05, 3.0))
            x, y = chance.uniform(-1, 1), chance.uniform(-1, 1)
            key = bytes((chance.choice((0x90, 0x80)), chance.randrange(128), 64))
            self.link.arriving.append((self.clock.now(), Received(key, self.clock.now())))
            some: list[Command] = [
                SetMood(x, y),
                SetGlide(3 * abs(x)),
                SetIntensity(abs(y)),
                SetAttribute("tempo", 100 + 40 * x),
                SetAttribute("tempo", None),
                Pause(),
                Play(),
                End(),
                AllNotesOff(),
                Reset(),
                SetLimit("tempo", 60.0, 90.0 + 20 * x),
                StartJourney(Iso("evening", Mood(x, y), Mood(0.6, -0.6), 2.0, 6.0, 2.0)),
                HoldJourney(),
                ResumeJourney(),
                JumpJourney(share=abs(x)),
                AbortJourney(),
                SetMode(chance.choice(("solo", "duet"))),
                SetKey(chance.choice((None, 2, 14))),
            ]
            self.command(chance.choice(some))
            if deaths and chance.random() < 0.1:
                self.link.lose_everything()
        self.command(Play())
        self.play(1.0)


def nothing_else(offer: journal.Record) -> OnnxModel:
    raise AssertionError("no other model was offered")


def only(folder: Path) -> Path:
    (path,) = library.paths(folder)
    return path


# ----------------------------------------------------------------------------------------------------- the journal


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_a_line_read_back_is_the_record(values: dict[str, object]) -> None:
    record = values | {"k": "x"}
    assert record_of(line_of(record)) == record


@given(st.binary(max_size=40))
def test_any_bytes_are_no_record_or_a_whole_one(data: bytes) -> None:
    record = record_of(data)
    assert record is None or line_of(record) == data or "k" in record


@given(st.integers(0, 300), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, change: int) -> None:
    line = bytearray(line_of({"k": "step", "tick": 12, "m": 1.5, "on": [[1, 60, 70, 1.25]]}))
    line[at % len(line)] ^= change
    assert record_of(bytes(line)) is None


def test_what_is_appended_is_in_the_file(tmp_path: Path) -> None:
    said: list[str] = []
    writer = JournalWriter(tmp_path / "new" / "a.take", said.append)
    for number in range(1000):
        writer.append({"k": "x", "n": number})
    writer.close()
    assert [record and record["n"] for record in journal.read(writer.path)] == list(range(1000))
    assert writer.path.stat().st_mode & 0o077 == 0  # a record of a person is nobody else's business
    assert said == []


def test_a_disk_that_refuses_is_said_once_and_nothing_stops(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    writer = JournalWriter(tmp_path / "file" / "a.take", said.append)
    for number in range(100):
        writer.append({"k": "x", "n": number})
    writer.close()
    assert len(said) == 1
    assert "a.take is not recorded any further" in said[0]


def test_music_that_cannot_be_recorded_goes_on(
    tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = Session(tiny, tmp_path)
    session.play(2)

    def broken(step: PlannedStep) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(session.recording, "add", broken)
    before = len(session.link.scheduled)
    session.play(6)
    assert len(session.link.scheduled) > before
    session.recording.close()
    assert caplog.text.count("the music is not recorded any further") == 1
    assert "is not recorded any further: unexpected error" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="no locks of this kind")
def test_a_take_that_is_being_written_is_known(
    tiny: OnnxModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(tiny, tmp_path)
    session.play(1)
    while not library.paths(tmp_path) or not only(tmp_path).stat().st_size or not journal.is_locked(only(tmp_path)):
        pass  # the journal's thread is about to open it and to write its first line
    assert [row.state for row in library.listed(tmp_path)] == ["playing"]
    assert take.read(only(tmp_path)).state == "being recorded"
    assert main(["takes", "delete", "last", "--yes", "-o", f"takes.folder={tmp_path}"]) == 2
    assert "is being recorded" in capsys.readouterr().err
    session.recording.close()
    assert [row.state for row in library.listed(tmp_path)] == ["ended"]


# ---------------------------------------------------------------------------------------------- what is in a take


@pytest.mark.parametrize("seed", range(3))
def test_a_take_holds_exactly_what_the_player_had(tiny: OnnxModel, tmp_path: Path, seed: int) -> None:
    session = Session(tiny, tmp_path)
    session.eventful(60, seed)
    session.recording.close()
    assert_as_the_player_had_it(session, take.read(only(tmp_path)))


def assert_as_the_player_had_it(session: Session, read: take.Take, began_s: float = 500.0) -> None:
    end_s = session.clock.now()
    had = {n.note_id: n for n in session.link.scheduled.values() if n.on_s < end_s}
    heard = {note.note_id: note for note in read.notes}
    assert heard.keys() == had.keys()
    assert read.ended
    assert read.damaged == 0
    for note_id, note in heard.items():
        assert (note.pitch, note.velocity) == (had[note_id].pitch, had[note_id].velocity)
        assert note.on_s == pytest.approx(had[note_id].on_s - began_s, abs=ROUNDING_S)
        assert note.off_s == pytest.approx(min(had[note_id].off_s, end_s) - began_s, abs=ROUNDING_S)


def test_a_take_with_commands_to_the_plan_is_made_again(tmp_path: Path) -> None:
    model = Untaught()
    session = Session(model, tmp_path)
    commands = [
        SetKey(14),
        SetChords("Am F | C G"),
        SetPhraseBars(3),
        SetChord(chord_named("Em7/B")),
        SetReach(0),
        SetForm(on=False),
        SetChords(""),
        Reset(),
    ]
    for command in commands:
        session.play(2.5)
        session.command(command)
    session.play(4)
    session.recording.close()
    records = recreate.chain(only(tmp_path))
    told = [record["chords"] for record in records if record["k"] == "controls"]
    assert "Am F | C G" in told
    assert next(record["text"] for record in records if record["k"] == "command") == in_words(commands[0])
    _, comparison = recreate.recreated(records, model, nothing_else)
    assert comparison.steps > 100
    assert (comparison.different, comparison.first) == (0, "")


def test_notes_that_came_too_late_are_not_in_the_take_unless_they_were_sent_again(
    tiny: OnnxModel, tmp_path: Path
) -> None:
    session = Session(tiny, tmp_path)
    session.play(5)
    late, again = list(session.link.scheduled.values())[2:4]
    session.link.drop(late.note_id)
    session.link.drop(again.note_id)
    now_s = session.clock.now()
    session.engine._link.send(Schedule((again._replace(on_s=now_s + 0.1, off_s=now_s + 10),)))
    session.engine._link.send(MoveOff(((again.note_id, now_s + 0.5),)))
    session.play(1)
    session.recording.close()
    assert_as_the_player_had_it(session, take.read(only(tmp_path)))
    assert late.note_id not in session.link.scheduled
    assert again.note_id in session.link.scheduled


@pytest.mark.parametrize("jitter_s", [0.0, 0.003])
def test_a_led_take_has_its_notes_where_the_master_s_beats_turned_out_to_be(
    tiny: OnnxModel, tmp_path: Path, jitter_s: float
) -> None:
    session = Session(tiny, tmp_path, minutes=0.1, overrides=["clock.source=midi"])
    master = Master(session.link, 100, session.clock.now() + 0.5, jitter_s)
    master.start()
    for bpm in (100, 104, 92, 110):
        master.bpm = bpm
        master.roll(6)
    session.play(master.at_s - session.clock.now())
    session.recording.close()
    paths = library.paths(tmp_path)
    assert len(paths) > 1
    heard = 0
    for one in map(take.read, paths):
        began = datetime.datetime.fromisoformat(one.head["started"])
        began_s = 500.0 + (began - START).total_seconds()
        for note in one.notes:
            assert note.on_s == pytest.approx(session.link.scheduled[note.note_id].on_s - began_s, abs=ROUNDING_S)
        heard += len(one.notes)
    assert heard >= 20
    records = recreate.chain(paths[-1])
    assert any(record["k"] == "bend" for record in records)
    assert recreate.recreated(records, tiny, nothing_else)[1].different == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_take_made_again_is_the_same_to_the_last_digit(tiny: OnnxModel, tmp_path: Path, seed: int) -> None:
    session = Session(tiny, tmp_path, seed=seed)
    session.eventful(60, seed)
    session.recording.close()
    records = recreate.chain(only(tmp_path))
    made, comparison = recreate.recreated(records, tiny, nothing_else)
    assert comparison.different == 0
    assert comparison.steps > 60
    assert made == records


def test_whatever_is_done_to_an_improviser_is_written_and_read_again(tiny: OnnxModel) -> None:
    config = load(None, [], {})
    first, settings = adapters.initial_controls(config), adapters.improviser_settings(config)
    turned = state.apply(first, SetMood(0.5, -0.5), 1.0)
    quiet = replace(settings, top_p=0.5)
    notes = (PrimerNote(0, 60, 12, 80, 1), PrimerNote(24, 48, 6, 70, 0))
    theme = Primer("theme.mid", 1, 3.0, 88.5, 12, notes, (PrimerChord(0, chord_named("Cm/Eb")),))
    done: list[Operation] = [
        Hear((60, 64)),
        Hear((60,), ((67, 90), (64, 40))),
        Follow(Influence(plays=False, attributes={"loudness": 60.0}, key=Key(0, True), key_share=0.8)),
        Follow(Influence(chord=frozenset({0, 4, 7}), mood=Mood(0.5, -0.1), quote=Quote(4, 8, ((0, (60,)),), 0.6))),
        FollowTempo(90.0),
        FollowTempo(None),
        Prime(theme, "hands"),
        Prime(theme),
        Locate(8.5),
        Shorten(2.25),
        Release(),
    ]
    done += [Offer("other", tiny), Rewind(4), Begin(turned), Replace(turned), Plan(turned)]
    done += [Configure(quiet), Plan(turned), Resume(1, 40)]
    assert {type(one) for one in done} == set(get_args(Operation)), "one of each kind"
    take: Record = {"k": "take", "controls": controls_record(first), "settings": settings_record(settings)}
    written: list[Record] = [take]

    class Kept(Recording):
        """Keeps in a list what would go to the disk."""

        def __init__(self) -> None:
            super().__init__(Path(), 1.0, 1, ManualClock(), lambda: START, {})
            self.begun = True

        def write(self, record: Record) -> None:
            written.append(json.loads(json.dumps(record)))

        def state(self, controls: ControlState, settings: Settings) -> None:
            self.write(controls_record(controls))
            self.write(settings_record(settings))

    recorder = OperationRecorder(Kept(), first, settings)
    step = PlannedStep(Position(0, 0.0, 100.0, 0, 4.0, 4), (), (), CORNERS["calm"], 1)
    for one in done:
        recorder(one, step if isinstance(one, Plan) else None)
    found = [operation for _, operation in operations(written, lambda _: tiny)]
    assert [one for one in found if not isinstance(one, Configure)] == [
        one for one in done if not isinstance(one, Configure)
    ]
    assert [one.settings for one in found if isinstance(one, Configure)][-1] == quiet


@pytest.mark.parametrize("ring", [("a",), ("a", "b")])
def test_takes_that_continue_each_other_in_a_ring_are_a_sentence(tmp_path: Path, ring: tuple[str, ...]) -> None:
    for name, before in zip(ring, (*ring[1:], ring[0]), strict=True):
        head = {"k": "take", "format": 1, "id": name, "continues": before}
        (tmp_path / f"{name}.take").write_bytes(line_of(head))
    with pytest.raises(InputError, match=r"continues .*not made again"):
        recreate.chain(tmp_path / "a.take")


def test_a_missing_command_shows(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.play(5)
    session.command(SetMood(-1.0, 1.0))
    session.play(5)
    session.recording.close()
    records = recreate.chain(only(tmp_path))
    incomplete = [record for record in records if record["k"] != "controls"]
    assert recreate.recreated(incomplete, tiny, nothing_else)[1].different > 0


def test_a_take_that_was_cut_short_is_whole_up_to_there(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.eventful(20, 1)
    session.recording.close()
    whole = only(tmp_path).read_bytes()
    everything = take.read(only(tmp_path))
    for length in range(len(whole) // 2, len(whole), len(whole) // 40):
        cut = tmp_path / f"cut{SUFFIX}"
        cut.write_bytes(whole[:length])
        read = take.read(cut)
        assert not read.ended
        assert read.damaged == (0 if whole[:length].endswith(b"\n") else 1)
        assert all(0 <= note.on_s <= note.off_s <= read.seconds for note in read.notes)
        known = {note.note_id: note.on_s for note in everything.notes}
        # What was planned beyond the cut may have been taken back later; what lay before it is as it was.
        early = [note for note in read.notes if note.on_s < read.seconds - 0.5]
        assert all(known.get(note.note_id) == note.on_s for note in early)
        assert paired(midi_file(read))


def paired(file: mido.MidiFile) -> bool:
    """Whether every note-on has its note-off and none begins while it sounds."""
    for track in file.tracks:
        down: set[tuple[int, int]] = set()
        for message in track:
            if message.type == "note_on":
                if (message.channel, message.note) in down:
                    return False
                down.add((message.channel, message.note))
            elif message.type == "note_off":
                down.remove((message.channel, message.note))
        if down:
            return False
    return True


def test_a_damaged_line_in_the_middle_is_left_out_and_said(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.play(10)
    session.recording.close()
    path = only(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[len(lines) // 2] = b"00000000 {}\n"
    path.write_bytes(b"".join(lines))
    assert take.read(path).damaged == 1
    with pytest.raises(InputError, match="1 damaged lines: it can be exported, but not made again"):
        recreate.chain(path)


def test_a_full_take_goes_on_in_the_next(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path, minutes=0.25)
    session.eventful(60, 4, deaths=False)
    session.recording.close()
    paths = library.paths(tmp_path)
    assert len(paths) >= 3
    heard: dict[int, float] = {}
    for path in paths:
        read = take.read(path)
        began_s = (datetime.datetime.fromisoformat(read.head["started"]) - START).total_seconds()
        for note in read.notes:
            assert note.note_id not in heard
            heard[note.note_id] = began_s + note.on_s + 500.0
    had = {n.note_id: n.on_s for n in session.link.scheduled.values() if n.on_s < session.clock.now()}
    assert heard == pytest.approx(had, abs=1e-4)
    assert recreate.recreated(recreate.chain(paths[-1]), tiny, nothing_else)[1].different == 0
    paths[0].unlink()
    with pytest.raises(InputError, match="which was deleted"):
        recreate.chain(paths[-1])


def test_the_way_points_of_a_journey_are_what_was_commanded(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.play(4)
    points = (Waypoint(0.0, Mood(-0.5, -0.5)), Waypoint(3.0, Mood(0.0, 0.0)), Waypoint(60.0, Mood(1.0, 0.0)))
    session.command(StartJourney(Journey("evening", points)))
    session.play(8)
    session.command(SetMood(-1.0, 1.0))
    session.play(2)
    session.recording.close()
    changes = take.read(only(tmp_path)).changes
    assert [change.target for change in changes] == [CORNERS["calm"], (-0.5, -0.5), (0.0, 0.0), (-1.0, 1.0)]
    assert [change.at_s for change in changes] == pytest.approx([0.0, 4.0, 7.0, 12.0], abs=0.6)


def test_nothing_is_kept_of_a_daemon_that_only_rests(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.command(Pause())
    session.play(10)
    session.recording.close()
    assert library.paths(tmp_path) == []


def test_what_the_person_plays_is_on_a_track_of_its_own(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    for at_s, message in (
        (501.0, b"\x90\x3c\x50"),
        (502.0, b"\x80\x3c\x00"),
        (503.0, b"\x91\x40\x46"),
        (503.1, b"\xf8"),
    ):
        session.link.arriving.append((at_s, Received(message, at_s)))
    session.play(5)
    session.recording.close()
    read = take.read(only(tmp_path))
    assert [message.at_s for message in read.person] == [1.0, 2.0, 3.0]
    file = midi_file(read)
    assert [m.type for m in file.tracks[-1] if not m.is_meta] == ["note_on", "note_off", "note_on", "note_off"]
    assert paired(file)


def test_a_flood_is_not_recorded_whole(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.play(1)
    session.link.arriving += [(501.5, Received(b"\xb0\x30\x01", 501.5)) for _ in range(5000)]
    session.play(1)
    session.recording.close()
    assert len(take.read(only(tmp_path)).person) == 500


# ------------------------------------------------------------------------------------------------- the MIDI file


def test_the_file_has_the_notes_at_their_times_and_bars_in_place(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.play(8)
    session.command(SetMood(*CORNERS["nervous"]))
    session.play(8)
    session.command(Pause())
    session.play(7)
    session.command(Play())
    session.play(8)
    session.recording.close()
    read = take.read(only(tmp_path))
    file = midi_file(read)
    path = tmp_path / "a.mid"
    file.save(path)
    at_s, onsets = 0.0, []
    for message in mido.MidiFile(path):
        at_s += message.time
        if message.type == "note_on":
            onsets.append(at_s)
    # A tick is at most 2 ms at these tempi; the tempo of a step is kept to a microsecond a quarter.
    assert sorted(onsets) == pytest.approx([note.on_s for note in read.notes], abs=0.004)
    markers = [m.text for m in file.tracks[0] if m.type == "marker"]
    assert markers == ["calm", "nervous"]
    assert paired(file)


# ---------------------------------------------------------------------------------------------------- the shelf


def made(folder: Path, tiny: OnnxModel, seconds: float = 3.0) -> str:
    session = Session(tiny, folder)
    session.play(seconds)
    session.recording.close()
    return session.recording.take_id


def test_only_the_newest_takes_stay(tiny: OnnxModel, tmp_path: Path) -> None:
    (tmp_path / "mine.mid").write_text("not a take")
    ids = []
    for _ in range(4):
        session = Session(tiny, tmp_path, keep=2)
        session.play(1)
        session.recording.close()
        ids.append(session.recording.take_id)
    assert len(library.paths(tmp_path)) == 2
    assert ids[-1] in {path.stem for path in library.paths(tmp_path)}
    assert (tmp_path / "mine.mid").exists()


def test_finding_a_take(tmp_path: Path) -> None:
    for name in ("2026-01-01T10-00-00", "2026-01-02T10-00-00", "2026-01-02T11-00-00"):
        (tmp_path / f"{name}{SUFFIX}").write_text("")
    assert library.find(tmp_path, "last").stem == "2026-01-02T11-00-00"
    assert library.find(tmp_path, "2026-01-01").stem == "2026-01-01T10-00-00"
    with pytest.raises(InputError, match="could be 2 takes: 2026-01-02T10-00-00, 2026-01-02T11-00-00"):
        library.find(tmp_path, "2026-01-02")
    for trick in ("", "..", "../etc/passwd", "/etc/passwd", "*"):
        with pytest.raises(InputError, match="there is no take"):
            library.find(tmp_path, trick)
    with pytest.raises(InputError, match="there are no takes"):
        library.find(tmp_path / "nowhere", "last")


def test_the_list_tells_how_each_ended(tiny: OnnxModel, tmp_path: Path) -> None:
    made(tmp_path, tiny)
    path = only(tmp_path)
    cut = path.with_name(f"2026-02-02T02-02-02{SUFFIX}")
    cut.write_bytes(path.read_bytes()[:-60])
    newest, oldest = library.listed(tmp_path)
    assert (newest.state, oldest.state) == ("cut short", "ended")
    assert oldest.seconds == pytest.approx(3.0, abs=0.1)


def test_notes_are_kept_with_the_take_also_after_a_torn_line(tiny: OnnxModel, tmp_path: Path) -> None:
    made(tmp_path, tiny)
    path = only(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    library.add_note(path, " she smiled ", START)
    library.add_note(path, "and hummed", START)
    assert [text for _, text in take.read(path).written] == ["she smiled", "and hummed"]
    with pytest.raises(InputError, match=r"1\.\.10000 characters"):
        library.add_note(path, "  ", START)


def test_what_is_no_take_is_said(tmp_path: Path) -> None:
    wrong = tmp_path / f"a{SUFFIX}"
    wrong.write_bytes(b"hello\n")
    with pytest.raises(InputError, match="its first line is damaged"):
        take.read(wrong)
    wrong.write_bytes(line_of({"k": "take", "format": 99}))
    with pytest.raises(InputError, match="is of take format 99, this version reads 1"):
        take.read(wrong)
    with pytest.raises(InputError, match="cannot be read"):
        take.read(tmp_path / "none")


def test_commands_in_words() -> None:
    assert in_words(SetMood(0.5)) == "set mood: valence 0.5"
    assert in_words(AllNotesOff()) == "all notes off"
    assert in_words(StartJourney(Iso("evening", None, Mood(0, 0)))) == "start journey: plan evening"


# ------------------------------------------------------------------------------------------------ the command line


def test_the_command_line_from_list_to_delete(
    tiny: OnnxModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take_id = made(tmp_path, tiny, 12.0)
    here = ["-o", f"takes.folder={tmp_path}", "-o", f"model.path={TINY}"]
    assert main(["takes", "list", *here]) == 0
    assert take_id in capsys.readouterr().out
    png = tmp_path / "roll.png"
    assert main(["takes", "export", "last", "--png", str(png), *here]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    again = tmp_path / "again.mid"
    assert main(["takes", "render", take_id, str(again), *here]) == 0
    assert "every note as it was played" in capsys.readouterr().out
    assert again.read_bytes() == (tmp_path / f"{take_id}.mid").read_bytes()
    other = tmp_path / "other.mid"
    assert main(["takes", "render", take_id, "--mood", "nervous", *here, str(other)]) == 0
    assert other.read_bytes() != again.read_bytes()
    with pytest.raises(SystemExit):
        main(["takes", "render", take_id, str(other), *here, "more.mid"])
    assert "unrecognized arguments: more.mid" in capsys.readouterr().err
    assert main(["takes", "note", "last", "<b>calmer</b>", *here]) == 0
    assert main(["takes", "report", "last", *here]) == 0
    page = (tmp_path / f"{take_id}.html").read_text()
    assert "&lt;b&gt;calmer&lt;/b&gt;" in page
    assert "http" not in page
    assert main(["takes", "delete", "last", "--yes", *here]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.mid", "other.mid", "roll.png"]
    capsys.readouterr()
    assert main(["takes", "export", "last", *here]) == 2
    assert capsys.readouterr().err == f"improv: there are no takes in {tmp_path}\n"


@contextlib.contextmanager
def changed_head(path: Path) -> Iterator[Record]:
    """A take's first record, to be changed; it is written back."""
    first, rest = path.read_bytes().split(b"\n", 1)
    head = record_of(first + b"\n")
    assert head is not None
    yield head
    path.write_bytes(line_of(head) + rest)


def test_another_model_is_not_taken_for_the_one_that_played(
    tiny: OnnxModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, tiny)
    with changed_head(only(tmp_path)) as head:
        head["model"]["sha256"] = "0" * 64
    assert main(["takes", "render", "last", "-o", f"takes.folder={tmp_path}"]) == 2
    assert "was played by another model file (tiny, sha256 000000000000)" in capsys.readouterr().err


def test_a_take_that_a_default_model_played_is_made_again_by_that_one(
    tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default was `polyphony` in the first version."""
    made(tmp_path, tiny)
    with changed_head(only(tmp_path)) as head:
        head["model"] = {"asked": "", "name": "polyphony", "sha256": digest_of(resolve("polyphony"))}
        head["config"]["model"]["path"] = ""
    chosen: list[Model] = []

    def recreated(records: list[Record], model: Model, _: object) -> tuple[list[Record], recreate.Comparison]:
        chosen.append(model)
        return records, recreate.Comparison(1, 0, "")

    monkeypatch.setattr(recreate, "recreated", recreated)
    assert main(["takes", "render", "last", "-o", f"takes.folder={tmp_path}"]) == 0
    assert [model.contract.name for model in chosen] == ["polyphony"]


def test_the_report_of_a_take_without_notes_or_person(tiny: OnnxModel, tmp_path: Path) -> None:
    made(tmp_path, tiny)
    path = only(tmp_path)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert "no notes" in html(take.read(path))
    assert paired(midi_file(take.read(path)))


def test_a_take_that_is_being_recorded_is_never_deleted_as_an_old_one(tmp_path: Path) -> None:
    oldest = JournalWriter(tmp_path / f"2026-01-01T00-00-00{SUFFIX}", str)
    oldest.append({"k": "take"})
    eventually(lambda: library.is_locked(oldest.path))
    for second in range(1, 4):
        (tmp_path / f"2026-01-01T00-00-0{second}{SUFFIX}").touch()
    library.keep_newest(tmp_path, 1)
    assert [path.stem[-2:] for path in library.paths(tmp_path)] == ["00", "03"]
    oldest.close()


def test_a_take_that_somebody_looks_at_as_it_begins_is_recorded(tmp_path: Path) -> None:
    """Whoever lists takes asks for the lock of each; the writer waits for that moment instead of giving up."""
    path = tmp_path / f"x{SUFFIX}"
    path.touch()
    with path.open("rb") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        handle = os.open(path, os.O_WRONLY)
        locking = threading.Thread(target=journal._lock, args=(handle,))
        locking.start()
        locking.join(0.05)
        assert locking.is_alive()
    locking.join(60.0)
    assert library.is_locked(path)
    os.close(handle)


def test_a_disk_without_locks_records_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    failures: list[str] = []
    writer = JournalWriter(tmp_path / f"x{SUFFIX}", failures.append)
    writer.append({"k": "take"})
    writer.close()
    assert [record["k"] for record in journal.read(writer.path) if record] == ["take"]
    assert not failures


@pytest.mark.parametrize("work", ["keep_newest", "free_path"])
def test_a_disk_that_stands_still_as_a_take_begins_does_not_hold_the_music_up(
    tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    goes_on, by, real = threading.Event(), list[threading.Thread](), getattr(library, work)

    def slow(*arguments: Any) -> Any:
        by.append(threading.current_thread())
        goes_on.wait(20.0)
        return real(*arguments)

    monkeypatch.setattr(library, work, slow)
    session = Session(tiny, tmp_path, minutes=0.05)
    session.play(12)  # several takes long
    assert eventually(lambda: by)
    assert threading.main_thread() not in by
    assert not library.paths(tmp_path)
    goes_on.set()
    session.play(3)
    session.recording.close()
    last = library.paths(tmp_path)[-1]
    assert take.read(last).head["continues"]
    assert recreate.recreated(recreate.chain(last), tiny, nothing_else)[1].different == 0


def test_a_record_that_json_cannot_say_costs_one_line(tmp_path: Path) -> None:
    failures: list[str] = []
    writer = JournalWriter(tmp_path / f"x{SUFFIX}", failures.append)
    for value in (1.0, float("nan"), 2.0):
        writer.append({"k": "hurry", "m": value})
    writer.close()
    assert [record["m"] for record in journal.read(writer.path) if record] == [1.0, 2.0]
    assert not failures


def test_a_journal_whose_queue_is_full_ends_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SYNC_EVERY_S", 0.01)
    monkeypatch.setattr(journal, "LONGEST_QUEUE", 3)
    failures: list[str] = []
    writer = JournalWriter(tmp_path / f"x{SUFFIX}", failures.append)
    for number in range(200):
        writer.append({"k": "hurry", "m": number})
    writer.close(30.0)
    assert not writer._thread.is_alive()


def test_what_is_written_is_there_at_once(tmp_path: Path) -> None:
    """A process that is killed has lost nothing but what came in that moment."""
    writer = JournalWriter(tmp_path / f"x{SUFFIX}", str)
    for number in range(3):
        writer.append({"k": "x", "n": number})
        eventually(lambda: writer.path.exists())
        eventually(lambda number=number: len(list(journal.read(writer.path))) == number + 1)  # type: ignore[misc]
    writer.close()


@pytest.mark.parametrize("trouble", ["deleted", "full"])
def test_recording_goes_on_by_itself_when_it_can(
    tiny: OnnxModel, tmp_path: Path, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    session = Session(tiny, tmp_path)
    session.play(2)
    first = eventually(lambda: session.recording.take_id)
    written = session.recording._journal
    assert written is not None
    if trouble == "deleted":
        eventually(lambda: (tmp_path / f"{first}{SUFFIX}").exists())
        shutil.rmtree(tmp_path)
        eventually(lambda: session.recording.write({"k": "x"}) or written.failed)
    else:
        written.fail("No space left on device")
    session.play(2 * RETRY_EVERY_S)
    session.recording.close()
    assert session.recording.take_id != first
    (path,) = [path for path in library.paths(tmp_path) if path.stem != first]
    assert take.read(path).notes
    assert caplog.text.count("is not recorded any further") == 1


def test_takes_of_a_clock_that_was_not_set_are_not_the_first_to_go(tmp_path: Path) -> None:
    names = ["1970-01-01T00-00-09", "2024-05-01T10-00-00", "2025-05-01T10-00-00", "1970-01-01T00-00-05"]
    for name in names:
        (tmp_path / f"{name}{SUFFIX}").write_text("")
    library.keep_newest(tmp_path, 3)
    assert [path.stem for path in library.paths(tmp_path)] == [names[2], names[3], names[0]]


@pytest.mark.parametrize(
    "wrong", [{"at": 1e300}, {"at": float("inf")}, {"bpm": 0.0}, {"beats": 0.0}, {"grid": 10**9}, {"m": 1e300}]
)
def test_a_crafted_take_is_refused_instead_of_being_counted_for_ever(wrong: Record) -> None:
    head = {"k": "take", "format": 1, "controls": controls_record(adapters.initial_controls(load(None, [], {})))}
    step = {"k": "step", "tick": 0, "m": 0.0, "bpm": 90.0, "bar": 1, "line": 0, "beats": 4.0, "grid": 4, "v": 0, "a": 0}
    step |= {"on": [], "off": [], **{key: value for key, value in wrong.items() if key != "at"}}
    end = {"k": "end", "at": wrong.get("at", 5.0)}
    with pytest.raises(InputError, match="a record lacks what it should have"):
        take.taken(Path("x"), [head, step, end], 0)


def test_a_take_with_pedal_is_read_made_again_and_keeps_its_pedal(tmp_path: Path) -> None:
    model = Untaught()
    session = Session(model, tmp_path, seed=1, overrides=["music.pedal=2"])
    session.play(12)
    session.recording.close()
    records = recreate.chain(only(tmp_path))
    assert any("pedal" in record for record in records if record["k"] == "step")
    pedals = take.read(only(tmp_path)).pedals
    assert len(pedals) > 2
    assert all(before.down_s < before.up_s <= after.down_s for before, after in itertools.pairwise(pedals))
    _, comparison = recreate.recreated(records, model, nothing_else)
    assert comparison.different == 0


def test_a_take_from_before_there_was_a_pedal_has_none(tmp_path: Path) -> None:
    session = Session(Untaught(), tmp_path)
    session.play(6)
    session.recording.close()
    record = recreate.chain(only(tmp_path))[0]["settings"]
    assert settings_of({key: value for key, value in record.items() if key != "pedal"}).pedal == 0
