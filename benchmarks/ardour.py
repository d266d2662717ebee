"""Ardour without a screen, as clock master and as slave, both times recording us (apt install ardour).

    python -m benchmarks.ardour [--seconds 300]

Both run over a JACK server of their own. As master Ardour sends its MIDI clock, as slave it follows ours. What it
recorded is compared with our note log (every note must be there), and the onsets' places in its bars with the grid of
sixteenths; those on bar lines are told apart. Expression is off, so that onsets are meant to be on the grid.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mido

from benchmarks import live
from benchmarks.live import CLOCK
from benchmarks.sync import _connect, _errors

PROGRAM = "ardour7-lua"
BPM = 120  # of a new session
SETTLE_BEATS = 8
CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour><Config/><TransportMasters current="MIDI Clock">
<TransportMaster type="MIDIClock" name="MIDI Clock" connected="1" collect="1" removeable="0"/>
</TransportMasters></Ardour>
"""
SCRIPT = """
AudioEngine:set_backend("JACK", "ardour", "")
local s = create_session("{folder}/session", "session", 48000)
local midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
local tracks = s:new_midi_track(midi, midi, true, ARDOUR.PluginInfo(), nil, nil, 1, "take",
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false)
for track in tracks:iter() do
    track:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
end
ARDOUR.config():set_send_midi_clock({master})
s:maybe_enable_record(false)
local function there(name)
    local file = io.open("{folder}/" .. name)
    if file then file:close() end
    return file ~= nil
end
print("ready") io.stdout:flush()
while not there("go") do ARDOUR.LuaAPI.usleep(20000) end
if {master} then
    s:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
else
    s:cfg():set_external_sync(true)
end
print("go") io.stdout:flush()
while not there("stop") do
    ARDOUR.LuaAPI.usleep(200000)
    print(s:transport_rolling(), s:transport_sample(), s:transport_speed()) io.stdout:flush()
end
s:cfg():set_external_sync(false)
s:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
ARDOUR.LuaAPI.usleep(3000000)
s:save_state("", false, false, false, false, false)
close_session()
quit()
"""


class Ardour:
    """A session with an armed MIDI track; `go` starts it, `stop` ends it and gives the notes that it recorded."""

    def __init__(self, folder: Path, *, master: bool) -> None:
        self.folder = folder
        home = folder / "home"
        (home / ".config" / "ardour7").mkdir(parents=True)
        (home / ".config" / "ardour7" / "config").write_text(CONFIG)
        script = folder / "script.lua"
        script.write_text(SCRIPT.replace("{folder}", str(folder)).replace("{master}", str(master).lower()))
        self._log = (folder / "ardour.log").open("w")
        self._process = subprocess.Popen(
            [PROGRAM, str(script)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")},
        )
        live.wait_for(lambda: "ready" in self.log, 60.0)

    @property
    def log(self) -> str:
        return (self.folder / "ardour.log").read_text()

    def go(self) -> None:
        (self.folder / "go").touch()
        live.wait_for(lambda: "\ngo" in self.log, 20.0)

    def stop(self) -> list[float]:
        """Beats of the recorded note-ons, in Ardour's own bars, in order."""
        (self.folder / "stop").touch()
        self._process.wait(60)
        files = sorted(self.folder.glob("session/interchange/*/midifiles/*.mid"), key=lambda path: path.stat().st_size)
        return onset_beats(files[-1]) if files else []

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()


def onset_beats(path: Path) -> list[float]:
    """Every note-on of a MIDI file, in quarters from its beginning."""
    found = []
    file = mido.MidiFile(path)
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                found.append(tick / file.ticks_per_beat)
    return sorted(found)


def places(beats: Sequence[float], bpm: float) -> dict[str, Any]:
    """How far chords are from the nearest sixteenth, and those nearest to a bar line from it, after two bars."""
    firsts = [b for a, b in zip([-1.0, *beats], beats, strict=False) if b - a > 0.02 and b >= SETTLE_BEATS]
    errors = [(beat - round(4 * beat) / 4) * 60 / bpm for beat in firsts]
    bars = [error for beat, error in zip(firsts, errors, strict=True) if round(4 * beat) % 16 == 0]
    return {"chords": _errors(errors), "on_bar_lines": _errors(bars)}


def measure(seconds: float, period: int) -> dict[str, Any]:
    """Both ways."""
    if shutil.which(PROGRAM) is None:
        return {"skipped": f"{PROGRAM} is not installed (apt install ardour)"}
    with live.jack(period=period, synchronous=False, realtime=True):
        return {"master": as_master(seconds), "slave": as_slave(seconds)}


SETTINGS = ("midi.driver=jack", "music.expression=0", "mood.start=nervous")


def as_master(seconds: float) -> dict[str, Any]:
    """Ardour's clock leads us."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        ardour = Ardour(Path(folder), master=True)
        try:
            with live.waiting("clock.source=midi", *SETTINGS) as daemon:
                _connect("ardour:MIDI Clock out", "BrainMusic:BrainMusic in")
                _connect("BrainMusic:BrainMusic", "ardour:take/midi_in 1")
                ardour.go()
                CLOCK.wait(CLOCK.now() + seconds)
                recorded = ardour.stop()
                CLOCK.wait(CLOCK.now() + 1)
                daemon.stop()
                said = [line.split("MIDI clock: ")[1] for line in daemon.log.splitlines() if "MIDI clock: " in line]
                result = {"sent": len(daemon.sent()), "recorded": len(recorded), "said": said}
        finally:
            ardour.kill()
    return {**result, **places(recorded, BPM)}


def as_slave(seconds: float) -> dict[str, Any]:
    """Ardour follows the clock that we give, at its own session's tempo."""
    tempo = f"mood.table.tempo.nervous={BPM}"
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        ardour = Ardour(Path(folder), master=False)
        try:
            with live.playing("midi.clock=true", tempo, *SETTINGS) as (daemon, client):
                ardour.go()
                client.send(0xB0, 85, 127)  # pause
                CLOCK.wait(CLOCK.now() + 1)
                _connect("BrainMusic:BrainMusic", "ardour:MIDI Clock in")
                _connect("BrainMusic:BrainMusic", "ardour:take/midi_in 1")
                before = len(daemon.sent())
                client.send(0xB0, 85, 127)  # and play: continue, with the song position
                CLOCK.wait(CLOCK.now() + seconds)
                client.send(0xB0, 85, 127)
                CLOCK.wait(CLOCK.now() + 2)
                recorded = ardour.stop()
                daemon.stop()
                result = {"sent": len(daemon.sent()) - before, "recorded": len(recorded), "log": ardour.log[-300:]}
        finally:
            ardour.kill()
    return {**result, **places(recorded, BPM)}


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=300.0, help="of each run")
    parser.add_argument("--period", type=int, default=256, help="of the JACK server, frames")


if __name__ == "__main__":
    live.report("ardour", __doc__, options, measure)
