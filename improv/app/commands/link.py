"""`improv link`: a way in to the page for another device, as a QR code to be scanned."""

from __future__ import annotations

import argparse
import sys

from improv.app.commands.ctl import add_choice
from improv.errors import InputError
from improv.frontends.ctl.client import Client, choose

QUIET_ZONE = 2  # half of what ISO/IEC 18004 asks for, so that the code fits into 24 lines; cameras read it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)
    parser.add_argument("--qr", action=argparse.BooleanOptionalAction, help="show QR codes (default: in a terminal)")


def command(options: argparse.Namespace) -> int:
    """Print a one-time link with each address of this computer. InputError says why there is none."""
    with Client(choose(options.to)) as client:
        told = client.ask({"kind": "link"})
    if told["trouble"]:
        raise InputError(told["trouble"])
    with_qr = sys.stdout.isatty() if options.qr is None else options.qr
    for link in told["links"]:
        if with_qr:
            _draw(link["link"])
        network = f"  ({link['network']})" if link["network"] else ""
        print(f"{link['link']}{network}")
    if with_qr:
        several = (
            "Only one of them is needed: that of the network in which the device is. " if told["links"][1:] else ""
        )
        print(f"\nScan it with the device's camera. {several}It is good once, for {told['minutes']:g} minutes.")
    return 0


def _draw(link: str) -> None:
    import segno

    segno.make_qr(link, error="l").terminal(border=QUIET_ZONE, compact=True)
