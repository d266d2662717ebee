"""Ardour without a screen, as clock master and as slave, both times recording us (apt install ardour).

    python -m benchmarks.ardour [--seconds 300]

Both run over a JACK server of their own. As master Ardour sends its MIDI clock, as slave it follows ours. What it
recorded is compared with our note log (every note must be there), and the onsets' places in its bars with the grid of
sixteenths; those on bar lines are told apart. Expression is off, so that onsets are meant to be on the grid.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import mido

from benchmarks.report import report
from benchmarks.stamper import Stamper, Stamps, build
from benchmarks.sync import _connect, _errors, against_ticks
from tools import live
from tools.waiting import CLOCK, eventually

PROGRAM = "ardour7-lua"
BPM = 120  # of a new session
SETTLE_BEATS = 8
STARTS = 8
TICKS = 1920  # of a quarter in Ardour
CHORD_BEATS = 0.02
PAUSE = (0xB0, 85, 127)  # or go on
# Notes, clock, and a metronome that nobody hears: an output that needs longer gets its messages sooner than the others.
OUTPUTS = (
    "midi.outputs=[{{port: ''}}, {{port: '', clock: true, latency_ms: {latency_ms:g}}}, {{port: '', metronome: 10}}]"
)
REST_S = 1.5
CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour><Config>
<Option name="send-midi-clock" value="{master}"/><Option name="latched-record-enable" value="1"/>
<Option name="midi-clock-sets-tempo" value="0"/><Option name="transport-masters-just-roll-when-sync-lost" value="1"/>
</Config><TransportMasters current="MIDI Clock">
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
    ARDOUR.LuaAPI.usleep(500000) -- going over to a master that stands ends the wish to record
    s:maybe_enable_record(false)
end
print("go") io.stdout:flush()
while not there("stop") do
    ARDOUR.LuaAPI.usleep(200000)
    print(s:transport_rolling(), s:transport_sample(), s:transport_speed()) io.stdout:flush()
end
print("latency", s:worst_output_latency())
s:cfg():set_external_sync(false)
ARDOUR.LuaAPI.usleep(1000000)
s:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
ARDOUR.LuaAPI.usleep(3000000)
s:save_state("", false, false, false, false, false)
close_session()
quit()
"""


class Note(NamedTuple):
    """A note-on."""

    beat: float
    pitch: int


class Ardour:
    """A session with an armed MIDI track; `go` starts it, `stop` ends it and gives the notes that it recorded."""

    def __init__(self, folder: Path, *, master: bool) -> None:
        self.folder = folder
        home = folder / "home"
        (home / ".config" / "ardour7").mkdir(parents=True)
        (home / ".config" / "ardour7" / "config").write_text(CONFIG.replace("{master}", str(int(master))))
        script = folder / "script.lua"
        script.write_text(SCRIPT.replace("{folder}", str(folder)).replace("{master}", str(master).lower()))
        self.latency = 0
        self._log = (folder / "ardour.log").open("w")
        self._process = subprocess.Popen(
            [PROGRAM, str(script)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")},
        )
        eventually(lambda: "ready" in self.log, 60.0)

    @property
    def log(self) -> str:
        return (self.folder / "ardour.log").read_text()

    def go(self) -> None:
        (self.folder / "go").touch()
        eventually(lambda: "\ngo" in self.log, 20.0)

    def stop(self) -> list[Note]:
        """The note-ons that it recorded."""
        (self.folder / "stop").touch()
        self._process.wait(60)
        self.latency = int(self.log.split("\nlatency ")[1].split()[0])
        return recorded_notes(self.folder / "session")

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()


@contextlib.contextmanager
def started(*, master: bool) -> Iterator[Ardour]:
    """A running Ardour with its ports. Some of its starts fail: two of its threads write into one socket of libjack."""
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
            ardour = Ardour(Path(folder), master=master)
            try:
                there = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=True).stdout
                if "ardour:take/midi_in 1" in there:
                    yield ardour
                    return
            finally:
                ardour.kill()
    raise RuntimeError(f"Ardour did not come up in {STARTS} starts: {ardour.log[-300:]}")


def recorded_notes(session: Path) -> list[Note]:
    """The note-ons of the longest region on the track, in quarters of Ardour's own bars, in order."""
    playlist = ElementTree.parse(session / "session.ardour").find(".//Playlists/Playlist[@name='take']")
    regions = [] if playlist is None else [region.attrib for region in playlist.findall("Region")]
    found: list[list[Note]] = []
    for region in regions:
        begins = int(region["length"].partition("@b")[2]) / TICKS  # "b<ticks long>@b<ticks from the beginning>"
        path = next(session.glob(f"interchange/*/midifiles/{region['name'].rpartition('.')[0]}.mid"))
        found.append([Note(begins + beat, pitch) for beat, pitch in note_ons(path)])
    return max(found, key=len, default=[])


def note_ons(path: Path) -> list[Note]:
    """Every note-on of a MIDI file, in quarters from its beginning."""
    found = []
    file = mido.MidiFile(path)
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                found.append(Note(tick / file.ticks_per_beat, message.note))
    return sorted(found)


def compared(sent: Sequence[dict[str, Any]], recorded: Sequence[Note]) -> dict[str, int]:
    """What was sent and is not in the recording: before its first note, in between, after its last one."""
    played = sorted(Note(note["due_s"] * BPM / 60, note["pitch"]) for note in sent)
    ours, theirs = _pitches(played), _pitches(recorded)
    blocks = [
        block for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks() if block.size
    ]
    first, end = (blocks[0].a, blocks[-1].a + blocks[-1].size) if blocks else (len(ours), len(ours))
    matched = sum(block.size for block in blocks)
    return {
        "sent": len(ours),
        "recorded": len(theirs),
        "not_recorded_before": first,
        "not_recorded_between": end - first - matched,
        "not_recorded_after": len(ours) - end,
        "not_sent": len(theirs) - matched,
    }


def _pitches(notes: Sequence[Note]) -> list[int]:
    """In order, those of a chord from low to high."""
    chord, found = 0, []
    for (before, _), note in itertools.pairwise([Note(-1.0, 0), *notes]):
        chord += note.beat - before > CHORD_BEATS
        found.append((chord, note.pitch))
    return [pitch for _, pitch in sorted(found)]


def places(beats: Sequence[float], bpm: float) -> dict[str, Any]:
    """How far chords are from the nearest sixteenth, and those nearest to a bar line from it, after two bars."""
    firsts = [b for a, b in zip([-1.0, *beats], beats, strict=False) if b - a > CHORD_BEATS and b >= SETTLE_BEATS]
    errors = [(beat - round(4 * beat) / 4) * 60 / bpm for beat in firsts]
    bars = [error for beat, error in zip(firsts, errors, strict=True) if round(4 * beat) % 16 == 0]
    return {"chords": _errors(errors), "on_bar_lines": _errors(bars)}


def measure(seconds: float, period: int, offset_ms: float, latency_ms: float, roles: Sequence[str]) -> dict[str, Any]:
    """Ardour in each role."""
    if shutil.which(PROGRAM) is None:
        return {"skipped": f"{PROGRAM} is not installed (apt install ardour)"}
    with (
        tempfile.TemporaryDirectory(prefix="brainmusic-") as folder,
        live.jack(period=period, synchronous=False, realtime=True),
    ):
        stamp = build(Path(folder))
        runs = {
            "master": lambda: as_master(stamp, seconds, offset_ms),
            "slave": lambda: as_slave(stamp, seconds, latency_ms),
        }
        return {role: runs[role]() for role in roles}


SETTINGS = ("midi.driver=jack", "music.expression=0", "mood.start=nervous")


def as_master(stamp: Path, seconds: float, offset_ms: float) -> dict[str, Any]:
    """Ardour's clock leads us. `on_the_wire`: against its ticks, by frames; the rest: in its bars, as it recorded."""
    settings = ("clock.source=midi", f"clock.offset_ms={offset_ms}", *SETTINGS)
    with started(master=True) as ardour, live.waiting(*settings) as daemon:
        client = live.Client(listens=False)
        client.connect()
        _connect("ardour:MIDI Clock out", "BrainMusic:BrainMusic in")
        _connect("BrainMusic:BrainMusic", "ardour:take/midi_in 1")
        stamper = Stamper(stamp, "BrainMusic:BrainMusic")
        _connect("ardour:MIDI Clock out", "stamp:in")
        ardour.go()
        CLOCK.wait(CLOCK.now() + seconds)
        client.send(*PAUSE)
        CLOCK.wait(CLOCK.now() + REST_S)
        recorded = ardour.stop()
        CLOCK.wait(CLOCK.now() + 1)
        stamps = stamper.stop()
        client.close()
        daemon.stop()
        said = [line.split("MIDI clock: ")[1] for line in daemon.log.splitlines() if "MIDI clock: " in line]
        sent = daemon.sent()
    more = {"said": said, "offset_ms": offset_ms, "on_the_wire": against_ticks(stamps.arrivals)}
    return {**_common(ardour, stamps, sent, recorded), **more}


def as_slave(stamp: Path, seconds: float, latency_ms: float) -> dict[str, Any]:
    """Ardour follows the clock that we give, at its own session's tempo, from the start of our song.

    The bars that are counted in, on an output that nobody hears, leave time to connect.
    """
    outputs = OUTPUTS.format(latency_ms=latency_ms)
    settings = ("clock.count_in_bars=4", f"mood.table.tempo.nervous={BPM}", outputs, *SETTINGS)
    with started(master=False) as ardour:
        ardour.go()
        with live.playing(*settings, listens=False) as (daemon, _):
            _connect("BrainMusic 2:BrainMusic 2", "ardour:MIDI Clock in")
            _connect("BrainMusic:BrainMusic", "ardour:take/midi_in 1")
            stamper = Stamper(stamp, "BrainMusic:BrainMusic")
            CLOCK.wait(CLOCK.now() + 16 * 60 / BPM + seconds)
            recorded = ardour.stop()  # first: of what stands at a master's stop it loses the last seconds
            stamps = stamper.stop()
            daemon.stop()
            sent = daemon.sent()
    return {"latency_ms": latency_ms, **_common(ardour, stamps, sent, recorded)}


def _common(ardour: Ardour, stamps: Stamps, sent: Sequence[dict[str, Any]], recorded: Sequence[Note]) -> dict[str, Any]:
    return {
        **compared(sent, recorded),
        "ardours_latency_frames": ardour.latency,
        "xruns": len(stamps.xruns),
        **places([note.beat for note in recorded], BPM),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=300.0, help="of each run")
    parser.add_argument("--period", type=int, default=512, help="of the JACK server, frames")
    parser.add_argument("--roles", nargs="+", choices=("master", "slave"), default=["master", "slave"], help="Ardour's")
    parser.add_argument("--offset-ms", type=float, default=0.0, help="clock.offset_ms, where Ardour leads")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of the clock's output, where Ardour follows")


if __name__ == "__main__":
    report("ardour", __doc__, options, measure)
