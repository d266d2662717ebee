"""What is given any bytes, and which errors it may answer with: sentences for people, nothing else."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from improv.config import journeys, load
from improv.control.command_table import table_as_json
from improv.control.commands import MODES, SetMode
from improv.control.parse import Names, parse
from improv.control.published_state import fields_as_json
from improv.control.state import apply
from improv.errors import BrainMusicError
from improv.frontends.jsonlines import LineError, decode, encode
from improv.frontends.osc.packet import OscError, read
from improv.frontends.osc.pattern import matching
from improv.frontends.osc.tree import Tree, WrongArgumentsError
from improv.midi.messages import CLOCK_MESSAGES, is_channel_message
from improv.midi.reading import read_music
from improv.model import integrity
from improv.model.vocabulary import PolyphonyEncoding
from improv.music.mood import CORNERS
from improv.player.process.clock_in import ClockFollower
from improv.player.process.input_limit import InputLimit
from improv.takes import journal, take
from improv.takes.schema import operations
from tests.fakes import ScriptedModel, Stage, controls
from tests.stage import CHORD, STEP_END

ENCODING = PolyphonyEncoding()
NAMES = Names(models=("hands", "polyphony"))


class Target(NamedTuple):
    """take: raises nothing but what it may. seeds: sound examples that changed ones are made of, beside the corpus."""

    take: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def midi_file(data: bytes) -> None:
    """A MIDI file: read, or refused."""
    with contextlib.suppress(BrainMusicError):
        music = read_music(data)
        for note in music.notes[:100]:
            music.seconds_at(note.end)


def live_midi(data: bytes) -> None:
    """Messages at the input: each has its length in front, then its bytes. The music goes on."""
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=["controls.channel=all"])
    limit, follower = InputLimit(), ClockFollower()
    stage.engine.act(SetMode(MODES[len(data) % len(MODES)]), stage.clock.now())
    rest, now_s = data[:400], stage.clock.now()
    while rest:
        length, rest = rest[0] % 5, rest[1:]
        message, rest = rest[:length], rest[length:]
        if is_channel_message(message):
            limit.feed(message, now_s)
        elif message and message[0] in CLOCK_MESSAGES:
            follower.feed(message, now_s)
        stage.engine.receive(message, now_s)
        stage.engine.turn(0.01 * (length % 3))
        now_s = stage.clock.now()
    limit.pop_due(now_s + 1.0)
    follower.news(now_s + 1.0)
    stage.play(0.1)


def osc(data: bytes) -> None:
    """A packet: its messages, each for an address of the tree or for none."""
    tree = _tree()
    with contextlib.suppress(OscError):
        messages, _ = read(data)
        for message in messages[:50]:
            for address in list(matching(message.address, tree.commands))[:20]:
                with contextlib.suppress(WrongArgumentsError):
                    tree.message(tree.commands[address], message.arguments)


@cache
def _tree() -> Tree:
    return Tree({"commands": table_as_json(), "fields": fields_as_json(), "moods": {}, "models": [], "journeys": []})


def config(data: bytes) -> None:
    """config.yaml: read, or all its faults in sentences."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_bytes(data)
        with contextlib.suppress(BrainMusicError):
            load(path, [], {}).controls.midi_map({})


def journey(data: bytes) -> None:
    """A journey file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.yaml"
        path.write_bytes(data)
        with contextlib.suppress(BrainMusicError):
            journeys.read(path, CORNERS)


def take_file(data: bytes) -> None:
    """A take: lines of records without their checksums, so that what is inside is reached as well; then as they are."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "2026-01-01T00-00-00.take"
        path.write_bytes(data)
        with contextlib.suppress(BrainMusicError):
            take.read(path)
        records: list[Any] = []
        for line in data.splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                record = json.loads(line.partition(b" ")[2])
                if isinstance(record, dict) and "k" in record:
                    records.append(record)
        path.write_bytes(b"".join(journal._line_or_nothing(record) for record in records))
        with contextlib.suppress(BrainMusicError):
            take.read(path)
        # What re-creates a take calls these in order and says ValueError in a sentence.
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            for _, _operation in operations(records, lambda _: ScriptedModel([1])):
                pass


def command(data: bytes) -> None:
    """A command as page, OSC and ctl send it: carried out, or refused in a sentence."""
    with contextlib.suppress(LineError, BrainMusicError):
        state = controls()
        apply(state, parse(decode(data), NAMES), 1.0, state)


def websocket(data: bytes) -> None:
    """Text as it comes from a page, and back as an answer."""
    with contextlib.suppress(LineError):
        message = decode(data.decode("utf-8", "replace"))
        answer = {"kind": "answer", "id": message.get("id"), "ok": True}
        with contextlib.suppress(BrainMusicError):
            parse(message, NAMES)
        encode(answer)


def model_file(data: bytes) -> None:
    """A model's file, before onnxruntime is given it."""
    with contextlib.suppress(BrainMusicError, ValueError):
        integrity._look_through(memoryview(data), Path("any.onnx"))


def _json(*messages: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(one).encode() for one in messages)


COMMANDS = _json(
    {"command": "mood", "name": "sad", "id": 1},
    {"command": "point", "valence": -0.4, "arousal": 0.7},
    {"command": "limit", "name": "loudness", "low": 20, "high": 90},
    {"command": "chords", "loop": "Am F | C G . Dm7"},
    {"command": "chord", "chord": "F#m7b5/C"},
    {"command": "key", "key": "Eb minor"},
    {"command": "journey_start", "name": "none"},
    {"command": "attribute", "name": "tempo", "value": None},
)
TARGETS: dict[str, Target] = {
    "midi_file": Target(midi_file, ()),
    "live_midi": Target(
        live_midi, (b"\x03\x90\x40\x50\x03\x80\x40\x00\x03\xb0\x40\x7f\x01\xf8\x02\xc0\x05\x03\xb0\x16\x40",)
    ),
    "osc": Target(osc, ()),
    "config": Target(config, ()),
    "journey": Target(journey, ()),
    "take_file": Target(take_file, ()),
    "command": Target(command, COMMANDS),
    "websocket": Target(websocket, COMMANDS),
    "model_file": Target(model_file, ()),
}
