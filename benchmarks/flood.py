"""Floods at the input while the music plays: MIDI clock at 5,000 ticks a second, then small and large SysEx.

    python -m benchmarks.flood [--seconds 10]

Over a JACK server of its own, through rtmidi. Told: how many notes were sent in each stretch beside as many seconds of
peace, and what the log said.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from benchmarks.report import report
from tools import live
from tools.waiting import CLOCK

FLOODS: dict[str, tuple[bytes, float]] = {
    "peace": (b"", 0.0),
    "clock_5000_a_second": (b"\xf8", 5000.0),
    "sysex_10000_a_second": (b"\xf0\x7d\x01\x02\x03\xf7", 10000.0),
    "sysex_of_8_kB_20_a_second": (b"\xf0" + 8000 * b"\x01" + b"\xf7", 20.0),
}


def measure(seconds: float) -> dict[str, Any]:
    """One daemon through all floods."""
    rtmidi: Any = importlib.import_module("rtmidi")
    found: dict[str, Any] = {}
    with (
        live.jack(period=256, synchronous=False),
        live.playing("midi.driver=rtmidi", "mood.start=nervous") as (daemon, _),
    ):
        hand = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="flood")
        ports = hand.get_ports()
        hand.open_port(next(i for i, name in enumerate(ports) if "BrainMusic" in name))
        for name, (message, rate) in FLOODS.items():
            before, said, sent, began_s = len(daemon.sent()), len(daemon.log.splitlines()), 0, CLOCK.now()
            while (now_s := CLOCK.now()) < began_s + seconds:
                while message and sent < rate * (now_s - began_s):
                    hand.send_message(message)
                    sent += 1
                CLOCK.wait(now_s + 0.002)
            CLOCK.wait(CLOCK.now() + 1.2)  # the note log is written once a second
            lines = [line.split(" ", 3)[3] for line in daemon.log.splitlines()[said:] if "clock" in line.lower()]
            found[name] = {"messages": sent, "notes": len(daemon.sent()) - before, "said": lines}
        hand.close_port()
        hand.delete()
        daemon.stop()
    return found


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flood")


if __name__ == "__main__":
    report("flood", __doc__, options, measure)
