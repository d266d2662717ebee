"""Whether an NVIDIA GPU can be used here, and which build of onnxruntime that calls for.

Only the standard library, so that it can be asked before anything is installed: tools/set_up.py does.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from importlib import metadata

PACKAGES = {"cpu": "onnxruntime", "cuda": "onnxruntime-gpu"}
"""Our extra of that name -> the package that it installs. Both packages at once overwrite each other's files."""
GPU_PLATFORMS = {("linux", "x86_64"), ("win32", "AMD64")}  # what onnxruntime-gpu is published for


def driver_present() -> bool:
    """Whether an NVIDIA driver with at least one device answers; asks the driver itself, not onnxruntime."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
        count = ctypes.c_int(0)
        return bool(driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0)
    except OSError:
        return False


def wanted() -> tuple[str, str]:
    """The extra to install here, `cpu` or `cuda`, and why in words."""
    if not driver_present():
        return "cpu", "no NVIDIA driver answers"
    here = (sys.platform, platform.machine())
    if here not in GPU_PLATFORMS:
        return "cpu", f"onnxruntime-gpu is not published for {here[0]} on {here[1]}"
    return "cuda", "an NVIDIA driver answers"


def installed() -> list[str]:
    """The builds that are installed here, as the names of our extras."""
    return [extra for extra, package in PACKAGES.items() if _is_installed(package)]


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
