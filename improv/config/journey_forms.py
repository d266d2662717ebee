"""Journeys as a form: listed with length and path, previewed, written to the user's own folder, deleted there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from improv.config import journeys
from improv.config.edit import rewritten
from improv.config.whole import Config
from improv.control.journey import Plan
from improv.errors import InputError
from improv.files import read_text, saving, write_whole
from improv.music.mood import Mood

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def listed(config: Config, here: Mood | None = None) -> list[dict[str, Any]]:
    """Every journey that can be started, by name: what `preview` says of it, its own form, and whether it is the user's
    own file. Files that cannot be used are left out. here: as in `preview`.
    """
    found: dict[str, dict[str, Any]] = {}
    own = config.mood.moods
    for folder, moods in ((journeys.shipped(), {**Config().mood.moods, **own}), (config.journey.path, own)):
        for path in sorted(folder.glob("*.y*ml"))[: journeys.MOST_FILES] if folder.is_dir() else []:
            try:
                text = read_text(path, journeys.LARGEST_FILE)
                told = preview(text, config, path.stem, moods, here)
            except InputError:
                continue  # the daemon says so in its log
            is_own = folder == config.journey.path
            found[path.stem] = {**told, "own": is_own, "form": yaml.safe_load(json.dumps(journeys.table(text, moods)))}
    return [{"file": name, **row} for name, row in sorted(found.items())]


def preview(
    text: str,
    config: Config,
    name: str = "journey",
    moods: Mapping[str, Mood] | None = None,
    here: Mood | None = None,
) -> dict[str, Any]:
    """{"name", "length_s", "points": [[second, valence, arousal]], "here": whether it begins where the music is}.

    text: YAML or JSON. here: where the music is, for journeys that begin there; None: the mood of the start. InputError
    lists what is wrong.
    """
    plan: Plan = journeys.parse(text, moods or config.mood.moods, "journey", name)
    begun = plan.begun_from(here or config.mood.start_mood)
    points = [[at_s, *mood] for at_s, mood in begun.points]
    return {"name": plan.name, "length_s": plan.length_s, "points": points, "here": getattr(plan, "origin", ()) is None}


def keep(config: Config, name: str, text: str) -> Path:
    """Write a journey (YAML or JSON) into the user's own folder; comments of a file that is there stay. InputError."""
    path = _path(config, name)
    journeys.parse(text, config.mood.moods, "journey", name)
    form = yaml.safe_load(text)
    written = yaml.safe_dump(form, sort_keys=False, allow_unicode=True)
    if path.is_file():
        written = rewritten(read_text(path, journeys.LARGEST_FILE), lambda tree: _become(tree, form))
        journeys.parse(written, config.mood.moods, str(path), name)
    with saving(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, written, durable=True)
    return path


def delete(config: Config, name: str) -> Path:
    """Delete a journey of the user's own. InputError where there is none."""
    path = _path(config, name)
    try:
        path.unlink()
    except OSError as error:
        raise InputError(f"{path} cannot be deleted: {error.strerror}") from None
    return path


def _path(config: Config, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise InputError(f"a journey's file is called by 1..40 small letters, digits, - or _ (got {name[:60]!r})")
    folder = config.journey.path
    return next((path for path in folder.glob(f"{name}.y*ml")), folder / f"{name}.yaml")


def _become(tree: Any, form: Mapping[str, Any]) -> None:
    """Make a table of the file what it is to be; what does not change keeps its comments."""
    for gone in [key for key in tree if key not in form]:
        del tree[gone]
    for key, value in form.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _become(tree[key], value)
        elif key not in tree or tree[key] != value:
            tree[key] = value
