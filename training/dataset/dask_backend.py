"""The same jobs on a Dask cluster: `--cluster ADDRESS` of its scheduler.

Dask and not Ray or Spark: 44 MB installed against 259 and 493, plain Python functions as jobs, and a job whose worker
dies is given to another one. A job carries its file's bytes, so the machines need no common folder; each needs this
project installed. A worker that may have children (DASK_DISTRIBUTED__WORKER__DAEMON=False) reads every file in a child
process with a limit of time and memory, as a local run does; others read it in themselves.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import re
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from improv.errors import InputError
from training.dataset.dataset import EncodedPiece
from training.dataset.encode_file import Job, digest
from training.dataset.pipeline import Result
from training.dataset.workers import CRASHED, Done, Failed, Workers

_WAITING_PER_THREAD = 8  # jobs that a worker may have before it: hides the way over the network, holds little memory
_CONNECT_S = 20

_guards: list[Workers[Job, EncodedPiece | str]] = []


def read_on_worker(job: Job) -> EncodedPiece | str | Failed:
    """What runs on a worker of the cluster."""
    if multiprocessing.current_process().daemon:
        try:
            return digest(job)
        except Exception as error:  # one strange file must not end a run over thousands
            return Failed(f"unreadable ({type(error).__name__}: {error})"[:200], passing=False)
    guard = _guards.pop() if _guards else Workers(digest, 1)
    result = next(iter(guard.map([job])))
    _guards.append(guard)
    return result


def map_on_cluster(address: str, jobs: Iterable[Job | Done[Result]]) -> Iterator[Result | Failed]:
    """The result of every job in the jobs' order. InputError when no scheduler answers at the address."""
    with connected(address) as client:
        yield from map_on(client, read_on_worker, jobs, _WAITING_PER_THREAD)


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler. InputError when none answers at the address."""
    try:
        distributed: Any = importlib.import_module("distributed")  # an extra that most users do without
    except ImportError:
        raise InputError("--cluster needs Dask distributed: pip install 'brainmusic[cluster]'") from None
    _knock(address)
    with distributed.Client(address, timeout=_CONNECT_S, set_as_default=False) as client:
        yield client


def map_on(client: Any, function: Callable[[Any], Any], jobs: Iterable[Any], ahead: int) -> Iterator[Any]:
    """function(job) in the jobs' order, Failed where several workers died on it. ahead: jobs that wait for a thread."""
    killed: type[Exception] = importlib.import_module("distributed").KilledWorker
    waiting: deque[Any] = deque()
    for job in jobs:
        waiting.append(job if isinstance(job, Done) else client.submit(function, job, pure=False))
        # The cluster may grow and shrink while it runs.
        while len(waiting) >= ahead * max(sum(client.nthreads().values()), 1):
            yield _result(waiting.popleft(), killed)
    while waiting:
        yield _result(waiting.popleft(), killed)


def _knock(address: str) -> None:
    """InputError when nothing listens at the address; the client itself would wait long and end in a traceback."""
    found = re.fullmatch(r"(?:tcp://|tls://)?\[?([^\[\]/]+)\]?:(\d{1,5})", address)
    if found is None:
        raise InputError(f"--cluster {address}: expected the address of a Dask scheduler, as tcp://host:8786")
    try:
        socket.create_connection((found[1], int(found[2])), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"--cluster {address}: no Dask scheduler answers there ({error})") from None


def _result(future: Any, killed: type[Exception]) -> Any:
    try:
        return future.result if isinstance(future, Done) else future.result()
    except killed:
        return CRASHED
