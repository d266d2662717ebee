"""What can go wrong in a training, in sentences: too little memory, a batch that gives no number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from improv.errors import InputError
from training.learning.schedule import DivergedError
from training.models.batches import LaneStream
from training.models.settings import Settings

NAMED_PIECES = 3  # of a bad batch


@contextmanager
def enough_memory(settings: Settings) -> Iterator[None]:
    """Turns the many errors of too little memory into one sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if not isinstance(error, MemoryError) and "memory" not in text:
            raise
        raise InputError(
            f"there is too little memory for batch {settings.batch}, sequence {settings.sequence}, hidden "
            f"{settings.hidden}, layers {settings.layers}: try --set batch={max(1, settings.batch // 2)}, a shorter "
            f"sequence or a smaller preset ({str(error).strip().splitlines()[0][:160]})"
        ) from None


def names_of(stream: LaneStream, share: slice, bad: Sequence[bool]) -> list[str]:
    """The pieces that the last batch of these lanes came from. bad: of each lane; all of them where none is.

    Where no loss is bad it is the gradient alone, and nobody knows whose.
    """
    lanes = stream.in_last_batch[share]
    chosen = [pieces for pieces, is_bad in zip(lanes, bad, strict=True) if is_bad] if any(bad) else lanes
    return list(dict.fromkeys(stream.pieces[piece].name for pieces in chosen for piece in pieces))


def bad_batch(error: DivergedError, iteration: int, names: Sequence[str], kept: Path) -> InputError:
    """What to say of a batch that gave no number. names: of its pieces. kept: the last checkpoint, if there is one."""
    which = ", ".join(names[:NAMED_PIECES])
    which += f" and {len(names) - NAMED_PIECES} more" if len(names) > NAMED_PIECES else ""
    state = f"{kept} keeps the last good state" if kept.exists() else "there was no checkpoint yet"
    return InputError(
        f"the {error.what} is {error.value} in the batch of iteration {iteration} (pieces {which}); {state}: "
        "go on from it with a smaller lr or clip in another --out, or look at these pieces"
    )
