"""Items -> results, in order: from the cache, from this machine's workers, or from a cluster."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.corpus.augment import Instruments
from training.corpus.default_tempo import Defaults, is_default
from training.corpus.formats import MAX_SCORE_BYTES
from training.corpus.labels import Labels, labels_for
from training.corpus.reading import Item
from training.corpus.sources import MUSIC_SUFFIXES
from training.dataset.cache import Cache, key_of
from training.dataset.dataset import EncodedPiece
from training.dataset.encode_file import Job, digest
from training.dataset.workers import TIME_LIMIT_S, Done, Failed, Workers


@dataclass(frozen=True)
class Copy:
    """A file whose bytes were there before. of: source and name of the first."""

    of: str


Result = EncodedPiece | str | Copy
"""A piece, the reason why a file is left out, or the file that it is a copy of."""


@dataclass(frozen=True)
class Options:
    """How to read. processes: 0 reads in this process, without limits of time and memory; a cluster has its own.

    groups: work -> group, for works that go by several names. composers: (source, file) -> name. limit: read only so
    many files of each source, evenly spread over it. frozen: sha256 -> split of pieces that are not to move.
    default_tempi: what the sources' programs write where nobody gave a tempo.
    """

    family: str = "polyphony"
    instruments: Instruments = "all"
    processes: int = 0
    time_limit_s: float = TIME_LIMIT_S
    cluster: str | None = None
    cache: Path | None = None
    limit: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    composers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    labels: Labels = field(default_factory=dict)
    frozen: Mapping[str, str] = field(default_factory=dict)
    default_tempi: Defaults = field(default_factory=dict)


def read_all(items: Iterable[Item], options: Options) -> Iterator[tuple[Item, Result]]:
    """What every item turns into, in order; only a few results are held at a time."""
    store = Cache(options.cache) if options.cache else None
    under_way: deque[tuple[Item, str]] = deque()  # with the key under which the result is to be kept, or none
    first: dict[bytes, str] = {}

    def jobs() -> Iterator[Job | Done[Result]]:
        for item in items:
            job = _job(item, options, first)
            key = key_of(job) if store and isinstance(job, Job) else ""
            if store and isinstance(job, Job) and (known := store.get(job, key)) is not None:
                job, key = Done(known), ""
            under_way.append((item, key))
            yield job

    for result in _run(jobs(), options):
        item, key = under_way.popleft()
        told = result.reason if isinstance(result, Failed) else result
        # What only took too long may do better on another day: it is tried again.
        if store and key and not isinstance(told, Copy) and not (isinstance(result, Failed) and result.passing):
            store.put(key, told)
        yield item, told


def _job(item: Item, options: Options, first: dict[bytes, str]) -> Job | Done[Result]:
    """The job of reading an item, or what is known of it without reading. first: who had these bytes before."""
    if item.suffix not in MUSIC_SUFFIXES:
        return Done("not a music file")
    if item.twin:
        return Done(f"the score of a MIDI file ({item.twin})")
    try:
        content = item.content()
    except OSError as error:
        return Done(f"cannot be opened ({error.strerror})")
    labels = labels_for(options.labels, item.name)
    name = f"{item.source}: {item.name}"
    if content and not labels:
        earlier = first.setdefault(hashlib.blake2b(content, digest_size=16).digest(), name)
        if earlier != name:
            return Done(Copy(earlier))
    default_tempo = is_default(item, content, options.default_tempi)
    job = Job(item.name, item.source, item.suffix, content, options.family, options.instruments, labels, default_tempo)
    return replace(job, written=_bytes(item.written), written_suffix=item.written.suffix) if item.written else job


def _bytes(path: Path) -> bytes:
    """Nothing where a file cannot be opened or is no score of usual size."""
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_SCORE_BYTES else b""
    except OSError:
        return b""


def _run(jobs: Iterator[Job | Done[Result]], options: Options) -> Iterator[Result | Failed]:
    if options.cluster:
        from training.dataset.dask_backend import map_on_cluster

        yield from map_on_cluster(options.cluster, jobs)
    elif options.processes <= 0:
        for job in jobs:
            yield job.result if isinstance(job, Done) else _guarded(job)
    else:
        workers: Workers[Job, Result] = Workers(digest, options.processes, options.time_limit_s)
        with workers:
            yield from workers.map(jobs)


def _guarded(job: Job) -> Result | Failed:
    try:
        return digest(job)
    except Exception as error:  # one strange file must not end a run over thousands
        return Failed(f"unreadable ({type(error).__name__}: {error})"[:200], passing=False)
