"""The option `-o` of commands that let models play."""

from __future__ import annotations

import argparse


def add_overrides(parser: argparse.ArgumentParser, who: str) -> None:
    """`-o SECTION.KEY=VALUE`, kept as `overrides`. who: plays with it, for the help."""
    parser.add_argument(
        "-o",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help=f"let {who} play with this setting, as `improv run -o` does; no config.yaml is read",
    )
