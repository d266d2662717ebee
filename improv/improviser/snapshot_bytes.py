"""What an improviser remembers, as bytes, so that one in another process can go on where this one was.

Models are no part of it: they are named, and the other one must have been offered the same. The bytes are for processes
of one run of the program; nothing that comes from elsewhere is ever read here.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any, NamedTuple

from improv.improviser.composer import Composer
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Resume
from improv.improviser.snapshot import Snapshot
from improv.model.onnx_model import Model
from improv.plan.phrase_memory import PhraseMemory


class Memory(NamedTuple):
    """What an improviser holds, apart from seed and settings. models: by name; they are no part of the bytes."""

    snapshot: Snapshot
    phrases: PhraseMemory
    composer: Composer
    next_note_id: int
    models: dict[str, Model]

    @property
    def resumption(self) -> Resume:
        """The operation that brings an improviser which made the same music before to this place."""
        return Resume(self.snapshot.position.tick, self.next_note_id)


def memory_of(improviser: Improviser) -> Memory:
    """What decides what comes next, beside seed, settings and controls. It goes on being the improviser's own."""
    one = improviser
    return Memory(one._snapshot, one._phrases, one._composer, one._next_note_id, one._models)


def go_on(improviser: Improviser, memory: Memory) -> None:
    """Go on where another improviser with the same seed and models was. A take is told of it by `resumption`."""
    improviser._snapshot, improviser._phrases, improviser._composer, improviser._next_note_id, _ = memory
    improviser._past.clear()


def packed(memory: Memory) -> bytes:
    """The memory as bytes. ValueError when it cannot be kept: the model that plays has lost its name to another one."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, memory.models)
    try:
        pickler.dump(tuple(memory[:4]))
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the memory cannot be kept: {error}") from error
    return buffer.getvalue()


def unpacked(data: bytes, models: dict[str, Model]) -> Memory:
    """The way back. ValueError when the bytes do not fit: another version, or a model that is not there."""
    try:
        snapshot, phrases, composer, next_note_id = _Unpickler(io.BytesIO(data), models).load()
    except Exception as error:  # pickle raises whatever the classes of another version make it raise
        raise ValueError(f"the memory cannot be read: {type(error).__name__}: {error}") from error
    return Memory(snapshot, phrases, composer, next_note_id, models)


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, models: Mapping[str, Model]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._names = {id(model): ("model", name) for name, model in models.items()}
        self._names |= {id(model.encoding): ("encoding", name) for name, model in models.items()}

    def persistent_id(self, obj: Any) -> tuple[str, str] | None:
        return self._names.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, models: Mapping[str, Model]) -> None:
        super().__init__(file)
        self._models = models

    def persistent_load(self, pid: tuple[str, str]) -> Any:
        kind, name = pid
        model = self._models[name]
        return model if kind == "model" else model.encoding
