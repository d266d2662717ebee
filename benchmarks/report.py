"""The command line of a benchmark."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from improv.files import atomic_write
from tools.live import why_not


def report(
    name: str, text: str | None, add: Callable[[argparse.ArgumentParser], object], measure: Callable[..., Any]
) -> None:
    """A benchmark's command line: measure with its options, print the result and keep it in results/`name`.json."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    add(parser)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / f"{name}.json")
    options = vars(parser.parse_args())
    out: Path = options.pop("out")
    if why := why_not():
        raise SystemExit(why)
    result = json.dumps(measure(**options), indent=1)
    out.parent.mkdir(exist_ok=True)
    with atomic_write(out) as file:
        file.write(result + "\n")
    print(result)
