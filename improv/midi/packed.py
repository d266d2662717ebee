"""Music in a gzip file or in a zip that holds one MIDI file, told by the bytes and not by the name."""

from __future__ import annotations

import io
import zipfile
import zlib

from improv.errors import InputError

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
MIDI_SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi")
DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,  # a locked one
    NotImplementedError,  # packed in a way that zipfile does not know
    ValueError,
)
"""What zipfile raises for a zip that is damaged, locked or strange."""
_DEEPEST = 3  # packings within each other


def unpacked(content: bytes, most: int) -> bytes:
    """The file in a packed one's bytes; others as they are. InputError: damaged, or of more than `most` bytes."""
    for _ in range(_DEEPEST):
        if content.startswith(GZIP):
            content = gunzipped(content, most)
        elif content.startswith(ZIP):
            content = _unzipped(content, most)
        else:
            break
    return content


def gunzipped(content: bytes, most: int) -> bytes:
    """What a gzip file's bytes hold. InputError: damaged, or of more than `most` bytes."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(content, most + 1)
    except zlib.error as error:
        raise InputError(f"damaged packed file ({error})") from None
    if len(found) > most:
        raise InputError(f"unpacks to more than {most} bytes")
    return found


def _unzipped(content: bytes, most: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            inside = [each for each in packed.infolist() if _is_music(each.filename)]
            if len(inside) != 1:
                raise InputError(f"a zip with {len(inside)} MIDI files; give one file" if inside else "no MIDI file")
            if inside[0].file_size > most:
                raise InputError(f"unpacks to more than {most} bytes")
            return packed.read(inside[0])
    except DAMAGED_ZIP as error:
        raise InputError(f"damaged packed file ({error})") from None


def _is_music(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    return base.lower().endswith(MIDI_SUFFIXES) and not base.startswith("._")
