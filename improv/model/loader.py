"""The models that may play: loaded beside the music, by name, one at a time.

Opening a model takes a tenth of a second, in which onnxruntime does not hold the interpreter; in a thread the engine
plays on meanwhile.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from improv.errors import ModelError
from improv.model.onnx_model import DEFAULT_MODEL, Model, OnnxModel, resolve, shipped_models

log = logging.getLogger(__name__)

LIGHT_MODEL = "polyphony"
"""The shipped model that plays where the default one is too slow: steady in time, in half of the size."""
CLEARLY_LIGHTER = 0.7  # of the file's size, by which a model's time goes roughly
CLOSES_WITHIN_S = 5.0


class Loaded(NamedTuple):
    """A model that was asked for, or the sentence why there is none."""

    name: str
    model: Model | None
    failure: str = ""


class ModelLoader:
    """load: from a path to a model; raises ModelError. beside: False loads at once, for music that nobody waits for.

    Used by one thread.
    """

    def __init__(
        self, load: Callable[[Path], Model] | None = None, *, provider: str = "auto", beside: bool = True
    ) -> None:
        self._load = load or (lambda path: OnnxModel(path, provider))
        self._beside = beside
        self._loading: Future[Loaded] | None = None
        self._wanted = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The models that come with BrainMusic. Looked for once: the engine asks at every command."""
        return tuple(sorted(path.stem for path in shipped_models().glob("*.onnx")))

    def lighter(self, name: str) -> str:
        """A shipped model that asks clearly less of the machine than this one; "" where there is none."""
        size = _size(name)
        return next((one for one in (DEFAULT_MODEL, LIGHT_MODEL) if _size(one) < CLEARLY_LIGHTER * size), "")

    def request(self, name: str) -> None:
        """Load a model: a name or a path, as model.path takes it. While one is loading only the last request counts.

        ModelError at once when the file is not there.
        """
        path = resolve(name)
        if not path.is_file():
            raise ModelError(f"the model {path} is not there; there are: {', '.join(self.names)}")
        self._wanted = name
        if self._loading is None:
            self._begin()

    def _begin(self) -> None:
        name, self._wanted = self._wanted, ""
        if self._beside:
            executor = ThreadPoolExecutor(1, "model")
            self._loading = executor.submit(self._fetch, name)
            executor.shutdown(wait=False)  # the thread ends with the one thing that it does
        else:
            self._loading = Future()
            self._loading.set_result(self._fetch(name))

    def _fetch(self, name: str) -> Loaded:
        try:
            return Loaded(name, self._load(resolve(name)))
        except ModelError as error:
            return Loaded(name, None, str(error))
        except Exception as error:  # whatever a damaged file makes a library raise must be heard of
            log.debug("the model %s could not be loaded", name, exc_info=True)
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            return Loaded(name, None, f"the model {name} could not be loaded ({reason})")

    def ready(self) -> Loaded | None:
        """What was loaded since the last time, or could not be; never waits."""
        if self._loading is None or not self._loading.done():
            return None
        done, self._loading = self._loading.result(), None
        if self._wanted:
            self._begin()
        return done

    def close(self) -> None:
        """Wait a moment for what is loading."""
        if self._loading is not None:
            wait([self._loading], CLOSES_WITHIN_S)


def _size(name: str) -> float:
    """Of its file in bytes; without bound where there is none."""
    try:
        return resolve(name).stat().st_size
    except OSError:
        return math.inf
