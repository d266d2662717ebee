"""Which MIDI system is there: ALSA, then JACK, then none."""

from __future__ import annotations

import os
import sys

from improv.errors import PortError
from improv.player.drivers.base import Driver, MidiSystemError
from improv.player.drivers.jack_driver import JackDriver, load_jack
from improv.player.drivers.null import NullDriver
from improv.player.drivers.rtmidi_driver import ALSA, COREMIDI, JACK, WINMM, RtMidiDriver, load_rtmidi, quiet_stderr
from improv.player.wire import PlayerSettings

ALSA_SEQUENCER = "/dev/snd/seq"
DRIVERS = ("auto", "rtmidi", "jack", "null")


def candidates(driver: str) -> list[int]:
    """RtMidi's numbers of the systems to try, in order. `driver` is one of DRIVERS."""
    if driver not in DRIVERS:
        raise PortError(f"midi.driver must be one of {', '.join(DRIVERS)}, got {driver!r}.")
    if driver == "jack":
        return [JACK]
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
    """For `jack` the JACK-Client package where it is installed (exact frames), else rtmidi.

    `auto` stays with rtmidi: the exact driver writes a period ahead, and a change of mood was heard 40 ms later with it
    (median 120 ms against 79 ms, 53 of 60 within their limit against 100 of 100).
    """
    if settings.driver == "jack" and _has_jack_client():
        os.environ.setdefault("JACK_NO_START_SERVER", "1")
        return [JackDriver(settings)]
    return [RtMidiDriver(api, settings) for api in _usable(settings.driver)]


def _has_jack_client() -> bool:
    try:
        load_jack()
    except MidiSystemError:
        return False
    return True


def list_ports(driver: str = "auto") -> tuple[list[str], list[str]]:
    """Names of the inputs and outputs of the first MIDI system that is there. Raises MidiSystemError without one."""
    if driver == "null":
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
