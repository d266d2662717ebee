"""People who play with BrainMusic in a benchmark: performances out of MIDI files, and scripted players."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RIGHT = (
    (0, 1, 2, 3),
    (0, 1, 2, 2.5, 3),
    (0, 0.5, 1, 1.5, 2, 3),
    (0, 1.5, 2, 3, 3.5),
    (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5),
    (0, 2, 3),
    (0, 0.75, 1, 2, 2.75, 3),
    (0, 1, 1.5, 2, 3),
)
LEFT = ((0, 2), (0, 1, 2, 3), (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5), (0,), ())
CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7), (9, 12, 16), (2, 5, 9), (7, 11, 14), (0, 4, 7))
DIATONIC = (0, 2, 4, 5, 7, 9, 11)


class PersonNote(NamedTuple):
    """A note that a person plays: seconds from the beginning."""

    on_s: float
    off_s: float
    pitch: int
    velocity: int


class Person(NamedTuple):
    """What somebody plays. pedals: (second, value of CC 64). beats_s: seconds of their quarters, where known."""

    name: str
    notes: tuple[PersonNote, ...]
    pedals: tuple[tuple[float, int], ...] = ()
    beats_s: tuple[float, ...] = ()

    def messages(self) -> list[tuple[float, bytes]]:
        """(second, MIDI message), ascending: ends before beginnings."""
        events = [(note.off_s, 0, bytes((0x80, note.pitch, 0))) for note in self.notes]
        events += [(at_s, 1, bytes((0xB0, 64, value))) for at_s, value in self.pedals]
        events += [(note.on_s, 2, bytes((0x90, note.pitch, note.velocity))) for note in self.notes]
        return [(at_s, message) for at_s, _, message in sorted(events, key=lambda event: event[:2])]

    @property
    def length_s(self) -> float:
        """When the last key is let go."""
        return max((note.off_s for note in self.notes), default=0.0)


def of_file(path: Path, seconds: float, start_s: float = 1.0) -> Person:
    """The first `seconds` of a performance, from its first note on."""
    played, pedals = _performed(mido.MidiFile(path))
    first_s = min((note.on_s for _, note in played), default=0.0)
    feet = [(at_s + start_s - first_s, value) for at_s, value in pedals if first_s <= at_s < first_s + seconds]
    notes = _moved([note for _, note in played], first_s, seconds, start_s)
    return Person(path.stem, notes, (*feet, (start_s + seconds, 0)))


def of_hands(path: Path, seconds: float, start_s: float = 1.0) -> tuple[Person, Person] | None:
    """Right and left hand of the same seconds, where two tracks alone have notes; None elsewhere."""
    midi = mido.MidiFile(path)
    for index, track in enumerate(midi.tracks):
        for message in track:
            if message.type in ("note_on", "note_off"):
                message.channel = min(index, 15)
    played, _ = _performed(midi)
    tracks = sorted({track for track, _ in played})
    if len(tracks) != 2:
        return None
    first_s = min(note.on_s for _, note in played)
    hands = [[note for track, note in played if track == one] for one in tracks]
    hands.sort(key=lambda notes: -np.mean([note.pitch for note in notes]))
    right, left = (Person(path.stem, _moved(notes, first_s, seconds, start_s)) for notes in hands)
    return right, left


def _performed(midi: mido.MidiFile) -> tuple[list[tuple[int, PersonNote]], list[tuple[float, int]]]:
    """(channel, note) of all that is played, and the pedals."""
    now_s, played, pedals = 0.0, [], []
    down: dict[tuple[int, int], tuple[float, int]] = {}
    for message in midi:
        now_s += message.time
        if message.type == "note_on" and message.velocity:
            down[message.channel, message.note] = (now_s, message.velocity)
        elif message.type in ("note_on", "note_off") and (message.channel, message.note) in down:
            on_s, velocity = down.pop((message.channel, message.note))
            note = PersonNote(on_s, max(now_s, on_s + 0.005), message.note, velocity)
            played.append((message.channel, note))
        elif message.type == "control_change" and message.control == 64:
            pedals.append((now_s, message.value))
    return played, pedals


def _moved(notes: Sequence[PersonNote], first_s: float, seconds: float, start_s: float) -> tuple[PersonNote, ...]:
    shift = start_s - first_s
    kept = [n._replace(on_s=n.on_s + shift, off_s=n.off_s + shift) for n in notes if n.on_s - first_s < seconds]
    return tuple(sorted(kept))


def chosen_files(folder: Path, count: int) -> list[Path]:
    """At most so many MIDI files of a folder (or the one file), spread evenly over their names."""
    if folder.is_file():
        return [folder]
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    if not files:
        raise SystemExit(f"--performances: {folder} has no MIDI files")
    return [files[i] for i in np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)]


def beats_of(bpm: float, count: int, rubato: float, rng: np.random.Generator, start_s: float) -> FloatArray:
    """Seconds of so many quarters; rubato: how far the tempo goes up and down, as a share."""
    period, phase = rng.uniform(8, 24), rng.uniform(0, 2 * np.pi)
    at = np.arange(24 * count + 1) / 24
    bpms = bpm * (1 + rubato * np.sin(2 * np.pi * at / period + phase))
    return np.asarray(start_s + np.concatenate([[0], np.cumsum(60 / bpms[:-1] / 24)]))[::24]


def scripted(
    seed: int,
    bpm: float | None = None,
    bars: int = 12,
    *,
    rubato: float = 0.0,
    swing: bool = False,
    start_s: float = 1.0,
) -> Person:
    """A tune over a bass, with hands that are 12 ms from where they mean to be; 60..160 bpm at random."""
    rng = np.random.default_rng(seed)
    bpm = float(rng.uniform(60, 160)) if bpm is None else bpm
    beats = beats_of(bpm, 4 * bars + 2, rubato, rng, start_s)
    tonic = int(rng.integers(0, 12))
    left = LEFT[rng.integers(len(LEFT))]
    patterns = [RIGHT[rng.integers(len(RIGHT))] for _ in range(3)]

    def second(beat: float) -> float:
        return float(np.interp(beat, np.arange(len(beats)), beats))

    notes = []
    for bar in range(bars):
        chord = CHORDS[bar % len(CHORDS)]
        pattern = patterns[rng.integers(3)]
        for index, place in enumerate(pattern):
            late = 1 / 6 if swing and place % 1 == 0.5 else 0.0
            following = pattern[index + 1] if index + 1 < len(pattern) else 4.0
            step = int(rng.choice(chord)) if place % 1 == 0 else int(rng.choice(DIATONIC))
            on_s = second(4 * bar + place + late) + float(rng.normal(0, 0.012))
            off_s = on_s + 0.85 * (second(4 * bar + following) - second(4 * bar + place))
            accent = 10 if place == 0 else 4 if place % 1 == 0 else -4
            velocity = int(np.clip(76 + accent + rng.normal(0, 6), 1, 127))
            notes.append(PersonNote(on_s, off_s, 64 + tonic % 12 + step % 12, velocity))
        for place in left:
            on_s = second(4 * bar + place) + float(rng.normal(0, 0.012))
            velocity = int(np.clip(64 + (8 if place == 0 else 0) + rng.normal(0, 5), 1, 127))
            notes.append(PersonNote(on_s, on_s + 0.3, 36 + tonic % 12 + chord[0] % 12, velocity))
    return Person(f"scripted {seed}", tuple(sorted(notes)), beats_s=tuple(beats.tolist()))


def calls(seed: int, count: int = 4, bpm: float = 100.0) -> tuple[Person, list[tuple[float, float]]]:
    """Phrases of one hand, also (begin, end) of each in seconds. After most a rest leaves room for an answer as long
    and more; every third call comes into the answer.
    """
    rng = np.random.default_rng(seed)
    beat_s, at, notes, spans = 60 / bpm, 1.0, list[PersonNote](), []
    tonic, rise = int(rng.integers(0, 12)), 0
    for number in range(count):
        bars = int(rng.integers(1, 3))
        rise, base = int(rng.choice([-1, 1])), int(rng.integers(52, 76))
        loud = int(rng.integers(45, 105))
        pattern = [place + 4 * bar for bar in range(bars) for place in RIGHT[rng.integers(len(RIGHT))]]
        degree = int(rng.integers(0, 5))
        for index, place in enumerate(pattern):
            following = pattern[index + 1] if index + 1 < len(pattern) else 4.0 * bars
            degree += rise * int(rng.choice([0, 1, 1, 2])) * (1 if rng.random() < 0.8 else -1)
            pitch = base + tonic % 12 - 6 + DIATONIC[degree % 7] + 12 * (degree // 7)
            on_s = at + place * beat_s + float(rng.normal(0, 0.008))
            off_s = on_s + 0.9 * (following - place) * beat_s
            velocity = int(np.clip(loud + rng.normal(0, 5), 1, 127))
            notes.append(PersonNote(on_s, off_s, int(np.clip(pitch, 30, 100)), velocity))
        spans.append((at, notes[-1].off_s))
        at += (4 * bars + (2 * bars + 4 if number % 3 == 1 else 4 * bars + 8)) * beat_s
    beats = np.arange(1.0, at + 10, beat_s)
    return Person(f"calls {seed}", tuple(sorted(notes)), beats_s=tuple(beats.tolist())), spans


def as_array(notes: Sequence[PersonNote]) -> FloatArray:
    """Rows of (on_s, off_s, pitch, velocity)."""
    return np.array([tuple(note) for note in notes], dtype=np.float64).reshape(-1, 4)
