"""Which model plays: others are loaded beside the music; where one fails or is too slow, another one goes on.

A model that is too slow is asked for less in steps: without guidance, then a lighter model, then rules alone, which
vary the last bars (improv.engine.bars_to_vary). Each step is said once, stands in the controls, and is taken back when
there is time again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from improv.clock import Clock
from improv.control.commands import SetModel
from improv.control.state import ControlState
from improv.engine.pace import Pace
from improv.engine.say_once import SayOnce
from improv.errors import CommandError, ModelError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Offer, Replace
from improv.improviser.planned_step import PlannedStep
from improv.model.loader import Loaded
from improv.model.onnx_model import DEFAULT_MODEL
from improv.model.patience import Patience, TooSlowError
from improv.model.plain_model import PLAIN, PlainModel

log = logging.getLogger(__name__)

# A model that fails begins anew with an empty state, which cures numbers that ran away; so soon after that it is given
# up instead.
FRESH_AGAIN_S = 60.0
# A model that was given up is tried again after so long, then after twice as long, and so on. One that played well for
# as long as the longest of these is taken for sound again.
RETRY_AFTER_S, LONGEST_RETRY_AFTER_S = 60.0, 3600.0
# Guidance comes back no sooner than this after it was left out, then after twice as long, and so on.
GUIDE_AFTER_S, LONGEST_GUIDE_AFTER_S = 10.0, 640.0
SAY_AGAIN_S = 3600.0


class Models(Protocol):
    """Where models come from (see improv.model.loader)."""

    def request(self, name: str) -> None:
        """Load a model beside the music. ModelError when there is none of this name."""
        ...

    def ready(self) -> Loaded | None:
        """What was loaded since the last time, or could not be; never waits."""
        ...

    def lighter(self, name: str) -> str:
        """A model that asks less of the machine than this one; "" where there is none."""
        ...


class Cast:
    """The models that may play, and those that have played well, the last one last.

    patience: with a model that takes its time; None: it is only measured.
    """

    def __init__(
        self, improviser: Improviser, source: Models | None, clock: Clock, patience: Patience | None = None
    ) -> None:
        self._improviser, self._source, self._clock = improviser, source, clock
        self._patience, self._pace = patience or Patience(clock), Pace()
        self._good: list[str] = []
        self._fresh_s: dict[str, float] = {}  # when a model was begun anew because it failed
        self._retry_at_s: float | None = None  # the model that was commanded, where another one plays
        self._retry_after_s: dict[str, float] = {}
        self._began_s = clock.now()  # the model that plays
        self._guide_at_s, self._guide_after_s = clock.now(), GUIDE_AFTER_S
        self._awaited = ""  # the model that is loaded to play instead
        self._said = SayOnce(SAY_AGAIN_S)

    def has(self, name: str) -> bool:
        """Whether a model that somebody chose can play at once; asks for it when not. The command is carried out when
        it is loaded.

        CommandError or ModelError when it can never be.
        """
        self._awaited = ""
        if self._improviser.has(name):
            return True
        if self._source is None:
            raise CommandError(f"the model {name} cannot be loaded here")
        self._source.request(name)
        return False

    def arrived(self, controls: ControlState) -> SetModel | None:
        """What can play now, as the command to play it: what was loaded meanwhile, or a model that was given up."""
        loaded = self._source.ready() if self._source is not None else None
        if loaded is None:
            return self._tried_again(controls)
        if loaded.model is None:
            log.error("%s; the music goes on as before", loaded.failure)
            return None
        self._improviser.apply(Offer(loaded.name, loaded.model))
        return None if loaded.name == self._awaited else SetModel(loaded.name)

    def _tried_again(self, controls: ControlState) -> SetModel | None:
        if (name := controls.instead_of) is None:
            return None
        self._retry_at_s = self._retry_at_s or self._clock.now() + RETRY_AFTER_S  # an engine before this gave it up
        if self._clock.now() < self._retry_at_s:
            return None
        if not self._improviser.has(name):
            self._give_up(name)
            _load_again(name, self._source)
            return None
        self._retry_at_s = None
        return SetModel(name)

    def _give_up(self, name: str) -> None:
        """Another model goes on; this one is tried again after a while."""
        now_s = self._clock.now()
        if now_s - self._began_s > LONGEST_RETRY_AFTER_S:
            self._retry_after_s.pop(name, None)
        after_s = self._retry_after_s.get(name, RETRY_AFTER_S)
        self._retry_after_s[name] = min(2 * after_s, LONGEST_RETRY_AFTER_S)
        self._retry_at_s = now_s + after_s

    # ------------------------------------------------------------------------------------------------ planning

    def plan_step(self, controls: ControlState) -> tuple[PlannedStep, ControlState]:
        """The next step, by the model that is commanded or, where that fails, by another one, which then is commanded.

        A model is foreign code: whatever it raises or answers is caught here, and how long it takes is bounded. Only
        when none can play at all, the last failure is raised.
        """
        began_s, music_s = self._clock.now(), self._improviser.position.music_s
        self._patience.begin()
        try:
            step = self._improviser.plan_step(controls)
        except Exception as error:
            self._pace.clear()
            return self._plan_otherwise(controls, error)
        if not self._good or self._good[-1] != self._improviser.model_name:
            self._remember(self._improviser.model_name)
        self._pace.add(self._clock.now() - began_s, self._improviser.position.music_s - music_s)
        return step, self._kept_in_pace(controls)

    def _remember(self, name: str) -> None:
        self._good = [*(one for one in self._good if one != name), name]
        self._began_s = self._clock.now()
        self._pace.clear()

    def _plan_otherwise(self, controls: ControlState, failure: Exception) -> tuple[PlannedStep, ControlState]:
        failed, slow = controls.model, isinstance(failure, TooSlowError)
        for name in self._candidates(failed):
            chosen = controls if name == failed else in_place(controls, name)
            try:
                self._offer_plain(name)
                # What took too long is tried once more as it is: the machine may have stood still meanwhile.
                if name != self._improviser.model_name or (name == failed and not slow):
                    self._improviser.apply(Replace(chosen))
                self._patience.begin()
                step = self._improviser.plan_step(chosen)
            except Exception as error:
                log.debug("the model %s failed as well: %s", name, error)
                continue
            if name != failed:
                self._give_up(failed)
            if name != failed or not slow:
                self._tell(failed, name, failure)
            return step, chosen
        raise failure

    def _offer_plain(self, name: str) -> None:
        if name == PLAIN and not self._improviser.has(PLAIN):
            self._improviser.apply(Offer(PLAIN, PlainModel()))

    def _candidates(self, failed: str) -> Iterator[str]:
        """Who may go on, best first: the one that failed, once more, those that played before, no network."""
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
        """Once: what failed, and how the music goes on. Behind a model without a network another one is loaded."""
        sentence = _sentence(failed, name, failure)
        if self._said.is_new(sentence, self._clock.now()):
            log.error("%s", sentence, exc_info=None if isinstance(failure, ModelError) else failure)
        if name == PLAIN and self._source is not None:
            sound = _shown(failed) != DEFAULT_MODEL and not isinstance(failure, TooSlowError)
            self._await(DEFAULT_MODEL if sound else self._source.lighter(failed))

    # -------------------------------------------------------------------------------------------- keeping in pace

    def _kept_in_pace(self, controls: ControlState) -> ControlState:
        """What is asked of the machine from the next step on: less where it is too slow, more where there is time."""
        if self._awaited and self._improviser.has(self._awaited):
            name, self._awaited = self._awaited, ""
            return self._handed_over(controls, name)
        if self._pace.too_slow:
            return self._eased(controls)
        if not controls.guided and self._pace.has_time and self._clock.now() >= self._guide_at_s:
            self._pace.clear()
            self._guide_at_s = self._clock.now()
            log.info("there is time again: the model %s plays with guidance", _shown(controls.model))
            return replace(controls, guided=True)
        return controls

    def _eased(self, controls: ControlState) -> ControlState:
        """One step down."""
        now_s, playing, urgent = self._clock.now(), self._improviser.model_name, self._pace.much_too_slow
        self._pace.clear()
        if playing == PLAIN:
            return controls  # there is nothing less
        if controls.guided:
            longer = now_s - self._guide_at_s < self._guide_after_s
            self._guide_after_s = min(2 * self._guide_after_s, LONGEST_GUIDE_AFTER_S) if longer else GUIDE_AFTER_S
            self._guide_at_s = now_s + self._guide_after_s
            log.warning("the model %s is too slow here; it goes on without guidance", _shown(playing))
            return replace(controls, guided=False)
        lighter = self._source.lighter(playing) if self._source is not None else ""
        if lighter and self._improviser.has(lighter):
            return self._handed_over(controls, lighter)
        if lighter and self._awaited != lighter and self._await(lighter) and not urgent:
            return controls  # it is there within a second
        self._offer_plain(PLAIN)
        return self._handed_over(controls, PLAIN)

    def _handed_over(self, controls: ControlState, name: str) -> ControlState:
        """Another model plays from here on, whatever the place in the bar: the one before cannot go on."""
        given_up, chosen = controls.model, in_place(controls, name)
        self._improviser.apply(Replace(chosen))
        self._pace.clear()
        if given_up == controls.instead_of or controls.instead_of is None:
            self._give_up(given_up)
        if name == PLAIN:
            log.warning("the model %s is too slow here; the last bars are varied by rule instead", _shown(given_up))
        else:
            log.warning("the model %s plays instead of %s", _shown(name), _shown(chosen.instead_of or ""))
        return chosen

    def _await(self, name: str) -> bool:
        """Load a model that is to play instead. Whether it may come."""
        if not name or self._source is None:
            return False
        try:
            self._source.request(name)
        except ModelError as error:
            log.debug("%s", error)
            return False
        self._awaited = name
        return True


def _sentence(failed: str, name: str, failure: Exception) -> str:
    """What failed, and how the music goes on: by the model of that name."""
    goes_on = "it begins anew with an empty memory"
    if name == PLAIN:
        goes_on = "the music goes on by rules alone, without a network"
    elif name != failed:
        goes_on = f"the model {_shown(name)} goes on"
    reason = str(failure) if isinstance(failure, ModelError) else f"{type(failure).__name__}: {failure}"
    return f"the model {_shown(failed)} failed ({reason}); {goes_on}"


def _shown(name: str) -> str:
    return name or DEFAULT_MODEL


def _load_again(name: str, source: Models | None) -> None:
    """A model whose file was gone when an engine took over."""
    if source is not None:
        with contextlib.suppress(ModelError):  # it is still not there
            source.request(name)


def in_place(controls: ControlState, name: str) -> ControlState:
    """Another model plays in the place of the one that was commanded."""
    commanded = controls.model if controls.instead_of is None else controls.instead_of
    return replace(controls, model=name, instead_of=None if name == commanded else commanded)
