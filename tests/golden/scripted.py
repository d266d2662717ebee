"""Schedules of commands under which a scripted model plays, and the digests of what is planned: the same everywhere.

python -m tests.golden.scripted        writes scripted.json anew, when the music is meant to be another
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from improv.control.commands import (
    AbortJourney,
    AllNotesOff,
    Command,
    End,
    HoldJourney,
    JumpJourney,
    Panic,
    Pause,
    Play,
    PlayPause,
    Reset,
    ResumeJourney,
    SetAttribute,
    SetClockSource,
    SetGlide,
    SetIntensity,
    SetLimit,
    SetMode,
    SetModel,
    SetMood,
    SetTemperature,
    StartJourney,
    Stop,
    Tap,
)
from improv.control.journey import Iso, Journey, Waypoint
from improv.improviser.operations import Offer
from improv.model.onnx_model import Float32Array, State
from improv.model.vocabulary import encoding_for
from improv.music.mood import CORNERS, Mood
from improv.music.note import Note
from improv.player.protocol import Received
from tests.engine.test_led import Master
from tests.fakes import ScriptedModel, Stage, contract
from tests.golden.digests import Story, note_line, parts, portable

# Those that the digests know; a family that comes later changes none of them.
PLAYED = ("polyphony", "pianist", "performance", "melody", "melody_lookback", "melody_attention")
STORED = Path(__file__).parent / "scripted.json"

Act = Command | bytes | Callable[[Stage], None]
"""A command, a MIDI message that arrives, or something that is done to the stage."""
Schedule = list[tuple[float, Act]]
"""(seconds since the music began, act), in order of time."""

# Four bars in C major over a bass, with a dotted note, a rest and a chord that is struck again: (beat, beats, pitch).
TUNE = (
    *((0.0, 1.0, 76), (1.0, 0.5, 74), (1.5, 0.5, 72), (2.0, 2.0, 67), (0.0, 2.0, 48), (2.0, 2.0, 55)),
    *((4.0, 1.5, 69), (5.5, 0.5, 71), (6.0, 1.0, 72), (4.0, 4.0, 53), (4.0, 2.0, 60), (6.0, 1.5, 57)),
    *((8.0, 0.25, 74), (8.25, 0.25, 76), (8.5, 1.5, 77), (10.0, 2.0, 74), (8.0, 3.0, 55), (8.0, 3.0, 59)),
    *((12.0, 3.0, 72), (12.0, 1.0, 64), (13.0, 1.0, 64), (14.0, 1.0, 64), (12.0, 3.0, 48), (12.0, 3.0, 55)),
)
TUNE_BEATS = 16


class TunePlayer(ScriptedModel):
    """Plays the tune round and round, in the words of any family.

    shaken: its logits are off by about so much, as another machine's arithmetic has it.
    """

    def __init__(self, family: str = "polyphony", shaken: float = 0.0) -> None:
        encoding = encoding_for(family)
        grid = encoding.ticks_per_beat
        notes = sorted(
            Note(round(beat * grid), pitch, round(beats * grid), 60 + pitch % 30) for beat, beats, pitch in TUNE
        )
        super().__init__(encoding.encode(notes, TUNE_BEATS * grid)[1:-1])
        self.encoding = encoding
        self.contract = contract(family=family, fingerprint=encoding.fingerprint, ticks_per_beat=grid)
        self._shaken, self._chance = shaken, np.random.default_rng(1)

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        logits, after = super().step(token_id, condition, state)
        return (logits + self._shaken * self._chance.standard_normal(logits.shape)).astype(np.float64), after


def key(pitch: int, *, down: bool = True) -> bytes:
    return bytes((0x90 if down else 0x80, pitch, 70))


def control(number: int, value: int) -> bytes:
    return bytes((0xB0, number, value))


def _moods() -> Schedule:
    corners = [(2.0 + 3 * index, SetMood(*mood)) for index, mood in enumerate(CORNERS.values())]
    return [
        *corners,
        (15.0, SetGlide(4.0)),
        (15.5, SetMood(-0.6, 0.3)),
        (17.0, SetMood(arousal=-0.8)),
        (22.0, SetIntensity(1.0)),
        (24.0, SetTemperature(1.4)),
        (26.0, SetMood(0.2, 0.9, 0.0)),
        (29.0, Reset()),
    ]


def _overrides() -> Schedule:
    return [
        (2.0, SetAttribute("tempo", 150.0)),
        (5.0, SetAttribute("loudness", 30.0)),
        (7.0, SetAttribute("articulation", 0.3)),
        (9.0, SetAttribute("register", 72.0)),
        (11.0, SetAttribute("onset_density", 6.0)),
        (13.0, SetAttribute("tempo", None)),
        (16.0, SetMood(*CORNERS["sad"])),
        (19.0, Reset()),
    ]


def _limits() -> Schedule:
    return [
        (2.0, SetLimit("loudness", 40.0, 60.0)),
        (4.0, SetMood(*CORNERS["nervous"])),
        (6.0, SetLimit("tempo", None, 90.0)),
        (9.0, SetLimit("register", 55.0, 74.0)),
        (13.0, SetLimit("onset_density", None, 1.5)),
        (17.0, SetLimit("onset_density", 3.0, None)),
        (20.0, SetLimit("register")),
        (22.0, SetLimit("tempo", 120.0, 200.0)),
    ]


def _pauses() -> Schedule:
    return [
        (2.0, Pause()),
        (3.0, Play()),
        (5.0, PlayPause()),
        (5.5, SetMood(*CORNERS["happy"])),
        (6.0, PlayPause()),
        (8.0, AllNotesOff()),
        (10.0, Panic()),
        (11.0, Play()),
    ]


def _endings() -> Schedule:
    return [
        (4.0, End()),
        (25.0, Play()),
        (28.0, Stop()),
        (34.0, Play()),
        (36.0, End()),
        (37.0, SetMood(*CORNERS["happy"])),
        (38.0, Play()),
    ]


def _journeys() -> Schedule:
    points = (Waypoint(0, CORNERS["sad"]), Waypoint(4, CORNERS["sad"]), Waypoint(12, CORNERS["calm"]))
    return [
        (1.0, StartJourney(Journey("way", points))),
        (6.0, HoldJourney()),
        (8.0, ResumeJourney()),
        (10.0, JumpJourney(share=0.1)),
        (12.0, AbortJourney()),
        (14.0, StartJourney(Iso("iso", None, Mood(0.9, 0.9), 2.0, 6.0, 2.0))),
        (20.0, JumpJourney(seconds=9.0)),
        (23.0, StartJourney(Journey("last", points, ends=True))),
    ]


def _duet() -> Schedule:
    keys: Schedule = []
    for index, pitch in enumerate((62, 65, 69, 72, 71, 67, 64, 60, 96, 40)):
        keys += [(3.0 + 0.7 * index, key(pitch)), (3.5 + 0.8 * index, key(pitch, down=False))]
    chord = [(12.0, key(pitch)) for pitch in (50, 57, 66)] + [(14.0, key(pitch, down=False)) for pitch in (50, 57, 66)]
    rest: Schedule = [(15.0, key(76)), (16.0, SetMode("solo")), (17.0, key(76, down=False))]
    return [(1.0, key(61)), (2.0, SetMode("duet")), *sorted(keys, key=lambda act: act[0]), *chord, *rest]


def _models() -> Schedule:
    schedule: Schedule = []
    for index, family in enumerate((*PLAYED, "polyphony")):
        schedule += [(2.0 + 5 * index, _offered(family)), (2.5 + 5 * index, SetModel(family))]
    return [*schedule, (38.0, End())]


def _offered(family: str) -> Callable[[Stage], None]:
    return lambda stage: stage.improviser.apply(Offer(family, TunePlayer(family)))


def _knobs() -> Schedule:
    turned: Schedule = [(2.0 + 0.004 * step, control(20, step % 128)) for step in range(300)]
    tapped: Schedule = [(5.0 + 0.45 * beat, Tap()) for beat in range(6)]
    chosen: Schedule = [(10.0, bytes((0xC0, 2))), (12.0, control(21, 5)), (13.0, control(22, 40)), (14.0, b"\x90")]
    return [*turned, *tapped, *chosen]


def _failures() -> Schedule:
    return [
        (3.0, lambda stage: stage.link.lose_everything()),
        (5.0, lambda stage: stage.link.stall(0.8)),
        (8.0, lambda stage: stage.link.change_ports(stage.clock.now() + 0.01)),
        (9.0, SetMood(*CORNERS["happy"])),
        (9.02, lambda stage: stage.link.lose_everything()),
    ]


def _led() -> Schedule:
    def start(stage: Stage) -> None:
        master = Master(stage.link, 100, stage.clock.now() + 0.5)
        master.start()
        for bpm in (100, 104, 92, 110):
            master.bpm = bpm
            master.roll(8)

    return [(1.0, start), (6.0, SetMood(*CORNERS["happy"])), (12.0, SetClockSource("internal"))]


def _by_name() -> dict[str, tuple[Schedule, float, str, tuple[str, ...]]]:
    """Name -> schedule, seconds, family, settings."""
    schedules: dict[str, tuple[Schedule, float, str, tuple[str, ...]]] = {
        "moods": (_moods(), 32.0, "polyphony", ()),
        "overrides": (_overrides(), 22.0, "polyphony", ("clock.tempo_change=bar",)),
        "limits": (_limits(), 26.0, "polyphony", ()),
        "pauses": (_pauses(), 14.0, "polyphony", ()),
        "endings": (_endings(), 50.0, "polyphony", ("music.ending_bars=2",)),
        "journeys": (_journeys(), 60.0, "polyphony", ("mood.glide_s=1",)),
        "duet": (_duet(), 20.0, "polyphony", ()),
        "models": (_models(), 55.0, "polyphony", ()),
        "knobs": (_knobs(), 16.0, "polyphony", ("controls.programs={0: happy, 1: nervous, 2: sad, 3: calm}",)),
        "failures": (_failures(), 12.0, "polyphony", ()),
        "led": (_led(), 18.0, "polyphony", ("clock.source=midi",)),
        "waltz": (_endings(), 50.0, "polyphony", ("music.beats_per_bar=3", "music.breath=0", "music.expression=0")),
    }
    for family in PLAYED:
        schedule = sorted([*_pauses(), *_duet(), (18.0, End())], key=lambda act: act[0])
        schedules[f"family {family}"] = (schedule, 40.0, family, ())
    return schedules


SCHEDULES = _by_name()


def play(name: str, shaken: float = 0.0) -> tuple[list[str], list[str]]:
    """What was planned under a schedule, and which notes the player had at the end, as lines."""
    schedule, seconds, family, settings = SCHEDULES[name]
    # All tokens may be drawn: which of two equal ones the smallest set leaves out would hang on the last digit.
    stage = Stage(TunePlayer(family, shaken), settings=["music.top_p=1", *settings], record=Story(portable))
    start_s = stage.clock.now()
    for at_s, act in schedule:
        stage.play(start_s + at_s - stage.clock.now())
        if isinstance(act, bytes):
            stage.link.arriving.append((stage.clock.now(), Received(act, stage.clock.now())))
            stage.link.arriving.sort(key=lambda arrival: arrival[0])
        elif callable(act):
            act(stage)
        else:
            stage.engine.act(act, stage.clock.now())
    stage.play(start_s + seconds - stage.clock.now())
    assert isinstance(stage.record, Story)
    notes = [note_line(note, portable) for _, note in sorted(stage.link.scheduled.items())]
    return stage.record.lines, notes


def digests(name: str, shaken: float = 0.0) -> dict[str, list[str]]:
    """What is kept of a schedule."""
    planned, notes = play(name, shaken)
    return {"planned": parts(planned), "notes": parts(notes)}


def stored() -> dict[str, dict[str, list[str]]]:
    """What was kept, by the names of the schedules."""
    kept: dict[str, dict[str, list[str]]] = json.loads(STORED.read_text())
    return kept


def differences(kept: dict[str, list[str]], now: dict[str, list[str]]) -> Iterator[str]:
    """Where two parts of a schedule's digests part, in words."""
    for what in ("planned", "notes"):
        if kept[what] == now[what]:
            continue
        same = next((i for i, pair in enumerate(zip(kept[what], now[what], strict=False)) if pair[0] != pair[1]), -1)
        at = same if same >= 0 else min(len(kept[what]), len(now[what]))
        yield f"{what}: they part in the {at + 1}. of {len(kept[what])} parts"


def main() -> None:
    """Write scripted.json."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(digests(name))}" for name in SCHEDULES)
    STORED.write_text(f"{{\n{rows}\n}}\n")
    print(STORED)


if __name__ == "__main__":
    main()
