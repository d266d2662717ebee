"""The models that may play: loaded beside the music, by name, one at a time.

Opening a model takes a tenth of a second, in which onnxruntime does not hold the interpreter; in a thread the engine
plays on meanwhile.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from improv.errors import ModelError
from improv.model.onnx_model import Model, OnnxModel, resolve, shipped_models

log = logging.getLogger(__name__)


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
        self._thread: threading.Thread | None = None
        self._loading = ""
        self._wanted = ""
        self._done: list[Loaded] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The models that come with BrainMusic."""
        return tuple(sorted(path.stem for path in shipped_models().glob("*.onnx")))

    def request(self, name: str) -> None:
        """Load a model: a name or a path, as model.path takes it. While one is loading only the last request counts.

        ModelError at once when the file is not there.
        """
        path = resolve(name)
        if not path.is_file():
            raise ModelError(f"the model {path} is not there; there are: {', '.join(self.names)}")
        self._wanted = name
        if self._thread is None:
            self._begin()

    def _begin(self) -> None:
        self._loading, self._wanted = self._wanted, ""
        if not self._beside:
            self._fetch(self._loading)
            return
        self._thread = threading.Thread(target=self._fetch, args=(self._loading,), name="model", daemon=True)
        self._thread.start()

    def _fetch(self, name: str) -> None:
        try:
            self._done.append(Loaded(name, self._load(resolve(name))))
        except ModelError as error:
            self._done.append(Loaded(name, None, str(error)))
        except Exception as error:  # whatever a damaged file makes a library raise must be heard of
            log.debug("the model %s could not be loaded", name, exc_info=True)
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            self._done.append(Loaded(name, None, f"the model {name} could not be loaded ({reason})"))

    def ready(self) -> Loaded | None:
        """What was loaded since the last time, or could not be; never waits."""
        if self._thread is not None:
            if self._thread.is_alive():
                return None
            self._thread.join()
            self._thread = None
        done = self._done.pop(0) if self._done else None
        if self._wanted:
            self._begin()
        return done

    def close(self) -> None:
        """Wait for what is loading."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
