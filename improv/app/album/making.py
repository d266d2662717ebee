"""All orders of an album, by local processes or a cluster; what was made stays made when the making is interrupted."""

from __future__ import annotations

import concurrent.futures
import csv
import importlib
import io
import json
import multiprocessing
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

from improv.app.album.piece import Made, Order, make
from improv.errors import InputError
from improv.files import write_whole

AHEAD = 2  # orders that wait for each process
MOST_BREAKS = 3  # one after the other without any piece: then something is wrong with the machine
CONNECT_S = 20


class Failed(NamedTuple):
    """An order that could not be carried out, and why."""

    order: Order
    reason: str


Makers = Callable[[Sequence[Order]], Iterator[Made | Failed]]
"""Carries out orders, in whatever order they become ready."""


def make_all(orders: Sequence[Order], folder: Path, makers: Makers, tell: Callable[[str], None]) -> list[Failed]:
    """Carry out what is not there yet, and write album.json and album.csv. tell: gets a line for each piece.

    A piece counts as made when its own .json stands beside it and tells of the very same order: that file is written
    last.
    """
    waiting = [order for order in orders if made_row(order, folder) is None]
    if len(waiting) < len(orders):
        tell(f"{len(orders) - len(waiting)} of {len(orders)} pieces are there already")
    failed = []
    for count, result in enumerate(makers(waiting), start=len(orders) - len(waiting) + 1):
        if isinstance(result, Failed):
            failed.append(result)
            tell(f"{count} of {len(orders)}: {result.order.stem} could not be made: {result.reason}")
            continue
        _keep(result, folder)
        row = result.row
        tell(f"{count} of {len(orders)}: {row['file']}, {row['key']}, {row['seconds']:g} s, {row['notes']} notes")
    write_manifest(orders, folder)
    return failed


def made_row(order: Order, folder: Path) -> dict[str, Any] | None:
    """The manifest's row of a piece that is there; None where it is not, or was ordered otherwise."""
    try:
        row: dict[str, Any] = json.loads((folder / f"{order.stem}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    there = all((folder / f"{order.stem}{suffix}").is_file() for suffix in (".mid", order.sound) if suffix)
    return row if there and row.get("order") == order.digest else None


def write_manifest(orders: Iterable[Order], folder: Path) -> None:
    """album.json and album.csv: a row for every piece that is there."""
    rows = [row for order in orders if (row := made_row(order, folder)) is not None]
    write_whole(folder / "album.json", json.dumps({"pieces": rows}, indent=1) + "\n")
    table = io.StringIO()
    writer = csv.DictWriter(table, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(folder / "album.csv", table.getvalue())


def _keep(made: Made, folder: Path) -> None:
    path = folder / made.order.stem
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix, content in made.files.items():
        write_whole(path.with_name(path.name + suffix), content)
    write_whole(path.with_name(f"{path.name}.json"), json.dumps(made.row, indent=1) + "\n")


def locally(orders: Sequence[Order], processes: int) -> Iterator[Made | Failed]:
    """By so many processes of this machine. One that dies takes nothing with it: its pieces are begun again."""
    if processes == 1:
        yield from map(_tried, orders)
        return
    waiting, breaks = list(orders), 0
    while waiting:
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(processes, spawn) as pool:
            running: dict[concurrent.futures.Future[Made | Failed], Order] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < processes * (1 + AHEAD):
                        order = waiting.pop(0)
                        running[pool.submit(_tried, order)] = order
                    ready, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                    for future in ready:
                        result = future.result()
                        del running[future]
                        breaks = 0
                        yield result
            except BrokenProcessPool:
                breaks += 1
                waiting = [*running.values(), *waiting]
                if breaks > MOST_BREAKS:
                    raise InputError(
                        f"{breaks} processes died one after the other; is there too little memory?"
                    ) from None


def _tried(order: Order) -> Made | Failed:
    """One strange piece must not end thousands."""
    try:
        return make(order)
    except Exception as error:
        return Failed(order, f"{type(error).__name__}: {error}"[:200])


def on_cluster(orders: Sequence[Order], address: str) -> Iterator[Made | Failed]:
    """By the workers of a Dask cluster. The files come back over the network; a worker that dies loses nothing."""
    try:
        distributed: Any = importlib.import_module("distributed")  # an extra that most users do without
    except ImportError:
        raise InputError("--cluster needs Dask distributed: pip install 'brainmusic[cluster]'") from None
    _knock(address)
    with distributed.Client(address, timeout=CONNECT_S, set_as_default=False) as client:
        waiting = list(orders)
        ready = distributed.as_completed(loop=client.loop)
        running: dict[Any, Order] = {}
        while waiting or running:
            most = max(sum(client.nthreads().values()), 1) * (1 + AHEAD)  # a cluster grows and shrinks
            while waiting and len(running) < most:
                future = client.submit(_tried, waiting[0], pure=False)
                running[future.key] = waiting.pop(0)
                ready.add(future)
            future = next(ready)
            order = running.pop(future.key)
            try:
                result: Made | Failed = future.result()
            except distributed.KilledWorker:
                result = Failed(order, "several workers died on it")
            yield result


def _knock(address: str) -> None:
    """InputError when nothing listens at the address; the client itself would wait long and end in a traceback."""
    found = re.fullmatch(r"(?:tcp://|tls://)?\[?([^\[\]/]+)\]?:(\d{1,5})", address)
    if found is None:
        raise InputError(f"--cluster {address}: expected the address of a Dask scheduler, as tcp://host:8786")
    try:
        socket.create_connection((found[1], int(found[2])), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"--cluster {address}: no Dask scheduler answers there ({error})") from None
