"""A take, read back: what was heard, what was commanded, what the person played."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from improv.errors import InputError
from improv.midi.messages import PEDAL_KEY
from improv.music.mood import Mood
from improv.takes import journal
from improv.takes.journal import FORMAT, Record

# What no take has; a crafted one must not keep those busy for ever who draw or count it.
LONGEST_S = 7 * 86_400.0
STEP_RANGES = (
    ("tick", 0, 1e9),
    ("m", 0, 10 * LONGEST_S),
    ("bpm", 1, 2000),
    ("beats", 0.25, 64),
    ("grid", 1, 960),
)


class PlayedNote(NamedTuple):
    """A note as it sounded. on_s, off_s: seconds since the take began. hand: 0 left, 1 right, -1 unknown."""

    note_id: int
    pitch: int
    velocity: int
    on_s: float
    off_s: float
    hand: int = -1


class PlayedPedal(NamedTuple):
    """The sustain pedal was down from down_s to up_s, seconds since the take began."""

    down_s: float
    up_s: float


class PlayedStep(NamedTuple):
    """A grid step that was heard. at_s: seconds since the take began. music_s: seconds of the music."""

    tick: int
    music_s: float
    at_s: float
    tempo_bpm: float
    bar: int
    bar_tick: int
    beats_per_bar: float
    ticks_per_beat: int
    mood: Mood


class Message(NamedTuple):
    """A MIDI message of the person's. at_s: seconds since the take began."""

    at_s: float
    message: bytes


class Change(NamedTuple):
    """From at_s on this mood was the target."""

    at_s: float
    target: Mood


class Command(NamedTuple):
    """What was commanded, in words."""

    at_s: float
    text: str


class Stand(NamedTuple):
    """From at_s on: how we played together; the journey under way, empty where none is or it is held; how far the
    person's playing drew the mood, 0..1.
    """

    at_s: float
    mode: str
    journey: str
    follows_mood: float


@dataclass(frozen=True)
class Take:
    """head: the first record. seconds: how long it is. ended: whether it ended in order. damaged: lines left out."""

    path: Path
    head: Record
    seconds: float
    ended: bool
    damaged: int
    notes: list[PlayedNote] = field(default_factory=list)
    pedals: list[PlayedPedal] = field(default_factory=list)
    steps: list[PlayedStep] = field(default_factory=list)
    person: list[Message] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    written: list[tuple[str, str]] = field(default_factory=list)
    """(local time, text) of the notes that people added."""
    title: str = ""
    """The name that a person gave it."""
    stands: list[Stand] = field(default_factory=list)
    """Who led, as far as it was commanded; the first at 0."""

    @property
    def take_id(self) -> str:
        return self.path.stem

    @property
    def state(self) -> str:
        """In words: ended in order, being recorded, or cut short."""
        return "ended in order" if self.ended else "being recorded" if journal.is_locked(self.path) else "cut short"


def records_of(path: Path) -> tuple[list[Record], int]:
    """Every record that can be trusted, and how many lines cannot. InputError when it is no take of this version."""
    try:
        everything = list(journal.read(path))
    except OSError as error:
        raise InputError(f"the take {path} cannot be read: {error.strerror}") from None
    records = [record for record in everything if record is not None]
    if not records or records[0]["k"] != "take":
        raise InputError(f"{path} is not a take: its first line is {'damaged' if everything else 'missing'}")
    if records[0].get("format") != FORMAT:
        there = records[0].get("format")
        raise InputError(f"{path} is of take format {there}, this version reads {FORMAT}")
    return records, len(everything) - len(records)


def read(path: Path) -> Take:
    """The take in a file, also one that was cut short. InputError when there is none in it."""
    return taken(path, *records_of(path))


def taken(path: Path, records: list[Record], damaged: int) -> Take:
    """The take that these records make. InputError where they make none."""
    try:
        return _taken(path, records, damaged)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{path}: a record lacks what it should have ({error})") from None


def _taken(path: Path, records: list[Record], damaged: int) -> Take:
    reader = _Reader()
    for record in records:
        reader.take(record)
    seconds = reader.end_s
    return Take(
        path,
        records[0],
        seconds,
        reader.ended,
        damaged,
        reader.heard(seconds),
        reader.pedals(seconds),
        reader.heard_steps(seconds),
        reader.person,
        [change for change in reader.changes if change.at_s <= seconds],
        reader.commands,
        reader.written,
        reader.title,
        reader.stands,
    )


class _Reader:
    """Plays the records through, as the player did."""

    def __init__(self) -> None:
        self.end_s, self.ended, self.title = 0.0, False, ""
        self.stands: list[Stand] = []
        self.person: list[Message] = []
        self.changes: list[Change] = []
        self.commands: list[Command] = []
        self.written: list[tuple[str, str]] = []
        self._chosen: dict[int, tuple[int, int, float]] = {}  # id -> pitch, velocity, on_s of the music
        self._hands: dict[int, int] = {}  # id -> hand, of notes that know it
        self._on_s: dict[int, float] = {}
        self._off_s: dict[int, float] = {}
        self._open: set[int] = set()  # ids of notes that a bend may still move
        self._steps: list[Record] = []
        self._anchors: dict[int, float] = {}  # tick of a step with notes -> take second of the music's second 0

    def take(self, record: Record) -> None:
        if "at" in record:
            at_s = float(record["at"])
            if not abs(at_s) <= LONGEST_S:  # a little below 0: a key struck just before
                raise ValueError(f"at is {at_s}, must be at most {LONGEST_S:g}")
            self.end_s = max(self.end_s, at_s)
        if (act := getattr(self, f"_{record['k']}", None)) is not None:
            act(record)

    def _take(self, record: Record) -> None:
        self._controls(record["controls"])

    def _controls(self, record: Record) -> None:
        at_s = float(record.get("at", 0.0))
        while self.changes and self.changes[-1].at_s > at_s:
            self.changes.pop()  # way-points of a journey that is over
        course = record.get("course")
        self._stand(at_s, record)
        ahead = [Change(at_s, Mood(*record["glide"]["target"]))]
        if course is not None and course["held_s"] is None:
            place_s = (self._steps[-1]["m"] if self._steps else 0.0) - course["start_s"]
            points = [(at_s + point_s - place_s, Mood(*mood)) for point_s, mood in course["journey"]["points"]]
            ahead = [Change(max(point_s, at_s), mood) for point_s, mood in points if point_s >= at_s] or [
                Change(at_s, points[-1][1])
            ]
        for change in ahead:
            if not self.changes or self.changes[-1].target != change.target:
                self.changes.append(change)

    def _stand(self, at_s: float, record: Record) -> None:
        course = record.get("course")
        journey = str(course["journey"]["name"]) if course is not None and course["held_s"] is None else ""
        mode = str(record.get("mode", "duet" if record.get("duet") else "solo"))
        stand = Stand(max(at_s, 0.0), mode, journey, float((record.get("following") or {}).get("mood", 0.0)))
        if not self.stands or self.stands[-1]._replace(at_s=stand.at_s) != stand:
            self.stands.append(stand)

    def _step(self, record: Record) -> None:
        for name, low, high in STEP_RANGES:
            if not low <= float(record[name]) <= high:
                raise ValueError(f"{name} is {record[name]}, must be {low:g}..{high:g}")
        self._steps.append(record)
        self._chosen |= {int(i): (int(p), int(v), float(s)) for i, p, v, s in record["on"]}
        if "down" in record.get("pedal", ()):
            pedal_id, down_s = record["pedal"]["down"]
            self._chosen[int(pedal_id)] = (PEDAL_KEY, 0, float(down_s))
        hands = record.get("hands", ())
        self._hands |= {int(on[0]): int(hand) for on, hand in zip(record["on"], hands, strict=False)}

    _carried = _step

    def _rewind(self, record: Record) -> None:
        while self._steps and self._steps[-1]["tick"] >= record["tick"]:
            self._steps.pop()

    def _due(self, record: Record) -> None:
        for note_id, on_s in record["on"]:
            if note_id in self._chosen:
                self._on_s[note_id] = float(on_s)
                self._off_s[note_id] = math.inf
                self._anchors[note_id] = float(on_s) - self._chosen[note_id][2]
                self._open.add(note_id)

    def _ends(self, record: Record) -> None:
        for note_id, off_s in record["off"]:
            if note_id in self._on_s and self._off_s[note_id] > record["at"]:
                self._off_s[note_id] = max(float(off_s), self._on_s[note_id])

    def _revoked(self, record: Record) -> None:
        sent = set(record["sent"])
        later = itertools.takewhile(lambda note_id: note_id >= record["from"], reversed(self._on_s))  # ids rise
        for note_id in [note_id for note_id in later if note_id not in sent]:
            del self._on_s[note_id]

    def _unheard(self, record: Record) -> None:
        for note_id in record["ids"]:
            self._on_s.pop(note_id, None)

    def _bend(self, record: Record) -> None:
        from_s, to_s, stretch = float(record["from"]), float(record["to"]), float(record["stretch"])
        self._open = {i for i in self._open if i in self._on_s and max(self._on_s[i], self._off_s[i]) > from_s}
        for note_id in self._open:
            if (on_s := self._on_s[note_id]) > from_s:
                self._on_s[note_id] = to_s + stretch * (on_s - from_s)
                self._anchors[note_id] += self._on_s[note_id] - on_s
            if self._off_s[note_id] > from_s:
                self._off_s[note_id] = to_s + stretch * (self._off_s[note_id] - from_s)

    def _silence(self, record: Record) -> None:
        at = float(record["at"])
        self._on_s = {note_id: on_s for note_id, on_s in self._on_s.items() if on_s <= at}
        for note_id in self._on_s:
            self._off_s[note_id] = min(self._off_s[note_id], at)

    def _in(self, record: Record) -> None:
        self.person.append(Message(float(record["at"]), bytes.fromhex(record["hex"])))

    def _command(self, record: Record) -> None:
        self.commands.append(Command(float(record["at"]), str(record["text"])))

    def _note(self, record: Record) -> None:
        self.written.append((str(record["wall"]), str(record["text"])))

    def _title(self, record: Record) -> None:
        self.title = str(record["text"])

    def _end(self, record: Record) -> None:
        self.ended = True

    # ------------------------------------------------------------------------------------------------- the results

    def heard(self, end_s: float) -> list[PlayedNote]:
        """The notes that began before the end, none longer than it, by onset."""
        notes = [
            PlayedNote(
                note_id,
                *self._chosen[note_id][:2],
                on_s,
                min(max(self._off_s[note_id], on_s), end_s),
                self._hands.get(note_id, -1),
            )
            for note_id, on_s in self._on_s.items()
            if on_s < end_s and self._chosen[note_id][0] != PEDAL_KEY
        ]
        return sorted(notes, key=lambda note: (note.on_s, note.note_id))

    def pedals(self, end_s: float) -> list[PlayedPedal]:
        """Where the sustain pedal was down before the end, in order."""
        spans = (
            PlayedPedal(down_s, min(max(self._off_s[note_id], down_s), end_s))
            for note_id, down_s in self._on_s.items()
            if down_s < end_s and self._chosen[note_id][0] == PEDAL_KEY
        )
        return sorted(spans)

    def heard_steps(self, end_s: float) -> list[PlayedStep]:
        """The steps that began before the end; one without notes lies where its neighbours say."""
        return [step for step in self._placed() if step.at_s < end_s]

    def _placed(self) -> Iterator[PlayedStep]:
        anchor_s = next(iter(self._anchors.values()), 0.0)
        at_s = 0.0
        for record in self._steps:
            anchor_s = next((self._anchors[i] for i, *_ in record["on"] if i in self._anchors), anchor_s)
            at_s = max(at_s, record["m"] + anchor_s)
            yield _played_step(record, at_s)


def _played_step(record: dict[str, Any], at_s: float) -> PlayedStep:
    return PlayedStep(
        record["tick"],
        record["m"],
        at_s,
        record["bpm"],
        record["bar"],
        record["line"],
        record["beats"],
        record["grid"],
        Mood(record["v"], record["a"]),
    )
