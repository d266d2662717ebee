"""The border to a model, which is foreign code: whatever it raises or answers, we get a ModelError or good numbers."""

from __future__ import annotations

import numpy as np

from improv.errors import ModelError
from improv.model.onnx_model import Float32Array, Model, State
from improv.model.patience import TooSlowError

LONGEST_REASON = 200  # characters of somebody else's error text


def initial_state(model: Model, rows: int) -> State:
    """The state before any token. ModelError when the model cannot give one."""
    try:
        return tuple(model.initial_state(rows))
    except Exception as error:
        raise ModelError(f"it cannot begin: {_reason(error)}") from error


def with_rows(state: State, rows: int) -> State:
    """The state of the first so many rows; where there are fewer, those that come begin as the first one is now."""
    return tuple(part[:, :rows] if part.shape[1] >= rows else np.repeat(part[:, :1], rows, axis=1) for part in state)


def step(model: Model, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
    """One token for all rows, as Model.step; logits are finite and of shape (rows, vocabulary), the state's parts keep
    their shapes. ModelError says what was wrong with the answer.
    """
    try:
        logits, after = model.step(token_id, condition, state)
        logits, after = np.asarray(logits), tuple(np.asarray(part) for part in after)
    except TooSlowError:
        raise
    except Exception as error:
        raise ModelError(f"its step raises {_reason(error)}") from error
    expected = (len(condition), model.encoding.size)
    if logits.shape != expected:
        raise ModelError(f"it answers with shape {logits.shape}, expected {expected}")
    if not np.isfinite(logits).all():
        raise ModelError("it answers with values that are not finite")
    shapes, were = [part.shape for part in after], [np.shape(part) for part in state]
    if shapes != were:
        raise ModelError(f"its state changes its shape from {were} to {shapes}")
    return logits, after


def _reason(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0][:LONGEST_REASON]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
