"""Models that are loaded beside the music: what is ready, what failed, and what is asked for meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from improv.errors import ModelError
from improv.model import loader as loader_module
from improv.model.loader import Loaded, ModelLoader
from improv.model.onnx_model import Model, OnnxModel
from tools.waiting import eventually


def found(loader: ModelLoader) -> Loaded:
    return eventually(loader.ready)


def test_while_one_is_loading_only_the_last_request_counts(tiny: OnnxModel) -> None:
    begun, go_on = threading.Event(), threading.Event()
    asked: list[str] = []

    def load(path: Path) -> Model:
        asked.append(path.stem)
        begun.set()
        go_on.wait()
        return tiny

    loader = ModelLoader(load)
    loader.request("pianist")
    begun.wait()
    assert loader.ready() is None
    loader.request("melody")
    loader.request("chorale")
    go_on.set()
    assert [found(loader).name, found(loader).name] == ["pianist", "chorale"]
    assert asked == ["pianist", "chorale"]
    assert loader.ready() is None
    loader.close()


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ModelError("the model x has no states"), "the model x has no states"),
        (MemoryError("2 GB"), "the model pianist could not be loaded (MemoryError: 2 GB)"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_told(error: Exception, sentence: str, *, beside: bool) -> None:
    def load(path: Path) -> Model:
        raise error

    loader = ModelLoader(load, beside=beside)
    loader.request("pianist")
    assert found(loader) == Loaded("pianist", None, sentence)
    loader.close()


def test_the_thread_ends_with_the_model(tiny: OnnxModel) -> None:
    loader = ModelLoader(lambda _: tiny)
    loader.request("pianist")
    assert found(loader).model is tiny
    assert eventually(lambda: not [one for one in threading.enumerate() if one.name.startswith("model")])


def test_a_model_that_is_not_there_is_refused_at_once() -> None:
    with pytest.raises(ModelError, match=r"is not there; there are: chorale, hands, "):
        ModelLoader().request("absent")


def test_the_shipped_models_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = ModelLoader()
    names = loader.names
    monkeypatch.setattr(loader_module, "shipped_models", lambda: pytest.fail("looked again"))
    assert loader.names == names
