"""One function over many arguments: by this process, by several of this machine, or by a Dask cluster.

What comes out is the same, byte for byte, wherever it is computed: an argument says all that its result depends on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from improv.errors import BrainMusicError, InputError
from training.dataset.workers import CRASHED, Failed, Workers

Mapping = Callable[..., Iterator[Any]]
"""As `map` with one iterable: results in the order of the arguments, few of either held at a time. The function and
each argument are such as can be sent to another process."""

LONGEST_S = 3600.0  # of one argument; what takes longer hangs
MEMORY_BYTES = 4 << 30  # of one process: torch, a model and the music that it is given
AHEAD = 2  # arguments that wait for each thread of a cluster: they may hold megabytes


@contextlib.contextmanager
def working(processes: int = 1, cluster: str | None = None) -> Iterator[Mapping]:
    """A `map` by so many processes, by this one where it is one, or by the cluster whose scheduler has that address.

    The map raises InputError with the sentence of a function that refuses its argument, or BrainMusicError with what
    else went wrong. InputError at once when no scheduler answers.
    """
    if cluster:
        from training.dataset.dask_backend import connected, map_on

        with connected(cluster) as client:
            yield lambda function, arguments: _results(map_on(client, applied, _jobs(function, arguments), AHEAD))
    elif processes <= 1:
        yield map
    else:
        workers: Workers[Any, Any] = Workers(applied, processes, LONGEST_S, MEMORY_BYTES)
        with workers:
            yield lambda function, arguments: _results(workers.map(_jobs(function, arguments)))


Job = tuple[Callable[[Any], Any], Any]


def _jobs(function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Job]:
    return ((function, argument) for argument in arguments)


def applied(job: Job) -> Any:
    """What runs in another process: the result, an InputError, or Failed where something else was raised."""
    function, argument = job
    try:
        return function(argument)
    except InputError as error:
        return error
    except Exception as error:
        return Failed(f"{type(error).__name__}: {error}"[:500], passing=False)


def _results(results: Iterable[Any]) -> Iterator[Any]:
    for result in results:
        if isinstance(result, InputError):
            raise result
        if isinstance(result, Failed):
            died = result == CRASHED
            raise BrainMusicError(
                "a process died while it computed; is there too little memory? fewer --processes need less"
                if died
                else f"a process could not compute its part ({result.reason})"
            )
        yield result
