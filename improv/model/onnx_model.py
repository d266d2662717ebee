"""Models that can be stepped: token and conditioning in, logits out, the recurrent state in the caller's hands."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from improv.errors import ModelError
from improv.model import conditioning, cuda, integrity, roles
from improv.model.metadata import INPUTS, OUTPUTS, STATE_INPUTS, Contract
from improv.model.vocabulary import Encoding

Float32Array = NDArray[np.float32]
State = tuple[Float32Array, ...]
"""Recurrent state: a value, never changed in place, so that keeping a reference is a snapshot."""


log = logging.getLogger(__name__)

DEFAULT_MODEL = "hands"


_unvouched: set[str] = set()
"""Paths of which was said that no card vouches for them."""


def shipped_models() -> Path:
    """The folder with the models that come with BrainMusic: inside the installed package, or beside it in a clone."""
    package = Path(str(resources.files("improv")))
    inside = package / "exported_models"
    return inside if inside.is_dir() else package.parent / "exported_models"


def resolve(path: str) -> Path:
    """model.path -> a file: empty for the default, a bare name for a shipped model, else the path itself."""
    name = path or DEFAULT_MODEL
    if "/" not in name and "\\" not in name and not name.endswith(".onnx"):
        return shipped_models() / f"{name}.onnx"
    return Path(name).expanduser()


class Model(Protocol):
    """What the improviser needs of a model."""

    contract: Contract
    encoding: Encoding

    def initial_state(self, batch: int) -> State:
        """State before any token, for `batch` rows."""
        ...

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        """One token for all rows. condition: (batch, conditioning.width(encoding)), or so much wider as
        improv.model.roles.told makes it; a model without roles does not hear of them.

        Returns logits (batch, vocabulary) of the next token and the new state.
        """
        ...


class OnnxModel:
    """An exported model in onnxruntime, one thread.

    Raises ModelError when the file is missing, damaged, or does not match this version. One step is run at once.
    """

    def __init__(self, path: Path, provider: str = "auto") -> None:
        if not path.is_file():
            raise ModelError(
                f"the model {path} is not there; make one with `python -m training export` or choose another model.path"
            )
        self.path = path
        content, digest, vouched = integrity.read_checked(path)
        self.sha256 = digest
        """Which model it is, whatever it is called and whatever becomes of its file."""
        self._session = _open_session(content, path, provider)
        del content
        _give_memory_back()
        if not vouched and str(path) not in _unvouched:
            _unvouched.add(str(path))
            log.info("no card says what %s has to be (sha256): it is taken as it is", path)
        self._run_options = _run_options()
        self.provider = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        self.contract = Contract.from_metadata(self._session.get_modelmeta().custom_metadata_map, str(path))
        self.encoding = self.contract.check(str(path))
        inputs = {node.name: node for node in self._session.get_inputs()}
        outputs = [node.name for node in self._session.get_outputs()]
        self.takes_roles = roles.INPUT in inputs
        if tuple(name for name in inputs if name != roles.INPUT) != INPUTS or tuple(outputs) != OUTPUTS:
            raise ModelError(
                f"{path}: its inputs and outputs are {[*inputs, *outputs]}, expected {[*INPUTS, *OUTPUTS]}"
            )
        self._state_shapes = [(inputs[name].shape[0], inputs[name].shape[2]) for name in STATE_INPUTS]
        self._width = conditioning.width(self.encoding)
        self._smoke_step()

    def _smoke_step(self) -> None:
        logits, _ = self.step(
            self.encoding.start_id, np.zeros((2, conditioning.width(self.encoding)), np.float32), self.initial_state(2)
        )
        if logits.shape != (2, self.encoding.size):
            raise ModelError(f"{self.path}: it answers with shape {logits.shape}, expected {(2, self.encoding.size)}")
        if not np.isfinite(logits).all():
            raise ModelError(f"{self.path}: its first step gives values that are not finite")

    def initial_state(self, batch: int) -> State:
        return tuple(np.zeros((layers, batch, hidden), np.float32) for layers, hidden in self._state_shapes)

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        tokens = np.full(len(condition), token_id, dtype=np.int64)
        condition, role = roles.apart(condition, self._width)
        feed = dict(zip(INPUTS, (tokens, condition, *state), strict=True))
        if self.takes_roles:
            feed[roles.INPUT] = role
        self._run_options.terminate = False
        logits, *new_state = self._session.run(None, feed, self._run_options)
        return logits, tuple(new_state)

    def alone(self, rows: int) -> dict[str, Float32Array]:
        """What a model that takes roles is fed beside `INPUTS` where it plays alone; empty for others."""
        return {roles.INPUT: np.zeros((rows, roles.SIZE), np.float32)} if self.takes_roles else {}

    def cancel(self) -> None:
        """From any thread: the step that is under way raises at the network's next node."""
        self._run_options.terminate = True

    @property
    def session(self) -> Any:
        """The onnxruntime session, for those who feed it other batches than `step` does (training.models.scoring)."""
        return self._session

    def describe(self) -> str:
        """One line for people: what it is and where it runs."""
        return f"{self.contract.name} ({self.contract.family}, {self.provider}, {self.path.stat().st_size >> 10} KiB)"


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal: which model it is, whatever it is called."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run_options() -> Any:
    import onnxruntime

    return onnxruntime.RunOptions()


def _give_memory_back() -> None:
    """What reading a model took beside the model: glibc keeps 20 MiB of it else, in each process that has one loaded.
    It takes 1 to 25 ms, and does nothing where there is no glibc.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # TypeError: Windows has no library without a name
        ctypes.CDLL(None).malloc_trim(0)


def _open_session(content: bytes, path: Path, provider: str) -> Any:
    try:
        import onnxruntime
    except ImportError:
        build, reason = cuda.wanted()
        raise ModelError(
            f"onnxruntime, which runs the models, is not installed; here it comes with "
            f"pip install 'brainmusic[{build}]' ({reason}), in a clone with pip install '.[{build}]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning burns 66-106 % of a core
    # Without the arena and the pattern planner the same small step needs tens of MB less; measured equal in time.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # errors reach the user as our own sentence
    available = onnxruntime.get_available_providers()
    wanted = ["CPUExecutionProvider"]
    if provider in ("auto", "cuda") and "CUDAExecutionProvider" in available and cuda.driver_present():
        wanted.insert(0, "CUDAExecutionProvider")
    elif provider == "cuda":
        raise ModelError(
            "model.provider is cuda, but no NVIDIA driver answers or this build of onnxruntime has no CUDA "
            "(pip install 'brainmusic[cuda]'); use auto"
        )
    try:
        return onnxruntime.InferenceSession(content, options, providers=wanted)
    except Exception as error:  # onnxruntime raises a dozen kinds for damaged files
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"the model {path} cannot be loaded, it is damaged or not an ONNX file ({first[:160]})"
        ) from None
