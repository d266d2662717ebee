"""isobar's and mido's own players on a grid of chords: prints when each note was sent, as JSON.

python -m benchmarks.foreign isobar|mido SECONDS
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from typing import Any

from improv.clock import SystemClock

CLOCK = SystemClock()
GRID_S = 0.1
CHORD = (60, 64, 67, 72)


def _port(name: str) -> Any:
    rtmidi: Any = importlib.import_module("rtmidi")
    port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
    port.open_virtual_port(name)
    return port


def play_mido(seconds: float) -> list[float]:
    """`MidiFile.play()`, which sleeps until each message's time."""
    import mido

    port, sent = _port("mido"), []
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    for _ in range(int(seconds / GRID_S)):
        for kind in ("note_on", "note_off"):
            for number, pitch in enumerate(CHORD):  # 480 ticks a beat of 0.5 s: 48 are half of the grid
                track.append(mido.Message(kind, note=pitch, velocity=80, time=48 if number == 0 else 0))
    for message in mido.MidiFile(ticks_per_beat=480, tracks=[track]).play():
        port.send_message(message.bytes())
        if message.type == "note_on":
            sent.append(CLOCK.now())
    port.close_port()
    port.delete()
    return sent


def play_isobar(seconds: float) -> list[float]:
    """A timeline with its own clock at 120 beats a minute."""
    isobar: Any = importlib.import_module("isobar")
    port = _port("isobar")
    sent: list[float] = []

    class Device(isobar.io.DummyOutputDevice):  # type: ignore[misc]
        def note_on(self, note: int = 60, velocity: int = 64, channel: int = 0) -> None:
            port.send_message([0x90 + channel, int(note), int(velocity)])
            sent.append(CLOCK.now())

        def note_off(self, note: int = 60, channel: int = 0) -> None:
            port.send_message([0x80 + channel, int(note), 64])

    timeline = isobar.Timeline(120, output_device=Device())
    timeline.stop_when_done = True
    count = int(seconds / GRID_S)
    timeline.schedule({"note": isobar.PSequence([CHORD], count), "duration": GRID_S * 2, "gate": 0.5})
    timeline.run()
    port.close_port()
    port.delete()
    return sent


if __name__ == "__main__":
    player = {"isobar": play_isobar, "mido": play_mido}[sys.argv[1]]
    with contextlib.redirect_stdout(sys.stderr):
        times = player(float(sys.argv[2]))
    print(json.dumps(times))
