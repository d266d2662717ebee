"""From music that was played or written to a primer: bars, hands, key and chords. Pure, bounded by what it is given.

It may take some milliseconds, in which nobody who keeps time should wait.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from improv.errors import InputError
from improv.listening.beat import Beat
from improv.listening.harmony import chord_of, key_chances
from improv.listening.keyboard import PersonNote
from improv.listening.phrase_beat import LEAST_ONSETS, guessed, phrase_beat
from improv.midi.reading import MidiMusic
from improv.model.vocabulary.hands import LEFT, RIGHT, split_hands
from improv.music.chord import Chord
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH, Note
from improv.music.primer import (
    LONGEST_BAR,
    MOST_BARS,
    MOST_NOTES,
    SHORTEST_BAR,
    TICKS_PER_BEAT,
    Primer,
    PrimerChord,
    PrimerNote,
)

EXACT_BEATS = 0.01  # what is so near a twelfth of a beat was written there
PLACES = (3, 4)  # ticks between places of a beat: of sixteenths, of triplets
SLOWEST_BPM, FASTEST_BPM = 30.0, 300.0
KEY_FADES_S = 1e6  # all bars say as much of the key


class BeatNote(NamedTuple):
    """beat, beats: onset and length in quarters. hand: 0 left, 1 right, -1 unknown."""

    beat: float
    beats: float
    pitch: int
    velocity: int
    hand: int = -1


def primer_of(
    name: str, notes: Sequence[BeatNote], lines: Sequence[float], tempo_bpm: float, *, last: bool, bars: int = MOST_BARS
) -> Primer:
    """The first or the last bars in which something is played. lines: bar lines in quarters, ascending, the last one
    where the last bar ends. Where the length of the bars changes, those of one length.

    InputError when nothing is played in them.
    """
    inside = [note for note in notes if lines[0] <= note.beat < lines[-1]]
    inside = [note for note in inside if LOWEST_PIANO_PITCH <= note.pitch <= HIGHEST_PIANO_PITCH]
    if len(lines) < 2 or not inside:
        raise InputError(f"{name}: no notes of the piano in these bars")
    first, end = _chosen(sorted(note.beat for note in inside), lines, bars, last=last)
    beats = lines[first + 1] - lines[first]
    if not SHORTEST_BAR <= beats <= LONGEST_BAR:
        raise InputError(f"{name}: a bar must have {SHORTEST_BAR:g}..{LONGEST_BAR:g} quarters, these have {beats:g}")
    begin, length = lines[first], round(beats * TICKS_PER_BEAT) * (end - first)
    chosen = [note._replace(beat=note.beat - begin) for note in inside if begin <= note.beat < lines[end]]
    placed = _placed(chosen, length)
    if len(placed) > MOST_NOTES:
        raise InputError(f"{name}: {len(placed)} notes in {end - first} bars; at most {MOST_NOTES} are read")
    bpm = min(max(tempo_bpm, SLOWEST_BPM), FASTEST_BPM)
    key = int(key_chances(_sounding(placed, bpm), 0.0, KEY_FADES_S).argmax())
    return Primer(
        name, end - first, beats, bpm, key, placed, _chords(placed, round(beats * TICKS_PER_BEAT), length, key)
    )


def _chosen(beats: Sequence[float], lines: Sequence[float], bars: int, *, last: bool) -> tuple[int, int]:
    """First bar and the one behind the last, of one length, with something in the outer ones."""
    full = sorted({bisect_right(lines, beat) - 1 for beat in beats})
    lengths = [round(after - before, 3) for before, after in pairwise(lines)]
    at, step = (full[-1], -1) if last else (full[0], 1)
    span = [at]
    while len(span) < bars and 0 <= span[-1] + step < len(lengths) and lengths[span[-1] + step] == lengths[at]:
        span.append(span[-1] + step)
    kept = [bar for bar in full if bar in span]
    return kept[0], kept[-1] + 1


def _placed(notes: Sequence[BeatNote], length: int) -> tuple[PrimerNote, ...]:
    """On the grid, by hands, each key struck once at a tick; nothing lasts longer than the bars."""
    ticks = _ticks(notes)
    struck: dict[tuple[int, int], tuple[int, BeatNote]] = {}
    for tick, note in zip(ticks, notes, strict=True):
        duration = min(max(round(note.beats * TICKS_PER_BEAT), 1), length - tick)
        if duration > 0:
            struck.setdefault((tick, note.pitch), (duration, note))
    order = sorted(struck)
    if all(note.hand >= 0 for _, note in struck.values()):
        hands = [struck[key][1].hand for key in order]
    else:
        hands = split_hands(Note(tick, pitch, struck[tick, pitch][0]) for tick, pitch in order)
    return tuple(
        PrimerNote(tick, pitch, struck[tick, pitch][0], struck[tick, pitch][1].velocity, hand)
        for (tick, pitch), hand in zip(order, hands, strict=True)
    )


def _ticks(notes: Sequence[BeatNote]) -> list[int]:
    """Where each onset lies: on its twelfth where it was written, else in each beat on sixteenths or on triplets,
    whichever are nearer.
    """
    beats = np.array([note.beat for note in notes])
    exact = beats * TICKS_PER_BEAT
    if np.abs(exact - np.round(exact)).max() <= EXACT_BEATS * TICKS_PER_BEAT:
        return [int(tick) for tick in np.round(exact)]
    found = np.zeros(len(beats), dtype=np.int64)
    whole = np.floor(beats + 0.5 / max(TICKS_PER_BEAT / PLACES[0], 1))  # a little early is the next beat's
    for beat in np.unique(whole):
        here = whole == beat
        grids = [step * np.round(exact[here] / step) for step in PLACES]
        off = [float(np.abs(exact[here] - grid).sum()) for grid in grids]
        found[here] = grids[int(np.argmin(off))]
    return [max(int(tick), 0) for tick in found]


def _sounding(notes: Sequence[PrimerNote], bpm: float) -> list[PersonNote]:
    tick_s = 60 / bpm / TICKS_PER_BEAT
    return [PersonNote(n.pitch, n.velocity, n.tick * tick_s, (n.tick + n.ticks) * tick_s) for n in notes]


def _chords(notes: Sequence[PrimerNote], bar: int, length: int, key: int) -> tuple[PrimerChord, ...]:
    """One for each half of an even bar, one for each bar of another; where nothing tells, the one before goes on."""
    part = bar // 2 if bar % (2 * TICKS_PER_BEAT) == 0 and bar > 2 * TICKS_PER_BEAT else bar
    chord, found = Chord(key % 12, int(key >= 12), key % 12), list[PrimerChord]()
    for begin in range(0, length, part):
        weights, lowest = np.zeros(12), None
        for note in notes:
            inside = min(note.tick + note.ticks, begin + part) - max(note.tick, begin)
            if inside > 0:
                weights[note.pitch % 12] += inside / part
                lowest = note.pitch if lowest is None else min(lowest, note.pitch)
        if lowest is not None and np.count_nonzero(weights) > 1:
            told = chord_of(weights, lowest % 12)
            chord = chord if told is None else told.chord
        if begin % bar == 0 or chord != found[-1].chord:
            found.append(PrimerChord(begin, chord))
    return tuple(found)


# -------------------------------------------------------------------------------------------------- from what there is


def of_midi(name: str, music: MidiMusic, bars: int = MOST_BARS, from_bar: int = 1) -> Primer:
    """Bars of a MIDI file, from bar `from_bar` on, 1 being its first. Where its notes keep to no beat of the file, the
    beat is looked for in them.
    """
    per_beat = music.ticks_per_beat
    lines = [line / per_beat for line in _lines(music)]
    if from_bar > len(lines) - 1:
        raise InputError(f"{name} has {len(lines) - 1} bars, there is no bar {from_bar}")
    hands = _hands(music)
    notes = [
        BeatNote(n.onset / per_beat, (n.end - n.onset) / per_beat, n.pitch, n.velocity, hands.get(n.part, -1))
        for n in music.notes
    ]
    lines = lines[from_bar - 1 :]
    late = [note for note in notes if lines[0] <= note.beat]
    if not late:
        raise InputError(f"{name}: there are no notes from bar {from_bar} on")
    begin = late[0].beat
    some = [note for note in late if note.beat < begin + bars * LONGEST_BAR][:MOST_NOTES]
    if not _keeps_to_beats([note.beat for note in some]):
        heard = [PersonNote(n.pitch, n.velocity, *_seconds(music, n, per_beat)) for n in some]
        return of_person(name, heard, None, bars, last=False)
    found = primer_of(name, late, lines, 120.0, last=False, bars=bars)
    tick = round(per_beat * max(line for line in lines if line <= begin))
    end = tick + round(per_beat * found.bars * found.beats_per_bar)
    seconds = music.seconds_at(end) - music.seconds_at(tick)
    bpm = 60 * found.bars * found.beats_per_bar / max(seconds, 1e-3)
    return primer_of(name, late, lines, bpm, last=False, bars=bars)


def _hands(music: MidiMusic) -> dict[int, int]:
    """By part the hand, where the file has two of them: the higher one on the whole is the right one."""
    pitches: dict[int, list[int]] = {}
    for note in music.notes:
        pitches.setdefault(note.part, []).append(note.pitch)
    if len(pitches) != 2:
        return {}
    low, high = sorted(pitches, key=lambda part: sum(pitches[part]) / len(pitches[part]))
    return {low: LEFT, high: RIGHT}


def _lines(music: MidiMusic) -> list[int]:
    """Ticks of all bar lines, to behind the last note."""
    end = max(note.end for note in music.notes)
    meters = [(0, 4, 4), *music.meters]
    lines: list[int] = []
    for index, (tick, count, unit) in enumerate(meters):
        until = meters[index + 1][0] if index + 1 < len(meters) else end
        bar = max(4 * music.ticks_per_beat * count // unit, 1)
        lines += range(tick, until, bar)
    return [*lines, lines[-1] + bar]


def _seconds(music: MidiMusic, note: BeatNote, per_beat: int) -> tuple[float, float]:
    return music.seconds_at(round(note.beat * per_beat)), music.seconds_at(round((note.beat + note.beats) * per_beat))


def _keeps_to_beats(beats: Sequence[float]) -> bool:
    """Whether most onsets lie on sixteenths or triplets. At random a third of all would: within a 48th to both sides of
    eight places.
    """
    into = np.array(beats) % 1.0
    places = np.array([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1])
    near = np.abs(into[:, None] - places).min(axis=1) < 1 / 48
    return bool(near.mean() > 2 / 3)


def of_person(
    name: str,
    notes: Sequence[PersonNote],
    believed: Beat | None,
    bars: int = MOST_BARS,
    beats_per_bar: int = 4,
    *,
    last: bool = True,
) -> Primer:
    """What a person played, on the line through their onsets. notes: ascending, seconds. believed: of their beat."""
    onsets = [note.on_s for note in notes]
    if len(onsets) < LEAST_ONSETS:
        raise InputError(f"{name}: {len(onsets)} notes are too few to begin from; play {LEAST_ONSETS} or more")
    beat = phrase_beat(onsets, believed) or believed or guessed(onsets)
    origin_s = beat.at_s - beat.beat_in_bar * beat.period_s  # a bar line

    def beats(at_s: float) -> float:
        return (at_s - origin_s) / beat.period_s

    early = 1 / TICKS_PER_BEAT  # what comes a little before the line is of its bar
    first = (beats(onsets[0]) + early) // beats_per_bar * beats_per_bar
    count = int((beats(onsets[-1]) + early - first) // beats_per_bar) + 1
    lines = [first + beats_per_bar * bar for bar in range(count + 1)]
    end_s = max(note.off_s or note.on_s for note in notes)
    given = [
        BeatNote(
            max(beats(n.on_s), first), beats(end_s if n.off_s is None else n.off_s) - beats(n.on_s), n.pitch, n.velocity
        )
        for n in notes
    ]
    return primer_of(name, given, lines, beat.tempo_bpm, last=last, bars=bars)
