"""What was commanded before, so that the last command can be taken back and given again."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from improv.control import commands
from improv.control.commands import Command
from improv.control.scene import exchanged
from improv.control.scene_book import SceneBook
from improv.control.state import ControlState
from improv.errors import CommandError

MOST = 50
ONE_GESTURE_S = 1.0
"""Commands of one kind that follow each other so soon are one: a pad that is dragged sends sixty a second."""

_WORDS: dict[type, str] = {
    commands.SetMood: "mood",
    commands.SetIntensity: "intensity",
    commands.SetTemperature: "temperature",
    commands.SetGlide: "glide",
    commands.SetModel: "model",
    commands.SetOutput: "output",
    commands.SetParts: "parts",
    commands.SetInput: "input",
    commands.SetMode: "mode",
    commands.SetPlace: "place",
    commands.SetLoop: "loop",
    commands.SetLoopVariation: "loop variation",
    commands.SetClockSource: "clock",
    commands.SetKey: "key",
    commands.SetChords: "chords",
    commands.SetChord: "chord",
    commands.SetPhraseBars: "phrase bars",
    commands.SetReach: "reach",
    commands.SetForm: "form",
    commands.Reset: "reset",
    commands.StartJourney: "journey start",
    commands.HoldJourney: "journey hold",
    commands.ResumeJourney: "journey resume",
    commands.AbortJourney: "journey abort",
    commands.JumpJourney: "journey jump",
    commands.SetSetList: "set list",
    commands.SetLanding: "scene landing",
}
_NAMED: dict[type, str] = {
    commands.SetAttribute: "",
    commands.SetFollow: "follow",
    commands.SetLimit: "limit",
    commands.KeepScene: "scene keep",
    commands.RenameScene: "scene rename",
    commands.DeleteScene: "scene delete",
}
_TURNED = (
    commands.SetMood
    | commands.SetIntensity
    | commands.SetTemperature
    | commands.SetAttribute
    | commands.SetGlide
    | commands.SetFollow
    | commands.SetLimit
    | commands.SetLoopVariation
    | commands.SetChord
    | commands.JumpJourney
)
"""What knobs and pads send many of."""


class Moment(NamedTuple):
    """What was commanded at a moment, and where the music stood."""

    state: ControlState
    book: SceneBook
    music_s: float


class Entry(NamedTuple):
    """A command, or a gesture of many. words: for people. at_s: of the clock, when the last of them came."""

    words: str
    before: Moment
    after: Moment
    at_s: float


class History(NamedTuple):
    """Bounded; the newest stands last and is undone first."""

    done: tuple[Entry, ...] = ()
    taken_back: tuple[Entry, ...] = ()

    @property
    def undo_words(self) -> str:
        """What would be taken back; empty where there is nothing."""
        return self.done[-1].words if self.done else ""

    @property
    def redo_words(self) -> str:
        """What would be given again; empty where there is nothing."""
        return self.taken_back[-1].words if self.taken_back else ""

    def noted(self, words: str, before: Moment, after: Moment, at_s: float, *, joins: bool = False) -> History:
        """With something that was commanded. joins: it may be part of the gesture before."""
        last = self.done[-1] if self.done else None
        if joins and last is not None and last.words == words and at_s - last.at_s < ONE_GESTURE_S:
            return History((*self.done[:-1], last._replace(after=after, at_s=at_s)))
        return History((*self.done, Entry(words, before, after, at_s))[-MOST:])

    def amended(self, words: str, state: ControlState) -> History:
        """What the last command brought about came later than the command, if these are its words."""
        if self.undo_words != words or not self.done:
            return self
        last = self.done[-1]
        return self._replace(done=(*self.done[:-1], last._replace(after=last.after._replace(state=state))))

    def undone(self, now: Moment) -> tuple[History, Moment]:
        """With the last command taken back. CommandError where there is none."""
        if not self.done:
            raise CommandError("nothing can be undone")
        entry = self.done[-1]
        return History(self.done[:-1], (*self.taken_back, entry)), _exchanged(now, entry.before, entry.after)

    def redone(self, now: Moment) -> tuple[History, Moment]:
        """With the command that was taken back last given again. CommandError where there is none."""
        if not self.taken_back:
            raise CommandError("nothing can be redone")
        entry = self.taken_back[-1]
        return History((*self.done, entry), self.taken_back[:-1]), _exchanged(now, entry.after, entry.before)


def _exchanged(now: Moment, wanted: Moment, unwanted: Moment) -> Moment:
    state = exchanged(now.state, wanted.state, unwanted.state, now.music_s, wanted.music_s)
    return now._replace(state=state, book=now.book if wanted.book is unwanted.book else wanted.book)


def differ(before: ControlState, after: ControlState) -> bool:
    """Whether something was commanded that can be taken back: all but play, pause, end and their like."""
    alike = {"playing": True, "ending": False, "stopping": False, "revision": 0}
    return replace(before, **alike) != replace(after, **alike)  # type: ignore[arg-type]


def words_of(command: Command) -> str:
    """A command as it is shown, such as `mood` or `limit tempo`; empty for one that is never undone."""
    kind = type(command)
    if kind in _NAMED:
        return f"{_NAMED[kind]} {next(iter(command))}".strip()
    return _WORDS.get(kind, "")


def is_turned(command: Command) -> bool:
    """Whether it may be one of many of a gesture."""
    return isinstance(command, _TURNED)
