from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.corpora import tiny_dataset
from training.dataset.dataset import Dataset
from training.learning.train import train
from training.models.settings import Settings

SMALL = Settings(
    embedding=8,
    hidden=16,
    layers=2,
    dropout=0.2,
    batch=4,
    sequence=16,
    lr=1e-2,
    warmup=2,
    iterations=12,
    evaluate_every=6,
    clip=1.0,
    weight_decay=0.01,
    transpose=(-2, 2),
)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def dataset(dataset_folder: Path) -> Dataset:
    return Dataset(dataset_folder)


@pytest.fixture(scope="session")
def run_folder(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of SMALL: best.pt, last.pt, log.jsonl."""
    folder = tmp_path_factory.mktemp("run")
    train(dataset_folder, SMALL, folder, "cpu")
    return folder
