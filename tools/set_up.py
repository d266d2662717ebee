"""Make a virtual environment of a clone, and say on the way what is fetched and how large it is.

    python -m tools.set_up .venv                 what the daemon needs
    python -m tools.set_up .venv-test training test

The build of onnxruntime is chosen here: for a GPU where an NVIDIA driver answers, else the plain one, a tenth of the
size. Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

from improv.model import cuda

OLDEST_PYTHON = (3, 11)
_DOWNLOAD = re.compile(
    r"^\s*(?:Downloading|Using cached) (?:\S*/)?([\w.+-]+?)-(\d[^-]*?)(?:-\S*)?\.(?:whl|tar\.gz|zip) \((.+)\)"
)
_STAGES = {
    "Installing build dependencies": "building BrainMusic's own package",
    "Building wheel": "building a package",
    "Installing collected packages": "unpacking",
}


def main(arguments: list[str] | None = None) -> int:
    """Make the environment; returns pip's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the environment; what is there is replaced")
    parser.add_argument("extras", nargs="*", help="extras of BrainMusic beside the build of onnxruntime")
    options = parser.parse_args(arguments)
    if sys.version_info < OLDEST_PYTHON:
        print("BrainMusic needs Python 3.11 or newer; run: make PYTHON=python3.11", file=sys.stderr)
        return 1
    build, reason = cuda.wanted()
    print(f"Setting up {options.folder} with {cuda.PACKAGES[build]} ({reason}):", flush=True)
    began_s = time.monotonic()
    venv.create(options.folder, clear=True, with_pip=True)
    code = install(options.folder, [*options.extras, build])
    if code == 0:
        size_mb = sum(file.lstat().st_size for file in options.folder.rglob("*") if file.is_file()) / 1e6
        print(f"  ready: {size_mb:.0f} MB in {options.folder}, {time.monotonic() - began_s:.0f} s", flush=True)
    return code


def install(folder: Path, extras: list[str]) -> int:
    """Install the clone into the environment, telling each download as it begins; all that pip said where it fails."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--no-compile"]  # what is used is compiled when it is: 45 MB less
    command += ["-c", "constraints.txt", "-e", f".[{','.join(extras)}]"]
    said: list[str] = []
    news = ""
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    assert pip.stdout is not None
    for line in pip.stdout:
        said.append(line)
        if (latest := told(line)) and latest != news:
            news = latest
            print(f"  {news}", flush=True)
    pip.stdout.close()
    code = pip.wait()
    if code:
        print("".join(said[-40:]), file=sys.stderr)
    return code


def told(line: str) -> str:
    """What a line of pip's means to somebody who waits; empty: nothing."""
    if found := _DOWNLOAD.match(line):
        name, version, size = found.groups()
        return f"{name} {version}, {size}"
    return next((text for start, text in _STAGES.items() if line.strip().startswith(start)), "")


if __name__ == "__main__":
    sys.exit(main())
