"""What alsa_qemu.sh runs on the kernel with an ALSA sequencer; `python -m benchmarks.alsa_guest` on any such machine.

Through rtmidi and through alsa-midi: the tests of the drivers, notes that arrive at another program and at a raw device
(virmidi), an instrument that goes and returns, a panic. Ends with 1 when something is not as it should be.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import replug
from improv.player.client import PlayerClient
from improv.player.drivers.rtmidi import ALSA
from improv.player.protocol import OutputSettings, PlannedNote, PlayerSettings, Schedule, Silence
from tools.waiting import CLOCK

DRIVERS = ("rtmidi", "alsa")
LIMITS = {"late_note_limit_s": 5.0, "start_limit_s": 120.0}  # an emulated machine is slow
TESTS = "kernel or ALSA"
DEVICE, DEVICE_PORT = Path("/dev/snd/midiC0D0"), "VirMIDI 0-0"


def main() -> int:
    """Every check of both drivers; 0 when all are as they should be."""
    replug.Ear.api = ALSA
    checks: list[tuple[str, Callable[[], str]]] = [("tests of the drivers", run_tests)]
    for driver in DRIVERS:
        checks += [
            (f"{driver}: notes, unplugged and back", partial(unplugged, driver)),
            (f"{driver}: a panic", partial(panic, driver)),
            (f"{driver}: a raw device", partial(raw_device, driver)),
        ]
    bad = 0
    for name, check in checks:
        began_s = CLOCK.now()
        try:
            trouble = check()
        except Exception as error:
            trouble = f"{type(error).__name__}: {error}"
        bad += bool(trouble)
        print(f"{'bad' if trouble else 'ok':<4}{name} ({CLOCK.now() - began_s:.0f} s) {trouble}", flush=True)
    return int(bad > 0)


def run_tests() -> str:
    """The suite that all drivers share, on those of this kernel."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/player/test_drivers.py",
        "-k",
        TESTS,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 and "skipped" not in done.stdout else done.stdout[-3000:]


def unplugged(driver: str) -> str:
    """Two listeners, one of which goes and returns three times."""
    found = replug.unplug(driver, 3, random.Random(3), **LIMITS)
    print(found, flush=True)
    whole = found["stays"]["in_order"] and not found["stays"]["left_sounding"]
    missed = found["never_back" if driver == "alsa" else "never_back_after_more_than_two_looks"]
    good = whole and not missed and not found["left_sounding_on_the_returned"]
    return "" if good else "notes were lost, left sounding, or never came back"


def panic(driver: str) -> str:
    """Thirty notes of a minute each; all are ended at once."""
    with replug.stage(driver, **LIMITS) as (link, music, plain, grand):
        now_s = CLOCK.now()
        link.send(Schedule(tuple(PlannedNote(i, 0, 30 + i, 80, now_s + 0.1, now_s + 60) for i in range(30))))
        began = music.until_turning(lambda: len(plain.ons) >= 30)
        link.send(Silence())
        ended = music.until_turning(lambda: not plain.sounding() and not grand.sounding())
        for ear in (plain, grand):
            ear.close()
    return "" if began and ended else f"{len(plain.ons)} of 30 began, {sorted(plain.sounding())} left sounding"


def raw_device(driver: str) -> str:
    """What a device without a sequencer's client of its own gets: bytes."""
    link = PlayerClient(
        PlayerSettings(driver=driver, outputs=(OutputSettings(DEVICE_PORT),), late_note_limit_s=5.0), CLOCK
    )
    link.start()
    device = os.open(DEVICE, os.O_RDONLY | os.O_NONBLOCK)
    try:
        link.wait_ready(LIMITS["start_limit_s"])
        now_s = CLOCK.now()
        link.send(Schedule((PlannedNote(1, 0, 61, 80, now_s + 0.1, now_s + 0.3),)))
        got, until_s = b"", CLOCK.now() + 20
        while not (b"\x90\x3d\x50" in got and b"\x80\x3d\x40" in got) and CLOCK.now() < until_s:
            link.beat()
            link.poll(0.05)
            try:
                got += os.read(device, 1024)
            except BlockingIOError:
                continue
        return "" if CLOCK.now() < until_s else f"only {got.hex(' ') or 'nothing'} arrived"
    finally:
        os.close(device)
        link.close()


if __name__ == "__main__":
    sys.exit(main())
