"""Packed scores: which file of a zip is the music, whatever the names in it look like."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from improv.errors import InputError
from improv.midi.packed import DAMAGED_ZIP, GZIP, ZIP, gunzipped
from training.corpus.formats import HEAD_BYTES, MAX_SCORE_BYTES, said_by_bytes
from training.corpus.score import Rejected, first_line
from training.corpus.xml_text import root_of

_CONTAINER = "meta-inf/container.xml"
_DEEPEST = 3  # packings within each other


def is_packed_score(path: Path) -> bool:
    """Whether a zip packs one score: a container file names it."""
    try:
        with zipfile.ZipFile(path) as packed:
            return any(_plain_name(name) == _CONTAINER for name in packed.namelist())
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
    """The music in a packed file: of a zip what META-INF/container.xml names first, else the first score, else what
    music there is.

    What is not packed comes back as it is. Rejected when it cannot be unpacked.
    """
    for _ in range(_DEEPEST):
        if content.startswith(GZIP):
            try:
                content = gunzipped(content, MAX_SCORE_BYTES)
            except InputError as reason:
                raise Rejected(str(reason)) from None
        elif content.lstrip(b"\0").startswith(ZIP):
            content = _unzipped(content)
        else:
            break
    return content


def _unzipped(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            inside = _music_inside(packed)
            if inside.file_size > MAX_SCORE_BYTES:
                raise Rejected(f"unpacks to {inside.file_size} bytes, more than {MAX_SCORE_BYTES}")
            return packed.read(inside)
    except DAMAGED_ZIP as error:
        raise Rejected(f"damaged packed score ({first_line(error)})") from None


def _music_inside(packed: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = {each.filename: each for each in packed.infolist() if not each.is_dir()}
    plain = {_plain_name(name): each for name, each in reversed(members.items())}
    for name in _named_by_container(packed, plain):
        named = members.get(name) or plain.get(_plain_name(name))
        if named is not None and _kind(packed, named):
            return named
    others = [each for each in members.values() if not _is_hidden(each.filename)]
    kinds = [(_kind(packed, each), each) for each in others]
    if sum(kind in ("midi", "packed") for kind, _ in kinds) > 1 and "musicxml" not in dict(kinds):
        raise Rejected("an archive of several pieces; give it as a source of its own")
    for wanted in ("musicxml", "kern", "midi", "abc", "packed"):
        for kind, each in kinds:
            if kind == wanted:
                return each
    raise Rejected("a packed file without a score")


def _kind(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> str | None:
    """What kind of music a member is by its bytes, "packed" for a packed one."""
    with packed.open(member) as file:
        head = file.read(HEAD_BYTES)
    return "packed" if head.startswith((ZIP, GZIP)) else said_by_bytes(head)


def _named_by_container(packed: zipfile.ZipFile, plain: dict[str, zipfile.ZipInfo]) -> Iterator[str]:
    container = plain.get(_CONTAINER)
    if container is None or container.file_size > MAX_SCORE_BYTES:
        return
    try:
        root = root_of(packed.read(container))
    except Rejected:
        return
    for element in root.iter("rootfile"):
        # A container may name a picture or a PDF of the score beside it; the first without a type is the score.
        if "xml" in element.get("media-type", "xml"):
            yield element.get("full-path", "")


def _plain_name(name: str) -> str:
    """A name as it is compared: programs differ in how they write one and the same."""
    parts = unicodedata.normalize("NFC", unquote(name)).casefold().replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _is_hidden(name: str) -> bool:
    parts = _plain_name(name).split("/")
    return parts[0] in ("meta-inf", "__macosx") or parts[-1].startswith(".")
