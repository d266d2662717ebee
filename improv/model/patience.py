"""Bounds the time that a model may take for a step of the music: beyond it the answer is given up.

A model is foreign code that may be slow, or never answer. It is asked on the engine's own thread: handing each question
to another thread costs several milliseconds on a busy machine. A second thread watches and cuts off what takes too
long, which onnxruntime does between two nodes of the network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from improv.clock import Clock
from improv.errors import ModelError
from improv.model.onnx_model import Float32Array, Model, State

LONGEST_STEP_S = 0.35
"""All that a model may take for one step: twice as long is what a supervisor waits for a sign of life."""
CUT_OFF_EVERY_S = 0.05


class TooSlowError(ModelError):
    """The model gave no answer in time."""


@runtime_checkable
class Cancellable(Protocol):
    """A model whose step can be cut off."""

    def cancel(self) -> None:
        """From any thread: the step that is under way raises soon, whatever the next ones do."""
        ...


class Patience:
    """How long is waited for the step that is planned now, one for all models of an engine.

    step_s: seconds for all tokens of one step. watches: a thread cuts off what takes longer; else that is only noticed
    at the next token. Used by the engine's thread.
    """

    def __init__(self, clock: Clock, step_s: float = LONGEST_STEP_S, *, watches: bool = False) -> None:
        self._clock, self.step_s, self._watches = clock, step_s, watches
        self._until_s = clock.now() + step_s
        self._changed = threading.Condition()
        self._cancel: Callable[[], None] | None = None  # of what is under way
        self._watcher: threading.Thread | None = None
        self._closed = False

    def begin(self) -> None:
        """Another step is planned from now on."""
        self._until_s = self._clock.now() + self.step_s

    @property
    def left_s(self) -> float:
        """How long may still be waited; 0 or less: no longer."""
        return self._until_s - self._clock.now()

    def close(self) -> None:
        """Nothing is watched any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._watcher is not None:
            self._watcher.join()

    def under_way(self, cancel: Callable[[], None] | None) -> None:
        """What to call when the time is over before this is called again; None: nothing is under way."""
        if not self._watches:
            return
        with self._changed:
            self._cancel = cancel
            if self._watcher is None and not self._closed:
                self._watcher = threading.Thread(target=self._watch, name="model-watch", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                # Nobody is woken for each token: a step's end moves, and is looked at again when the old one is over.
                # What was cut off just before it began is cut off again.
                self._changed.wait(max(self.left_s, CUT_OFF_EVERY_S) if self._cancel is not None else self.step_s)
                if self._cancel is not None and self.left_s <= 0:
                    self._cancel()


class BoundedModel:
    """Implements `Model`: another one, for which nobody waits longer than patience lasts: then its step raises
    TooSlowError.
    """

    def __init__(self, model: Model, patience: Patience) -> None:
        self.contract, self.encoding = model.contract, model.encoding
        self.sha256 = str(getattr(model, "sha256", ""))
        """Which model it is, where it comes from a file."""
        self.unbounded, self._patience = model, patience
        """The same model, for those who have time."""
        self._cancel = model.cancel if isinstance(model, Cancellable) else None

    def initial_state(self, batch: int) -> State:
        return self.unbounded.initial_state(batch)

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        if self._patience.left_s <= 0:
            raise self._too_slow()
        self._patience.under_way(self._cancel)
        try:
            return self.unbounded.step(token_id, condition, state)
        except Exception as error:
            if self._patience.left_s <= 0:
                raise self._too_slow() from error
            raise
        finally:
            self._patience.under_way(None)

    def _too_slow(self) -> TooSlowError:
        return TooSlowError(f"a step takes longer than {self._patience.step_s:g} s")
