"""Notes as sound on the piano of the page, computed as the page does it (improv/frontends/web/static/js/piano.js).

The samples and how they are played stand in files beside them, which both sides read.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.takes.export.lufs import Samples, biquad_response, convolved
from improv.takes.take import PlayedNote

RATE_HZ = 44_100
DAMPED_TIME_CONSTANTS = 9.0  # after so many a damped note is gone
FILTER_Q_DB = 0.3
LOWEST, HIGHEST = 21, 108  # left and right of the stereo picture
LONGEST_CACHED_S = 12.0
ROOM_SEED = 1
# What a browser's ConvolverNode makes of a room before it uses it (Web Audio API, "normalize").
NORMALIZED_GAIN, NORMALIZED_RATE_HZ = 0.00125, 44_100


class Zone(NamedTuple):
    """One recorded key and the keys that it stands for. loop: samples, or None."""

    samples: NDArray[np.float32]
    root: int
    low: int
    high: int
    hold_s: float
    decay_s: float
    loop: tuple[float, float] | None


def sound(notes: Iterable[PlayedNote], seconds: float) -> Samples:
    """(2, length) at RATE_HZ: the notes, and the room's answer to them. At least `seconds` long.

    May go beyond 1 where much sounds at once: the page has a limiter there, a file is scaled.
    """
    touch = _touch()
    tail_s = touch["damper_s"] * DAMPED_TIME_CONSTANTS
    notes = [note for note in notes if note.off_s > note.on_s]
    end_s = max([seconds, *(note.off_s + tail_s for note in notes)])
    dry = np.zeros((2, math.ceil(end_s * RATE_HZ) + 1), np.float32)
    for note in notes:
        played = _note(note.pitch, note.velocity, note.off_s - note.on_s)
        at = round(note.on_s * RATE_HZ)
        played = played[: dry.shape[1] - at]
        for channel, gain in enumerate(_pan(note.pitch)):
            dry[channel, at : at + len(played)] += gain * played
    return dry_and_wet(dry, touch["room_gain"])


def dry_and_wet(dry: Samples, room_gain: float) -> Samples:
    """The sound in a small warm room."""
    wet = convolved(dry, _room())
    wet *= room_gain
    wet[:, : dry.shape[1]] += dry
    return wet


@functools.cache
def _touch() -> dict[str, Any]:
    touch: dict[str, Any] = json.loads(_folder().joinpath("touch.json").read_text(encoding="utf-8"))
    return touch


@functools.cache
def _zones() -> tuple[Zone, ...]:
    import soundfile

    zones = []
    for row in json.loads(_folder().joinpath("piano.json").read_text(encoding="utf-8")):
        with _folder().joinpath(row["file"]).open("rb") as file:
            samples, rate_hz = soundfile.read(file, dtype="float32")
        loop = tuple(at_s * RATE_HZ for at_s in row["loop_s"]) if row.get("loop_s") else None
        samples = _at_our_rate(samples, rate_hz)
        zones.append(Zone(samples, row["root"], row["low"], row["high"], row["hold_s"], row["decay_s"], loop))
    return tuple(zones)


def _at_our_rate(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Band-limited, through the spectrum of the whole recording."""
    length = round(len(samples) * RATE_HZ / rate_hz)
    scale = length / len(samples)
    result: NDArray[np.float32] = (np.fft.irfft(np.fft.rfft(samples), length) * scale).astype(np.float32)
    return result


def _folder() -> Any:
    return resources.files("improv") / "frontends" / "web" / "static" / "piano"


def _note(pitch: int, velocity: int, held_s: float) -> NDArray[np.float32]:
    """A note from its onset until it is silent."""
    touch, zone, loud = _touch(), _zone(pitch), velocity / 127
    seconds = min(held_s + touch["damper_s"] * DAMPED_TIME_CONSTANTS, zone.hold_s + zone.decay_s)
    length = round(seconds * RATE_HZ)
    raw = _struck(pitch, length)
    size = 1 << (length + RATE_HZ // 10 - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(raw, size) * _low_pass(velocity, size), size)[:length]
    gain = np.float32(touch["note_gain"] * loud ** touch["loudness_power"])
    played: NDArray[np.float32] = (filtered * gain).astype(np.float32, copy=False)
    time_s = np.arange(length, dtype=np.float32) / np.float32(RATE_HZ)
    for from_s, constant_s in (
        (zone.hold_s, zone.decay_s / touch["decay_to_time_constant"]),
        (held_s, touch["damper_s"]),
    ):
        at = round(from_s * RATE_HZ)
        played[at:] *= np.exp((np.float32(from_s) - time_s[at:]) / np.float32(constant_s))
    return played


def _zone(pitch: int) -> Zone:
    return next((zone for zone in _zones() if zone.low <= pitch <= zone.high), _zones()[-1])


def _struck(pitch: int, length: int) -> NDArray[np.float32]:
    """The recorded key at this pitch, looped for as long as is asked."""
    return _cached(pitch)[:length] if length <= LONGEST_CACHED_S * RATE_HZ else _resampled(pitch, length)


@functools.cache
def _cached(pitch: int) -> NDArray[np.float32]:
    return _resampled(pitch, round(LONGEST_CACHED_S * RATE_HZ))


def _resampled(pitch: int, length: int) -> NDArray[np.float32]:
    zone = _zone(pitch)
    place = np.arange(length) * 2 ** ((pitch - zone.root) / 12)
    if zone.loop is not None:
        start, end = zone.loop
        place = np.where(place < end, place, start + (place - start) % (end - start))
    found: NDArray[np.float32] = np.interp(place, np.arange(len(zone.samples)), zone.samples, right=0.0).astype(
        np.float32
    )
    return found


@functools.lru_cache(maxsize=128)
def _low_pass(velocity: int, size: int) -> NDArray[np.complex64]:
    """The BiquadFilterNode `lowpass` of the Web Audio API: a soft note has less of the top."""
    touch = _touch()
    cutoff_hz = touch["brightest_hz"] * 2 ** (-touch["darkening_octaves"] * (1 - velocity / 127))
    angle = 2 * math.pi * cutoff_hz / RATE_HZ
    alpha = math.sin(angle) / (2 * 10 ** (FILTER_Q_DB / 20))
    cosine = math.cos(angle)
    numerator = ((1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2)
    return biquad_response(numerator, (1 + alpha, -2 * cosine, 1 - alpha), size).astype(np.complex64)


def _pan(pitch: int) -> tuple[float, float]:
    """Gain of the left and the right channel, low notes to the left."""
    touch = _touch()
    steps = touch["pans"] - 1
    share = round((min(max(pitch, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST) * steps) / steps
    angle = (touch["widest_pan"] * (2 * share - 1) + 1) / 2 * math.pi / 2
    return math.cos(angle), math.sin(angle)


@functools.cache
def _room() -> NDArray[np.float32]:
    """Noise that decays, the top sooner than the bottom: (2, length), as the page's `room` makes it."""
    length = round(_touch()["room_s"] * RATE_HZ)
    noise = np.random.default_rng(ROOM_SEED).uniform(-1, 1, (2, length))
    share = np.arange(length) / length
    keep = 0.35 + 0.6 * share
    smooth = np.zeros((2, length))
    value = np.zeros(2)
    for index in range(length):
        value = keep[index] * value + (1 - keep[index]) * noise[:, index]
        smooth[:, index] = value
    room = smooth * np.exp(-6.9 * share) * np.minimum(1, np.arange(length) / 480)
    power = math.sqrt(float((room**2).sum()) / room.size)
    result: NDArray[np.float32] = (room * NORMALIZED_GAIN / power * NORMALIZED_RATE_HZ / RATE_HZ).astype(np.float32)
    return result
