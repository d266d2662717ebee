"""Do takes hold what was played? Daemons killed at random moments, and long takes planned again.

    python -m benchmarks.takes [--kills 100] [--rendered 20] [--minutes 10]

Kills: a daemon without ports is ended with SIGKILL after a random time; its take is read and exported. What the player
logged as sent (log.notes) must be in it, but for at most the last second, and no note in the MIDI file may be stuck.
Rendered: takes of so many minutes with commands at random moments, by the shipped model on a manual clock, planned
again from seed and commands; the two MIDI files must be equal byte for byte.
"""

from __future__ import annotations

import argparse
import datetime
import io
import random
import signal
import tempfile
from pathlib import Path
from typing import Any

import mido

from benchmarks.report import report
from improv.clock import ManualClock
from improv.config import adapters, load
from improv.control.parse import Names, parse
from improv.engine.engine import Engine
from improv.engine.offline import ManualLink
from improv.improviser.improviser import Improviser
from improv.model.onnx_model import OnnxModel, resolve
from improv.takes import library, recreate, take
from improv.takes.export.midi import midi_file
from improv.takes.recorder import OperationRecorder, Recording
from improv.takes.schema import model_record
from tools.live import Daemon
from tools.waiting import CLOCK

LONGEST_LIFE_S = 6.0


def stuck(file: mido.MidiFile) -> int:
    """Notes without an end, and notes that begin while they sound."""
    wrong = 0
    for track in file.tracks:
        down: set[tuple[int, int]] = set()
        for message in track:
            if message.type == "note_on":
                wrong += (message.channel, message.note) in down
                down.add((message.channel, message.note))
            elif message.type == "note_off":
                down.discard((message.channel, message.note))
        wrong += len(down)
    return wrong


def kill_one(chance: random.Random) -> tuple[int, float, int]:
    """(notes sent, seconds that are missing at the end, stuck notes) of a daemon that was killed."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        mood = chance.choice(("happy", "nervous", "sad", "calm"))
        daemon = Daemon(Path(folder), "midi.driver=null", f"mood.start={mood}")
        daemon.wait_playing()
        CLOCK.wait(CLOCK.now() + chance.uniform(0.2, LONGEST_LIFE_S))
        daemon.stop(signal.SIGKILL)
        sent = daemon.sent()
        paths = library.paths(Path(folder) / "takes")
        if not paths:  # killed before the first line was on the disk
            return len(sent), sent[-1]["sent_s"] - sent[0]["sent_s"] if sent else 0.0, 0
        read = take.read(paths[0])
        there = {note.note_id for note in read.notes}
        missing = [note["sent_s"] for note in sent if note["note_id"] not in there]
        return len(sent), sent[-1]["sent_s"] - missing[0] if missing else 0.0, stuck(midi_file(read))


def render_one(model: OnnxModel, minutes: float, seed: int) -> dict[str, Any]:
    """A take with commands at random moments, and the same planned again."""
    chance, config, clock = random.Random(seed), load(None, [], {}), ManualClock()
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as name:
        folder = Path(name)
        about = {"seed": seed, "model": model_record("", model), "config": config.model_dump(mode="json")}
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        recording = Recording(folder, 720, 50, clock, lambda: start, about)
        link = ManualLink(clock)
        link.observers.add(recording)
        first, settings = adapters.initial_controls(config), adapters.improviser_settings(config)
        engine = Engine(
            Improviser(model, settings, first, seed, OperationRecorder(recording, first, settings)),
            link,
            clock,
            first,
            config.controls.midi_map(config.mood.moods),
            adapters.engine_settings(config),
            recording.commanded,
        )
        names, commanded = Names(config.mood.moods), 0
        while clock.now() < 60 * minutes:
            engine.turn(0.05)
            if chance.random() < 0.01:
                commanded += 1
                engine.act(parse(_some_command(chance), names), clock.now())
        recording.close()
        path = library.paths(folder)[0]
        records = recreate.chain(path)
        made, comparison = recreate.recreated(records, model, lambda _: model)
        files = [_bytes(midi_file(take.taken(path, each, 0))) for each in (records, made)]
        return {
            "commands": commanded,
            "steps": comparison.steps,
            "notes": len(take.read(path).notes),
            "different": comparison.different,
            "identical": files[0] == files[1],
            "stuck": stuck(midi_file(take.read(path))),
        }


def _some_command(chance: random.Random) -> dict[str, object]:
    x, y = round(chance.uniform(-1, 1), 3), round(chance.uniform(-1, 1), 3)
    return chance.choice(
        [
            {"command": "point", "valence": x, "arousal": y},
            {"command": "mood", "name": chance.choice(("happy", "nervous", "sad", "calm"))},
            {"command": "glide", "seconds": 5 * abs(x)},
            {"command": "intensity", "value": abs(y)},
            {"command": "attribute", "name": "tempo", "value": round(100 + 40 * x)},
            {"command": "attribute", "name": "tempo", "value": None},
            {"command": "play_pause"},
            {"command": "play"},
            {"command": "play"},
            {"command": "end"},
            {"command": "all_notes_off"},
            {"command": "reset"},
        ]
    )


def _bytes(file: mido.MidiFile) -> bytes:
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def measure(kills: int, rendered: int, minutes: float) -> dict[str, Any]:
    """Both tables."""
    chance = random.Random(1)
    killed = [kill_one(chance) for _ in range(kills)]
    model = OnnxModel(resolve(""), "cpu")
    made = [render_one(model, minutes, seed) for seed in range(rendered)]
    return {
        "killed": len(killed),
        "killed_notes": sum(sent for sent, _, _ in killed),
        "killed_missing_longest_s": round(max((s for _, s, _ in killed), default=0.0), 3),
        "killed_stuck": sum(wrong for _, _, wrong in killed),
        "rendered": len(made),
        "rendered_minutes_each": minutes,
        "rendered_commands": sum(one["commands"] for one in made),
        "rendered_steps": sum(one["steps"] for one in made),
        "rendered_notes": sum(one["notes"] for one in made),
        "rendered_identical": sum(one["identical"] for one in made),
        "rendered_steps_different": sum(one["different"] for one in made),
        "rendered_stuck": sum(one["stuck"] for one in made),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rendered", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10)


if __name__ == "__main__":
    report("takes", __doc__, add_arguments, measure)
