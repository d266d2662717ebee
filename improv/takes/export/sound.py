"""A piece as sound: on the page's own piano, or through the synthesiser FluidSynth and a soundfont that is named."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from improv.errors import InputError
from improv.files import write_whole
from improv.midi import grid_file as midi_file
from improv.takes.export.lufs import Samples, loudness_lufs
from improv.takes.export.midi import music_file
from improv.takes.export.music import Music

HIGHEST_PEAK = 0.89  # -1 dB of full scale: what an encoder adds between samples has room
FLUIDSYNTH_GAIN = 0.6
# FluidSynth renders some fifty times faster than it plays; a take is at most twelve hours long.
LONGEST_RENDER_S = 1800
FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
"""By suffix: libsndfile's names of the format and of what is in it."""


def levelled(sound: Samples, rate_hz: int, target_lufs: float) -> tuple[Samples, float]:
    """The sound at this integrated loudness, or as near as its peaks let it come; and the loudness that it has then."""
    loudness = loudness_lufs(sound, rate_hz)
    peak = float(np.abs(sound).max(initial=0.0))
    if not np.isfinite(loudness) or not peak:
        return sound, loudness
    gain = min(10 ** ((target_lufs - loudness) / 20), HIGHEST_PEAK / peak)
    return sound * np.float32(gain), loudness + 20 * float(np.log10(gain))


def write_sound(
    music: Music,
    out: Path,
    *,
    soundfont: Path | None = None,
    target_lufs: float | None = None,
    permissions: int | None = None,
) -> float:
    """Write .wav, .flac or .ogg, whole or not at all; returns its loudness in LUFS.

    soundfont: play it with FluidSynth. target_lufs: level it; None: as it was played, only scaled where it would clip.
    """
    if soundfont is None:
        from improv.takes.export import piano

        sound, rate_hz = piano.sound(music.ringing(), music.seconds), piano.RATE_HZ
    else:
        sound, rate_hz = _fluidsynth(music, soundfont)
    content, loudness = encoded(sound, rate_hz, out.suffix.lower(), target_lufs)
    write_whole(out, content, permissions=permissions)
    return loudness


def encoded(sound: Samples, rate_hz: int, suffix: str, target_lufs: float | None) -> tuple[bytes, float]:
    """The sound as the content of a file of that kind, levelled as in `write_sound`; and its loudness in LUFS."""
    import soundfile

    if target_lufs is None:
        sound = sound * np.float32(min(1.0, HIGHEST_PEAK / max(float(np.abs(sound).max(initial=0.0)), 1e-9)))
        loudness = loudness_lufs(sound, rate_hz)
    else:
        sound, loudness = levelled(sound, rate_hz, target_lufs)
    kind, content = FORMATS[suffix]
    written = io.BytesIO()
    soundfile.write(written, sound.T, rate_hz, format=kind, subtype=content)
    return written.getvalue(), loudness


def _fluidsynth(music: Music, font: Path) -> tuple[Samples, int]:
    import soundfile

    if not font.is_file():
        raise InputError(f"--soundfont: the file {font} is not there")
    program = shutil.which("fluidsynth")
    if program is None:
        raise InputError("--soundfont needs the program fluidsynth; install it (Debian: apt install fluidsynth)")
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        midi, part = Path(folder) / "music.mid", Path(folder) / "sound.wav"
        midi_file.save(music_file(music), midi)
        command = [
            program,
            "-ni",
            "-q",
            "-F",
            str(part),
            "-r",
            "44100",
            "-g",
            str(FLUIDSYNTH_GAIN),
            str(font),
            str(midi),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_RENDER_S, check=False)
        except subprocess.TimeoutExpired:
            raise InputError(f"fluidsynth did not finish within {LONGEST_RENDER_S} s") from None
        if done.returncode or not part.is_file():
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise InputError(f"fluidsynth could not play it with {font}: {said}")
        samples, rate_hz = soundfile.read(part, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T), rate_hz
