"""`improv config`: the effective configuration, each value from defaults, file, environment and command line."""

from __future__ import annotations

import argparse

from improv.app.options import configured
from improv.config import dump, of_the_user


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def command(options: argparse.Namespace) -> None:
    effective, path = configured(options)
    print(f"# {path or f'defaults: there is neither ./config.yaml nor {of_the_user()}'}")
    print(dump(effective), end="")
