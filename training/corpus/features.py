"""What a piece and each of its windows are like: the rows of features.csv and windows.csv.

A window is four bars long (eight seconds where a recording has no bars). Attributes are measured by
`improv.music.attributes.measure`, the same as the network is told; a piece's are the means over its windows,
weighted by their seconds. Keys: `training.corpus.keys`. Tempo words: `training.corpus.tempo`. Moods:
`training.corpus.labels`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from improv.music.attributes import ATTRIBUTES, Music, Windows, measure_windows, pitch_classes
from improv.music.mood import CORNERS, Mood, moods_of
from improv.music.piano import instruments_of
from training.corpus.clean import NO_BEAT_SHARE, off_grid_share
from training.corpus.keys import KeyFound, histogram, music21_key, music21_keys, sections, temperley, temperley_keys
from training.corpus.labels import NEUTRAL_NAME, Label, corner_of, label_at, mode_tempo
from training.corpus.score import FloatArray, Score, bars
from training.corpus.tempo import main_tempo, tempo_name

WINDOW_BARS = 4
WINDOW_S = 8.0
Row = dict[str, Any]

MEASURED = (*ATTRIBUTES, "polyphony")
_MOOD_COLUMNS = tuple(f"windows_{name}" for name in (*CORNERS, NEUTRAL_NAME))
_TEXT = {
    *("name", "source", "composer", "work", "instruments", "done", "key", "key_music21", "section_key", "tempo_name"),
    *("mode_tempo", "attributes", "own"),
}
_WHOLE = {
    *("piece", "window", "windows", "notes", "bars", "has_beat", "has_tempo", "has_dynamics", "keys_agree"),
    *("sections", "tempo_changes", "lowest", "highest", *_MOOD_COLUMNS),
}


def _typed(*names: str) -> dict[str, type]:
    return {name: str if name in _TEXT else int if name in _WHOLE else float for name in names}


WINDOW_COLUMNS = _typed(
    *("piece", "window", "start_s", "end_s", "start_beat", "end_beat", "notes", "key", "key_music21", "keys_agree"),
    *("section_key", "tempo_name", *MEASURED, "valence", "arousal", "mode_tempo", "attributes", "own"),
)
PIECE_COLUMNS = _typed(
    *("piece", "name", "source", "composer", "work", "notes", "seconds", "beats", "bars", "has_beat", "off_grid_share"),
    *("has_tempo", "has_dynamics", "instruments", "done", "key", "key_music21", "keys_agree", "key_correlation"),
    *(
        "major_windows",
        "sections",
        "main_tempo",
        "tempo_name",
        "tempo_changes",
        "tempo_low",
        "tempo_high",
        "lowest",
        "highest",
    ),
    *(*MEASURED, "valence", "arousal", "mode_tempo", "attributes", "windows", *_MOOD_COLUMNS),
)
"""`keys_agree`: 1 when both keys are the same. `section_key`: of the section that the window lies in (`keys.sections`).
`sections`: how many keys one after the other. `attributes`: the corner by that rule, or neutral; `own`: a person's."""


@dataclass(frozen=True)
class Timed:
    """A score's notes in seconds, with all that windows are cut from. Arrays of shape (notes,), sorted by onset."""

    onset_s: FloatArray
    end_s: FloatArray
    pitch: FloatArray
    velocity: FloatArray

    @classmethod
    def of(cls, score: Score) -> Timed:
        notes = score.notes
        onset, end = score.seconds(notes["onset"]), score.seconds(score.ends)
        return cls(onset, end, notes["pitch"].astype(np.float64), notes["velocity"].astype(np.float64))


def window_edges(score: Score, *, has_beat: bool) -> FloatArray:
    """Where windows begin and the last ends, quarter notes: every fourth bar line, or every eight seconds."""
    first, last = float(score.notes["onset"].min()), float(score.ends.max())
    if not has_beat:
        grid = np.linspace(0, last, max(int(8 * last), 2))  # eighths of a beat, to turn seconds back into beats
        at_s = score.seconds(grid)
        wanted = np.arange(score.seconds(np.array([first]))[0], at_s[-1], WINDOW_S)
        return np.append(np.interp(wanted, at_s, grid), last)
    lines = _bar_lines(score, first, last)
    return np.array([*lines[::WINDOW_BARS], last])


def _bar_lines(score: Score, first: float, last: float) -> FloatArray:
    """From the bar that holds `first` to before `last`. A new time signature begins a bar, also amid another."""
    at = float(bars(np.array([first]), score.meters)[0][0])
    changes = sorted({beat for beat, _ in score.meters if at + 1e-9 < beat < last})
    parts = []
    for begin, end in itertools.pairwise([at, *changes, last]):
        length = float(bars(np.array([begin]), score.meters)[1][0])
        parts.append(begin + length * np.arange(np.ceil((end - begin) / length - 1e-9)))
    return np.concatenate(parts)


def describe(score: Score, labels: tuple[Label, ...] = ()) -> tuple[Row, list[Row]]:
    """The piece's row (without name, source, composer and work) and its windows' rows, values rounded for people."""
    off_grid = off_grid_share(score)
    has_beat = off_grid <= NO_BEAT_SHARE
    edges = window_edges(score, has_beat=has_beat)
    timed = Timed.of(score)
    windows = _windows(score, timed, edges, labels, has_beat=has_beat)
    classes = histogram(timed.pitch, timed.end_s - timed.onset_s)
    last_beat = float(edges[-1])
    row: Row = {
        "notes": len(score.notes),
        "seconds": round(float(timed.end_s.max() - timed.onset_s.min()), 2),
        "beats": round(last_beat - float(edges[0]), 3),
        "bars": _bar_count(score, edges) if has_beat else "",
        "has_beat": int(has_beat),
        "off_grid_share": round(off_grid, 4),
        "has_tempo": int(score.has_tempo),
        "has_dynamics": int(score.has_dynamics),
        "instruments": " ".join(map(str, instruments_of(score))),
        "done": "; ".join(score.done),
        "lowest": int(timed.pitch.min()),
        "highest": int(timed.pitch.max()),
        "windows": len(windows),
    }
    row |= _key_columns(classes) | _tempo_columns(score, last_beat, has_beat=has_beat) | _means(windows)
    return row, windows


def _windows(score: Score, timed: Timed, edges: FloatArray, labels: tuple[Label, ...], *, has_beat: bool) -> list[Row]:
    """One row for each stretch between two edges in which notes begin."""
    edges_s = score.seconds(edges)
    at = np.searchsorted(score.notes["onset"], edges - 1e-6)
    at[-1] = len(score.notes)
    there = np.flatnonzero((at[1:] > at[:-1]) & (edges_s[1:] > edges_s[:-1]))
    if not len(there):
        return []
    seconds, beats = np.diff(edges_s)[there], np.diff(edges)[there]
    windows = Windows(at[:-1][there], at[1:][there], seconds)
    velocity = timed.velocity if score.has_dynamics else None
    music = Music(timed.onset_s, timed.end_s, timed.pitch, velocity)
    classes = pitch_classes(music, windows)
    values = measure_windows(music, windows)
    if score.has_tempo and has_beat:
        values["tempo"] = 60 * beats / seconds
    values["polyphony"] = classes.sum(axis=1) / seconds
    values["valence"], values["arousal"] = moods_of(values)
    keys = temperley_keys(classes), music21_keys(classes), sections(classes)
    columns: dict[str, list[Any]] = {
        "window": there.tolist(),
        "start_s": edges_s[:-1][there].round(3).tolist(),
        "end_s": edges_s[1:][there].round(3).tolist(),
        "start_beat": edges[:-1][there].round(3).tolist(),
        "end_beat": edges[1:][there].round(3).tolist(),
        "notes": np.diff(at)[there].tolist(),
    } | {name: column.round(4).tolist() for name, column in values.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row, temper, other, section in zip(rows, *keys, strict=True):
        row |= _words(row, temper, other, labels) | {"section_key": section.name if section else ""}
    return rows


def _words(row: Row, temper: KeyFound | None, other: KeyFound | None, labels: tuple[Label, ...]) -> Row:
    """The columns of a window that are words."""
    given = label_at(labels, row["start_s"], row["end_s"])
    return {
        "key": temper.name if temper else "",
        "key_music21": other.name if other else "",
        "keys_agree": int(temper[:2] == other[:2]) if temper and other else "",
        "tempo_name": tempo_name(row["tempo"]) if "tempo" in row else "",
        "mode_tempo": mode_tempo(row),
        "attributes": corner_of(Mood(row["valence"], row["arousal"])),
        "own": corner_of(given) if given else "",
    }


def _bar_count(score: Score, edges: FloatArray) -> int:
    last_start, length = (float(value[0]) for value in bars(edges[-2:-1], score.meters))
    return WINDOW_BARS * (len(edges) - 2) + int(np.ceil((edges[-1] - last_start) / length - 1e-9))


def _key_columns(classes: FloatArray) -> Row:
    temper, other = temperley(classes), music21_key(classes)
    if temper is None or other is None:
        return {}
    return {
        "key": temper.name,
        "key_music21": other.name,
        "keys_agree": int(temper[:2] == other[:2]),
        "key_correlation": round(temper.correlation, 4),
    }


def _tempo_columns(score: Score, last_beat: float, *, has_beat: bool) -> Row:
    """Nothing where the file gives no tempo, or none that means the music's beat."""
    if not (score.has_tempo and has_beat):
        return {}
    tempo = main_tempo(score.tempos, last_beat)
    speeds = [bpm for at, bpm in score.tempos if at < last_beat] or [tempo]
    return {
        "main_tempo": round(tempo, 2),
        "tempo_name": tempo_name(tempo),
        "tempo_changes": len(speeds) - 1,
        "tempo_low": round(min(speeds), 2),
        "tempo_high": round(max(speeds), 2),
    }


def _means(windows: list[Row]) -> Row:
    """Means of the windows' numbers weighted by seconds, and how many windows belong to each mood."""
    row: Row = {}
    seconds = np.array([w["end_s"] - w["start_s"] for w in windows])
    for name in (*MEASURED, "valence", "arousal"):
        there = np.array([w.get(name, "") != "" for w in windows], dtype=bool)
        if there.any():
            values = np.array([w[name] for w, is_there in zip(windows, there, strict=True) if is_there])
            row[name] = round(float(np.average(values, weights=np.maximum(seconds[there], 1e-3))), 4)
    counts = Counter(window["attributes"] for window in windows)
    row |= {f"windows_{name}": counts[name] for name in (*CORNERS, NEUTRAL_NAME)}
    row["major_windows"] = round(float(np.mean([w.get("mode", 0) >= 0 for w in windows])), 4) if windows else ""
    row["sections"] = sum(1 for _ in itertools.groupby(windows, key=lambda window: window["section_key"]))
    row["attributes"] = corner_of(Mood(row["valence"], row["arousal"])) if "valence" in row else NEUTRAL_NAME
    row["mode_tempo"] = mode_tempo(row) if "onset_density" in row else NEUTRAL_NAME
    return row
