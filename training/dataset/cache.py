"""What was made of a file, kept under the hash of its bytes: an interrupted or repeated run reads no file twice."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from improv.files import atomic_write
from improv.model import conditioning
from improv.model.vocabulary import encoding_for
from training.corpus.reading import CHORALES
from training.corpus.sources import work_of
from training.dataset.dataset import EncodedPiece
from training.dataset.encode_file import Job
from training.dataset.plan_columns import PlanRows

_ARRAYS = ("tokens", "step_of_token", "conditioning", "sketch", "tune")
# All that decides what is made of a file; a change of any of them makes the old results void.
ENCODER_VERSION = 11
"""Raise it with every change to what is made of a file: reading, cleaning, analysis, measuring, vocabularies. Older
results are then made anew. The conditioning's specification and the vocabulary's fingerprint are part of a key by
themselves.
"""


def key_of(job: Job) -> str:
    """One name for all that decides the result: bytes, format, family, options and ENCODER_VERSION."""
    encoding = encoding_for(job.family)
    options = [job.suffix, job.source == CHORALES, job.family, encoding.fingerprint, job.instruments, repr(job.labels)]
    head = json.dumps([ENCODER_VERSION, conditioning.specification(), *options, job.default_tempo])
    written = hashlib.sha256(job.written).digest() if job.written else b""
    return hashlib.sha256(head.encode() + b"\n" + written + job.content).hexdigest()


class Cache:
    """A folder of results, one file each, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.npz"

    def get(self, job: Job, key: str) -> EncodedPiece | str | None:
        """What was made of these bytes, with the job's own name; None when it is not known or its file is damaged."""
        try:
            with self._path(key).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                about = json.loads(stored["about"].tobytes())
                if "rejected" in about:
                    return str(about["rejected"])
                arrays: dict[str, Any] = {name: stored[name] for name in _ARRAYS}
                arrays["plan"] = PlanRows(*(stored[f"plan_{name}"] for name in PlanRows._fields))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        found = EncodedPiece(name=job.name, work="", source=job.source, **about, **arrays)
        return replace(found, work=f"{job.source}/{work_of(job.name)}")

    def put(self, key: str, result: EncodedPiece | str) -> None:
        """Keep a result."""
        if isinstance(result, str):
            about: dict[str, object] = {"rejected": result}
            arrays: dict[str, np.ndarray] = {}
        else:
            about = {"opening": result.opening, "features": result.features, "windows": result.windows}
            arrays = {name: getattr(result, name) for name in _ARRAYS}
            arrays |= {f"plan_{name}": getattr(result.plan, name) for name in PlanRows._fields}
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        # As numpy's own savez_compressed but for the level: 1 is three times as quick here and a tenth larger.
        with (
            atomic_write(path, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        ):
            for name, array in arrays.items():
                with packed.open(f"{name}.npy", "w") as part:
                    np.lib.format.write_array(part, array, allow_pickle=False)
