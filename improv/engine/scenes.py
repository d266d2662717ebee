"""Scenes while the music plays: recalled at once, on the next beat or bar line, or gliding; and what can be undone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from improv.control.commands import (
    LANDINGS,
    LOOPS,
    Command,
    DeleteScene,
    KeepScene,
    RecallPlace,
    RecallScene,
    Redo,
    RenameScene,
    SceneCommand,
    SetClockSource,
    SetLanding,
    SetModel,
    SetSession,
    SetSetList,
    StepScene,
    Undo,
)
from improv.control.scene import Crossing, Scene, recalled, scene_of
from improv.control.scene_book import Recalled, SceneBook
from improv.control.state import ControlState
from improv.engine.history import History, Moment, differ, is_turned, words_of
from improv.engine.models import Cast
from improv.errors import BrainMusicError, CommandError
from improv.improviser.improviser import Improviser
from improv.music.position import Position

log = logging.getLogger(__name__)

NOW, BEAT, _ = LANDINGS


class Coming(NamedTuple):
    """A scene that waits for the next beat or bar. place: bar and beat that it waits to be left."""

    name: str
    scene: Scene
    glide_s: float
    at: str
    place: tuple[int, int]


class Kept(NamedTuple):
    """What commands change here. waits: for its beat or bar. crossing: what glides. awaited: a model that is being
    loaded, and the words of the command that asked for it.
    """

    book: SceneBook
    last: Recalled = Recalled()
    history: History = History()
    waits: Coming | None = None
    crossing: Crossing | None = None
    awaited: tuple[str, str] = ("", "")


class Scenes:
    """Driven by the engine. turned: told of the state before and after a scene has landed; it may raise CommandError.

    What `carry_out` or `note` leave half done is undone by setting `kept` back to what it was.
    """

    def __init__(
        self,
        improviser: Improviser,
        cast: Cast,
        turned: Callable[[ControlState, ControlState], None],
        book: SceneBook,
        last: Recalled,
    ) -> None:
        self.kept = Kept(book, last)
        self._improviser, self._cast, self._turned = improviser, cast, turned
        self._source: str | None = None  # the clock that a scene which has landed goes by

    # -------------------------------------------------------------------------------------------------- commands

    def carry_out(self, command: SceneCommand, state: ControlState, music_s: float, heard: Position) -> ControlState:
        """The state after a command. heard: where the music is heard to be. CommandError where it cannot be."""
        match command:
            case RecallScene(name, at, glide_s):
                place = self.kept.book.place_of(name, self.kept.last.place)
                return self._recall(Recalled(name, place), at, glide_s, state, music_s, heard)
            case RecallPlace(place):
                return self._recall(self._at_place(place), None, None, state, music_s, heard)
            case StepScene(by):
                return self._recall(self._at_place(self.kept.last.place + by), None, None, state, music_s, heard)
            case Undo() | Redo():
                return self._exchange(command, state, music_s)
            case KeepScene() | RenameScene() | DeleteScene() | SetSetList() | SetLanding():
                self._rewrite(command, state, music_s)
        return state

    def _rewrite(
        self,
        command: KeepScene | RenameScene | DeleteScene | SetSetList | SetLanding,
        state: ControlState,
        music_s: float,
    ) -> None:
        """Change the book."""
        book, last = self.kept.book, self.kept.last
        match command:
            case KeepScene(name):
                book = book.kept(name, scene_of(state, music_s))
                last = Recalled(name, book.place_of(name, last.place))
            case RenameScene(name, to):
                book = book.renamed(name, to)
                last = last._replace(name=to) if last.name == name else last
            case DeleteScene(name):
                book = book.without(name)
                last = last._replace(name="") if last.name == name else last
            case SetSetList(names):
                book = book.listed(names)
            case SetLanding(at, glide_s):
                book = replace(book, at=at, glide_s=glide_s)
        last = last._replace(place=min(last.place, len(book.set_list)))
        self.kept = self.kept._replace(book=book, last=last)

    def _at_place(self, place: int) -> Recalled:
        names = self.kept.book.set_list
        if not names:
            raise CommandError("the set list is empty; a scene that is kept comes into it")
        if not 1 <= place <= len(names):
            raise CommandError(f"the set list has no place {place}; it has 1..{len(names)}")
        return Recalled(names[place - 1], place)

    def _recall(
        self,
        last: Recalled,
        at: str | None,
        glide_s: float | None,
        state: ControlState,
        music_s: float,
        heard: Position,
    ) -> ControlState:
        book = self.kept.book
        scene = book.scene(last.name)
        at = at or book.at
        if glide_s is None:
            glide_s = book.glide_s if book.glide_s is not None else scene.glide_s
        self.kept = self.kept._replace(last=last, waits=None)
        scene = self._cast_for(last.name, scene, state)
        if at == NOW or not state.playing:
            return self._begin(scene, glide_s, state, music_s)
        waits = Coming(last.name, scene, glide_s, at, self._place(heard, at))
        self.kept = self.kept._replace(waits=waits)
        return state

    def _cast_for(self, name: str, scene: Scene, state: ControlState) -> Scene:
        """With the model that plays, where the scene's own has to be loaded first or cannot be."""
        try:
            if scene.model == state.model or self._cast.has(scene.model):
                return scene
            self.kept = self.kept._replace(awaited=(scene.model, _words(name)))
        except BrainMusicError as error:
            log.warning("the scene %s was recalled without its model: %s", name, error)
        return replace(scene, model=state.model)

    def _begin(self, scene: Scene, glide_s: float, state: ControlState, music_s: float) -> ControlState:
        state, crossing = recalled(state, scene, music_s, glide_s, self._improviser.attributes)
        self.kept = self.kept._replace(crossing=crossing)
        return state

    def _place(self, position: Position, at: str) -> tuple[int, int]:
        if at != BEAT:
            return position.bar, 0
        plan = self._improviser.snapshot.plan
        bar = plan.bar_at(position.tick) if plan is not None and plan.bars else None
        ticks = bar.metre.pulse_ticks if bar is not None else position.ticks_per_beat
        return position.bar, (position.tick - position.bar_tick) // ticks

    # ---------------------------------------------------------------------------------------------------- landing

    def arrive(self, state: ControlState) -> ControlState:
        """The state for the step that is planned next: a scene that waited for it lands, what glides goes on."""
        position, waits = self._improviser.position, self.kept.waits
        if waits is not None and self._place(position, waits.at) != waits.place:
            self.kept = self.kept._replace(waits=None)
            state = self._land(waits, state, position.music_s)
        if (crossing := self.kept.crossing) is not None:
            state = crossing.at(state, position.music_s)
            if crossing.over(position.music_s):
                self.kept = self.kept._replace(crossing=None)
        return state

    def _land(self, coming: Coming, before: ControlState, music_s: float) -> ControlState:
        after = self._begin(coming.scene, coming.glide_s, before, music_s)
        self.kept = self.kept._replace(history=self.kept.history.amended(_words(coming.name), after))
        if after.clock_source != before.clock_source:
            self._source = after.clock_source
            after = replace(after, clock_source=before.clock_source)
        try:
            self._turned(before, after)
        except CommandError as error:
            log.warning("the scene %s was recalled without its loop: %s", coming.name, error)
            after = replace(after, loop=LOOPS[0])
        return after

    def later(self) -> Command | None:
        """What a scene that has landed leaves to be commanded: no clock is changed while a step is being planned."""
        source, self._source = self._source, None
        return None if source is None else SetClockSource(source)

    # ---------------------------------------------------------------------------------------------------- history

    def await_model(self, name: str) -> None:
        """Somebody asked for a model that has to be loaded first."""
        self.kept = self.kept._replace(awaited=(name, ""))

    def note(self, command: Command, before: Moment, state: ControlState, at_s: float, *, by_itself: bool) -> None:
        """Something was commanded. by_itself: by us, such as a model that is there now."""
        kept = self.kept
        if kept.crossing is not None and not isinstance(command, SceneCommand):
            self.kept = kept._replace(crossing=kept.crossing.without(before.state, state))
        if isinstance(command, Undo | Redo) or (by_itself and not self._was_awaited(command, state)):
            return
        if isinstance(command, SetSession):  # nobody takes back what was commanded for another person
            self.kept = self.kept._replace(history=History())
            return
        recall = isinstance(command, RecallScene | RecallPlace | StepScene)
        if recall or before.book is not kept.book or differ(before.state, state):
            words = _words(kept.last.name) if recall else words_of(command)
            after = before._replace(state=state, book=kept.book)
            history = kept.history.noted(words, before, after, at_s, joins=is_turned(command))
            self.kept = self.kept._replace(history=history)

    def _was_awaited(self, command: Command, state: ControlState) -> bool:
        """Whether somebody asked for the model that is there now; where a scene did, it is part of its recall."""
        (model, words), history = self.kept.awaited, self.kept.history
        if not isinstance(command, SetModel) or command.name != model:
            return False
        self.kept = self.kept._replace(awaited=("", ""), history=history.amended(words, state) if words else history)
        return not words

    def _exchange(self, command: Undo | Redo, state: ControlState, music_s: float) -> ControlState:
        history, now = self.kept.history, Moment(state, self.kept.book, music_s)
        history, now = history.undone(now) if isinstance(command, Undo) else history.redone(now)
        self.kept = self.kept._replace(history=history, book=now.book, waits=None, crossing=None)
        return now.state

    # ------------------------------------------------------------------------------------------------- publishing

    def fields(self) -> dict[str, Any]:
        """Fields of the published state."""
        book, last, history, waits, *_ = self.kept
        return {
            "scene": last.name,
            "scene_coming": waits.name if waits is not None else "",
            "scenes": tuple(book.scenes),
            "set_list": book.set_list,
            "set_list_place": last.place,
            "scene_at": book.at,
            "scene_glide_s": -1.0 if book.glide_s is None else book.glide_s,
            "undo": history.undo_words,
            "redo": history.redo_words,
        }


def _words(name: str) -> str:
    return f"scene {name}"
