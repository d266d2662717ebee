"""What a file is, told by its bytes: names lie, and a packed score may go by any of them."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Literal
from xml.etree import ElementTree

from training.corpus.score import Rejected, first_line

Format = Literal["midi", "musicxml", "kern", "abc"]
MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".smf", ".rmi")
SCORE_SUFFIXES = (".mxl", ".musicxml", ".xml", ".krn", ".abc")
MAX_SCORE_BYTES = 32 << 20
_OF_SUFFIX: dict[str, Format] = {
    **dict.fromkeys(MIDI_SUFFIXES, "midi"),
    **dict.fromkeys((".mxl", ".musicxml", ".xml"), "musicxml"),
    ".krn": "kern",
    ".abc": "abc",
}
_CONTAINER = "META-INF/container.xml"
_HEAD_BYTES = 4096
_XML = re.compile(r"\s*(<\?xml|<!DOCTYPE\s+score|<score-(partwise|timewise))")
_KERN = re.compile(r"(?m)^(!!|\*\*(kern|dynam|text|recip|root|harm|mxhm|dynam))")
_ABC = re.compile(r"(?m)^X:\s*\d")


def format_of(content: bytes, suffix: str) -> Format | None:
    """What the bytes hold; where they do not say it, what files of the suffix hold. None: no music file."""
    if b"MThd" in content[:1024]:
        return "midi"
    if content.startswith(b"PK\x03\x04"):
        return "musicxml"
    head = _text(content[:_HEAD_BYTES])
    if _XML.match(head):
        return "musicxml"
    if _KERN.match(head):
        return "kern"
    return "abc" if _ABC.search(head) else _OF_SUFFIX.get(suffix)


def is_packed_score(path: Path) -> bool:
    """Whether a zip packs one score: a container file names it."""
    try:
        with zipfile.ZipFile(path) as packed:
            return _CONTAINER in packed.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def hidden_suffix(path: Path) -> str:
    """The suffix of what a file of another name holds, where its first bytes leave no doubt; else ""."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError:
        return ""
    if head == b"MThd":
        return ".mid"
    return ".mxl" if head.startswith(b"PK") and is_packed_score(path) else ""


def unpacked(content: bytes) -> bytes:
    """The score in a packed MusicXML file: the one that META-INF/container.xml names first, else the first there is.

    What is not packed comes back as it is. Rejected when it cannot be unpacked.
    """
    if not content.startswith(b"PK\x03\x04"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            name = _score_inside(packed)
            if packed.getinfo(name).file_size > MAX_SCORE_BYTES:
                raise Rejected(f"unpacks to {packed.getinfo(name).file_size} bytes, more than {MAX_SCORE_BYTES}")
            return packed.read(name)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise Rejected(f"damaged packed score ({first_line(error)})") from None


def _score_inside(packed: zipfile.ZipFile) -> str:
    names = packed.namelist()
    for name in _named_by_container(packed):
        if name in names:
            return name
    for name in names:
        if PurePosixPath(name).suffix.lower() in (".xml", ".musicxml") and not name.startswith("META-INF/"):
            return name
    raise Rejected("a packed file without a score")


def _named_by_container(packed: zipfile.ZipFile) -> list[str]:
    try:
        root = ElementTree.fromstring(packed.read(_CONTAINER))
    except (KeyError, ElementTree.ParseError):
        return []
    found = []
    for element in root.iter():
        # A container may name a picture or a PDF of the score beside it; the first without a type is the score.
        kind = element.get("media-type", "application/vnd.recordare.musicxml+xml")
        if element.tag.rsplit("}")[-1] == "rootfile" and "xml" in kind:
            found.append(element.get("full-path", "").lstrip("/"))
    return found


def _text(content: bytes) -> str:
    """A file's beginning as text, without its byte order mark."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content[: len(content) // 2 * 2].decode("utf-16", errors="replace").lstrip("\ufeff")
    return content.decode("utf-8", errors="replace").lstrip("\ufeff")
