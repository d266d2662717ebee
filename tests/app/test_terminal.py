"""Output that is read by nobody, or cannot be shown, or has nobody at its other end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from improv.app.terminal import MOST_UNREAD, UnblockedText
from tools.waiting import eventually


class Pipe:
    """A pipe that is written to through an UnblockedText."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.text = UnblockedText(self.writer)
        self.read = b""

    def take(self) -> str:
        """Read what is there now."""
        os.set_blocking(self.reader, False)
        try:
            while data := os.read(self.reader, 1 << 16):
                self.read += data
        except BlockingIOError:
            pass
        return self.read.decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.take()
    pipe.text.finish()
    for end in (pipe.reader, pipe.writer):
        os.close(end)


def test_what_is_read_arrives_in_its_order(pipe: Pipe) -> None:
    for number in range(100):
        pipe.text.write(f"{number}\n")
    assert eventually(lambda: pipe.take().count("\n") == 100)
    assert pipe.read.decode().split() == [str(number) for number in range(100)]


def test_nobody_who_does_not_read_holds_the_writer_up(pipe: Pipe) -> None:
    line = "x" * 99 + "\n"
    lines = 4 * MOST_UNREAD // len(line)
    for _ in range(lines):
        pipe.text.write(line)
    eventually(lambda: not pipe.take() or not pipe.text._unread)
    pipe.text.write("again\n")
    eventually(lambda: pipe.take().endswith("again\n"))
    counted = re.findall(r"\((\d+) lines were left out: nobody read them\)", pipe.read.decode())
    left_out = sum(map(int, counted))  # told in parts where the thread that writes was late to begin
    assert left_out > lines // 4
    assert pipe.read.count(line.encode()) + left_out == lines


def test_the_end_of_the_program_does_not_wait_for_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improv.app.terminal.LAST_WORDS_S", 0.05)
    pipe = Pipe()
    for _ in range(MOST_UNREAD // 1000):
        pipe.text.write("x" * 1000)
    pipe.text.finish()
    pipe.text.write("nobody hears this")
    os.close(pipe.reader)  # the thread ends: the other end is closed
    assert pipe.text._thread is not None
    pipe.text._thread.join(10)
    os.close(pipe.writer)


def test_a_closed_pipe_costs_nothing(pipe: Pipe) -> None:
    closed = Pipe()
    os.close(closed.reader)
    for _ in range(10):
        closed.text.write("x")
    eventually(lambda: closed.text._ended)
    closed.text.finish()
    os.close(closed.writer)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "ascii", "cp1252", "cp437", "koi8-r", "iso-8859-15"])
def test_a_sign_that_the_terminal_lacks_is_a_question_mark(pipe: Pipe, encoding: str) -> None:
    pipe.text = UnblockedText(pipe.writer, encoding)
    pipe.text.write("↗ \udcff ok\n")
    eventually(lambda: "\n" in pipe.take())
    assert pipe.read == b"? ? ok\n"
