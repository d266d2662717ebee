"""What the engine is told, apart from what the improviser is told. Numbers to choose stand in the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from improv.control.lasting import FOR_EVER, LongestTimes
from improv.control.presence import ALWAYS, HouseRules
from improv.listening.echo import OutputPath
from improv.listening.keyboard import ALL_HEARD, Heard
from improv.player.protocol import OutputSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """look_ahead_s: how far ahead is planned. channel: 0..15.

    pulses: an output gives MIDI clock or a metronome's clicks. count_in_bars: clicked before the music begins.
    clock_offset_s: so much later than the external clock's ticks are our beats. output_paths: what each output does to
    notes, so that their echo is known. heard: which of the keys that come in are the person's. punch_in_s: who plays
    for so long is listened to where the music goes on for them. longest: how long may last what somebody began.
    rules: by the hour, and while nobody is there. outputs, input_port: of the player, as the configuration has them;
    without outputs no port is chosen while the music plays.
    """

    look_ahead_s: float
    channel: int = 0
    pulses: bool = False
    count_in_bars: int = 0
    clock_offset_s: float = 0.0
    output_paths: tuple[OutputPath, ...] = (OutputPath(),)
    heard: Heard = ALL_HEARD
    punch_in_s: float
    longest: LongestTimes = FOR_EVER
    rules: HouseRules = ALWAYS
    outputs: tuple[OutputSettings, ...] = ()
    input_port: str = ""
