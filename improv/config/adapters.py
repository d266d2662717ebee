"""From the configuration to the settings of every part, in the parts' own units; the only place that does it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import platformdirs

from improv.config import APP, Config, OutputSection, is_shipped, journeys
from improv.config.sections.limits import limits_of
from improv.control.commands import Command, StartJourney
from improv.control.journey import Plan
from improv.control.presence import ALWAYS
from improv.control.state import ControlState, apply
from improv.engine import offline
from improv.engine.offline import OfflineSettings
from improv.engine.settings import EngineSettings
from improv.frontends.settings import FrontendsSettings
from improv.improviser.expression import Expression
from improv.improviser.planned_step import PlannedStep
from improv.improviser.settings import Settings
from improv.listening.echo import OutputPath
from improv.listening.keyboard import Heard
from improv.model.onnx_model import DEFAULT_MODEL, Model
from improv.music.mood import Glide, Mood
from improv.music.parts import of_output
from improv.music.primer import Primer
from improv.player.protocol import OutputSettings, PlayerSettings

if TYPE_CHECKING:
    from improv.takes.beginning_sources import FilesAndTakes

log = logging.getLogger(__name__)


def initial_controls(config: Config, mood: Mood | None = None, journey: Plan | None = None) -> ControlState:
    """What the configuration commands at the start, or another mood instead of mood.start.

    journey: music begins with it, in its first mood.
    """
    start = mood or config.mood.start_mood
    controls = ControlState(
        glide=Glide(start, start),
        glide_s=config.mood.glide_s,
        intensity=config.mood.intensity,
        temperature=config.music.temperature,
        mode=config.music.mode,
        following=MappingProxyType(dict(config.together.follow)),
        place=config.together.place,
        standing_limits=limits_of(config.limits),
        clock_source=config.clock.source,
        key=config.music.key_number,
        model=config.model.path or DEFAULT_MODEL,
    )
    if journey is None:
        return controls
    first = journey.begun_from(controls.mood(0.0)).points[0].mood
    return apply(replace(controls, glide=Glide(first, first), prepared=journey), StartJourney(), 0.0)


def read_journeys(config: Config) -> dict[str, Plan]:
    """By their files' names all journeys that can be started. A file that cannot be used is told of and left out."""
    found, warnings = journeys.read_all(config)
    for warning in warnings:
        log.warning("%s", warning)
    return found


def improviser_settings(config: Config) -> Settings:
    """The improviser's part of the configuration."""
    music = config.music
    return Settings(
        table=config.mood.table,
        expression=Expression(music.expression),
        breath=music.breath,
        top_p=music.top_p,
        strongest_guidance=music.strongest_guidance,
        key_pull=music.key_pull,
        density_pull=music.density_pull,
        dissonance_pull=music.dissonance_pull,
        register_pull=music.register_pull,
        chord_pull=music.chord_pull,
        repeat_pull=music.repeat_pull,
        voice_leading_pull=music.voice_leading_pull,
        recall_pull=music.recall_pull,
        planned_pulls=music.planned_pulls,
        pedal=music.pedal,
        metres_vary=music.metres == "varied",
        longest_rest_beats=music.longest_rest_beats,
        longest_note_beats=music.longest_note_beats,
        ending_bars=music.ending_bars,
        beats_per_bar=music.beats_per_bar,
        tempo_lands_on_bar=config.clock.tempo_change == "bar",
    )


def engine_settings(config: Config) -> EngineSettings:
    """The engine's part of the configuration."""
    metronome = any(output.metronome for output in config.midi.all_outputs)
    return EngineSettings(
        look_ahead_s=config.timing.look_ahead_ms / 1000,
        channel=config.midi.channel - 1,
        pulses=metronome or any(output.clock for output in config.midi.all_outputs),
        count_in_bars=config.clock.count_in_bars if metronome else 0,
        clock_offset_s=config.clock.offset_ms / 1000,
        output_paths=tuple(OutputPath(o.transpose, o.latency_ms / 1000) for o in config.midi.all_outputs),
        heard=Heard(
            config.together.lowest_key,
            config.together.highest_key,
            frozenset(channel - 1 for channel in config.together.channels),
        ),
        punch_in_s=config.together.punch_in_s,
        longest=config.let_go.longest,
        rules=config.presence.rules(config.mood.moods),
        outputs=tuple(_output(section) for section in config.midi.all_outputs),
        input_port=config.midi.input,
    )


def player_settings(config: Config) -> PlayerSettings:
    """The player's part of the configuration."""
    return PlayerSettings(
        driver=config.midi.driver,
        file=config.midi.file,
        outputs=tuple(_output(section) for section in config.midi.all_outputs),
        input_port=config.midi.input,
        virtual_port_name=config.midi.name,
        wait_for_ports=config.midi.wait_for_ports,
        late_note_limit_s=config.timing.late_note_limit_ms / 1000,
        realtime=config.timing.realtime,
        log_notes_to=config.log.notes,
    )


def frontends_settings(
    config: Config, pid: int, path: Path | None = None, overrides: Iterable[str] = ()
) -> FrontendsSettings:
    """The part of the configuration that the page, OSC and ctl need. pid: by which `improv ctl` finds the daemon. path,
    overrides: where the configuration came from.
    """
    return FrontendsSettings(
        name=config.midi.name,
        web=config.web.enabled,
        host=config.web.host,
        port=config.web.port,
        names=config.web.names,
        address=config.web.address,
        proxies=config.web.proxies if config.web.address else (),
        token=config.web.token,
        osc=config.osc.enabled,
        osc_host=config.osc.host,
        osc_port=config.osc.port,
        osc_query_port=config.osc.query_port,
        osc_allow=config.osc.allow,
        osc_verbose=config.osc.verbose,
        mdns=config.web.mdns,
        ctl=config.ctl.enabled,
        visiting_pages=config.visitors.pages,
        visiting_osc=config.visitors.osc,
        curators=config.visitors.curators,
        takes_folder=str(config.takes.path) if config.takes.enabled else "",
        beginnings_folder=str(config.music.beginnings_path),
        pid=pid,
        data_folder=str(platformdirs.user_data_path(APP)),
        config_file=str(path) if path is not None and not is_shipped(path) else "",
        overrides=tuple(overrides),
    )


def calibration_settings(config: Config, number: int) -> PlayerSettings:
    """For measuring output `number` (from 1) alone: nothing is made up for yet."""
    output = config.midi.all_outputs[number - 1]
    return player_settings(config)._replace(
        file="",
        outputs=(OutputSettings(port=output.port, channel=output.channel - 1),),
        input_port=config.midi.input or output.port,
        late_note_limit_s=PlayerSettings().late_note_limit_s,
        log_notes_to="",
    )


def _output(section: OutputSection) -> OutputSettings:
    """One output in the player's units: seconds, channels from 0."""
    part, second_part = of_output(section.part, section.split)
    return OutputSettings(
        port=section.port,
        channel=section.channel - 1,
        transpose=section.transpose,
        velocity_curve=tuple(section.velocity_curve.items()),
        latency_s=section.latency_ms / 1000,
        velocity_delay_s=tuple((velocity, ms / 1000) for velocity, ms in section.velocity_delay_ms.items()),
        program=section.program,
        clock=section.clock,
        metronome=section.metronome - 1,
        part=part,
        second_part=second_part,
        second_channel=section.split_channel - 1 if section.split_channel else section.channel % 16,
    )


def beginnings(config: Config, *, beside: bool = True) -> FilesAndTakes:
    """Where music finds what it begins from. beside: False where nobody waits for it."""
    from improv.takes.beginning_sources import FilesAndTakes

    return FilesAndTakes(config.music.beginnings_path, config.takes.path, beside=beside)


def offline_settings(config: Config) -> OfflineSettings:
    """The configuration's parts that music without a player hangs on; a file has no hour, and nobody leaves it."""
    return OfflineSettings(
        improviser_settings(config),
        replace(engine_settings(config), rules=ALWAYS),
        config.controls.midi_map(config.mood.moods),
        config.model.provider,
    )


def render(
    model: Model,
    config: Config,
    seconds: float,
    seed: int,
    mood: Mood | None = None,
    commands: Sequence[tuple[float, Command]] = (),
    journey: Plan | None = None,
    primer: Primer | None = None,
) -> list[PlannedStep]:
    """Improvise `seconds` of music under a configuration (see improv.engine.offline.render).

    mood: to begin in; None: the configuration's. journey: to set out on at the beginning. primer:
    bars that the music goes on from.
    """
    controls = initial_controls(config, mood, journey)
    return offline.render(offline_settings(config), model, controls, seconds, seed, commands, primer)
