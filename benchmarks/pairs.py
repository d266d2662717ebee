"""What two players have to do with each other: measures of the response card. Rows: (on_s, off_s, pitch, velocity)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.duo import Played
from benchmarks.persons import FloatArray, Person, as_array
from improv.music.attributes import chord_onsets, key_of

SHORT_S = 0.06
TOLD_WITHIN_S = 1.0
AT_ONCE_S = 1e-3  # what is told and chosen in the same turn of the manual clock
WINDOW_S = 8.0
LEAST_NOTES = 4
FITS = 0.85  # share of our onsets that are tones of the person's scale
SCALES = {True: (0, 2, 4, 5, 7, 9, 11), False: (0, 2, 3, 5, 7, 8, 10, 11)}
HANDS_S = 2.0  # where a hand is: from so much before to so much after
HAND_SPAN = 16
TRIADS = [
    np.isin(np.arange(12), [(root + step) % 12 for step in kind])
    for root in range(12)
    for kind in ((0, 4, 7), (0, 3, 7), (0, 3, 6))
]


def lost(person: Person, begun: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Share of the person's notes that the model was never told of; of all, and of those of 60 ms and less."""
    waiting: dict[int, list[float]] = {}
    for at_s, pitch in begun:
        waiting.setdefault(pitch, []).append(at_s)
    missed, short = [], []
    for note in person.notes:
        times = waiting.get(note.pitch, [])
        told = next((at_s for at_s in times if note.on_s - 0.005 <= at_s <= note.on_s + TOLD_WITHIN_S), None)
        missed.append(told is None)
        if note.off_s - note.on_s <= SHORT_S:
            short.append(told is None)
    return float(np.mean(missed)), float(np.mean(short)) if short else float("nan")


def answered_after_s(person: Person, played: Played) -> list[float]:
    """From each note-on of the person to the first note of ours that was chosen after it."""
    planned = np.array([played.planned_s[note_id] for note_id in played.ids])
    on_s = played.ours[:, 0]
    waits = []
    for note in person.notes:
        later = on_s[(planned >= note.on_s) & (on_s >= note.on_s)]
        if len(later):
            waits.append(float(later.min() - note.on_s))
    return waits


def deaf_s(person: Person, played: Played) -> list[float]:
    """For each note of ours how long before it the person struck a key that it could not know yet; 0: it knew all."""
    struck = np.array([note.on_s for note in person.notes])
    found = []
    for note_id, on_s in zip(played.ids, played.ours[:, 0], strict=True):
        unknown = struck[(struck > played.planned_s[note_id] + AT_ONCE_S) & (struck <= on_s)]
        found.append(float(on_s - unknown.min()) if len(unknown) else 0.0)
    return found


def _windows(person: Person, ours: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """The notes of both in each 8 s from the person's first key on, where both play some."""
    theirs = as_array(person.notes)
    found = []
    for begin_s in np.arange(min(note.on_s for note in person.notes), person.length_s - WINDOW_S / 2, WINDOW_S):
        a = theirs[(theirs[:, 0] >= begin_s) & (theirs[:, 0] < begin_s + WINDOW_S)]
        b = ours[(ours[:, 0] >= begin_s) & (ours[:, 0] < begin_s + WINDOW_S)]
        if len(a) >= LEAST_NOTES and len(b) >= LEAST_NOTES:
            found.append((a, b))
    return found


def key_fit(person: Person, ours: FloatArray) -> float:
    """Share of windows of 8 s in which most of our onsets are tones of the person's key (minor: both sevenths)."""
    fits = []
    for theirs, mine in _windows(person, ours):
        weights = np.bincount(theirs[:, 2].astype(int) % 12, np.minimum(theirs[:, 1] - theirs[:, 0], 2), 12)
        key = key_of(weights.astype(np.float64))
        inside = np.isin((mine[:, 2].astype(int) - key.tonic) % 12, SCALES[key.major])
        fits.append(inside.mean() >= FITS)
    return float(np.mean(fits)) if fits else float("nan")


def is_major(person: Person) -> bool:
    """Whether the whole of what they play is in a major key."""
    theirs = as_array(person.notes)
    weights = np.bincount(theirs[:, 2].astype(int) % 12, theirs[:, 1] - theirs[:, 0], 12)
    return key_of(weights.astype(np.float64)).major


def inside_hands(person: Person, ours: FloatArray) -> float:
    """Share of our onsets within reach of a hand that plays just then: between its keys of 2 s before and after."""
    theirs = as_array(person.notes)
    inside = []
    for on_s, _, pitch, _ in ours:
        near = theirs[np.abs(theirs[:, 0] - on_s) <= HANDS_S, 2]
        if len(near) < 2:
            continue
        hands = _hands(np.sort(near))
        inside.append(any(low <= pitch <= high for low, high in hands))
    return float(np.mean(inside)) if inside else float("nan")


def _hands(pitches: FloatArray) -> list[tuple[float, float]]:
    if pitches[-1] - pitches[0] <= HAND_SPAN:
        return [(pitches[0], pitches[-1])]
    cut = int(np.diff(pitches).argmax()) + 1
    return [(pitches[0], pitches[cut - 1]), (pitches[cut], pitches[-1])]


def clashes(person: Person, ours: FloatArray) -> float:
    """Share of our onsets a semitone (and octaves) from a key that the person holds, of those that meet one."""
    theirs = as_array(person.notes)
    harsh = []
    for on_s, _, pitch, _ in ours:
        held = theirs[(theirs[:, 0] <= on_s) & (theirs[:, 1] > on_s), 2]
        if len(held):
            harsh.append(bool(np.isin((held - pitch) % 12, (1, 11)).any()))
    return float(np.mean(harsh)) if harsh else float("nan")


def loudness(person: Person, ours: FloatArray) -> FloatArray:
    """(their mean velocity, ours) of each window of 8 s."""
    return np.array([(a[:, 3].mean(), b[:, 3].mean()) for a, b in _windows(person, ours)]).reshape(-1, 2)


def phase_r(ours: FloatArray, beats_s: FloatArray, from_s: float) -> float:
    """How closely our onsets keep to one place of the person's sixteenths: 1 exactly, 0 anywhere."""
    on_s = ours[(ours[:, 0] >= from_s) & (ours[:, 0] < beats_s[-1]), 0]
    if len(on_s) < LEAST_NOTES:
        return float("nan")
    beats = np.interp(on_s, beats_s, np.arange(len(beats_s)))
    return float(abs(np.exp(2j * np.pi * 4 * beats).mean()))


def onsets(notes: FloatArray, from_s: float, to_s: float) -> float:
    """Onsets per second."""
    on_s = notes[(notes[:, 0] >= from_s) & (notes[:, 0] < to_s), 0]
    return len(np.unique(chord_onsets(on_s))) / (to_s - from_s) if len(on_s) else 0.0


def silences(notes: FloatArray, from_s: float, to_s: float) -> int:
    """How often nothing sounds for more than a second."""
    order = notes[np.argsort(notes[:, 0])]
    reach, found = from_s, 0
    for on_s, off_s, _, _ in order:
        if from_s < on_s < to_s and on_s - reach > 1.0:
            found += 1
        reach = max(reach, off_s)
    return found


def _line(notes: FloatArray) -> FloatArray:
    """The top note of each onset."""
    on_s = chord_onsets(notes[:, 0])
    return np.array([notes[on_s == at][np.argmax(notes[on_s == at, 2])] for at in np.unique(on_s)])


def likeness(call: FloatArray, reply: FloatArray) -> float:
    """How like an answer is to a call, 0 .. 1: intervals, rhythm, contour, loudness, each a quarter."""
    a, b = _line(call), _line(reply)
    if len(a) < 3 or len(b) < 3:
        return 0.0

    def overlap(x: FloatArray, y: FloatArray, edges: FloatArray) -> float:
        p, q = (np.histogram(np.clip(one, edges[0], edges[-1]), edges)[0] / max(len(one), 1) for one in (x, y))
        return float(np.minimum(p, q).sum())

    intervals = overlap(np.diff(a[:, 2]), np.diff(b[:, 2]), np.arange(-12.5, 13.5))
    rhythm = overlap(np.log2(np.diff(a[:, 0])), np.log2(np.diff(b[:, 0])), np.arange(-4, 2.01, 0.4))
    way = [np.interp(np.linspace(0, 1, 12), np.linspace(0, 1, len(x)), x[:, 2]) for x in (a, b)]
    contour = max(0.0, 1 - float(np.abs(way[0] - way[1]).mean()) / 12)
    loud = max(0.0, 1 - abs(float(a[:, 3].mean() - b[:, 3].mean())) / 40)
    return (intervals + rhythm + contour + loud) / 4


def auc(own: Sequence[float], others: Sequence[float]) -> float:
    """How often an own pair is more alike than another one."""
    if not own or not others:
        return float("nan")
    a, b = np.array(own)[:, None], np.array(others)[None, :]
    return round(float(((a > b) + 0.5 * (a == b)).mean()), 3)


def chord_fits(melody: Person, ours: FloatArray, beats_s: FloatArray) -> list[bool]:
    """For each bar that both play in: most of our notes belong to a triad that holds half of the melody's time."""
    theirs, fits = as_array(melody.notes), []
    for bar in range((len(beats_s) - 1) // 4):
        begin_s, end_s = beats_s[4 * bar] - 0.06, beats_s[4 * bar + 4] - 0.06
        a = theirs[(theirs[:, 0] >= begin_s) & (theirs[:, 0] < end_s)]
        b = ours[(ours[:, 0] >= begin_s) & (ours[:, 0] < end_s)]
        if len(a) < 2 or not len(b):
            continue
        tune = np.bincount(a[:, 2].astype(int) % 12, a[:, 1] - a[:, 0], 12)
        mine = np.bincount(b[:, 2].astype(int) % 12, minlength=12)
        good = [mine[triad].sum() >= 0.75 * mine.sum() for triad in TRIADS if tune[triad].sum() >= 0.5 * tune.sum()]
        fits.append(any(good))
    return fits
