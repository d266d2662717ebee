"""Hours of music: does every note end, is it ever silent, does memory grow, does it become late?

    python -m benchmarks.soak [--hours 24] [--minutes 60] [--seed 1] [--models polyphony ...]

First hours on the manual clock, as fast as the machine goes: each model, in every mode, under commands, keys and
pedals at random, each note looked at as the player gets it. Then minutes in real time over a JACK server, with faults
at random, while `jack_midi_dump` (of jackd2) listens. `make soak` does both.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import json
import os
import random
import signal
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import footprint
from benchmarks.faults import FAULTS, Ear, scene
from benchmarks.report import report
from improv.clock import ManualClock
from improv.config import adapters, load
from improv.control import commands as c
from improv.control.commands import Command
from improv.engine.engine import Engine
from improv.engine.offline import ManualLink
from improv.errors import BrainMusicError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Offer
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH
from improv.player.protocol import Instruction, PlannedNote, Schedule
from tools import live
from tools.live import Daemon
from tools.waiting import CLOCK, PATIENCE_S

MODELS = ("hands", "polyphony", "performance", "melody", "pianist", "chorale")
KEPT_S = 20.0  # after its end a note is forgotten
LONGEST_NOTE_S = 120.0  # what an output bounds it to
LEGATO_S = 0.002  # an end may be so much later than the next strike of its key: rounding, and no more
TURN_S = 0.05
ACT_EVERY_S = (0.5, 20.0)  # somebody commands or plays something
GROWTH = 0.05  # of memory: more than that is none that we allow
FIRST_PLAYED_S = 30.0  # so long each model plays before memory is looked at
SETTLED_SHARE = 0.4  # of a session, from where on memory may not grow
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
FAULTS_AT_RANDOM = (
    "engine-killed",
    "engine-stopped",
    "player-killed",
    "player-stopped",
    "taps",
    "flood-mood",
    "keys-lost",
    "config-brackets",
    "takes-deleted",
    "hangup",
)
FAULT_EVERY_S = (25.0, 45.0)
PROMISED_S = 2.05  # until music, and a look
GIVEN_S = 8.0  # so long around a fault it may be silent for what is promised there
LATER_MS = 2.0  # of the p99, from the first third to the last: more is a trend


# ------------------------------------------------------------------------------------------------ the manual clock


class Watch(ManualLink):
    """A player that looks at each note that it is given, and forgets those that are long over."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.notes = 0
        self.faults: dict[str, int] = {}
        self._begun: set[int] = set()
        self._seen_s = clock.now()

    def send(self, record: Instruction) -> None:
        if isinstance(record, Schedule):
            for note in record.notes:
                self._expect(1 <= note.velocity <= 127, "velocity beyond 1..127")
                on_piano = LOWEST_PIANO_PITCH <= note.pitch <= HIGHEST_PIANO_PITCH
                self._expect(on_piano or note.is_pedal, "pitch beyond the piano")
                self._expect(note.off_s >= note.on_s, "a note that ends before it begins")
        super().send(record)

    def fault(self, what: str) -> None:
        """Something that must not be."""
        self.faults[what] = self.faults.get(what, 0) + 1

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.fault(what)

    def look(self) -> bool:
        """See what began up to now; returns whether anything sounds."""
        now_s = self._clock.now()
        sounding = [note for note in self.scheduled.values() if note.on_s <= now_s < note.off_s and not note.is_pedal]
        for note in [note for note in self.scheduled.values() if note.on_s <= now_s]:
            if note.note_id not in self._begun:
                self._begin(note)
            self._expect(min(note.off_s, now_s) - note.on_s <= LONGEST_NOTE_S, "a note longer than 120 s")
            if note.off_s < now_s - KEPT_S:
                del self.scheduled[note.note_id]
                self._begun.discard(note.note_id)
        return bool(sounding)

    def _begin(self, note: PlannedNote) -> None:
        self._begun.add(note.note_id)
        self.notes += 1
        for other in self.scheduled.values():
            same = other.pitch == note.pitch and other.channel == note.channel and other.note_id != note.note_id
            if same and other.on_s < note.on_s and other.off_s > note.on_s + LEGATO_S:
                self.fault("a note whose end was forgotten")


class Somebody:
    """Commands and plays at random, as nobody would."""

    def __init__(self, rng: random.Random, models: tuple[str, ...]) -> None:
        self._rng, self._models = rng, models
        self.due_s = 0.0
        self._keys: set[int] = set()

    def next_s(self, now_s: float) -> None:
        """When it acts again."""
        self.due_s = now_s + self._rng.uniform(*ACT_EVERY_S)

    def command(self) -> Command:
        """Any of those that turn the music; more often a mood."""
        rng = self._rng
        made: tuple[Command, ...] = (
            c.SetMood(rng.uniform(-1, 1), rng.uniform(-1, 1), rng.choice((0.0, 5.0, 60.0))),
            c.SetMood(rng.uniform(-1, 1), rng.uniform(-1, 1)),
            c.SetIntensity(rng.random()),
            c.SetTemperature(rng.uniform(0.5, 1.5)),
            c.SetAttribute(rng.choice(("tempo", "register", "onset_density")), rng.choice((None, 40.0, 60.0, 90.0))),
            c.SetKey(rng.choice((None, *range(24)))),
            c.SetChords(rng.choice(("", "Am F C G", "Dm7 G7 | C"))),
            c.SetPhraseBars(rng.choice((None, 2, 4, 8))),
            c.SetReach(rng.choice((None, 0, 2, 6))),
            c.SetForm(rng.random() < 0.5),
            c.SetLoop(rng.choice(c.LOOPS)),
            c.SetLoopVariation(rng.random()),
            c.SetMode(rng.choice((c.SOLO, c.SOLO, *c.MODES))),
            c.SetModel(rng.choice(self._models)),
            c.SetPlace(rng.choice(c.PLACES)),
            c.Tap(),
            c.Pause(),
            c.End(),
            c.Stop(),
            c.AllNotesOff(),
            c.HandOver(),
            c.Reset(),
            c.Play(),
        )
        return rng.choice(made)

    def play(self) -> list[bytes]:
        """Keys and pedal; some are never let go."""
        rng = self._rng
        messages = [bytes((0x80, key, 0)) for key in self._keys if rng.random() < 0.8]
        self._keys = {rng.randrange(128) for _ in range(rng.choice((0, 1, 3, 10)))}
        messages += [bytes((0x90, key, rng.randint(1, 127))) for key in self._keys]
        messages.append(bytes((0xB0, 64, rng.choice((0, 127)))))
        return messages


class Session(NamedTuple):
    """What was seen of one model."""

    hours: float
    notes: int
    faults: dict[str, int]
    longest_silence_beats: float
    memory_mib: tuple[float, float]


def session(name: str, models: tuple[str, ...], seconds: float, seed: int) -> Session:
    """Play so many seconds of the manual clock."""
    rng, clock = random.Random(seed), ManualClock(100.0)
    link, config = Watch(clock), load(None, [f"model.path={name}"], {})
    first = adapters.initial_controls(config)
    loaded = {one: OnnxModel(resolve(one), "cpu") for one in models}  # all at first, so that memory may stand still
    improviser = Improviser(loaded[name], adapters.improviser_settings(config), first, seed)
    for one, model in loaded.items():
        improviser.apply(Offer(one, model))
    engine = Engine(
        improviser,
        link,
        clock,
        first,
        config.controls.midi_map(config.mood.moods),
        adapters.engine_settings(config),
    )
    for one in (*models, name):  # what a network takes when it first plays is no growth
        engine.act(c.SetModel(one), clock.now())
        play_on(engine, link, clock, FIRST_PLAYED_S)
    somebody, end_s = Somebody(rng, models), clock.now() + seconds
    silence, resident = Silence(config.music.longest_rest_beats, clock.now()), [0.0, 0.0]
    while clock.now() < end_s:
        engine.turn(TURN_S)
        silence.look(engine, link, clock.now(), sounds=link.look())
        if clock.now() >= somebody.due_s:
            act(engine, somebody, clock.now(), rng)
            silence.disturbed(clock.now())
            somebody.next_s(clock.now())
        if not resident[0] and clock.now() > end_s - (1 - SETTLED_SHARE) * seconds:
            resident[0] = resident_mib()
    resident[1] = resident_mib()
    if resident[1] > (1 + GROWTH) * resident[0]:
        link.fault("memory grew by more than 5 %")
    engine.act(c.Pause(), clock.now())
    engine.turn(TURN_S)
    if link.look():
        link.fault("notes left sounding")
    return Session(seconds / 3600, link.notes, link.faults, round(silence.longest_beats, 2), (resident[0], resident[1]))


def play_on(engine: Engine, link: Watch, clock: ManualClock, seconds: float) -> None:
    """Nobody commands anything."""
    end_s = clock.now() + seconds
    while clock.now() < end_s:
        engine.turn(TURN_S)
        link.look()


def act(engine: Engine, somebody: Somebody, now_s: float, rng: random.Random) -> None:
    """A command, or keys; music that ended begins again."""
    if not engine.controls.playing and rng.random() < 0.8:
        engine.act(c.Play(), now_s)
    elif rng.random() < 0.3:
        for message in somebody.play():
            engine.receive(message, now_s)
    else:
        with contextlib.suppress(BrainMusicError):  # refused in a sentence
            engine.act(somebody.command(), now_s)


class Silence:
    """How long nothing sounded, in beats of the music, where it plays by itself."""

    SETTLES_S = 4.0  # after somebody turned something
    ROUNDING_BEATS = 0.5  # a step and a look

    def __init__(self, longest_rest_beats: float, now_s: float) -> None:
        self.longest_beats = 0.0
        self._allowed = longest_rest_beats + self.ROUNDING_BEATS
        self._silent_s, self._last_s = 0.0, now_s
        self._calm_from_s = now_s
        self._said = False

    def disturbed(self, now_s: float) -> None:
        """Somebody turned something: what was asked of the music is another thing now."""
        self._calm_from_s = now_s + self.SETTLES_S

    def look(self, engine: Engine, link: Watch, now_s: float, *, sounds: bool) -> None:
        """At every turn."""
        controls, past_s = engine.controls, now_s - self._last_s
        self._last_s = now_s
        alone = controls.playing and controls.mode == c.SOLO and not controls.ending
        if sounds or not alone or now_s < self._calm_from_s:
            self._silent_s, self._said = 0.0, False
            return
        self._silent_s += past_s
        beats = self._silent_s * engine.improviser.position.tempo_bpm / 60
        self.longest_beats = max(self.longest_beats, beats)
        # In a loop that comes literally a rest at its end meets one at its beginning.
        literal = controls.loop != c.LOOPS[0] and controls.loop_variation == 0
        if beats > self._allowed * (2 if literal else 1) and not self._said:
            self._said = True
            link.fault("a silence longer than the longest rest")


def resident_mib() -> float:
    """Of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / (1 << 20)


# ------------------------------------------------------------------------------------------------------ real time


def memory_mib(pid: int) -> float:
    """Proportional size of a process and all that it started."""
    total = 0.0
    for one in footprint.processes(pid):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            total += footprint.memory_mib(one)[0]
    return total


def each_mib(daemon: Daemon) -> dict[str, float]:
    """Proportional size of each process, by what it does; those that wait beside the engine are told as well."""
    engines = live.children(daemon.process.pid)
    found = {"supervisor": [daemon.process.pid], "engine": engines[:1], "waiting_engine": engines[1:2]}
    for name, pids in (("", engines[:1]), ("waiting_", engines[1:2])):
        for pid in pids:
            below = live.children(pid)
            found |= {f"{name}player": below[:1], f"{name}spare_player": below[1:2]}
    sizes: dict[str, float] = {}
    for name, pids in found.items():
        for pid in pids:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                sizes[name] = round(footprint.memory_mib(pid)[0], 1)
    return sizes


def sent_notes(daemon: Daemon) -> list[dict[str, Any]]:
    """The note log, without lines that a player was killed over."""
    found = []
    for line in daemon.notes_path.read_text().splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def lateness_trend(sent: list[dict[str, Any]]) -> dict[str, Any]:
    """Lateness of all note-ons that were sent, milliseconds: of the first third of the time and of the last."""
    late = sorted((float(one["sent_s"]), 1000 * (float(one["sent_s"]) - float(one["due_s"]))) for one in sent)
    if len(late) < 3:
        return {}
    third_s = (late[-1][0] - late[0][0]) / 3
    first = sorted(ms for at_s, ms in late if at_s <= late[0][0] + third_s)
    last = sorted(ms for at_s, ms in late if at_s >= late[-1][0] - third_s)
    found = {
        name: {"p50": round(part[len(part) // 2], 2), "p99": round(part[int(0.99 * (len(part) - 1))], 2)}
        for name, part in (("first_third", first), ("last_third", last))
    }
    grew_ms = found["last_third"]["p99"] - found["first_third"]["p99"]
    return {"notes": len(late), **found, "trend": grew_ms > LATER_MS}


def real_time(minutes: float, seed: int, log: Path | None = None) -> dict[str, Any]:
    """Faults at random while a client listens; what the daemon said is kept in the file `log`, if there is one."""
    rng = random.Random(seed)
    with (
        live.jack(1024, synchronous=False, realtime=True) as server,
        scene(FAULTS["none"], server) as here,
    ):
        ear, daemon = here.ear, here.daemon
        ear.listen(60.0 if minutes > 2 else 5.0)
        before_mib, began_s = memory_mib(daemon.process.pid), CLOCK.now()
        each_before = each_mib(daemon)
        inflicted: list[tuple[str, float]] = []
        while CLOCK.now() < began_s + 60 * minutes:
            here.hand.send(0xB0, 22, rng.choice((16, 48, 80, 112)))
            ear.listen(rng.uniform(*FAULT_EVERY_S))
            name = rng.choice(FAULTS_AT_RANDOM)
            inflicted.append((name, CLOCK.now()))
            FAULTS[name].inflict(here)
        ear.listen(40.0 if minutes > 2 else 10.0)
        after_mib = memory_mib(daemon.process.pid)
        each_after = each_mib(daemon)
        sent = sent_notes(daemon)
        code = daemon.stop(signal.SIGINT, 3 * PATIENCE_S)
        ear.listen(1.0)
        if log is not None:
            log.write_text(daemon.log)
        return {
            "minutes": minutes,
            "faults": dict(sorted({name: sum(n == name for n, _ in inflicted) for name, _ in inflicted}.items())),
            **gaps(ear, began_s, inflicted),
            "left_sounding": ear.sounding(CLOCK.now()),
            "begun_while_sounding": doubled(ear, inflicted),
            "pss_mib": {"after_a_minute": round(before_mib, 1), "at_the_end": round(after_mib, 1)},
            "each_mib": {"after_a_minute": each_before, "at_the_end": each_after},
            "note_ons_sent": sum(float(one["sent_s"]) >= began_s for one in sent),
            "lateness_ms": lateness_trend(sent),
            "load": list(os.getloadavg()),
            "tracebacks": daemon.log.count("Traceback"),
            "exit_code": code,
        }


def gaps(ear: Ear, began_s: float, inflicted: list[tuple[str, float]]) -> dict[str, Any]:
    """The longest times between two note-ons, near a fault and elsewhere, and each that is too long with its fault."""
    onsets = [began_s, *ear.onsets(began_s, CLOCK.now())]
    near, elsewhere, long = [0.0], [0.0], list[dict[str, Any]]()
    for a, b in itertools.pairwise(onsets):
        touched = any(a - GIVEN_S < at_s < b for _, at_s in inflicted)
        (near if touched else elsewhere).append(b - a)
        if b - a > PROMISED_S:
            before = [(name, round(at_s - a, 1)) for name, at_s in inflicted if at_s < b]
            long.append(
                {"at_s": round(a - began_s, 1), "gap_s": round(b - a, 2), "fault": before[-1] if before else None}
            )
    return {
        "note_ons": len(onsets) - 1,
        "longest_gap_s": {"near_a_fault": round(max(near), 2), "elsewhere": round(max(elsewhere), 2)},
        "gaps_over_2_s": len(long),
        "long_gaps": long,
    }


def doubled(ear: Ear, inflicted: list[tuple[str, float]]) -> dict[str, int]:
    """Notes that began while they sounded, by the fault before them, if it was just before."""
    found, down = dict[str, int](), set[tuple[int, int]]()
    for heard_s, message in ear.heard:
        key = (message[0] & 0x0F, message[1])
        if message[0] & 0xF0 == 0x90 and message[2]:
            if key in down:
                near = [name for name, at_s in inflicted if at_s <= heard_s < at_s + GIVEN_S]
                found[(near or ["none"])[-1]] = found.get((near or ["none"])[-1], 0) + 1
            down.add(key)
        elif message[0] & 0xF0 in (0x80, 0x90):
            down.discard(key)
        elif message[0] & 0xF0 == 0xB0 and message[1] in (120, 123):
            down = {one for one in down if one[0] != key[0]}
    return found


def measure(hours: float, minutes: float, seed: int, models: list[str], log: Path | None) -> dict[str, Any]:
    """Both, as far as they are asked for."""
    found: dict[str, Any] = {"manual_clock": {}, "real_time": None}
    names = tuple(models)
    for index, name in enumerate(names if hours else ()):
        one = session(name, names, 3600 * hours / len(names), seed + index)
        found["manual_clock"][name] = one._asdict()
        print(name, one, flush=True)
    if minutes:
        found["real_time"] = real_time(minutes, seed, log)
    return found


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--hours", type=float, default=24.0, help="on the manual clock, over all models")
    parser.add_argument("--minutes", type=float, default=60.0, help="in real time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="keep what the daemon said in real time in this file")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)


if __name__ == "__main__":
    report("soak", __doc__, options, measure)
