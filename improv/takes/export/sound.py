"""A take as sound, through the synthesiser FluidSynth and a soundfont, where both are installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from improv.errors import InputError
from improv.files import PRIVATE, atomic_write, saving

SOUNDFONT_FOLDERS = (
    "~/.local/share/soundfonts",
    "/usr/share/sounds/sf2",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
)
SAMPLES_PER_S, GAIN = 44_100, 0.6
# FluidSynth renders some fifty times faster than it plays; a take is at most twelve hours long.
LONGEST_RENDER_S = 1800


def soundfont(given: Path | None) -> Path:
    """The soundfont that was named, or the first that is found. InputError when there is none."""
    if given is not None:
        if not given.is_file():
            raise InputError(f"--soundfont: the file {given} is not there")
        return given
    for folder in SOUNDFONT_FOLDERS:
        found = sorted(
            Path(folder).expanduser().glob("*.sf[23]"), key=lambda path: (path.name != "default-GM.sf2", path)
        )
        if found:
            return found[0]
    raise InputError(f"no soundfont was found in {', '.join(SOUNDFONT_FOLDERS)}; name one with --soundfont FILE.sf2")


def write_wav(midi: Path, out: Path, font: Path) -> None:
    """Play a MIDI file into a sound file, whole or not at all."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise InputError("sound needs the program fluidsynth; install it (Debian: apt install fluidsynth)")
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        part = Path(folder) / "sound.wav"
        command = [
            program,
            "-ni",
            "-q",
            "-F",
            str(part),
            "-r",
            str(SAMPLES_PER_S),
            "-g",
            str(GAIN),
            str(font),
            str(midi),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_RENDER_S, check=False)
        except subprocess.TimeoutExpired:
            raise InputError(f"fluidsynth did not finish {out} within {LONGEST_RENDER_S} s") from None
        if done.returncode or not part.is_file():
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise InputError(f"fluidsynth could not write {out}: {said}")
        with saving(out), part.open("rb") as sound, atomic_write(out, "wb", permissions=PRIVATE) as file:
            shutil.copyfileobj(sound, file)
