"""The command line as a frontend: what its words mean, and how it finds a daemon."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from improv.app.cli import main
from improv.app.commands import ctl
from improv.control.command_row import Argument
from improv.control.command_table import COMMANDS
from improv.control.parse import Names, parse
from improv.errors import InputError
from improv.frontends.ctl import discovery
from tests.frontends.stage import Scene, scene


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("BRAINMUSIC_TO", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("mood calm", {"command": "mood", "name": "calm"}),
        ("mood calm --glide 8", {"command": "mood", "name": "calm", "glide_s": 8.0}),
        ("mood calm --glide_s 8", {"command": "mood", "name": "calm", "glide_s": 8.0}),
        ("point -0.4 0.7 --glide 8", {"command": "point", "valence": -0.4, "arousal": 0.7, "glide_s": 8.0}),
        ("point -.5 -1e-1", {"command": "point", "valence": -0.5, "arousal": -0.1}),
        ("attribute tempo 96", {"command": "attribute", "name": "tempo", "value": 96.0}),
        ("key D minor", {"command": "key", "name": "D minor"}),
        ("chords Am F | C G", {"command": "chords", "loop": "Am F | C G"}),
        ("chords off", {"command": "chords", "loop": "off"}),
        ("phrase bars 4", {"command": "phrase_bars", "bars": 4.0}),
        ("phrase_bars auto", {"command": "phrase_bars", "bars": "auto"}),
        ("reach -1", {"command": "reach", "fifths": -1.0}),
        ("form off", {"command": "form", "state": "off"}),
        ("attribute tempo null", {"command": "attribute", "name": "tempo", "value": None}),
        ("play pause", {"command": "play_pause"}),
        ("all-notes-off", {"command": "all_notes_off"}),
        ("intensity loud", {"command": "intensity", "value": "loud"}),
        ("journey start evening.yaml", {"command": "journey_start", "name": "evening"}),
        ("journey start --name evening", {"command": "journey_start", "name": "evening"}),
        ("journey start", {"command": "journey_start"}),
        ("begin from played", {"command": "begin_from_played"}),
        ("begin from take last --bars 4", {"command": "begin_from_take", "take": "last", "bars": 4.0}),
        (
            "begin from file my theme.mid --from-bar 9",
            {"command": "begin_from_file", "file": "my theme.mid", "from_bar": 9.0},
        ),
    ],
)
def test_words_become_a_message(words: str, message: dict[str, Any]) -> None:
    assert ctl.message_of(words.split()) == message


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("dance", "unknown command 'dance'; allowed: mood, point"),
        ("point 1", "improv ctl point: .*arousal"),
        ("play loudly", "unrecognized arguments: loudly"),
    ],
)
def test_words_that_do_not_fit(words: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ctl.message_of(words.split())


def test_every_command_is_listed_and_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ctl"]) == 0
    assert [line.split("  ")[0].split(" [")[0].split(" N")[0] for line in capsys.readouterr().out.splitlines()]
    names = Names(models=("calm",), journeys={"calm": None}, scenes=("calm",))  # type: ignore[dict-item]
    for row in COMMANDS.values():
        words = [_allowed(argument) for argument in row.arguments if not argument.optional]
        message = ctl.message_of([*row.name.split("_"), *words])
        assert message["command"] == row.name
        assert parse(message, names) is not None


def _allowed(argument: Argument) -> str:
    if argument.kind == "text":
        return "Am"  # a key, a chord, and a loop of one
    if argument.kind in ("number", "whole"):
        ranges = [low for low, _ in argument.ranges.values()]
        return f"{next((low for low in (argument.low, *ranges) if low is not None), 1):g}"
    return (*argument.choices, "calm")[0]


def play(body: Callable[[Scene], Any], **settings: Any) -> None:
    async def run() -> None:
        async with scene(web=False, ctl=True, pid=os.getpid(), **settings) as here:
            await here.until(discovery.places)
            await body(here)

    asyncio.run(run())


def in_a_thread(*words: str) -> Any:
    """The command line beside the event loop."""
    return asyncio.to_thread(main, list(words))


def test_a_command_a_refusal_and_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    async def body(here: Scene) -> None:
        assert await in_a_thread("ctl", "mood", "sad", "--glide", "3") == 0
        assert here.commands[0] | {"id": 0} == {
            "id": 0,
            "command": "mood",
            "name": "sad",
            "glide_s": 3.0,
            "from": "ctl",
        }
        here.refusal = "mood: name must be one of happy"
        assert await in_a_thread("ctl", "mood", "x") == 2
        assert here.refusal in capsys.readouterr().err
        assert await in_a_thread("status", "--json") == 0
        assert json.loads(capsys.readouterr().out)["tempo_bpm"] == 96
        assert await in_a_thread("status") == 0
        assert "resting, bar 3, beat 1, 96 bpm" in capsys.readouterr().out
        assert await in_a_thread("link") == 2
        assert "the page is not served" in capsys.readouterr().err
        assert await in_a_thread("devices") == 0
        assert "no other device is connected" in capsys.readouterr().out

    play(body)


def test_a_link_with_its_code_and_a_device_that_is_shut_out(capsys: pytest.CaptureFixture[str]) -> None:
    async def body(here: Scene) -> None:
        here.frontends._page = ("192.168.1.2", 8765)
        assert await in_a_thread("link", "--qr") == 0
        shown = capsys.readouterr().out
        assert "▄▄▄▄▄" in shown
        assert "good once, for 10 minutes" in shown
        assert await in_a_thread("link") == 0
        link = capsys.readouterr().out.strip()
        assert link.startswith("http://192.168.1.2:8765/enter#")
        assert here.frontends._credentials.redeem(link.partition("#")[2], "iPad, Safari")
        (device,) = here.frontends.pairing.devices()
        assert await in_a_thread("devices") == 0
        assert f"{device['id']}  iPad, Safari" in capsys.readouterr().out
        assert await in_a_thread("devices", "--revoke", "nobody") == 2
        assert f"allowed: {device['id']}, all" in capsys.readouterr().err
        assert await in_a_thread("devices", "--revoke", device["id"]) == 0
        assert here.frontends.pairing.devices() == []

    play(body)


def test_watch_tells_until_the_daemon_ends(capsys: pytest.CaptureFixture[str]) -> None:
    async def body(here: Scene) -> None:
        watching = asyncio.create_task(in_a_thread("watch", "--state"))
        await here.until(lambda: here.broker.subscribers)
        await here.tell({"kind": "state", "state": {"bar": 9}})
        await here.tell({"kind": "notes", "notes": []})
        await here.tell({"kind": "state", "state": {"bar": 10}})
        await here.until(lambda: here.broker.state["bar"] == 10)
        here._ours.close()
        assert await watching == 7

    play(body)
    out = capsys.readouterr()
    assert [json.loads(line)["state"]["bar"] for line in out.out.splitlines()] == [3, 9, 10]
    assert "has ended" in out.err


def test_no_daemon_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ctl", "panic"]) == 7
    assert "no BrainMusic of this user is playing; start one with `improv run`" in capsys.readouterr().err


def test_several_daemons_are_told_apart(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, pid in (("Hall", os.getpid()), ("Studio", os.getppid()), ("Dead", 2**22 + 1)):
        discovery.place_of(name, pid).path.touch()
    assert main(["status"]) == 7
    error = capsys.readouterr().err
    assert f"Hall (process {os.getpid()})" in error
    assert f"Studio (process {os.getppid()}); choose one with --to" in error
    assert "Dead" not in error
    assert main(["status", "--to", "Cellar"]) == 7
    assert "no BrainMusic called 'Cellar'" in capsys.readouterr().err
    assert main(["status", "--to", str(os.getppid())]) == 7
    assert f"Studio (process {os.getppid()}) does not answer" in capsys.readouterr().err


def test_the_socket_of_a_daemon_that_lives_stays(
    runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else keeps us from it (no file handle left, say), it is there for the next one who asks."""

    def refuse(path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    place = discovery.place_of("Hall", os.getpid())
    place.path.touch()
    monkeypatch.setattr("improv.frontends.ctl.client._connect", refuse)
    assert main(["status"]) == 7
    assert "does not answer" in capsys.readouterr().err
    assert place.path.exists()


def test_the_meeting_place_is_the_users_own(runtime: Path) -> None:
    assert discovery.folder().stat().st_mode & 0o777 == 0o700
    place = discovery.place_of("../../Große Halle/" + "x" * 300, 12)
    assert place.path.parent == runtime / "brainmusic"
    assert len(place.path.name) < 50


def test_long_and_wrong_lines_do_no_harm() -> None:
    async def body(here: Scene) -> None:
        (place,) = discovery.places()
        assert place.path.stat().st_mode & 0o777 & 0o077 == 0 or place.path.parent.stat().st_mode & 0o077 == 0
        for wrong in (b"x" * 200_000, b"[1]\n", b"\xff\n", b'{"kind": "nothing"}\n'):
            reader, writer = await asyncio.open_unix_connection(place.path)
            writer.write(wrong)
            if wrong.endswith(b"\n"):
                assert b'"ok":' in await reader.readline()
            else:
                assert await reader.read() == b""
            writer.close()
        assert await in_a_thread("ctl", "play") == 0

    play(body)


def test_a_file_that_is_there_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theme.mid").write_bytes(b"")
    assert ctl.message_of(["begin", "from", "file", "theme.mid"])["file"] == str(tmp_path / "theme.mid")
