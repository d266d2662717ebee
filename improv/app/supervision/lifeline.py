"""Memory that the engine and its supervisor share: signs of life, and what the next engine needs to go on.

The engine writes, the supervisor reads; neither ever waits for the other, and what was written outlives its writer.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable
from typing import NamedTuple, Self

from improv.midi.messages import PEDAL_KEY

SLOT_BYTES = 1 << 19  # a checkpoint has about 40 kB
HEADER_BYTES = 4096
SLOTS = 2  # the engine may die while it writes one of them
KEYS = PEDAL_KEY + 1  # of a channel: the pitches, and the sustain pedal
KEY_BYTES = 16 * KEYS // 8
SIGNS = struct.Struct("<QQdii")  # turns, of them with music, seconds overdue, player, frontends
MODEL_AT, MODEL_HEAD, LONGEST_MODEL = 1024, struct.Struct("<H"), 2048
SLOT_HEAD = struct.Struct("<QII")  # number, length, CRC-32
Key = tuple[int, int]  # channel, pitch or PEDAL_KEY


class Signs(NamedTuple):
    """What the engine says of itself each turn.

    turns: how many it has made. playing_turns: how many of them while the music played. overdue_s: since a note should
    have begun and none did, 0 while none is owed. player_pid, frontends_pid: 0 while there is none.
    """

    turns: int = 0
    playing_turns: int = 0
    overdue_s: float = 0.0
    player_pid: int = 0
    frontends_pid: int = 0


class Lifeline:
    """`create` in the supervisor, `open` by its `path` in the engines. Used as a context."""

    def __init__(self, handle: int, path: str, *, temporary: bool) -> None:
        self.path = path
        self._handle, self._temporary = handle, temporary
        self._memory = mmap.mmap(handle, HEADER_BYTES + SLOTS * SLOT_BYTES)

    @classmethod
    def create(cls) -> Self:
        """OSError when there is no memory or no room for it."""
        size = HEADER_BYTES + SLOTS * SLOT_BYTES
        if hasattr(os, "memfd_create"):  # Linux: no file that could be left behind
            handle = os.memfd_create("brainmusic")
            path, temporary = f"/proc/{os.getpid()}/fd/{handle}", False
        else:
            handle, path = tempfile.mkstemp(prefix="brainmusic-")
            temporary = True
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)  # a full disk is told of now, not by a signal later
        else:
            os.ftruncate(handle, size)
        return cls(handle, path, temporary=temporary)

    @classmethod
    def open(cls, path: str) -> Self:
        """The memory that a supervisor created. OSError when it is gone."""
        return cls(os.open(path, os.O_RDWR), path, temporary=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the memory; the one who created it removes it."""
        self._memory.close()
        os.close(self._handle)
        if self._temporary:
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    # ------------------------------------------------------------------------------------------- signs of life

    def beat(self, signs: Signs, keys: Iterable[Key] = ()) -> None:
        """The engine has made a turn. keys: (channel, pitch) that may sound now."""
        bits = bytearray(KEY_BYTES)
        for channel, pitch in keys:
            bit = channel * KEYS + pitch
            bits[bit // 8] |= 1 << bit % 8
        self._memory[SIGNS.size : SIGNS.size + KEY_BYTES] = bytes(bits)
        SIGNS.pack_into(self._memory, 0, *signs)

    def signs(self) -> Signs:
        """What the engine said last."""
        return Signs(*SIGNS.unpack_from(self._memory, 0))

    def keys(self) -> tuple[Key, ...]:
        """What may sound of what the last engine played."""
        bits = self._memory[SIGNS.size : SIGNS.size + KEY_BYTES]
        return tuple(
            divmod(index * 8 + bit, KEYS) for index, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1
        )

    def reset(self) -> None:
        """Before another engine begins: no signs of life yet. The checkpoint and what may sound stay."""
        SIGNS.pack_into(self._memory, 0, *Signs())

    # --------------------------------------------------------------------------------------------- checkpoints

    def save(self, data: bytes, model: str) -> bool:
        """Keep the newest checkpoint; the one before it stays until this one is whole. False: it is too long.

        model: the name of the model that plays.
        """
        name = model.encode("utf-8", "replace")
        name = name if len(name) <= LONGEST_MODEL else b""
        self._memory[MODEL_AT : MODEL_AT + MODEL_HEAD.size + len(name)] = MODEL_HEAD.pack(len(name)) + name
        if len(data) > SLOT_BYTES - SLOT_HEAD.size:
            return False
        number = max((head[0] for head in self._heads()), default=0) + 1
        at = HEADER_BYTES + number % SLOTS * SLOT_BYTES
        SLOT_HEAD.pack_into(self._memory, at, 0, 0, 0)  # half written it counts for nothing
        self._memory[at + SLOT_HEAD.size : at + SLOT_HEAD.size + len(data)] = data
        SLOT_HEAD.pack_into(self._memory, at, number, len(data), zlib.crc32(data))
        return True

    def model(self) -> str:
        """The name of the model that plays, or played last; "" before the first checkpoint."""
        (length,) = MODEL_HEAD.unpack_from(self._memory, MODEL_AT)
        start = MODEL_AT + MODEL_HEAD.size
        return self._memory[start : start + min(length, LONGEST_MODEL)].decode("utf-8", "replace")

    def load(self) -> bytes | None:
        """The newest checkpoint that is whole, or None."""
        for number, length, checksum in sorted(self._heads(), reverse=True):
            at = HEADER_BYTES + number % SLOTS * SLOT_BYTES + SLOT_HEAD.size
            data = self._memory[at : at + length]
            if number and zlib.crc32(data) == checksum:
                return data
        return None

    def _heads(self) -> list[tuple[int, int, int]]:
        found = []
        for slot in range(SLOTS):
            number, length, checksum = SLOT_HEAD.unpack_from(self._memory, HEADER_BYTES + slot * SLOT_BYTES)
            if number % SLOTS == slot and length <= SLOT_BYTES - SLOT_HEAD.size:
                found.append((number, length, checksum))
        return found
