"""Checkpoints: written whole or not at all, and refused with a sentence when they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from improv.errors import InputError
from improv.files import atomic_write
from improv.model.vocabulary import encoding_for


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all."""
    with atomic_write(path, "wb") as file:
        torch.save(content, file)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint; InputError when it is missing, damaged, or of another vocabulary."""
    if not path.exists():
        raise InputError(f"there is no checkpoint {path}; make one with python -m training train")
    try:
        # Only plain values and tensors: a checkpoint from elsewhere cannot run code.
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        family, fingerprint = saved["family"], saved["fingerprint"]
    except Exception as error:  # torch raises pickle, zip, key and runtime errors for damaged files
        raise InputError(f"{path} is not a checkpoint that can be read ({type(error).__name__})") from None
    expected = encoding_for(family).fingerprint
    if fingerprint != expected:
        raise InputError(f"{path} was trained with vocabulary {fingerprint}, this version has {expected}")
    return saved
