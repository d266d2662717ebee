"""Worker processes that survive what they read: each job has a time limit and each worker a limit of memory.

A job that hangs is ended with its worker, one that crashes its worker is told from one that fails, and both come back
as a reason. Time is the processor's, where the system can measure it, so that a busy machine leaves out no more files
than an idle one; by the clock a job may take some times as long. Results come in the order of the jobs, and only a few
are kept waiting, so that memory does not grow.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

J = TypeVar("J")
R = TypeVar("R")

TIME_LIMIT_S = 10.0
MEMORY_LIMIT_BYTES = 1 << 30
START_S = 30.0  # what a fresh process may take longer for its first job: it imports numpy and perhaps music21
PATIENCE = 6.0  # by the clock a job may take so many times its limit: other programs need the processor, too
_WAITING_PER_WORKER = 8  # results that may wait for an earlier, slower job


@dataclass(frozen=True)
class Failed:
    """A job without a result. `passing`: whether another try may succeed (it was slow, not bad)."""

    reason: str
    passing: bool


CRASHED = Failed("the reader crashed on it", passing=True)


@dataclass(frozen=True)
class Done(Generic[R]):
    """Stands in place of a job whose result is known: it keeps its place among the results."""

    result: R


def _limit_memory(limit_bytes: int) -> None:
    """Refuse this process more than so many bytes of data, where the system can (not on Windows)."""
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(ValueError, OSError):  # macOS knows the limit and refuses to set it
            resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def _limit_time(limit_s: float) -> None:
    """End this process when it has computed for so many seconds from now (not on Windows); 0: no limit any more."""
    if sys.platform != "win32":
        # Ends the process whatever runs in it; an exception could be caught by what hangs.
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, limit_s)


def _serve(function: Callable[[Any], Any], pipe: Connection, memory_bytes: int) -> None:
    """A worker's whole life: job in, result out, until the pipe is closed."""
    _limit_memory(memory_bytes)
    # Thousands of notes are no rubbish: looking through them all the time costs a tenth of the work.
    gc.freeze()
    gc.set_threshold(50_000)
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        while True:
            job, time_limit_s = pipe.recv()
            _limit_time(time_limit_s)
            try:
                result = function(job)
            except MemoryError:
                result = Failed(f"needs more than {memory_bytes >> 20} MB of memory", passing=False)
            except Exception as error:  # one strange file must not end a run over thousands
                result = Failed(f"unreadable ({type(error).__name__}: {error})"[:200], passing=False)
            _limit_time(0)
            pipe.send(result)


class _Worker:
    """One process and the number of the job that it has, if any."""

    def __init__(self, function: Callable[[Any], Any], memory_bytes: int) -> None:
        # Forked where that is safe and quick would inherit the parent's memory: a fresh process stays small.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(function, theirs, memory_bytes), daemon=True)
        self.process.start()
        theirs.close()
        self.job: int | None = None
        self.deadline_s = 0.0
        self._allowance_s = START_S

    def give(self, number: int, job: Any, time_limit_s: float) -> None:
        self.job = number
        allowed_s = time_limit_s + self._allowance_s
        self.deadline_s = time.monotonic() + PATIENCE * allowed_s
        self._allowance_s = 0.0
        self.pipe.send((job, allowed_s))

    @property
    def ran_out_of_time(self) -> bool:
        """Whether the process has ended because its job computed for too long."""
        self.process.join(5)
        return sys.platform != "win32" and self.process.exitcode == -signal.SIGPROF

    def stop(self, *, at_once: bool) -> None:
        self.pipe.close()
        if at_once:
            self.process.kill()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Workers(Generic[J, R]):
    """Runs `function` over jobs in several processes. Use as a context manager."""

    def __init__(
        self,
        function: Callable[[J], R],
        processes: int,
        time_limit_s: float = TIME_LIMIT_S,
        memory_bytes: int = MEMORY_LIMIT_BYTES,
    ) -> None:
        self._function, self._count = function, max(processes, 1)
        self._time_limit_s, self._memory_bytes = time_limit_s, memory_bytes
        self._workers: list[_Worker] = []

    def __enter__(self) -> Workers[J, R]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop(at_once=worker.job is not None)
        self._workers = []

    def map(self, jobs: Iterable[J | Done[R]]) -> Iterator[R | Failed]:
        """The result of every job in the jobs' order, Failed where there is none."""
        waiting: deque[int] = deque()  # numbers of jobs whose result was not given yet, in order
        results: dict[int, R | Failed] = {}
        most = self._count * _WAITING_PER_WORKER
        source = enumerate(jobs)
        exhausted = False
        while True:
            while not exhausted and len(waiting) < most and (idle := self._idle()):
                number, job = next(source, (-1, None))
                if number < 0:
                    exhausted = True
                    break
                waiting.append(number)
                if isinstance(job, Done):
                    results[number] = job.result
                else:
                    self._give(idle, number, job)
            while waiting and waiting[0] in results:
                yield results.pop(waiting.popleft())
            if exhausted and not waiting:
                return
            if waiting and waiting[0] not in results:
                self._collect(results)

    def _idle(self) -> _Worker | None:
        for worker in self._workers:
            if worker.job is None:
                return worker
        if len(self._workers) < self._count:
            self._workers.append(_Worker(self._function, self._memory_bytes))
            return self._workers[-1]
        return None

    def _give(self, worker: _Worker, number: int, job: Any) -> None:
        try:
            worker.give(number, job, self._time_limit_s)
        except (BrokenPipeError, ConnectionResetError):  # it died between two jobs: killed from outside
            self._replace(worker).give(number, job, self._time_limit_s)

    def _collect(self, results: dict[int, R | Failed]) -> None:
        """Wait until a worker answers, dies or is out of time."""
        busy = [worker for worker in self._workers if worker.job is not None]
        deadline_s = min(worker.deadline_s for worker in busy)
        ready = wait([worker.pipe for worker in busy], max(deadline_s - time.monotonic(), 0))
        now_s = time.monotonic()
        for worker in busy:
            assert worker.job is not None
            if worker.pipe in ready:
                number = worker.job
                try:
                    results[number] = worker.pipe.recv()
                    worker.job = None
                except (EOFError, ConnectionResetError):
                    results[number] = self._late() if worker.ran_out_of_time else CRASHED
                    self._replace(worker)
            elif now_s >= worker.deadline_s:
                results[worker.job] = self._late()
                self._replace(worker)

    def _late(self) -> Failed:
        return Failed(f"takes more than {self._time_limit_s:g} s to read", passing=True)

    def _replace(self, worker: _Worker) -> _Worker:
        worker.stop(at_once=True)
        fresh = _Worker(self._function, self._memory_bytes)
        self._workers[self._workers.index(worker)] = fresh
        return fresh
