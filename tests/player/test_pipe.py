"""The pipe's ends: nothing blocks, nothing gets out of order."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

import pytest

from improv.player.pipe import OUTBOX, Pipe


@pytest.fixture
def ends() -> Iterator[tuple[Pipe, Pipe]]:
    ours, theirs = map(Pipe, multiprocessing.Pipe())
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_peer_that_does_not_read_blocks_nobody(ends: tuple[Pipe, Pipe]) -> None:
    ours, theirs = ends
    for i in range(10 * OUTBOX):
        ours.send((i, "x" * 100))
    received = []
    while theirs.poll(0):
        received.append(theirs.receive()[0])
        ours.poll(0)  # sends on what was kept
    assert received == sorted(received)
    assert received[-OUTBOX:] == list(range(9 * OUTBOX, 10 * OUTBOX))
    assert len(received) < 10 * OUTBOX


def test_a_heartbeat_does_not_wait_behind_input(ends: tuple[Pipe, Pipe]) -> None:
    ours, theirs = ends
    for i in range(10 * OUTBOX):
        ours.send((i, "x" * 100))
    ours.send("pong", urgent=True)
    received = []
    while theirs.poll(0):
        received.append(theirs.receive())
        ours.poll(0)
    assert len(received) - received.index("pong") == OUTBOX


def test_a_closed_peer_is_told_by_receive_only(ends: tuple[Pipe, Pipe]) -> None:
    ours, theirs = ends
    theirs.send("last words")
    theirs.close()
    for _ in range(3):
        ours.send("nobody hears this")
    assert ours.poll(0)
    assert ours.receive() == "last words"
    assert ours.poll(0)
    with pytest.raises(EOFError):
        ours.receive()


def test_another_descriptor_ends_the_wait(ends: tuple[Pipe, Pipe]) -> None:
    ours, theirs = ends
    first, second = os.pipe()
    try:
        os.write(second, b"!")
        assert not ours.poll(60, first)
        theirs.send("words")
        assert ours.poll(60, first)
    finally:
        os.close(first)
        os.close(second)
