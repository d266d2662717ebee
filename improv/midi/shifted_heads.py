"""The header of a MIDI file, and the name of a track, with one byte too many or too few: put right by what is fixed."""

from __future__ import annotations

from collections.abc import Iterator

_HEADER, _TRACK = b"MThd\0\0\0\6", b"MTrk"
_HEADER_BYTES = 14
_LEAST_DIVISION = 24  # ticks of a quarter note: what a program of the first days wrote


def with_whole_header(content: bytes) -> bytes:
    """The file with its header as it was, where one byte is missing there or one too many, and it can only be so.

    Known are its name, its length, its format, and how many tracks follow. A byte of the time division is known by
    nothing: there the file stays as it is.
    """
    first = content.find(_TRACK, 0, _HEADER_BYTES + 1 + len(_TRACK))
    if first not in (_HEADER_BYTES - 1, _HEADER_BYTES + 1):
        return content
    tracks, head = content.count(_TRACK), content[:first]
    sound = {one for one in _others(head, tracks) if _is_sound(one, tracks)}
    return sound.pop() + content[first:] if len(sound) == 1 else content


def _others(head: bytes, tracks: int) -> Iterator[bytes]:
    """The header with one byte less, or with one byte more of those that are known."""
    if len(head) > _HEADER_BYTES:
        yield from (head[:at] + head[at + 1 :] for at in range(len(head)))
        return
    known = _HEADER + bytes((0, int(tracks > 1))) + (tracks & 0xFFFF).to_bytes(2, "big")
    yield from (head[:at] + known[at : at + 1] + head[at:] for at in range(len(known)))


def _is_sound(head: bytes, tracks: int) -> bool:
    kind, count, division = (int.from_bytes(head[at : at + 2], "big") for at in (8, 10, 12))
    fits = head.startswith(_HEADER) and count == tracks and (kind in (1, 2) or (kind == 0 and tracks == 1))
    return fits and _LEAST_DIVISION <= division < 0x8000


def shifted_track(content: bytes, at: int) -> int | None:
    """Where a track would begin whose name lacks a letter here, or has one too many, if all of it stood there."""
    less = any(content.startswith(_TRACK[:letter] + _TRACK[letter + 1 :], at) for letter in range(len(_TRACK)))
    if less:
        return at - 1
    name = content[at : at + len(_TRACK) + 1]
    return at + 1 if any(name[:letter] + name[letter + 1 :] == _TRACK for letter in range(len(name))) else None
