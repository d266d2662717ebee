"""Which MIDI system is there: ALSA, then JACK, then none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import get_args

from improv.errors import PortError
from improv.player.drivers.alsa import AlsaDriver, load_alsa
from improv.player.drivers.base import Driver, MidiSystemError
from improv.player.drivers.file import FileDriver
from improv.player.drivers.jack import JackDriver, load_jack
from improv.player.drivers.null import NullDriver
from improv.player.drivers.opening import quiet_stderr
from improv.player.drivers.rtmidi import ALSA, COREMIDI, JACK, WINMM, RtMidiDriver, load_rtmidi
from improv.player.protocol import DriverName, PlayerSettings

ALSA_SEQUENCER = "/dev/snd/seq"
DRIVERS = get_args(DriverName)
NO_SYSTEM = ("file", "null")  # these need none


def candidates(driver: str) -> list[int]:
    """RtMidi's numbers of the systems to try, in order. `driver` is one of DRIVERS."""
    if driver not in DRIVERS:
        raise PortError(f"midi.driver must be one of {', '.join(DRIVERS)}, got {driver!r}.")
    if driver in NO_SYSTEM:
        return []
    if driver == "jack":
        return [JACK]
    if driver == "alsa":
        return [ALSA]
    if sys.platform == "darwin":
        return [COREMIDI, JACK]
    if sys.platform == "win32":
        return [WINMM]
    return [ALSA, JACK]


def open_driver(settings: PlayerSettings) -> Driver:
    """The first MIDI system that can be opened, opened.

    Raises MidiSystemError (a PortError) when there is none, PortError when a named port is in none of them.
    """
    if settings.driver == "null":
        return NullDriver()
    if settings.driver == "file":
        written = FileDriver(settings)
        written.open()
        return written
    # libjack reads this: looking for a server must never start one. What the user set stays.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    found: PortError | None = None
    for driver in _drivers(settings):
        try:
            driver.open()
        except MidiSystemError:
            continue
        except PortError as error:  # this system works, but the port may be in the next one
            found = found or error
        else:
            return driver
    raise found or MidiSystemError(missing_sentence(settings.driver))


def _drivers(settings: PlayerSettings) -> list[Driver]:
    """What to try, in order.

    JACK through the JACK-Client package where it is installed: exact frames, less CPU, and it tells what is connected
    and when the server ends. ALSA's kernel queue only where it is asked for: how it keeps time was not measured.
    """
    found: list[Driver] = []
    trouble: MidiSystemError | None = None
    for api in candidates(settings.driver):
        if api == JACK and settings.driver != "rtmidi" and _has(load_jack):
            found.append(JackDriver(settings))
        elif settings.driver == "alsa" and _has(load_alsa):
            found.append(AlsaDriver(settings))
        else:
            try:
                found += [RtMidiDriver(api, settings)] if api in _usable(settings.driver) else []
            except MidiSystemError as error:  # another package may still have what is needed
                trouble = error
    if trouble and not found:
        raise trouble
    return found


def _has(load: Callable[[], object]) -> bool:
    try:
        load()
    except MidiSystemError:
        return False
    return True


def list_ports(driver: str = "auto") -> tuple[list[str], list[str]]:
    """Names of the inputs and outputs of the first MIDI system that is there. Raises MidiSystemError without one."""
    if driver in NO_SYSTEM:
        return [], []
    for api in _usable(driver):
        try:
            return _names(api)
        except OSError:  # rtmidi's errors are OSErrors
            continue
    raise MidiSystemError(missing_sentence(driver))


def missing_sentence(driver: str = "auto") -> str:
    """What is missing for MIDI on this machine, and the command that gives it."""
    apis = candidates(driver)
    missing = []
    if ALSA in apis:
        missing.append(_missing_alsa())
    if JACK in apis:
        missing.append("no JACK server answers (`sudo apt install jackd2 && jackd -d dummy` starts one)")
    return f"No MIDI system was found: {' and '.join(missing) or 'the system offers none'}."


def _missing_alsa() -> str:
    if not os.path.exists(ALSA_SEQUENCER):
        return f"the ALSA sequencer {ALSA_SEQUENCER} is missing (`sudo modprobe snd-seq` gives it)"
    return f"{ALSA_SEQUENCER} may not be opened (`sudo usermod -aG audio $USER` and a new login allow it)"


def _usable(driver: str) -> list[int]:
    # libjack reads this: looking for a server must never start one. What the user set stays.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    compiled = set(load_rtmidi().get_compiled_api())
    return [api for api in candidates(driver) if api in compiled]


def _names(api: int) -> tuple[list[str], list[str]]:
    rtmidi = load_rtmidi()
    with quiet_stderr():
        receiver = rtmidi.MidiIn(api, name="BrainMusic ports")
        try:
            sender = rtmidi.MidiOut(api, name="BrainMusic ports")
        except OSError:
            receiver.delete()
            raise
        names = list(receiver.get_ports()), list(sender.get_ports())
        receiver.delete()
        sender.delete()
    return names
