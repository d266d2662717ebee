"""Which build of onnxruntime a machine needs, asked before anything is installed."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from improv.model import cuda
from tests.conftest import REPOSITORY


def driver(monkeypatch: pytest.MonkeyPatch, result: int, devices: int) -> None:
    """A driver that answers so to being initialised, with so many devices."""

    def count(pointer: object) -> int:
        pointer._obj.value = devices  # type: ignore[attr-defined]
        return result

    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(cuInit=lambda _: result, cuDeviceGetCount=count))


@pytest.mark.parametrize(("result", "devices", "present"), [(0, 1, True), (0, 0, False), (100, 1, False)])
def test_a_driver_counts_when_it_has_a_device(
    monkeypatch: pytest.MonkeyPatch, result: int, devices: int, present: bool
) -> None:
    driver(monkeypatch, result, devices)
    assert cuda.driver_present() is present


def test_the_gpu_build_only_where_it_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, 0, 1)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert cuda.wanted() == ("cuda", "an NVIDIA driver answers")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert cuda.wanted() == ("cpu", "onnxruntime-gpu is not published for linux on aarch64")
    driver(monkeypatch, 0, 0)
    assert cuda.wanted() == ("cpu", "no NVIDIA driver answers")


def test_exactly_one_build_is_installed_here() -> None:
    assert len(cuda.installed()) == 1


def test_it_is_asked_without_anything_installed() -> None:
    script = "import sys, improv.model.cuda; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-S", "-c", script], cwd=REPOSITORY, check=False).returncode == 0
