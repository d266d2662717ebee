"""The daemon as a user starts it: a process of its own, a real JACK server, another program at the other end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from improv.music.attributes import CHORD_SPREAD_S
from improv.takes import take
from tests.conftest import REPOSITORY, TINY
from tools import live
from tools.live import Client, Daemon
from tools.waiting import CLOCK, eventually

MODEL = f"model.path={TINY}"

needs_jack = pytest.mark.skipif(bool(live.why_not()), reason=live.why_not() or "-")


@pytest.fixture(scope="module")
def jack_server():
    # On a busy machine the server loses and repeats whole periods of messages: long ones, and first in line for a core.
    with live.jack(period=1024, synchronous=False, realtime=True) as name:
        yield name


def hears(client: Client, condition: Callable[[], Any]) -> None:
    """Listen until something holds, however long a busy machine takes for it."""
    eventually(lambda: client.listen(CLOCK.now() + 0.1) or condition())


def rests(client: Client) -> bool:
    """Whether a second passes without a note."""
    before = len(client.note_ons())
    client.listen(CLOCK.now() + 1)
    return len(client.note_ons()) == before


def before_the_last_chord(onset_s: Sequence[float]) -> int:
    """How many notes begin before those that begin together at the end."""
    return sum(at_s < max(onset_s) - CHORD_SPREAD_S for at_s in onset_s)


@needs_jack
@pytest.mark.usefixtures("jack_server")
class TestOverJack:
    @pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
    def test_ends_cleanly_with_every_note_ended(self, ending: signal.Signals) -> None:
        with live.playing(MODEL, "mood.start=happy") as (daemon, client):
            hears(client, lambda: len(client.note_ons()) > 12)
            assert daemon.stop(ending) == 0
            hears(client, lambda: client.held() == {})
            (path,) = (daemon.folder / "takes").iterdir()
            read = take.read(path)
            assert read.ended
            # What sounded before the client was connected it has not heard, and the last chord may have been sent while
            # the take was being ended: then one of the two lacks it.
            heard, noted = [h.message[1] for h in client.note_ons()], [note.pitch for note in read.notes]
            whole = heard[: before_the_last_chord([h.at_s for h in client.note_ons()])]
            surely = before_the_last_chord([note.on_s for note in read.notes])
            begun = next(i for i in range(len(noted)) if noted[i : i + len(whole)] == whole)
            assert begun + len(heard) >= surely

    @pytest.mark.parametrize("failure", [signal.SIGKILL, signal.SIGSTOP])
    def test_another_engine_takes_the_place_of_one_that_fails(self, failure: signal.Signals) -> None:
        with live.playing(MODEL, "mood.start=nervous") as (daemon, client):
            client.send(0xB0, 22, 80)  # sad: what is to be known after the failure
            hears(client, lambda: 1 in {note["tag"] for note in daemon.sent()})
            heard = len(client.note_ons())
            hears(client, lambda: len(client.note_ons()) > heard + 4)
            first = daemon.engine
            os.kill(first, failure)
            failed = "another one takes its place: it goes on where it was"
            eventually(lambda: "playing, mood" in daemon.log.partition(failed)[2])
            before = len(client.note_ons())
            hears(client, lambda: len(client.note_ons()) > before + 5)
            assert daemon.engine != first
            assert daemon.stop() == 0
            hears(client, lambda: client.held() == {})
            assert "Traceback" not in daemon.log
            lost, later = (take.read(path) for path in sorted((daemon.folder / "takes").iterdir()))
            assert later.head["continues"] == lost.take_id
            assert later.changes[0].target == lost.changes[-1].target
            assert later.ended

    def test_nothing_runs_on_without_its_supervisor(self) -> None:
        with live.playing(MODEL, "mood.start=nervous") as (daemon, client):
            hears(client, client.note_ons)
            (path,) = (daemon.folder / "takes").iterdir()
            eventually(lambda: bool(take.read(path).notes))
            engine, player = daemon.engine, daemon.player
            daemon.stop(signal.SIGKILL)
            hears(client, lambda: not Path(f"/proc/{player}").exists())
            hears(client, lambda: not Path(f"/proc/{engine}").exists())
            hears(client, lambda: client.held() == {})
            assert take.read(path).notes

    def test_player_killed_is_replaced_and_the_music_goes_on(self) -> None:
        with live.playing(MODEL, "mood.start=happy") as (daemon, client):
            hears(client, client.note_ons)
            os.kill(daemon.player, signal.SIGKILL)
            before = len(daemon.sent())
            eventually(lambda: "was started anew" in daemon.log)
            eventually(lambda: len(daemon.sent()) > before + 5)
            assert daemon.stop() == 0

    def test_each_turn_of_the_mood_is_answered_by_notes(self) -> None:
        """How soon is measured by benchmarks.answer; on the manual clock tests/engine/test_engine.py holds it."""
        with live.playing(MODEL, "controls.programs.1=nervous") as (daemon, client):
            turns = [(0xB0, 22, value) for value in (16, 48, 80, 112, 16, 80)]
            turns.append((0xC5, 1))  # a program change on another channel: nervous

            def answered(revision: int) -> bool:
                return revision in {note["tag"] for note in daemon.sent()}

            for revision, turn in enumerate(turns, 1):
                client.send(*turn)
                hears(client, partial(answered, revision))
            assert daemon.stop() == 0
            hears(client, lambda: client.held() == {})
            assert sorted(daemon.answers()) == list(range(1, 8))

    def test_pause_ending_and_play(self) -> None:
        with live.playing(MODEL, "mood.start=happy", "music.ending_bars=1") as (daemon, client):
            hears(client, client.note_ons)
            client.send(0xB0, 85, 127)
            hears(client, lambda: "paused" in daemon.log and client.held() == {})
            eventually(lambda: rests(client))  # what was sent before may arrive late
            paused_at = len(client.note_ons())
            client.send(0xB0, 85, 127)
            hears(client, lambda: len(client.note_ons()) > paused_at)
            client.send(0xB0, 86, 127)
            hears(client, lambda: "the piece has ended" in daemon.log and client.held() == {})
            rested_at = len(client.note_ons())
            client.send(0xB0, 85, 127)
            hears(client, lambda: len(client.note_ons()) > rested_at)

    def test_client_that_dies_and_returns_hears_no_stuck_note(self) -> None:
        with live.playing(MODEL, "mood.start=happy") as (daemon, client):
            hears(client, client.note_ons)
            client.close()
            second = Client()
            try:
                second.connect()
                hears(second, second.note_ons)
                assert daemon.stop() == 0
                hears(second, lambda: second.held() == {})
            finally:
                second.close()
            client.__init__()  # type: ignore[misc]  # the context closes it once more

    def test_unknown_port_lists_those_there(self, tmp_path: Path) -> None:
        daemon = Daemon(tmp_path, MODEL, "midi.output=Steinway")
        assert daemon.stop(signal.SIGCONT) == 5
        assert "Steinway" in daemon.log
        assert "Traceback" not in daemon.log

    def test_configuration_is_read_again(self, tmp_path: Path) -> None:
        (tmp_path / "config.yaml").write_text("mood: {start: calm}\n")
        daemon = Daemon(tmp_path, MODEL)
        try:
            daemon.wait_playing()
            (tmp_path / "config.yaml").write_text(
                "mood: {start: calm}\nmusic: {temperature: 1.2}\nmidi: {name: Grand}\n"
            )
            eventually(lambda: "was read again; at the next start: midi" in daemon.log)
            (tmp_path / "config.yaml").write_text("music: {temperature: 12}\n")
            eventually(lambda: "does not count yet" in daemon.log)
            assert "music.temperature: must be 0.5..1.5 (got 12)" in daemon.log
            assert daemon.process.poll() is None
        finally:
            assert daemon.stop() == 0


def test_without_a_midi_system_it_says_so_and_plays_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    if Path("/dev/snd/seq").exists():
        pytest.skip("this machine has an ALSA sequencer")
    daemon = Daemon(tmp_path, MODEL, "mood.start=happy")
    daemon.wait_playing()
    eventually(lambda: len(daemon.sent()) > 10)
    assert daemon.stop() == 0
    assert "No MIDI system was found" in daemon.log
    assert "modprobe snd-seq" in daemon.log
    (path,) = (tmp_path / "takes").iterdir()
    assert len(take.read(path).notes) > 10


def test_a_damaged_model_is_refused_before_any_port_opens(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(TINY.read_bytes()[:5000])
    daemon = Daemon(tmp_path, f"model.path={broken}")
    assert daemon.stop(signal.SIGCONT) == 4
    assert "is damaged or not an ONNX file" in daemon.log
    assert "ports" not in daemon.log


def test_second_interrupt_forces(tmp_path: Path) -> None:
    """Both signals before the loop comes round: the second must not wait for it."""
    script = (
        "import os, signal\n"
        "from improv.app.daemon import Signals\n"
        "stopper = Signals()\n"
        "stopper.install()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "assert stopper.stopping\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "raise SystemExit('not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False)
    assert done.returncode == 130
