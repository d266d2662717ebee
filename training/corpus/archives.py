"""Zip and tar archives, unpacked so that none can write outside of its folder or fill the disk."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path

from improv.errors import InputError
from training.corpus.containers import is_packed_score
from training.corpus.score import first_line

# A bomb is told from a large corpus by how much it grows: music packs 3 to 50 times, bombs a thousand times and more.
SUSPECT_BYTES = 256 << 20
SUSPECT_GROWTH = 200
MAX_MEMBERS = 2_000_000
MAX_NAME_BYTES = 255  # of one part of a path, on every file system in use


def is_archive(path: Path) -> bool:
    """Whether the file is a zip or a tar (also packed by gzip, bzip2 or xz), and not a packed score under any name."""
    if not path.is_file() or not path.stat().st_size:
        return False
    if _is_zip(path):
        return path.suffix.lower() != ".mxl" and not is_packed_score(path)
    return tarfile.is_tarfile(path)


def _is_zip(path: Path) -> bool:
    """A tar that holds a zip at its end looks like a zip, too."""
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return True
    return zipfile.is_zipfile(path) and not tarfile.is_tarfile(path)


def unpack(archive: Path, folder: Path) -> None:
    """Extract an archive; InputError when it would write outside, is absurdly large, damaged or locked."""
    try:
        if _is_zip(archive):
            _unpack_zip(archive, folder)
        else:
            _unpack_tar(archive, folder)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        LZMAError,
        RuntimeError,
        NotImplementedError,
        EOFError,
        zlib.error,
        OSError,
    ) as error:
        raise InputError(f"{archive} cannot be unpacked, it is damaged or locked ({first_line(error)})") from None


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as unzipped:
        infos = [info for info in unzipped.infolist() if not info.is_dir()]
        _check_size(archive, folder, len(infos), sum(info.file_size for info in infos))
        for info in infos:
            target = _target(archive, folder, info.filename)
            with unzipped.open(info) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)  # zipfile stops at the declared size, which was checked


def _unpack_tar(archive: Path, folder: Path) -> None:
    members = total = 0
    with tarfile.open(archive) as unpacked:
        # The sizes stand between the packed data: they are added up on the way and what is too much is not written.
        for info in unpacked:
            if not info.isfile():
                continue  # links and devices are no music, and links lead outside
            members, total = members + 1, total + info.size
            _check_size(archive, folder, members, total)
            source = unpacked.extractfile(info)
            if source is not None:
                with source, _target(archive, folder, info.name).open("wb") as out:
                    shutil.copyfileobj(source, out)


def _target(archive: Path, folder: Path, name: str) -> Path:
    root = folder.resolve()
    target = (root / name.replace("\\", "/")).resolve()
    if target == root or not target.is_relative_to(root):
        raise InputError(f"{archive}: the member {name!r} would be written outside of its folder")
    if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in target.parts):
        raise InputError(f"{archive}: the member {name[:60]!r}... has a name of more than {MAX_NAME_BYTES} bytes")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _check_size(archive: Path, folder: Path, members: int, total: int) -> None:
    if members > MAX_MEMBERS:
        raise InputError(f"{archive}: has more than {MAX_MEMBERS} members")
    growth = total / max(archive.stat().st_size, 1)
    if total > SUSPECT_BYTES and growth > SUSPECT_GROWTH:
        raise InputError(f"{archive}: unpacks to {total} bytes and more, {growth:.0f} times its size: not unpacked")
    free = shutil.disk_usage(folder).free
    if total > free:
        raise InputError(f"{archive}: unpacks to {total} bytes and more, {folder} has room for {free}")
