"""The command `improv takes`: list, look, export, replay, make again, report, note, delete."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Callable
from pathlib import Path

from improv.app.options import add_language, add_stems, common, configured
from improv.clock import SystemClock, wall_clock
from improv.config import Config
from improv.errors import InputError
from improv.files import PRIVATE
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.mood import parse_mood
from improv.people.folder import People
from improv.takes import library, take
from improv.takes.journal import Record, is_locked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    subparsers = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text, parents=[common()])
        sub.set_defaults(action=action)
        if name != "list":
            sub.add_argument("take", help="id of the take, the beginning of it, or `last`")
        return sub

    sub = add("list", _list, "List the takes, the newest first.")
    sub.add_argument("--limit", type=int, default=20, help="at most so many (default 20; 0: all)")
    sub.add_argument("--json", action="store_true", help="as a JSON list")
    sub = add("export", _export, "Write a take as MIDI, score, sound, picture or report.")
    sub.add_argument(
        "out",
        type=Path,
        nargs="?",
        help="the file to write: .mid, .musicxml, .wav, .flac, .ogg, .png or .html (default: .mid)",
    )
    sub.add_argument("--wav", type=Path, metavar="FILE", help="write audio as well")
    sub.add_argument(
        "--soundfont",
        type=Path,
        metavar="FILE.sf2",
        help="the instrument for audio, through FluidSynth (default: the page's piano)",
    )
    sub.add_argument("--png", type=Path, metavar="FILE", help="write a picture as well: mood and piano roll")
    sub.add_argument("--strip", action="store_true", help="the picture without title and margins")
    add_language(sub, "improv.takes.export")
    add_stems(sub)
    add("replay", _replay, "Play a take again to your MIDI ports, the same notes at the same times.")
    sub = add("render", _render, "Improvise a take once more from its seed and commands: the same, or in another mood.")
    sub.add_argument("out", type=Path, nargs="?", help="the file to write: .mid, .musicxml or .wav")
    sub.add_argument("--model", metavar="FILE.onnx", help="with another model")
    sub.add_argument("--mood", help="in this mood throughout: a name, or valence,arousal")
    sub = add("report", _report, "Write one page about a take (HTML, to be read or printed).")
    sub.add_argument("out", type=Path, nargs="?", help="the file to write (default: beside the take)")
    add_language(sub, "improv.takes.export")
    sub = add("note", _note, "Add a note to a take.")
    sub.add_argument("text", help="the text of the note")
    sub = add("rename", _rename, "Name a take.")
    sub.add_argument("title", help="the name; empty: remove it")
    sub = add("delete", _delete, "Delete a take and its exported files beside it, for good.")
    sub.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def command(options: argparse.Namespace) -> int:
    action: Callable[[argparse.Namespace], int] = options.action
    return action(options)


def _config(options: argparse.Namespace) -> Config:
    return configured(options)[0]


def _path(options: argparse.Namespace) -> Path:
    return library.find(_config(options).takes.path, options.take)


def _list(options: argparse.Namespace) -> int:
    folder = _config(options).takes.path
    rows = list(library.listed(folder))
    if options.json:
        print(json.dumps([row._asdict() for row in rows[: options.limit or None]]))
        return 0
    for row in rows[: options.limit or None]:
        minutes, seconds = divmod(round(row.seconds), 60)
        started = row.started[:19].replace("T", " ")
        print(
            f"{row.take_id:22} {started}  {minutes:4d}:{seconds:02d}  {row.megabytes:6.1f} MB  "
            f"{row.state:9}  {row.model:12}  {row.title}".rstrip()
        )
    shown = min(len(rows), options.limit or len(rows))
    print(f"{shown} of {len(rows)} takes in {folder}" if rows else f"no takes in {folder}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from improv.takes.export import formats
    from improv.takes.export.music import of_take
    from improv.takes.export.stems import path_of, stems

    path = _path(options)
    out = formats.checked(options.out or path.with_suffix(".mid"), formats.OF_TAKE)
    more = [
        formats.checked(file, kinds)
        for file, kinds in ((options.png, (".png",)), (options.wav, formats.SOUNDS))
        if file is not None
    ]
    read = take.read(path)
    if options.stems:
        formats.checked(out, formats.OF_MUSIC)
        for part, music in stems(of_take(read), options.stems).items():
            file = path_of(out, part)
            formats.write_music(music, file, soundfont=options.soundfont, permissions=PRIVATE)
            print(f"{file}: {len(music.notes)} notes")
        return 0
    for file in (out, *more):
        formats.write_take(
            read, file, soundfont=options.soundfont, permissions=PRIVATE, strip=options.strip, language=options.language
        )
        print(f"{out}: {_described(read)}" if file is out else file)
    return 0


def _described(read: take.Take) -> str:
    text = f"{read.seconds:.1f} s, {len(read.notes)} notes"
    if read.person:
        text += f", {len(read.person)} MIDI messages from the person"
    if not read.ended:
        text += f"; it {'is' if read.state == 'being recorded' else 'was'} {read.state}"
    if read.damaged:
        text += f"; {read.damaged} damaged lines were skipped"
    return text


def _replay(options: argparse.Namespace) -> int:
    from improv.app.commands.replay import replay
    from improv.config.adapters import player_settings

    effective = _config(options)
    read = take.read(_path(options))
    stopping: list[int] = []
    before = [signal.signal(number, lambda n, _: stopping.append(n)) for number in (signal.SIGINT, signal.SIGTERM)]
    print(f"{read.take_id}: {_described(read)}. Ctrl-C ends.", flush=True)
    try:
        channel = effective.midi.channel - 1
        sent = replay(read, player_settings(effective), channel, SystemClock(), lambda: bool(stopping))
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    print(f"sent {sent} of {len(read.notes)} notes")
    return 0


def _render(options: argparse.Namespace) -> int:
    from improv.takes import recreate
    from improv.takes.export import formats
    from improv.takes.export.music import of_steps, of_take

    effective, path = _config(options), _path(options)
    if options.out:
        formats.checked(options.out, formats.OF_MUSIC)
    records = recreate.chain(path)
    chosen = options.model or _asked_for(records[0])
    model = OnnxModel(resolve(chosen), effective.model.provider)
    if options.mood or options.model:
        mood = parse_mood(options.mood, effective.mood.moods) if options.mood else None
        steps = recreate.otherwise(records, model, mood)
        out = options.out or path.with_name(f"{path.stem}-otherwise.mid")
        formats.write_music(of_steps(steps), out, permissions=PRIVATE)
        print(f"{out}: {sum(len(step.started) for step in steps)} notes")
        return 0
    _check(records[0]["model"], model)

    def find(offer: Record) -> OnnxModel:
        offered = OnnxModel(resolve(str(offer["asked"])), effective.model.provider)
        _check(offer, offered)
        return offered

    made, comparison = recreate.recreated(records, model, find)
    if options.out:
        own = made[len(made) - len(take.records_of(path)[0]) :]
        formats.write_music(of_take(take.taken(path, own, 0)), options.out, permissions=PRIVATE)
    if comparison.different:
        raise InputError(
            f"{path.stem}: {comparison.different} of {comparison.steps} steps differ, the first at "
            f"{comparison.first}; another version of onnxruntime or another processor rounds otherwise"
        )
    print(f"{path.stem}: {comparison.steps} steps improvised again, every note as it was played")
    return 0


def _asked_for(head: Record) -> str:
    """By which name the model that played a take is found. One that played by default is found by its own name: another
    version has another default.
    """
    played = head["model"]
    asked = str(played.get("asked", "") or (head.get("config") or {}).get("model", {}).get("path", ""))
    name = str(played.get("name", ""))
    return asked or (name if resolve(name).is_file() else "")


def _check(played: Record, model: OnnxModel) -> None:
    digest = model.sha256
    if digest != played.get("sha256"):
        raise InputError(
            f"the take was played by another model file ({played.get('name')}, sha256 "
            f"{str(played.get('sha256'))[:12]}) than {model.path} ({digest[:12]}); "
            "name it with --model to hear the take played by this one"
        )


def _report(options: argparse.Namespace) -> int:
    from improv.takes.export import formats

    path = _path(options)
    out = formats.checked(options.out or path.with_suffix(".html"), (".html",))
    whose = _whose(options, path)
    formats.write_take(take.read(path), out, permissions=PRIVATE, whose=whose, language=options.language)
    print(out)
    return 0


def _whose(options: argparse.Namespace, path: Path) -> str:
    people, _ = People(_config(options).takes.path).all()
    return next((person.name for person in people if person.person_id == library.person_of(path)), "")


def _note(options: argparse.Namespace) -> int:
    path = _path(options)
    library.add_note(path, options.text, wall_clock())
    print(f"noted with take {path.stem}")
    return 0


def _rename(options: argparse.Namespace) -> int:
    path = _path(options)
    library.rename(path, options.title)
    print(f"take {path.stem} is called {options.title}" if options.title.strip() else f"take {path.stem} has no name")
    return 0


def _delete(options: argparse.Namespace) -> int:
    path = _path(options)
    if is_locked(path):
        raise InputError(f"take {path.stem} is being recorded; it can be deleted when it has ended")
    if not options.yes and input(f"Delete take {path.stem} for good? [y/N] ").strip().lower() not in ("y", "yes"):
        print("kept")
        return 0
    library.delete(path)
    print(f"deleted {path.stem}")
    return 0
