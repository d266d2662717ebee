"""Barred music from files of people's music: bars, hands and tempo as the file has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from improv.music.note import quantise
from training.analysis import of_midi
from training.analysis.hands import hands
from training.corpus import clean, reading
from training.corpus.features import describe
from training.corpus.fingerprint import Known, sketch
from training.corpus.formats import MIDI_SUFFIXES
from training.corpus.labels import mode_tempo
from training.corpus.score import Rejected, Score, bars
from training.corpus.sources import Item, collect
from training.dataset.splits import Grouping
from training.evaluation.composition.music import BARRED_NOTE, TICKS_PER_BEAT, UNKNOWN, BarredMusic, sort

LEAST_BARS = 16
_OPENING_STEPS = 4  # of a quarter: what openings are compared on
# A file whose tempo moves and whose velocities are many was given them by a player or an editor who listens; others
# have printed marks at best, and say nothing about expression.
_MOVING_MARKS_PER_BAR, _PLAYED_VELOCITIES = 0.5, 20


@dataclass(frozen=True)
class Found:
    """A piece that was read, with the split and the group of works that it belongs to."""

    music: BarredMusic
    group: str
    split: str


def of_score(score: Score, name: str, of_track: dict[int, int] | None = None) -> BarredMusic:
    """The score in bars. of_track: track -> LEFT or RIGHT, where the file tells."""
    first = float(bars(score.notes["onset"][:1], score.meters)[0][0])
    lines = bar_lines(score)
    notes = np.empty(len(score.notes), dtype=BARRED_NOTE)
    notes["onset"] = np.floor((score.notes["onset"] - first) * TICKS_PER_BEAT + 0.5)
    ends = np.floor((score.ends - first) * TICKS_PER_BEAT + 0.5).astype(np.int64)
    notes["duration"] = np.maximum(ends - notes["onset"], 1)
    notes["pitch"], notes["velocity"] = score.notes["pitch"], np.clip(score.notes["velocity"], 1, 127)
    notes["hand"] = [(of_track or {}).get(int(track), UNKNOWN) for track in score.notes["track"]]
    ticks = np.array([quantise(line - first, TICKS_PER_BEAT) for line in lines], dtype=np.int64)
    line_s = score.seconds(np.array(lines))
    moves = len(score.tempos) >= _MOVING_MARKS_PER_BAR * len(lines)
    played = moves and len(np.unique(notes["velocity"])) >= _PLAYED_VELOCITIES
    return BarredMusic(name, sort(notes), ticks, line_s - line_s[0], has_dynamics=played, has_tempo=moves)


def bar_lines(score: Score) -> list[float]:
    """Quarter notes of every bar line from the bar of the first note to the end of the bar of the last end."""
    lines, last = [float(bars(score.notes["onset"][:1], score.meters)[0][0])], float(score.ends.max())
    changes = sorted(at for at, _ in score.meters)
    while lines[-1] < last - 1e-6:
        length = float(bars(np.array([lines[-1]]), score.meters)[1][0])
        following = lines[-1] + length
        cut = [at for at in changes if lines[-1] + 1e-6 < at < following - 1e-6]
        lines.append(cut[0] if cut else following)
    return lines


def hands_of(content: bytes) -> dict[int, int]:
    """Track -> LEFT or RIGHT where a MIDI file tells by names or staves, counted as `corpus.midi` counts its tracks."""
    music = of_midi(content)
    found = hands(music)
    if found.source == "guess":
        return {}
    tracks = np.unique(music.track)
    return {int(track): int(found.hand[music.track == track].mean() >= 0.5) for track in tracks}


def read(item: Item) -> tuple[Score, BarredMusic]:
    """One file. Rejected, with the reason, when it cannot be used or has no bars."""
    content = item.content()
    score = reading.load(content, item.suffix, item.source)
    if clean.has_no_beat(score):
        raise Rejected("a performance without a beat grid")
    of_track = hands_of(content) if item.suffix in MIDI_SUFFIXES else {}
    return score, of_score(score, item.name, of_track)


def read_all(archives: Sequence[str]) -> list[Found]:
    """Every usable MIDI file of the archives with 16 bars and more, copies left out; mood: the seed's rule of mode and
    tempo. Splits as `training.prepare` makes them of the same archives without a table of groups."""
    grouping, known, found = Grouping(), Known(), []
    with reading.scratch_folder() as scratch:
        for archive in archives:
            for item in collect(archive, Path(scratch)):
                if item.suffix not in MIDI_SUFFIXES:
                    continue
                try:
                    score, music = read(item)
                except Rejected:
                    continue
                piece = reading.on_grid(score, item.name, item.source, _OPENING_STEPS)
                if twin := known.same_as(drawn := sketch(score)):
                    grouping.link(piece.work, reading.opening(piece))
                    grouping.same(piece.work, twin)
                    continue
                known.add(piece.work, drawn)
                grouping.add(piece.work, reading.opening(piece))
                mood = mode_tempo(describe(score)[0])
                found.append(replace(music, mood=mood))
    rows = zip(found, grouping.groups(), grouping.splits(), strict=True)
    return [Found(*row) for row in rows if row[0].bars >= LEAST_BARS]


def choose(found: Sequence[Found], split: str, moods: Sequence[str], count: int) -> list[BarredMusic]:
    """At most `count` pieces of a split, equally many of each mood where there are, of as many works as possible."""
    chosen: list[BarredMusic] = []
    for mood in moods:
        seen: Counter[str] = Counter()
        ranked = []
        for index, piece in enumerate(found):
            if piece.split == split and piece.music.mood == mood:
                ranked.append((seen[piece.group], index))
                seen[piece.group] += 1
        chosen += [found[index].music for _, index in sorted(ranked)[: max(count // len(moods), 1)]]
    return chosen
