"""Going on with a run, exactly as if it had not been interrupted; or beginning one with what another has learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from improv.errors import InputError
from training.dataset.dataset import Dataset
from training.learning.processes import Processes
from training.models.checkpoints import read_checkpoint
from training.models.lstm import Network
from training.models.settings import Settings, settings_of

# What a resumed run may have otherwise than it began with: how long it goes on. The learning rate falls accordingly.
LENGTH = ("iterations", "evaluate_every", "patience")


def resumable(path: Path, settings: Settings, dataset: Dataset) -> dict[str, Any]:
    """The checkpoint of a run that can go on with these settings on this dataset; InputError says why it cannot."""
    saved = read_checkpoint(path)
    as_long = replace(settings_of(saved), **{name: getattr(settings, name) for name in LENGTH})
    if differences := as_long.differences(settings):
        raise InputError(
            f"{path} was trained with {'; '.join(differences)}: resume without --preset and --set but for "
            f"{', '.join(LENGTH)}, or begin a new run in another --out"
        )
    if saved["split_hash"] != dataset.split_hash():
        raise InputError(f"{path} was trained on another dataset or split; resume on that one, or begin a new run")
    return saved


def take_over(network: Network, path: Path, fingerprint: str) -> None:
    """Put the weights of a checkpoint into a network of a vocabulary (its fingerprint); InputError when they differ."""
    saved = read_checkpoint(path)
    if saved["fingerprint"] != fingerprint:
        raise InputError(f"{path} is of vocabulary {saved['fingerprint']}, the dataset of another: begin without it")
    try:
        network.load_state_dict(saved["network"])
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise InputError(f"{path} is a network of other sizes than these settings ask for: {reason}") from None


def chance(processes: Processes, device: torch.device) -> dict[str, Any]:
    """Where the random numbers of dropout stand, of every process. All processes must call it together."""
    saved: dict[str, Any] = {"torch_rng": processes.gather_values(torch.get_rng_state())}
    if device.type == "cuda":
        saved["cuda_rng"] = processes.gather_values(torch.cuda.get_rng_state(device))
    return saved


def restore_chance(saved: dict[str, Any], processes: Processes, device: torch.device) -> None:
    """The random numbers of dropout go on; with another number of processes than before they are other ones."""
    states = saved["torch_rng"] if isinstance(saved["torch_rng"], list) else [saved["torch_rng"]]
    if len(states) == processes.size:
        torch.set_rng_state(states[processes.rank])
    cuda = saved.get("cuda_rng", [])
    if device.type == "cuda" and isinstance(cuda, list) and len(cuda) == processes.size:
        torch.cuda.set_rng_state(cuda[processes.rank], device)
