"""One piece of an album: a pure function of its order, so that any process on any machine makes the same."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import math
import statistics
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from improv import __version__
from improv.config import Config
from improv.config.adapters import render
from improv.control.commands import Command, End
from improv.control.journey import Plan
from improv.improviser.planned_step import PlannedStep
from improv.model.onnx_model import OnnxModel
from improv.music.attributes import Window, key_of, measure
from improv.music.chord import key_name
from improv.music.mood import Mood, attributes_at
from improv.takes.export import piano
from improv.takes.export.midi import music_file
from improv.takes.export.music import Music, of_steps
from improv.takes.export.sound import encoded
from improv.takes.take import PlayedPedal

RINGS_S = 1.5  # of the length is left for the last chord to die away
SHORTEST_S, LONGEST_S = 10.0, 3600.0
MOST_STRETCH = 0.03  # a length that is missed by no more is met by the tempo: 120 beats a minute become 116.5
MOST_TRIES = 4
FADE_S = 1.0
RITARDANDO = 1.08  # an ending lasts longer than its bars


class Order(NamedTuple):
    """What is to be made. number: from 1, within its mood. seconds: exactly so long, sound included.

    mood_name: as it is listed. mood: where it stays, unless a journey leads. sound: .wav, .flac, .ogg, or empty:
    MIDI alone. lufs: the loudness aimed at, or None: as it was played.
    """

    title: str
    number: int
    mood_name: str
    mood: Mood
    journey: Plan | None
    seconds: float
    seed: int
    model: str
    config: str
    sound: str
    lufs: float | None

    @property
    def stem(self) -> str:
        """The name of its files, without suffix."""
        return f"{_file_name(self.mood_name)}/{self.number:05d} {_file_name(self.title)}"

    @property
    def digest(self) -> str:
        """Which order it is: another version, model file or setting is another one."""
        told = [__version__, *(str(field) for field in self), _sha256(self.model)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


class Made(NamedTuple):
    """files: suffix -> content. row: what the manifest says of the piece."""

    order: Order
    files: dict[str, bytes]
    row: dict[str, Any]


def make(order: Order) -> Made:
    """The piece that was ordered: MIDI, sound if asked for, and its row."""
    config = Config.model_validate_json(order.config)
    model = _model(order.model)
    music = exactly(improvised(order, config, model), order.seconds)
    midi = io.BytesIO()
    music_file(music).save(file=midi)
    files = {".mid": midi.getvalue()}
    row = {
        "file": order.stem,
        "title": order.title,
        "mood": order.mood_name,
        "valence": order.mood.valence,
        "arousal": order.mood.arousal,
        "seconds": order.seconds,
        "seed": order.seed,
        "model": model.contract.name,
        "model_sha256": model.sha256,
        "version": __version__,
        **measures(music),
    }
    if order.sound:
        files[order.sound], row["lufs"] = _sound(music, order)
    return Made(order, files, {**row, "order": order.digest})


def improvised(order: Order, config: Config, model: OnnxModel) -> list[PlannedStep]:
    """The music up to its end, within MOST_STRETCH of the length, or the nearest of MOST_TRIES.

    When an ending is asked for decides where it ends, by whole bars; the music before is the same each time.
    """
    wanted_s = order.seconds - RINGS_S
    bar_s = config.music.beats_per_bar * 60 / _usual_tempo(config, order.mood)
    ask_s = max(wanted_s - (config.music.ending_bars + 0.5) * bar_s * RITARDANDO, 0.5)
    best: list[PlannedStep] = []
    best_off = math.inf
    for _ in range(MOST_TRIES):
        commands: list[tuple[float, Command]] = [(ask_s, End())]
        steps = render(model, config, 2 * order.seconds + 30, order.seed, order.mood, commands, order.journey)
        steps = steps[: next((at + 1 for at, step in enumerate(steps) if step.finished), len(steps))]
        length_s = steps[-1].position.music_s
        if abs(length_s - wanted_s) < best_off:
            best, best_off = steps, abs(length_s - wanted_s)
        if best_off <= MOST_STRETCH * wanted_s:
            break
        ask_s = max(ask_s + wanted_s - length_s, 0.5)
    return best


def exactly(steps: list[PlannedStep], seconds: float) -> Music:
    """The music with its tempo changed by as little as makes it end RINGS_S before `seconds`."""
    music = of_steps(steps)
    factor = (seconds - RINGS_S) / max(steps[-1].position.music_s - steps[0].position.music_s, 1e-3)
    return Music(
        music.title,
        seconds,
        [step._replace(at_s=step.at_s * factor, tempo_bpm=step.tempo_bpm / factor) for step in music.steps],
        [note._replace(on_s=note.on_s * factor, off_s=min(note.off_s * factor, seconds)) for note in music.notes],
        [],
        [PlayedPedal(pedal.down_s * factor, min(pedal.up_s * factor, seconds)) for pedal in music.pedals],
    )


def measures(music: Music) -> dict[str, Any]:
    """What is counted and measured of the notes: the attributes of improv.music.attributes, and the key."""
    if not music.notes:
        return {"notes": 0, "key": ""}
    on_s, off_s, pitch, velocity = (
        np.array([getattr(note, name) for note in music.notes], np.float64)
        for name in ("on_s", "off_s", "pitch", "velocity")
    )
    tempo = statistics.fmean(step.tempo_bpm for step in music.steps)
    measured = measure(Window(music.seconds, on_s, off_s - on_s, pitch, velocity, tempo))
    histogram = np.bincount(pitch.astype(int) % 12, off_s - on_s, minlength=12).astype(np.float64)
    key = key_of(histogram)
    rounded = {name: round(value, 3) for name, value in measured.items()}
    return {"notes": len(music.notes), "key": key_name(key.tonic + (0 if key.major else 12)), **rounded}


def _sound(music: Music, order: Order) -> tuple[bytes, float]:
    """Exactly as long as ordered, the end faded; its loudness."""
    length = round(order.seconds * piano.RATE_HZ)
    sound = piano.sound(music.ringing(), order.seconds)[:, :length]
    fade = round(FADE_S * piano.RATE_HZ)
    sound[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    content, lufs = encoded(sound, piano.RATE_HZ, order.sound, order.lufs)
    return content, round(lufs, 2)


def _usual_tempo(config: Config, mood: Mood) -> float:
    return attributes_at(mood, config.mood.table)["tempo"]


def _file_name(text: str) -> str:
    """As it may stand in a path on every system."""
    return (
        "".join(letter if letter.isalnum() or letter in " -_.," else "-" for letter in text).strip(" .")[:60] or "piece"
    )


@functools.lru_cache(maxsize=2)
def _model(path: str) -> OnnxModel:
    return OnnxModel(Path(path), "cpu")


@functools.lru_cache(maxsize=8)
def _sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
