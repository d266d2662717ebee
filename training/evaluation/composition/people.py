"""Barred music from files of people's music: bars, hands and tempo as the file has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from improv.midi.packed import MIDI_SUFFIXES
from improv.music.note import quantise
from training.analysis import of_midi
from training.analysis.hands import hands
from training.corpus import clean, reading
from training.corpus.features import describe
from training.corpus.fingerprint import Known, sketch
from training.corpus.labels import mode_tempo
from training.corpus.score import Rejected, Score, bars, merged
from training.corpus.sources import Item, collect
from training.dataset.splits import Grouping, spread
from training.evaluation.composition.music import BARRED_NOTE, TICKS_PER_BEAT, UNKNOWN, BarredMusic, sort

LEAST_BARS = 16
_OPENING_STEPS = 4  # of a quarter: what openings are compared on
# A file whose tempo moves and whose velocities are many was given them by a player or an editor who listens; others
# have printed marks at best, and say nothing about expression.
_MOVING_MARKS_PER_BAR, _PLAYED_VELOCITIES = 0.5, 20


@dataclass(frozen=True)
class Found:
    """A piece that was read, with the group of works and the split that it belongs to.

    Of a thousand pieces some dozens are compared: bars, hands and mood are worked out for those.
    """

    name: str
    content: bytes
    score: Score
    group: str
    split: str

    @cached_property
    def mood(self) -> str:
        """By the seed's rule of mode and tempo."""
        return mode_tempo(describe(self.score)[0])

    @cached_property
    def bars(self) -> int:
        return len(bar_lines(self.score)) - 1

    def music(self) -> BarredMusic:
        """In bars, with its hands where the file tells of them."""
        return replace(of_score(self.score, self.name, hands_of(self.content)), mood=self.mood)


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
    pedals = np.array(merged(score.pedals)).reshape(-1, 2)
    spans = np.floor((pedals - first) * TICKS_PER_BEAT + 0.5).astype(np.int64).clip(0, ticks[-1])
    spans = spans[spans[:, 1] > spans[:, 0]]
    line_s -= line_s[0]
    return BarredMusic(name, sort(notes), ticks, line_s, has_dynamics=played, has_tempo=moves, pedals=spans)


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


def read(item: Item) -> tuple[bytes, Score]:
    """One file. Rejected, with the reason, when it cannot be used or has no bars."""
    content = item.content()
    score = reading.load(content, item.suffix, item.source)
    if clean.has_no_beat(score):
        raise Rejected("a performance without a beat grid")
    return content, score


def read_all(archives: Sequence[str]) -> list[Found]:
    """Every usable MIDI file of the archives, copies left out. Splits as `prepare` makes them of the same archives
    without a table of groups."""
    grouping, known = Grouping(), Known()
    found: list[tuple[str, bytes, Score]] = []
    with reading.scratch_folder() as scratch:
        for archive in archives:
            for item in collect(archive, Path(scratch)):
                if item.suffix not in MIDI_SUFFIXES:
                    continue
                try:
                    content, score = read(item)
                except Rejected:
                    continue
                piece = reading.on_grid(score, item.name, item.source, _OPENING_STEPS)
                if twin := known.same_as(drawn := sketch(score)):
                    grouping.link(piece.work, reading.opening(piece))
                    grouping.same(piece.work, twin)
                    continue
                known.add(piece.work, drawn)
                grouping.add(piece.work, reading.opening(piece))
                found.append((item.name, content, score))
    places = zip(found, grouping.groups(), grouping.splits(), strict=True)
    return [Found(*row, group, split) for row, group, split in places]


def choose(found: Sequence[Found], split: str, moods: Sequence[str], count: int) -> list[BarredMusic]:
    """At most `count` pieces of 16 bars and more of a split, equally many of each mood where there are, of as many
    works as possible."""
    there = [piece for piece in found_in(found, split) if piece.bars >= LEAST_BARS]
    chosen: list[BarredMusic] = []
    for mood in moods:
        seen: Counter[str] = Counter()
        ranked = []
        for index, piece in enumerate(there):
            if piece.mood == mood:
                ranked.append((seen[piece.group], index))
                seen[piece.group] += 1
        chosen += [there[index].music() for _, index in sorted(ranked)[: max(count // len(moods), 1)]]
    return chosen


def reference(found: Sequence[Found], count: int) -> list[BarredMusic]:
    """At most `count` pieces of the training split, evenly spread, for what others do."""
    chosen = [piece for piece in spread(found_in(found, "train"), count) if piece.bars >= LEAST_BARS]
    return [of_score(piece.score, piece.name) for piece in chosen]


def found_in(found: Sequence[Found], split: str) -> list[Found]:
    """The pieces of one split."""
    return [piece for piece in found if piece.split == split]
