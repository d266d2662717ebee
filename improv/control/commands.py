"""What a person commands: one frozen record each. `command_table` lists them, `state.apply` says what they do; what
speaks of scenes and of commands before is carried out by the engine's scenes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from improv.control.journey import Plan
from improv.music.chord import Chord
from improv.music.parts import WHOLE

LONGEST_GLIDE_S = 600.0
TEMPERATURE_RANGE = (0.5, 1.5)
INTERNAL, _ = CLOCK_SOURCES = ("internal", "midi")
SOLO, DUET, ANSWER, IMITATE, ACCOMPANY, LEAD, CONTINUE, PLAY_FOR_ME = MODES = (
    "solo",
    "duet",
    "answer",
    "imitate",
    "accompany",
    "lead",
    "continue",
    "play_for_me",
)
MODE_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        SOLO: "what you play is not heard",
        DUET: "you and BrainMusic play at once",
        ANSWER: "it listens, and answers when you stop",
        IMITATE: "it gives back what you played",
        ACCOMPANY: "you have the melody, it plays bass and chords below",
        LEAD: "it has the melody, you accompany",
        CONTINUE: "it goes on in the same vein when you stop",
        PLAY_FOR_ME: "any key, any time: you give the rhythm, it gives the notes",
    }
)
WAITING_MODES = (ANSWER, IMITATE, ACCOMPANY, PLAY_FOR_ME)
"""In which there is no music of ours while nobody plays."""
FOLLOWED: Mapping[str, str] = MappingProxyType(
    {
        "tempo": "tempo and bar line",
        "key": "key and chord",
        "loudness": "loudness",
        "density": "fewer notes while they play many, more while they rest",
        "register": "stay out of their hands",
        "mood": "mood",
    }
)
"""What of the person can be followed, and what it means; 0 ignores it, 1 mirrors it."""
FOLLOWING: Mapping[str, float] = MappingProxyType(
    {"tempo": 1.0, "key": 0.8, "loudness": 0.8, "density": 0.8, "register": 1.0, "mood": 0.0}
)
LOOPS = ("off", "1", "2", "4", "8")
"""How many of the last bars are looped."""
LANDINGS = ("now", "beat", "bar")
"""When a scene that is recalled begins: at once, or on the next beat or bar line."""
MOST_OUTPUTS = 16
LONGEST_PORT_NAME = 200
PLACES = ("auto", "above", "below", "around")
"""Where we play beside the person's hands; auto: where there is most room."""


PLAYED, TAKE, FILE = BEGINNINGS = ("played", "take", "file")
"""What music can begin from: what was just played, a take, a MIDI file."""


class SetMood(NamedTuple):
    """Go to a mood; a coordinate that is None stays. glide_s: how long it takes, None: as SetGlide said."""

    valence: float | None = None
    arousal: float | None = None
    glide_s: float | None = None


class SetIntensity(NamedTuple):
    """How much the commands weigh, 0..1; 0.5 as the model learned them."""

    value: float


class SetTemperature(NamedTuple):
    """How daring the choice of notes is, 0.5..1.5."""

    value: float


class SetAttribute(NamedTuple):
    """Command one attribute in its own unit, whatever the mood says; None gives it back to the mood."""

    name: str
    value: float | None


class SetGlide(NamedTuple):
    """How long the next mood changes take, seconds (0: at once)."""

    seconds: float


class Play(NamedTuple):
    """Play, after a pause or an ending."""


class Pause(NamedTuple):
    """Stop sounding, keep the place."""


class PlayPause(NamedTuple):
    """Pause if it plays, play if it rests."""


class End(NamedTuple):
    """Bring the piece to a close on a cadence, then rest."""


class Stop(NamedTuple):
    """End with the bar, without a cadence, then rest."""


class AllNotesOff(NamedTuple):
    """End every note that sounds, now; the music goes on."""


class Panic(NamedTuple):
    """End every note that sounds, now, and pause."""


class SetModel(NamedTuple):
    """Let another model play, from the next bar line on; a name or path as model.path takes it."""

    name: str


class SetLimit(NamedTuple):
    """Hold one of limits.LIMITED between floor and ceiling, whatever else commands; None: free on that side."""

    name: str
    low: float | None = None
    high: float | None = None


class SetSession(NamedTuple):
    """Whose session begins: a person's id; empty: the session under way ends."""

    person: str


class SetPresence(NamedTuple):
    """Whether somebody is there: one of presence.PRESENT."""

    present: str


class SetLock(NamedTuple):
    """What visitors may not turn from now on: one of locks.LOCKS."""

    what: str


class KeepHours(NamedTuple):
    """What the hour asks for. loudness, arousal: the most that quiet hours allow; None: it is none of them."""

    closed: bool
    loudness: float | None = None
    arousal: float | None = None


class SetIdle(NamedTuple):
    """on: nobody is there; then to a mood and a mode, None and empty: as before. Not on: back to what was before."""

    on: bool
    valence: float | None = None
    arousal: float | None = None
    mode: str = ""


class StartJourney(NamedTuple):
    """Set out on a journey; None: on the one that is prepared."""

    plan: Plan | None = None


class HoldJourney(NamedTuple):
    """Hold the journey at this place."""


class ResumeJourney(NamedTuple):
    """Go on with a journey that is held."""


class AbortJourney(NamedTuple):
    """End the journey; the mood stays as it is."""


class JumpJourney(NamedTuple):
    """Go on from another place: second of the journey, or share of its length, 0..1."""

    seconds: float | None = None
    share: float | None = None


class Tap(NamedTuple):
    """One beat of a tempo that is tapped; the engine knows when the others came."""


class SetClockSource(NamedTuple):
    """Whose tempo is followed: CLOCK_SOURCES."""

    source: str


class SetOutput(NamedTuple):
    """Play to this port from now on: part of its name, empty for a port of our own. number: of the output, from 1."""

    port: str
    number: int = 1


class SetParts(NamedTuple):
    """What an output plays. split: UNSPLIT, or one of SPLITS, whose second part goes to a channel of its own.

    part: one of PARTS, the only one that it plays, or WHOLE. channel: of the second part, 1..16; 0: as the
    configuration has it. number: of the output, from 1.
    """

    split: str
    part: str = WHOLE
    channel: int = 0
    number: int = 1


class SetInput(NamedTuple):
    """Listen to this port from now on: part of its name, empty for a port of our own."""

    port: str


class SetMode(NamedTuple):
    """How we play together: one of MODES."""

    name: str


class SetFollow(NamedTuple):
    """How far we follow the person in one of FOLLOWED: 0 not at all .. 1 as a mirror."""

    name: str
    value: float


class SetPlace(NamedTuple):
    """Where we play beside their hands: one of PLACES."""

    name: str


class SetLoop(NamedTuple):
    """The last bars come again and again: one of LOOPS, in bars."""

    bars: str


class SetLoopVariation(NamedTuple):
    """How freely a loop comes again: 0 as it was .. 1 hardly to be known."""

    value: float


class HandOver(NamedTuple):
    """The person's phrase is over: it is our turn, without waiting for a rest."""


class BeginFrom(NamedTuple):
    """A new piece goes on from bars that were played: `source` is one of BEGINNINGS. name: of the take or the file.
    bars: how many, None: a phrase. from_bar: the first of them, from 1; None: the first of a file, the last of a take.
    """

    source: str
    name: str = ""
    bars: int | None = None
    from_bar: int | None = None


class SetKey(NamedTuple):
    """The music is in this key, 0..23, from the next chord on; None: as mood and plan will."""

    key: int | None


class SetChords(NamedTuple):
    """These chords go round from now on, as `lead_sheet.parse_loop` reads them; empty: the plan makes its own."""

    loop: str


class SetChord(NamedTuple):
    """This chord holds from now on; None: the plan makes its own."""

    chord: Chord | None


class SetPhraseBars(NamedTuple):
    """How long the next phrases are, in bars; None: as people's are."""

    bars: int | None


class SetReach(NamedTuple):
    """How many fifths from home the music may modulate, 0..6; None: as the mood will."""

    fifths: int | None


class SetForm(NamedTuple):
    """Whether sections come back and pieces end."""

    on: bool


class Reset(NamedTuple):
    """Mood back to where it began, every override given back."""


class KeepScene(NamedTuple):
    """What is commanded now becomes the scene of this name; one that there was is replaced."""

    name: str


class RecallScene(NamedTuple):
    """A scene is commanded. at: one of LANDINGS. glide_s: how long mood and numbers take. None: as SetLanding said."""

    name: str
    at: str | None = None
    glide_s: float | None = None


class RecallPlace(NamedTuple):
    """The scene at a place of the set list, from 1, is commanded."""

    place: int


class StepScene(NamedTuple):
    """The scene after (1) or before (-1) the present place of the set list is commanded."""

    by: int


class RenameScene(NamedTuple):
    """A scene gets another name, in the set list as well."""

    name: str
    to: str


class DeleteScene(NamedTuple):
    """A scene is forgotten, in the set list as well."""

    name: str


class SetSetList(NamedTuple):
    """The scenes of the set list in their order; one may come more than once."""

    names: tuple[str, ...]


class SetLanding(NamedTuple):
    """How scenes are recalled where nobody says otherwise: one of LANDINGS; glide_s None: as SetGlide said."""

    at: str
    glide_s: float | None = None


class Undo(NamedTuple):
    """Undo the last command."""


class Redo(NamedTuple):
    """Redo the command that was undone."""


SceneCommand = (
    KeepScene
    | RecallScene
    | RecallPlace
    | StepScene
    | RenameScene
    | DeleteScene
    | SetSetList
    | SetLanding
    | Undo
    | Redo
)
"""What concerns the scenes and what was commanded before; the engine carries these out, `state.apply` knows none."""


StateCommand = (
    SetMood
    | SetIntensity
    | SetTemperature
    | SetAttribute
    | SetGlide
    | Play
    | Pause
    | PlayPause
    | End
    | Stop
    | AllNotesOff
    | Panic
    | Tap
    | SetClockSource
    | SetModel
    | SetOutput
    | SetParts
    | SetInput
    | SetMode
    | SetFollow
    | SetPlace
    | SetLoop
    | SetLoopVariation
    | HandOver
    | BeginFrom
    | SetKey
    | SetChords
    | SetChord
    | SetPhraseBars
    | SetReach
    | SetForm
    | Reset
    | SetLimit
    | SetSession
    | SetPresence
    | SetLock
    | KeepHours
    | SetIdle
    | StartJourney
    | HoldJourney
    | ResumeJourney
    | AbortJourney
    | JumpJourney
)
"""What `state.apply` carries out."""


Command = StateCommand | SceneCommand
