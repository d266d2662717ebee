"""Time with others: how far our beats are from a master's, how steady the clock is that we give.

    python -m benchmarks.sync [--seconds 60]

`simulated`: the follower alone, on simulated time: after two bars, how far the tick that is expected next is from where
it truly is. `jack`: the same over a JACK server of its own, master and player as processes, the truth being the frames
at which the master's ticks were written. `clock_out`: ticks of a daemon at a fixed tempo, by the frames at which a C
client saw them. `jack_midi_clock` (apt install jack-midi-clock): the daemon led by it through play, stop and locate.
Ardour has a script of its own, benchmarks/ardour.py.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import report
from benchmarks.stamper import Arrival, Stamper, Stamps, build
from improv.player.client import PlayerClient
from improv.player.process.clock_in import ClockFollower
from improv.player.protocol import ClockIn, OutputSettings, PlayerSettings, Pulses
from tools import live
from tools.waiting import CLOCK

RATE = 48000
TICK, START = b"\xf8", b"\xfa"
TICKS_PER_BEAT, TWO_BARS = 24, 192
TEMPI = (60.0, 76.0, 97.3, 120.0, 133.0, 144.0, 180.0)
PERIOD = 512  # frames
JITTER_S = 0.003
RIGHTS = ("chrt", "-f", "65") if shutil.which("chrt") else ()  # for those that nobody here wrote
Delivery = Callable[[float], float]


def measure(seconds: float, seed: int) -> dict[str, Any]:
    """All rows."""
    chance = random.Random(seed)
    result: dict[str, Any] = {"simulated": simulated(chance)}
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        stamp = build(Path(folder))
        with live.jack(period=PERIOD, synchronous=False, realtime=True):
            for driver in ("rtmidi", "jack"):
                result[f"jack_{PERIOD}_{driver}"] = over_jack(driver, seconds, chance)
            result["clock_out"] = {driver: clock_out(stamp, driver, seconds) for driver in ("rtmidi", "jack")}
            result["jack_midi_clock"] = led_by_jack_midi_clock(stamp, seconds)
        with live.jack(period=64, synchronous=False, realtime=True):
            result["jack_64_rtmidi"] = over_jack("rtmidi", seconds, chance)
            result["clock_out_64"] = {"rtmidi": clock_out(stamp, "rtmidi", seconds)}
    return result


def true_ticks(count: int, bpm: float, first_s: float, rise_a_bar: float = 0.0) -> list[float]:
    """When a master's ticks are; its tempo rises by so much of the first one in every bar."""
    times, at_s = [], first_s
    for number in range(count):
        times.append(at_s)
        at_s += 60 / bpm / TICKS_PER_BEAT / (1 + rise_a_bar * number / (4 * TICKS_PER_BEAT))
    return times


# ---------------------------------------------------------------------------------------------------- simulated


def simulated(chance: random.Random) -> dict[str, Any]:
    """Sixteen bars in each of several tempi, all errors together."""
    period_s = PERIOD / RATE

    def jitter(at_s: float) -> float:
        return at_s + chance.uniform(-JITTER_S, JITTER_S)

    rows: dict[str, tuple[Delivery, float]] = {
        "clean": (lambda at_s: at_s, 0.0),
        "jitter_3_ms": (jitter, 0.0),
        "drift_1_percent_a_bar": (lambda at_s: at_s, 0.01),
        "drift_1_percent_a_bar_and_jitter": (jitter, 0.01),
        "lumps_of_512_frames_about_the_middle": (lambda at_s: (at_s // period_s + 0.5) * period_s, 0.0),
        "lumps_of_512_frames_late": (lambda at_s: (at_s // period_s + 1) * period_s, 0.0),
    }
    return {name: _errors([e for bpm in TEMPI for e in _simulate(bpm, *row)]) for name, row in rows.items()}


def _simulate(bpm: float, deliver: Delivery, rise: float) -> list[float]:
    follower, errors = ClockFollower(), []
    times = true_ticks(16 * 4 * TICKS_PER_BEAT, bpm, 100.0, rise)
    follower.feed(START, times[0])
    for number, true_s in enumerate(times):
        if number >= TWO_BARS and follower.line is not None:
            errors.append(follower.line.when_s(number) - true_s)
        follower.feed(TICK, deliver(true_s))
    return errors


def _errors(errors_s: Sequence[float]) -> dict[str, Any]:
    far = sorted(1000 * abs(error) for error in errors_s) or [0.0]
    return {
        "ticks": len(errors_s),
        "mean_ms": round(1000 * statistics.fmean(errors_s or [0.0]), 3),
        "p50_ms": round(far[len(far) // 2], 3),
        "p99_ms": round(far[len(far) * 99 // 100], 3),
        "worst_ms": round(far[-1], 3),
    }


# ----------------------------------------------------------------------------------------------------- over JACK


@contextlib.contextmanager
def _player(settings: PlayerSettings) -> Iterator[PlayerClient]:
    link = PlayerClient(settings, CLOCK)
    link.start()
    try:
        link.wait_ready()
        yield link
    finally:
        link.close()


def over_jack(driver: str, seconds: float, chance: random.Random) -> dict[str, Any]:
    """A master that writes its ticks at exact frames, a player that follows; clean, with jitter, with drift."""
    found: dict[str, Any] = {}
    rows = (("clean", 0.0, 0.0), ("jitter_3_ms", JITTER_S, 0.0), ("drift_1_percent_a_bar", 0.0, 0.01))
    for name, jitter_s, rise in rows:
        output = OutputSettings(clock=True)
        master_settings = PlayerSettings(driver="jack", virtual_port_name="Master", outputs=(output,), with_input=False)
        with _player(master_settings) as master:
            follower_settings = PlayerSettings(driver=driver, virtual_port_name="Follower", input_port="Master:Master")
            with _player(follower_settings) as follower:
                found[name] = _errors(_follow(master, follower, seconds, rise, jitter_s, chance))
    return found


def _follow(
    master: PlayerClient, follower: PlayerClient, seconds: float, rise: float, jitter_s: float, chance: random.Random
) -> list[float]:
    """Errors of each line that was told, at the tick that it is next to, after two bars."""
    first_s = CLOCK.now() + 1.0
    times = true_ticks(round(seconds * 2 * TICKS_PER_BEAT), 120.0, first_s, rise)
    period_s = 60 / 120 / TICKS_PER_BEAT
    sent, errors = 0, []
    while CLOCK.now() < times[-1]:
        while sent < len(times) and times[sent] < CLOCK.now() + 0.3:
            master.send(Pulses(sent, 1, times[sent] + chance.uniform(-jitter_s, jitter_s), period_s))
            sent += 1
        master.beat()
        follower.beat()
        master.poll(0.0)
        told = [news for news in follower.poll(0.01) if isinstance(news, ClockIn) and news.event == ""]
        errors += [news.at_s - times[news.tick] for news in told if TWO_BARS <= news.tick < len(times)]
    return errors


# ------------------------------------------------------------------------------------------------------ clock out


def clock_out(stamp: Path, driver: str, seconds: float) -> dict[str, Any]:
    """Ticks of a daemon that plays at a fixed tempo, against the grid that fits them best."""
    with _stamped(stamp, seconds, f"midi.driver={driver}", "midi.clock=true", "mood.table.tempo.calm=120") as found:
        pass
    stamps, said = found
    ticks = [arrival.frame for arrival in stamps.arrivals if arrival.message == TICK]
    period = RATE * 60 / 120 / TICKS_PER_BEAT
    phases = [frame - number * period for number, frame in enumerate(ticks)]
    middle = statistics.median(phases)
    return {
        **_errors([(phase - middle) / RATE for phase in phases]),
        "neighbours_p99_ms": _errors([(b - a - period) / RATE for a, b in itertools.pairwise(ticks)])["p99_ms"],
        "realtime": said,
    }


@contextlib.contextmanager
def _stamped(stamp: Path, seconds: float, *settings: str) -> Iterator[tuple[Stamps, str]]:
    """A daemon plays for so long, a C client listens."""
    with live.playing(*settings, listens=False) as (daemon, _):
        stamper = Stamper(stamp, "BrainMusic:BrainMusic")
        CLOCK.wait(CLOCK.now() + seconds)
        stamps = stamper.stop()
        said = next((line.split("player: ")[1] for line in daemon.log.splitlines() if "player: " in line), "")
        daemon.stop()
    yield stamps, said


# ---------------------------------------------------------------------------------------------- jack_midi_clock


def led_by_jack_midi_clock(stamp: Path, seconds: float) -> dict[str, Any]:
    """Another's master: play, stop, play on, locate; the daemon's onsets against its ticks, in frames."""
    if shutil.which("jack_midi_clock") is None or shutil.which("jack_transport") is None:
        return {"skipped": "jack_midi_clock or jack_transport is not installed (apt install jack-midi-clock jackd2)"}
    master = subprocess.Popen([*RIGHTS, "jack_midi_clock", "-b", "120", "-d", "0"], stdout=subprocess.DEVNULL)
    settings = ("midi.driver=jack", "clock.source=midi", "music.expression=0", "mood.start=nervous")
    try:
        with live.waiting(*settings) as daemon, _transport() as tell:
            _connect("jack_midi_clock:mclk_out", "BrainMusic:BrainMusic in")
            stamper = Stamper(stamp, "BrainMusic:BrainMusic")
            _connect("jack_midi_clock:mclk_out", "stamp:in")
            for command in ("locate 0", "play", "stop", "play", "stop", f"locate {RATE * 60}", "play", "stop"):
                tell(command)
                CLOCK.wait(CLOCK.now() + (seconds / 3 if command == "play" else 1.0))
            stamps, log = stamper.stop(), daemon.log
            daemon.stop()
    finally:
        master.terminate()
        master.wait()
    said = [line.split("MIDI clock: ")[1] for line in log.splitlines() if "MIDI clock: " in line]
    return {**against_ticks(stamps.arrivals), "said": said}


def against_ticks(arrivals: Sequence[Arrival], leave_out_beats: float = 8) -> dict[str, Any]:
    """Distance of each note-on from the master's nearest sixteenth, and of those on a bar line from it, in ms."""
    stretches: list[list[int]] = []  # frames of the ticks, from each start on
    first_tick: list[int] = []
    position = 0
    for arrival in arrivals:
        status = arrival.message[0]
        if status in (0xFA, 0xFB):
            position = 0 if status == 0xFA else position
            stretches.append([])
            first_tick.append(position)
        elif status == 0xF2:
            position = 6 * (arrival.message[1] | arrival.message[2] << 7)
        elif status == 0xF8 and stretches:
            stretches[-1].append(arrival.frame)
            position = first_tick[-1] + len(stretches[-1])
    onsets = sorted({arrival.frame for arrival in arrivals if arrival.message[0] & 0xF0 == 0x90})
    sixteenths, bars = [], []
    for first, frames in zip(first_tick, stretches, strict=True):
        begin = next((i for i in range(len(frames)) if (first + i) % 6 == 0), None)
        if begin is None:
            continue
        marks = {frames[i]: first + i for i in range(begin, len(frames), 6) if i >= leave_out_beats * TICKS_PER_BEAT}
        for onset in onsets:
            if not marks or not min(marks) - 100 < onset < max(marks) + 100:
                continue
            nearest = min(marks, key=lambda frame: abs(frame - onset))
            error_s = (onset - nearest) / RATE
            sixteenths.append(error_s)
            if marks[nearest] % (4 * TICKS_PER_BEAT) == 0:
                bars.append(error_s)
    return {"stretches": len(stretches), "onsets": _errors(sixteenths), "on_bar_lines": _errors(bars)}


@contextlib.contextmanager
def _transport() -> Iterator[Callable[[str], None]]:
    """JACK's transport, to be told what to do, with a master of its bars: else nobody tells the song position."""
    process = subprocess.Popen(["jack_transport"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def tell(command: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{command}\n")
        process.stdin.flush()

    try:
        tell("master")
        yield tell
        tell("quit")
        process.wait(5)
    finally:
        process.kill()
        process.wait()


def _connect(source: str, sink: str) -> None:
    subprocess.run(["jack_connect", source, sink], check=True, stdout=subprocess.DEVNULL)


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run over JACK")
    parser.add_argument("--seed", type=int, default=1)


if __name__ == "__main__":
    report("sync", __doc__, options, measure)
