"""Digests of all music that can be compared on one machine only, before and after a change: `make golden`.

    python -m tests.golden.machine --out before.json
    python -m tests.golden.machine --out after.json --compare before.json

The shipped models in every mood, their endings, journeys, commands and duets; the stored takes read, exported, played
and made again; token ids of music files from the archives or folders in the folder that BRAINMUSIC_DATA names. Every
digit counts, so two machines (or two versions of onnxruntime) may differ. Exit status 1: something differs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import mido

from improv.app.commands.replay import replay
from improv.clock import SystemClock
from improv.config import Config
from improv.config.adapters import render
from improv.config.journeys import read as read_journey
from improv.control.commands import (
    Command,
    End,
    Pause,
    Play,
    SetAttribute,
    SetIntensity,
    SetLimit,
    SetMode,
    SetModel,
    SetMood,
    SetTemperature,
    Stop,
)
from improv.control.journey import Iso, Plan
from improv.improviser.planned_step import PlannedStep
from improv.model.onnx_model import Model, OnnxModel, resolve
from improv.model.vocabulary import FAMILIES
from improv.music.mood import CORNERS, Mood
from improv.player.protocol import PlayerSettings, Received
from improv.takes.export.midi import midi_file
from improv.takes.export.planned_midi import music_file
from improv.takes.export.report import html
from improv.takes.recreate import chain, otherwise
from improv.takes.take import read as read_take
from tests.conftest import REPOSITORY
from tests.fakes import Stage
from tests.golden import stored_takes
from tests.golden.digests import Story, digest, exact, note_line, step_line
from tests.golden.scripted import key

DATA = "BRAINMUSIC_DATA"
MODELS = ("polyphony", "pianist", "performance", "melody", "chorale")
FILES, LARGEST_FILE = 40, 60_000  # bytes: longer pieces take their time and show no more
SCORES_OF_A_SOURCE = 1  # files that music21 reads, which is slow

Digests = dict[str, str]


def load(name: str | Path) -> OnnxModel:
    """A shipped model by its name, or one by its path; on the CPU, whatever else there is."""
    return OnnxModel(name if isinstance(name, Path) else resolve(name), "cpu")


def summary(steps: Sequence[PlannedStep]) -> str:
    """Digest of planned steps and of the MIDI file that they make, with a count of both for people."""
    notes = sum(len(step.started) for step in steps)
    planned = digest(step_line(step, exact) for step in steps)
    return f"{planned} file {digest([file_bytes(music_file(steps))])} ({len(steps)} steps, {notes} notes)"


def file_bytes(file: mido.MidiFile) -> bytes:
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


# ------------------------------------------------------------------------------------------------------------- music


def rendered() -> Iterator[tuple[str, str]]:
    """Every shipped model: a minute in each mood, an ending, a duet."""
    config = Config()
    for number, name in enumerate(MODELS):
        model = load(name)
        for mood, point in CORNERS.items():
            yield f"mood/{name}/{mood}", summary(render(model, config, 60.0, 100 + number, point))
        closes: list[tuple[float, Command]] = [(12.0, End()), (40.0, Play()), (46.0, Stop())]
        yield f"ending/{name}", summary(render(model, config, 52.0, 7, CORNERS["calm"], closes))
        yield f"duet/{name}", duet(model)


def travelled() -> Iterator[tuple[str, str]]:
    """Journeys: the shipped ones and the iso principle, cut after two minutes."""
    config, model = Config(), load("polyphony")
    plans: dict[str, Plan] = {"iso": Iso("iso", Mood(-0.8, 0.7), Mood(0.8, -0.6), 10.0, 60.0, 10.0)}
    for path in sorted((REPOSITORY / "examples" / "journeys").glob("*.yaml")):
        plans[path.stem] = read_journey(path, config.mood.moods)
    for name, plan in plans.items():
        yield f"journey/{name}", summary(render(model, config, 120.0, 11, journey=plan))


def commanded() -> Iterator[tuple[str, str]]:
    """All kinds of commands, and every model after the other."""
    changes: list[tuple[float, Command]] = [
        *((4.0, SetMood(-0.5, 0.8)), (8.0, SetAttribute("tempo", 140.0)), (12.0, SetLimit("register", 48.0, 79.0))),
        *((16.0, SetLimit("loudness", None, 70.0)), (20.0, SetIntensity(1.0)), (24.0, SetTemperature(1.3))),
        *((28.0, Pause()), (30.0, Play()), (34.0, SetMood(0.9, 0.1, 0.0)), (38.0, SetAttribute("tempo", None))),
    ]
    yield "commands", summary(render(load("polyphony"), Config(), 45.0, 5, None, changes))
    models: list[tuple[float, Command]] = [(8.0 + 8 * index, SetModel(name)) for index, name in enumerate(MODELS)]
    yield "models", summary(render(load("chorale"), Config(), 60.0, 5, CORNERS["happy"], [*models, (50.0, End())]))


def duet(model: Model) -> str:
    """With somebody who plays a scale and chords, at once and held."""
    stage = Stage(model, "happy", 9, record=Story(exact))
    stage.play(3.0)
    stage.engine.act(SetMode("duet"), stage.clock.now())
    for index in range(24):
        pitches = (60 + (7 * index) % 24, *((48 + index, 55 + index) if index % 4 == 3 else ()))
        for down, seconds in ((True, 0.2 + 0.05 * (index % 7)), (False, 0.3)):
            now_s = stage.clock.now()
            stage.link.arriving += [(now_s, Received(key(pitch, down=down), now_s)) for pitch in pitches]
            stage.play(seconds)
    stage.engine.act(SetMode("solo"), stage.clock.now())
    stage.play(4.0)
    assert isinstance(stage.record, Story)
    notes = [note_line(note, exact) for _, note in sorted(stage.link.scheduled.items())]
    return f"{digest(stage.record.lines)} notes {digest(notes)} ({len(stage.record.lines)} lines, {len(notes)} notes)"


# ------------------------------------------------------------------------------------------------------------- takes


def taken() -> Iterator[tuple[str, str]]:
    """The stored takes: read, exported, reported, made again, made otherwise, and one played again."""
    with tempfile.TemporaryDirectory() as folder:
        for take_id, path in stored_takes.unpack(Path(folder)).items():
            read = read_take(path)
            yield f"take/{take_id}/read", digest(stored_takes.lines(read, exact))
            yield f"take/{take_id}/exported", digest([file_bytes(midi_file(read))])
            yield f"take/{take_id}/reported", digest([html(read)])
            model = stored_takes.model_of(take_id, load)
            _, made, comparison = stored_takes.recreated(path, model)
            again = digest(json.dumps(record) for record in made)
            yield f"take/{take_id}/recreated", f"{again} ({comparison.different} of {comparison.steps} steps differ)"
            other = otherwise(chain(path), load("melody"), CORNERS["nervous"])
            yield f"take/{take_id}/otherwise", summary(other)
        yield f"take/{take_id}/replayed", replayed(path, Path(folder))


def replayed(path: Path, folder: Path) -> str:
    """The notes that the player writes into a file, whenever it came to them."""
    out = folder / "replayed.mid"
    # A machine that stands still makes them late, never fewer.
    settings = PlayerSettings(driver="file", file=str(out), with_input=False, realtime=False, late_note_limit_s=600.0)
    sent = replay(read_take(path), settings, 2, SystemClock(), lambda: False)
    played = [message for message in mido.MidiFile(out).tracks[0] if message.type == "note_on"]
    notes = sorted((message.channel, message.note, message.velocity) for message in played)
    return f"{digest(map(str, notes))} ({sent} notes)"


# ------------------------------------------------------------------------------------------------------------ corpus


def encoded(data: Path) -> Iterator[tuple[str, str]]:
    """Tokens and all else of a dataset that training makes of each file, in every family."""
    from training.corpus.sources import collect
    from training.dataset.pipeline import Copy, Options, read_all

    with tempfile.TemporaryDirectory() as scratch:
        folders = chosen_files(data, Path(scratch))
        for family in FAMILIES:
            for folder in folders:
                for item, result in read_all(collect(str(folder), Path(scratch)), Options(family=family)):
                    name = f"tokens/{family}/{item.source}/{item.name}"
                    if isinstance(result, Copy | str):
                        yield name, str(result)
                        continue
                    arrays = (result.step_of_token, result.conditioning, result.sketch)
                    rest: list[str | bytes] = [*(array.tobytes() for array in arrays), result.opening, result.work]
                    rest += [repr(sorted(result.features.items())), *map(repr, result.windows)]
                    tokens = digest([result.tokens.tobytes()])
                    yield name, f"{tokens} rest {digest(rest)} ({len(result.tokens)} tokens)"


def chosen_files(data: Path, scratch: Path) -> list[Path]:
    """Copies of FILES small files, spread over the archives and folders of a folder; a folder of them for each."""
    from training.corpus.formats import SCORE_SUFFIXES as SCORES
    from training.corpus.sources import MUSIC_SUFFIXES

    sources = [path for path in sorted(data.iterdir()) if path.is_dir() or zipfile.is_zipfile(path)]
    if not sources:
        raise SystemExit(f"{data} has no folder and no zip archive of music files; {DATA} must name a folder that has")
    share, rest = divmod(FILES, len(sources))
    folders: list[Path] = []
    for number, source in enumerate(sources):
        sizes = dict(_members(source))
        small = [name for name in sorted(sizes) if 0 < sizes[name] <= LARGEST_FILE]
        music = [name for name in small if PurePosixPath(name).suffix.lower() in MUSIC_SUFFIXES]
        scores = [name for name in music if PurePosixPath(name).suffix.lower() in SCORES]
        played = [name for name in music if name not in scores]
        picked = spread(scores, SCORES_OF_A_SOURCE if played else share)
        pieces = {_piece(name) for name in picked}  # of a score and its MIDI file training reads one only
        played = [name for name in played if _piece(name) not in pieces]
        picked += spread(played, share + (number < rest) - len(picked))
        folder = scratch / "chosen" / source.stem
        _copy(source, picked, folder)
        folders.append(folder)
    return folders


def _piece(name: str) -> str:
    return PurePosixPath(name).stem.rsplit("__", 1)[-1].lower()


def _members(source: Path) -> Iterator[tuple[str, int]]:
    """(name, bytes) of the files of a folder or zip archive."""
    if source.is_dir():
        yield from ((p.relative_to(source).as_posix(), p.stat().st_size) for p in source.rglob("*") if p.is_file())
        return
    with zipfile.ZipFile(source) as archive:
        yield from ((info.filename, info.file_size) for info in archive.infolist() if not info.is_dir())


def _copy(source: Path, names: Sequence[str], folder: Path) -> None:
    archive = None if source.is_dir() else zipfile.ZipFile(source)
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / name).read_bytes() if archive is None else archive.read(name))
    if archive is not None:
        archive.close()


def spread(names: Sequence[str], count: int) -> list[str]:
    """So many of them, evenly over all."""
    return [names[index * len(names) // count] for index in range(count)] if count < len(names) else list(names)


# -------------------------------------------------------------------------------------------------------- the command


def all_digests() -> Iterator[tuple[str, str]]:
    """Name and digest of everything."""
    yield from rendered()
    yield from travelled()
    yield from commanded()
    yield from taken()
    if folder := os.environ.get(DATA, ""):
        yield from encoded(Path(folder))
    else:
        print(f"Token ids are left out: {DATA} names no folder of archives with music.", file=sys.stderr)


def differences(before: Digests, now: Digests) -> list[str]:
    """A sentence for each."""
    found = [
        f"{name}: was {before[name]}, is {now[name]}" for name in before if name in now and before[name] != now[name]
    ]
    found += [f"{name}: was {before[name]}, is missing now" for name in before if name not in now]
    return found + [f"{name}: is new" for name in now if name not in before]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.machine", description="Digests of the music.")
    parser.add_argument("--out", type=Path, help="the JSON file to write them to")
    parser.add_argument("--compare", type=Path, help="digests of before: every difference is printed, then exit 1")
    options = parser.parse_args(arguments)
    before: Digests = json.loads(options.compare.read_text()) if options.compare else {}
    now = dict(all_digests())
    text = json.dumps(now, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
        print(f"{options.out}: {len(now)} digests, all together {digest([text])}")
    elif not options.compare:
        print(text)
    if not options.compare:
        return 0
    if not os.environ.get(DATA):
        before = {name: value for name, value in before.items() if not name.startswith("tokens/")}
    found = differences(before, now)
    print(*found, f"{len(found)} of {len(before)} digests differ from {options.compare}", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
