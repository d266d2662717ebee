"""The configuration as one value: every section with its place."""

from __future__ import annotations

from pydantic import model_validator

from improv.config.sections.controls import ControlsSection
from improv.config.sections.frontends import CtlSection, OscSection, WebSection
from improv.config.sections.let_go import LetGoSection
from improv.config.sections.limits import DEFAULT_LIMITS, JourneySection, LimitsTable
from improv.config.sections.midi import ClockSection, MidiSection, TimingSection
from improv.config.sections.mood import MoodSection, known_mood
from improv.config.sections.music import ModelSection, MusicSection
from improv.config.sections.presence import PresenceSection
from improv.config.sections.section import Section, TableError, did_you_mean
from improv.config.sections.takes import LogSection, ScenesSection, TakesSection
from improv.config.sections.together import TogetherSection
from improv.config.sections.visitors import VisitorsSection
from improv.control.midi_map import PROGRAM_ACTIONS, SCENE


class Config(Section):
    """All settings, checked."""

    model: ModelSection = ModelSection()
    mood: MoodSection = MoodSection()
    limits: LimitsTable = DEFAULT_LIMITS
    journey: JourneySection = JourneySection()
    let_go: LetGoSection = LetGoSection()
    presence: PresenceSection = PresenceSection()
    music: MusicSection = MusicSection()
    together: TogetherSection = TogetherSection()
    midi: MidiSection = MidiSection()
    timing: TimingSection = TimingSection()
    clock: ClockSection = ClockSection()
    controls: ControlsSection = ControlsSection()
    web: WebSection = WebSection()
    osc: OscSection = OscSection()
    ctl: CtlSection = CtlSection()
    visitors: VisitorsSection = VisitorsSection()
    takes: TakesSection = TakesSection()
    scenes: ScenesSection = ScenesSection()
    log: LogSection = LogSection()

    @model_validator(mode="after")
    def _idle_mood_is_known(self) -> Config:
        if self.presence.idle_mood != "":
            try:
                known_mood(self.presence.idle_mood, self.mood.moods)
            except ValueError as error:
                raise TableError(("presence", "idle_mood"), str(error)) from None
        return self

    @model_validator(mode="after")
    def _programs_are_known(self) -> Config:
        known = (*self.mood.moods, *PROGRAM_ACTIONS)
        for program, name in self.controls.programs.items():
            if name not in known and not name.startswith(SCENE):
                allowed = f"{', '.join(self.mood.moods)}; `scene` and a scene's name; or {', '.join(PROGRAM_ACTIONS)}"
                raise TableError(
                    ("controls", "programs", program),
                    f"unknown mood or action {name!r}{did_you_mean(name, known)}; allowed: {allowed}",
                )
        return self
