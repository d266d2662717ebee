"""Begin from this, live: read beside the music, begun on a bar line, refused in a sentence."""

from __future__ import annotations

import threading

import pytest

from improv.control.commands import BeginFrom, Pause, Play, SetMode
from improv.engine.engine import Engine
from improv.errors import CommandError, InputError
from improv.listening.primer_analysis import of_midi
from improv.music.primer import Primer
from tests.engine.test_together import phrase, played
from tests.fakes import Stage
from tests.listening.test_primer_analysis import midi
from tests.planned import Untaught
from tests.stage import assert_silent
from tools.waiting import eventually


class Shelf:
    """Sources that hold their answer back until they are let go."""

    def __init__(self, primer: Primer | None, *, beside: bool = False) -> None:
        self.beside, self.primer, self.asked = beside, primer, list[BeginFrom]()
        self.may_answer = threading.Event()
        if not beside:
            self.may_answer.set()

    def check(self, command: BeginFrom) -> None:
        if command.name == "gone.mid":
            raise CommandError("there is no MIDI file 'gone.mid'")

    def read(self, command: BeginFrom) -> Primer:
        self.may_answer.wait(60)
        self.asked.append(command)
        if self.primer is None:
            raise InputError("bad.mid: no notes")
        return self.primer


def with_sources(shelf: Shelf) -> Stage:
    stage = Stage(Untaught())
    stage.engine.beginnings._sources = shelf
    return stage


@pytest.fixture
def primer() -> Primer:
    return of_midi("theme.mid", midi(bars=4, numerator=3, bpm=104))


def home(engine: Engine) -> int | None:
    plan = engine.improviser.snapshot.plan
    return None if plan is None else plan.piece.home


def test_the_music_goes_on_until_the_bars_are_read(primer: Primer) -> None:
    shelf = Shelf(primer, beside=True)
    stage = with_sources(shelf)
    stage.play(1.0)
    stage.engine.act(BeginFrom("file", "theme.mid"), stage.clock.now())
    planned = stage.engine.status().notes_planned
    stage.play(5.0)
    assert stage.engine.status().notes_planned > planned
    assert stage.engine.status().begins_from == "theme.mid"
    shelf.may_answer.set()
    eventually(lambda: bool(shelf.asked))
    eventually(lambda: stage.engine.beginnings._reading is None or stage.engine.beginnings._reading.done())
    stage.play(8.0)
    status = stage.engine.status()
    assert (status.begun_from, status.begins_from, status.not_begun) == ("theme.mid", "", "")
    assert home(stage.engine) == primer.key
    assert status.plan_metre == "3/4"


def test_while_one_is_read_only_the_last_request_counts(primer: Primer) -> None:
    shelf = Shelf(primer, beside=True)
    stage = with_sources(shelf)
    for bars in (1, 2, 3):
        stage.engine.act(BeginFrom("file", "theme.mid", bars), stage.clock.now())
    shelf.may_answer.set()

    def both() -> bool:
        stage.play(0.05)
        return len(shelf.asked) == 2

    eventually(both)
    assert [one.bars for one in shelf.asked] == [1, 3]
    eventually(lambda: stage.engine.beginnings._reading is None or stage.engine.beginnings._reading.done())


def test_what_cannot_be_is_told_and_the_music_goes_on() -> None:
    stage = with_sources(Shelf(None))
    stage.play(1.0)
    with pytest.raises(CommandError, match="there is no MIDI file"):
        stage.engine.act(BeginFrom("file", "gone.mid"), stage.clock.now())
    stage.engine.act(BeginFrom("file", "bad.mid"), stage.clock.now())
    stage.play(3.0)
    status = stage.engine.status()
    assert status.not_begun == "bad.mid: no notes"
    assert (status.begun_from, status.begins_from) == ("", "")
    assert status.note_age_s < 3


def test_without_files_and_takes_what_was_played_can_be_begun_from() -> None:
    stage = Stage(Untaught())
    with pytest.raises(CommandError, match="cannot be begun from here"):
        stage.engine.act(BeginFrom("take", "last"), stage.clock.now())
    with pytest.raises(CommandError, match="nothing was played yet"):
        stage.engine.act(BeginFrom("played"), stage.clock.now())
    stage.play(12.0)
    stage.engine.act(BeginFrom("played"), stage.clock.now())
    stage.play(6.0)
    assert stage.engine.status().begun_from == "what BrainMusic played"


@pytest.mark.parametrize("mode", ["solo", "duet", "answer"])
def test_what_a_person_played_goes_before_ours(mode: str) -> None:
    stage = Stage(Untaught())
    stage.engine.act(SetMode(mode), stage.clock.now())
    played(stage, phrase(16))
    stage.play(8.5)
    stage.engine.act(BeginFrom("played"), stage.clock.now())
    stage.play(6.0)
    assert stage.engine.status().begun_from == "what you played"
    beginning = stage.improviser.around.beginning
    assert beginning is not None
    assert {note.pitch for note in beginning.primer.notes} == {60, 64, 67, 72}
    assert beginning.primer.tempo_bpm == pytest.approx(120, rel=0.03)


def test_while_it_is_paused_the_next_note_is_of_the_new_piece(primer: Primer) -> None:
    stage = with_sources(Shelf(primer))
    stage.play(3.1)
    stage.engine.act(Pause(), stage.clock.now())
    stage.play(0.5)
    stage.engine.act(BeginFrom("file", "theme.mid"), stage.clock.now())
    stage.play(0.5)
    assert_silent(stage)
    stage.engine.act(Play(), stage.clock.now())
    stage.play(0.3)
    assert stage.engine.status().begun_from == "theme.mid"
    assert home(stage.engine) == primer.key


def test_a_turn_of_the_mood_around_the_bar_line_does_not_lose_it(primer: Primer) -> None:
    from improv.control.commands import SetMood

    stage = with_sources(Shelf(primer))
    stage.play(1.0)
    stage.engine.act(BeginFrom("file", "theme.mid"), stage.clock.now())
    for index in range(120):
        stage.engine.act(SetMood(0.5 + 0.1 * (index % 2), 0.5), stage.clock.now())
        stage.play(0.05)
    assert stage.engine.status().begun_from == "theme.mid"
    assert stage.engine.status().plan_metre == "3/4"
