"""Which model plays: those that are asked for are loaded beside the music; where one fails, another goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from improv.clock import Clock
from improv.control.commands import SetModel
from improv.control.state import ControlState
from improv.engine.say_once import SayOnce
from improv.errors import CommandError, ModelError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Offer, Replace
from improv.improviser.planned_step import PlannedStep
from improv.model.loader import Loaded
from improv.model.onnx_model import DEFAULT_MODEL
from improv.model.plain_model import PLAIN, PlainModel

log = logging.getLogger(__name__)

# A model that fails begins anew with an empty state, which cures numbers that ran away; so soon after that it is given
# up instead.
FRESH_AGAIN_S = 60.0
# A model that was given up is tried again after so long, then after twice as long, and so on.
RETRY_AFTER_S, LONGEST_RETRY_AFTER_S = 60.0, 3600.0
SAY_AGAIN_S = 3600.0


class Models(Protocol):
    """Where models come from (see improv.model.loader)."""

    def request(self, name: str) -> None:
        """Load a model beside the music. ModelError when there is none of this name."""
        ...

    def ready(self) -> Loaded | None:
        """What was loaded since the last time, or could not be; never waits."""
        ...


class Cast:
    """The models that may play, and those that have played well, the last one last."""

    def __init__(self, improviser: Improviser, source: Models | None, clock: Clock) -> None:
        self._improviser, self._source, self._clock = improviser, source, clock
        self._good: list[str] = []
        self._fresh_s: dict[str, float] = {}  # when a model was begun anew because it failed
        self._given_up: str | None = None  # the model that is tried again
        self._retry_at_s = 0.0
        self._retry_after_s: dict[str, float] = {}
        self._said = SayOnce(SAY_AGAIN_S)

    def has(self, name: str) -> bool:
        """Whether a model can play at once; asks for it when not. The command is carried out when it is loaded.

        CommandError or ModelError when it can never be.
        """
        if name != self._given_up:
            self._given_up = None  # somebody chose
        if self._improviser.has(name):
            return True
        if self._source is None:
            raise CommandError(f"the model {name} cannot be loaded here")
        self._source.request(name)
        return False

    def arrived(self) -> SetModel | None:
        """What can play now, as the command to play it: what was loaded meanwhile, or a model that was given up."""
        loaded = self._source.ready() if self._source is not None else None
        if loaded is None:
            return self._tried_again()
        if loaded.model is None:
            log.error("%s; the music goes on as before", loaded.failure)
            return None
        self._improviser.apply(Offer(loaded.name, loaded.model))
        return SetModel(loaded.name)

    def _tried_again(self) -> SetModel | None:
        if self._given_up is None or self._clock.now() < self._retry_at_s:
            return None
        name, self._given_up = self._given_up, None
        return SetModel(name)

    def _give_up(self, name: str) -> None:
        """Another model goes on; this one is tried again after a while."""
        after_s = self._retry_after_s.get(name, RETRY_AFTER_S)
        self._retry_after_s[name] = min(2 * after_s, LONGEST_RETRY_AFTER_S)
        self._given_up, self._retry_at_s = name, self._clock.now() + after_s

    # ------------------------------------------------------------------------------------------------ planning

    def plan_step(self, controls: ControlState) -> tuple[PlannedStep, ControlState]:
        """The next step, by the model that is commanded or, where that fails, by another one, which then is commanded.

        A model is foreign code: whatever it raises or answers is caught here. Only when none can play at all, the last
        failure is raised.
        """
        try:
            step = self._improviser.plan_step(controls)
        except Exception as error:
            return self._plan_otherwise(controls, error)
        if not self._good or self._good[-1] != self._improviser.model_name:
            self._remember(self._improviser.model_name)
        return step, controls

    def _remember(self, name: str) -> None:
        self._good = [*(one for one in self._good if one != name), name]

    def _plan_otherwise(self, controls: ControlState, failure: Exception) -> tuple[PlannedStep, ControlState]:
        failed = controls.model
        for name in self._candidates(failed):
            chosen = replace(controls, model=name)
            try:
                if name == PLAIN and not self._improviser.has(PLAIN):
                    self._improviser.apply(Offer(PLAIN, PlainModel()))
                if name != self._improviser.model_name or name == failed:
                    self._improviser.apply(Replace(chosen))
                step = self._improviser.plan_step(chosen)
            except Exception as error:
                log.debug("the model %s failed as well: %s", name, error)
                continue
            if name != failed:
                self._give_up(failed)
            self._tell(failed, name, failure)
            return step, chosen
        raise failure

    def _candidates(self, failed: str) -> Iterator[str]:
        """Who may go on, best first: the one that failed with an empty state, those that played before, no network."""
        now_s = self._clock.now()
        playing = self._improviser.model_name
        if failed == playing and now_s - self._fresh_s.get(failed, -FRESH_AGAIN_S) >= FRESH_AGAIN_S:
            self._fresh_s[failed] = now_s
            yield failed
        elif failed in self._good:
            self._good.remove(failed)
        if failed != playing and playing != PLAIN:
            yield playing
        yield from [name for name in reversed(self._good) if name not in (failed, playing, PLAIN)]
        yield PLAIN

    def _tell(self, failed: str, name: str, failure: Exception) -> None:
        """Once: what failed, and how the music goes on. Behind a model without a network the default one is loaded."""
        shown, goes_on = failed or DEFAULT_MODEL, "it begins anew with an empty memory"
        if name == PLAIN:
            goes_on = "the music goes on by rules alone, without a network"
        elif name != failed:
            goes_on = f"the model {name or DEFAULT_MODEL} goes on"
        if isinstance(failure, ModelError):
            sentence = f"the model {shown} failed ({failure}); {goes_on}"
        else:
            sentence = f"the model {shown} failed ({type(failure).__name__}: {failure}); {goes_on}"
        if self._said.is_new(sentence, self._clock.now()):
            log.error("%s", sentence, exc_info=None if isinstance(failure, ModelError) else failure)
        if name == PLAIN and shown != DEFAULT_MODEL and self._source is not None:
            try:
                self._source.request(DEFAULT_MODEL)
            except ModelError as error:
                log.debug("%s", error)
