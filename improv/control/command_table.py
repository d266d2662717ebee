"""THE table of commands. Every frontend is derived from it: MIDI, OSC, the page, `improv ctl`, docs/protocol.md.

A row says what a command is called, what it takes and what a MIDI value means to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from improv.control import commands
from improv.control.beginning_rows import BEGINNING_ROWS
from improv.control.command_row import PRESSED, Argument, MidiAction, Row, button
from improv.control.commands import LONGEST_GLIDE_S, TEMPERATURE_RANGE, Command
from improv.control.journey import LONGEST_S
from improv.control.scene_rows import SCENE_ROWS
from improv.control.session_rows import SESSION_ROWS
from improv.errors import CommandError
from improv.music.attributes import ATTRIBUTES
from improv.music.chord import KEY_NAMES, chord_named, key_named
from improv.music.lead_sheet import FARTHEST_REACH, LONGEST_PHRASE, checked_loop
from improv.music.limits import LIMITED, problem
from improv.music.mood import CORNERS
from improv.music.parts import PARTS, SPLITS, UNSPLIT, WHOLE

FREE_REACH = -1
"""As a number: as far as the mood will."""


# ------------------------------------------------------------------------------------------------------ MIDI values


def _centred(value: float) -> float:
    """0..127 -> -1..1 with 64 exactly in the middle, as knobs with a detent send it."""
    return max(-1.0, (value - 64) / 63)


def _always(value: int) -> dict[str, object]:
    return {}


def _mood_of(value: int) -> dict[str, object]:
    return {"name": tuple(CORNERS)[min(value // 32, 3)]}


def _attribute_knob(name: str) -> MidiAction:
    attribute = ATTRIBUTES[name]
    shape = ", logarithmic" if attribute.scale == "log" else ""

    def arguments(value: float) -> dict[str, object]:
        position = attribute.denormalise(2 * value / 127 - 1)
        return {"name": name, "value": min(max(position, attribute.low), attribute.high)}  # a power rounds

    return MidiAction(f"{attribute.low:g}..{attribute.high:g} {attribute.unit}{shape}", arguments, fine=True)


def _mode_pedal(name: str) -> MidiAction:
    """A switch or a pedal that takes a mode while it is on."""
    return MidiAction(
        f"0..{PRESSED - 1} solo, {PRESSED}..127 {name}",
        lambda value: {"name": name if value >= PRESSED else commands.SOLO},
    )


def _split_pedal(name: str) -> MidiAction:
    return MidiAction(
        f"0..{PRESSED - 1} off, {PRESSED}..127 {name} apart",
        lambda value: {"split": name if value >= PRESSED else UNSPLIT},
    )


def _loop_pedal(value: int) -> dict[str, object]:
    return {"bars": "4" if value >= PRESSED else "off"}


def _follow_knob(name: str) -> MidiAction:
    return MidiAction("0..1", lambda value: {"name": name, "value": value / 127}, fine=True)


def _chords_off(value: int) -> dict[str, object] | None:
    return {"loop": None} if value >= PRESSED else None


def _key_knob(value: int) -> dict[str, object]:
    place = value * (len(KEY_NAMES) + 1) // 128
    return {"name": KEY_NAMES[place - 1] if place else None}


def _alarm(name: str) -> Mapping[str, MidiAction]:
    return {name: MidiAction("any", _always)}


# ------------------------------------------------------------------------------------------------------- the table

_GLIDE = Argument(
    "glide_s", "number", "how long the change takes; left out: as glide says", 0, LONGEST_GLIDE_S, "s", optional=True
)


def _port(text: str) -> str:
    """Part of a port's name."""
    name = text.strip()
    if len(name) <= commands.LONGEST_PORT_NAME and name.isprintable():
        return name
    raise ValueError(f"a port's name has at most {commands.LONGEST_PORT_NAME} printable signs (got {name[:60]!r})")


_WHICH_OUTPUT = Argument(
    "number", "whole", "which of several outputs; left out: the first", 1, commands.MOST_OUTPUTS, optional=True
)
_PORT = Argument(
    "port",
    "text",
    "part of the port's name; null, empty or own: a port of our own",
    nullable=True,
    free=("own",),
    read=_port,
)


def _limit(name: str, low: float | None, high: float | None) -> Command:
    kind = LIMITED[name]
    text = problem(name, kind.low if low is None else low, kind.high if high is None else high)
    if text:
        raise CommandError(f"limit: {name} {text}")
    return commands.SetLimit(name, low, high)


_ROWS: tuple[Row, ...] = (
    Row(
        "mood",
        "Go to a mood by its name.",
        commands.SetMood,
        (Argument("name", "choice", "the mood", choices_of="moods"), _GLIDE),
        {"mood": MidiAction("quarters of the range: happy, nervous, sad, calm", _mood_of)},
    ),
    Row(
        "point",
        "Go to a point of the mood plane.",
        commands.SetMood,
        (
            Argument("valence", "number", "unpleasant .. pleasant", -1, 1),
            Argument("arousal", "number", "still .. excited", -1, 1),
            _GLIDE,
        ),
    ),
    Row(
        "valence",
        "Go to a valence; the arousal stays.",
        lambda value: commands.SetMood(valence=value),
        (Argument("value", "number", "unpleasant .. pleasant", -1, 1),),
        {"valence": MidiAction("-1..1, 64 is 0", lambda value: {"value": _centred(value)}, fine=True)},
    ),
    Row(
        "arousal",
        "Go to an arousal; the valence stays.",
        lambda value: commands.SetMood(arousal=value),
        (Argument("value", "number", "still .. excited", -1, 1),),
        {"arousal": MidiAction("-1..1, 64 is 0", lambda value: {"value": _centred(value)}, fine=True)},
    ),
    Row(
        "intensity",
        "How strongly the mood shapes the notes: 0.5 as the model learned it, 1 exaggerated.",
        commands.SetIntensity,
        (Argument("value", "number", "the strength", 0, 1),),
        {"intensity": MidiAction("0..1", lambda value: {"value": value / 127}, fine=True)},
    ),
    Row(
        "temperature",
        "How surprising the choice of notes is.",
        commands.SetTemperature,
        (Argument("value", "number", "1 is as learned", *TEMPERATURE_RANGE),),
        {
            "temperature": MidiAction(
                "{:g}..{:g}".format(*TEMPERATURE_RANGE),
                lambda value: {
                    "value": TEMPERATURE_RANGE[0] + value / 127 * (TEMPERATURE_RANGE[1] - TEMPERATURE_RANGE[0])
                },
                fine=True,
            )
        },
    ),
    Row(
        "attribute",
        "Set one attribute in its own unit, whatever the mood says; null gives it back to the mood.",
        commands.SetAttribute,
        (
            Argument("name", "choice", "the attribute", choices=tuple(ATTRIBUTES)),
            Argument(
                "value",
                "number",
                "in the attribute's unit; null: as the mood says",
                nullable=True,
                ranges={name: (attribute.low, attribute.high) for name, attribute in ATTRIBUTES.items()},
            ),
        ),
        {name: _attribute_knob(name) for name in ATTRIBUTES},
    ),
    Row(
        "glide",
        "How long changes of mood take from now on.",
        commands.SetGlide,
        (Argument("seconds", "number", "0: from the next note on", 0, LONGEST_GLIDE_S, "s"),),
        # fine for short glides, where it matters
        {
            "glide": MidiAction(
                f"0..{LONGEST_GLIDE_S:g} s, cubic",
                lambda value: {"seconds": LONGEST_GLIDE_S * (value / 127) ** 3},
                fine=True,
            )
        },
    ),
    Row(
        "tempo",
        "Set the tempo, whatever the mood says (the attribute tempo); null gives it back to the mood.",
        lambda bpm: commands.SetAttribute("tempo", bpm),
        (
            Argument(
                "bpm",
                "number",
                "quarter notes per minute; null: as the mood says",
                ATTRIBUTES["tempo"].low,
                ATTRIBUTES["tempo"].high,
                "bpm",
                nullable=True,
            ),
        ),
    ),
    Row("tap", "Tap the tempo: one tap a beat, at least three.", commands.Tap, (), button("tap")),
    Row(
        "clock",
        "Whose tempo and bars are followed: our own, or those of the program that sends MIDI clock.",
        commands.SetClockSource,
        (Argument("source", "choice", "internal, or midi: the master's", choices=commands.CLOCK_SOURCES),),
    ),
    Row(
        "output",
        "Play to another MIDI port from now on; what sounds is ended on the one before.",
        lambda port, number: commands.SetOutput(port or "", number or 1),
        (
            _PORT,
            _WHICH_OUTPUT,
        ),
    ),
    Row(
        "parts",
        "Send hands or voices ways of their own: to a second channel, or to several outputs, a part to each.",
        lambda split, channel, part, number: commands.SetParts(split, part or WHOLE, channel or 0, number or 1),
        (
            Argument(
                "split",
                "choice",
                "hands: the left hand to the second channel; melody: all but the melody; off: nothing",
                choices=(UNSPLIT, *SPLITS),
            ),
            Argument("channel", "whole", "the second channel; left out: as midi.split_channel", 1, 16, optional=True),
            Argument("part", "choice", "all that this output plays; left out: all", choices=PARTS, optional=True),
            _WHICH_OUTPUT,
        ),
        {f"split_{name}": _split_pedal(name) for name in SPLITS},
    ),
    Row(
        "input",
        "Listen to another MIDI port from now on.",
        lambda port: commands.SetInput(port or ""),
        (_PORT,),
    ),
    Row("play", "Play, after a pause or an ending.", commands.Play, (), button("play")),
    Row("pause", "Stop at once; play goes on from the same place.", commands.Pause, (), button("pause")),
    Row("play_pause", "Pause if it plays, play if it rests.", commands.PlayPause, (), button("play_pause")),
    Row("end", "Bring the piece to a close on a cadence, then rest.", commands.End, (), button("end")),
    Row("stop", "End with the bar, without a cadence, then rest.", commands.Stop, (), button("stop")),
    Row(
        "mode",
        "How you play together. " + " ".join(f"{name}: {text}." for name, text in commands.MODE_MEANINGS.items()),
        commands.SetMode,
        (Argument("name", "choice", "the mode", choices=commands.MODES),),
        {
            "together": MidiAction(
                "eighths of the range: " + ", ".join(commands.MODES),
                lambda value: {"name": commands.MODES[value * len(commands.MODES) // 128]},
            ),
            **{name: _mode_pedal(name) for name in commands.MODES if name != commands.SOLO},
        },
    ),
    Row(
        "follow",
        "How far BrainMusic follows what you play.",
        commands.SetFollow,
        (
            Argument(
                "name",
                "choice",
                "; ".join(f"{name}: {text}" for name, text in commands.FOLLOWED.items()),
                choices=tuple(commands.FOLLOWED),
            ),
            Argument("value", "number", "not at all .. as a mirror", 0, 1),
        ),
        {f"follow_{name}": _follow_knob(name) for name in commands.FOLLOWED},
    ),
    Row(
        "place",
        "Where BrainMusic plays beside your hands; auto: where there is most room.",
        commands.SetPlace,
        (Argument("name", "choice", "the place", choices=commands.PLACES),),
    ),
    Row(
        "loop",
        "Repeat the last bars, from the next bar line on.",
        commands.SetLoop,
        (Argument("bars", "choice", "how many", choices=commands.LOOPS),),
        {"loop": MidiAction(f"0..{PRESSED - 1} off, {PRESSED}..127 the last four bars", _loop_pedal)},
    ),
    Row(
        "loop_variation",
        "How much a loop is varied: 0 not at all, 1 almost beyond recognition.",
        commands.SetLoopVariation,
        (Argument("value", "number", "as it was .. free", 0, 1),),
        {"loop_variation": MidiAction("0..1", lambda value: {"value": value / 127}, fine=True)},
    ),
    Row(
        "hand_over",
        "Your phrase is over: BrainMusic's turn, without waiting for a rest.",
        commands.HandOver,
        (),
        button("hand_over"),
    ),
    *BEGINNING_ROWS,
    Row(
        "all_notes_off", "Silence every note now; the music goes on.", commands.AllNotesOff, (), _alarm("all_notes_off")
    ),
    Row("panic", "Silence every note now, and pause.", commands.Panic, (), _alarm("panic")),
    Row(
        "limit",
        "Keep loudness, tempo, register or density within a lowest and a highest value, whatever else is asked.",
        _limit,
        (
            Argument("name", "choice", "what is limited", choices=tuple(LIMITED)),
            Argument("low", "number", "the lowest value; null: none", optional=True, nullable=True),
            Argument("high", "number", "the highest value; null: none", optional=True, nullable=True),
        ),
    ),
    *SESSION_ROWS,
    Row(
        "journey_start",
        "Start a journey: a named one, or the one that was prepared or begun before.",
        lambda name: commands.StartJourney(name),
        (Argument("name", "choice", "the journey", choices_of="journeys", optional=True),),
        button("journey_start"),
    ),
    Row(
        "journey_hold",
        "Hold the journey at this place.",
        commands.HoldJourney,
        (),
        button("journey_hold"),
    ),
    Row(
        "journey_resume",
        "Go on with a journey that is held.",
        commands.ResumeJourney,
        (),
        button("journey_resume"),
    ),
    Row(
        "journey_abort",
        "End the journey; the mood stays as it is.",
        commands.AbortJourney,
        (),
        button("journey_abort"),
    ),
    Row(
        "journey_jump",
        "Jump to another place of the journey.",
        commands.JumpJourney,
        (
            Argument("seconds", "number", "from the journey's beginning", 0, LONGEST_S, "s", optional=True),
            Argument("share", "number", "of the journey's length", 0, 1, optional=True),
        ),
        {"journey_jump": MidiAction("0..1 of the journey's length", lambda value: {"share": value / 127}, fine=True)},
    ),
    Row(
        "key",
        "The key of the music, from the next chord on; the plan confirms it with a cadence.",
        lambda name: commands.SetKey(name),
        (
            Argument(
                "name",
                "text",
                "such as D minor; null or auto: as mood and plan will",
                choices=KEY_NAMES,
                nullable=True,
                free=("auto",),
                read=key_named,
            ),
        ),
        {"key": MidiAction("twenty-fifths of the range: auto, C major .. B major, C minor .. B minor", _key_knob)},
    ),
    Row(
        "chords",
        "Repeat a chord progression, a bar for each chord; a point continues the chord before, | separates bars.",
        lambda loop: commands.SetChords(loop or ""),
        (
            Argument(
                "loop",
                "text",
                "such as Am F C G, or Am F | C G; null or off: the plan makes its own",
                nullable=True,
                free=("off",),
                read=checked_loop,
            ),
        ),
        {"chords_off": MidiAction(f"{PRESSED}..127: the plan makes its own", _chords_off)},
    ),
    Row(
        "chord",
        "Stay on a chord until another is named or played.",
        lambda name: commands.SetChord(name),
        (
            Argument(
                "name",
                "text",
                "such as Am7 or C/E; null or off: the plan makes its own",
                nullable=True,
                free=("off",),
                read=chord_named,
            ),
        ),
    ),
    Row(
        "phrase_bars",
        "How long phrases are, from the next one on.",
        lambda bars: commands.SetPhraseBars(bars or None),
        (
            Argument(
                "bars",
                "whole",
                "0, null or auto: as people's are",
                0,
                LONGEST_PHRASE,
                "bars",
                nullable=True,
                free=("auto",),
            ),
        ),
        {"phrase_bars": MidiAction("0: auto, then 1..16 bars", lambda value: {"bars": (value + 7) // 8})},
    ),
    Row(
        "reach",
        "How far from the home key the music may modulate.",
        lambda fifths: commands.SetReach(None if fifths == FREE_REACH else fifths),
        (
            Argument(
                "fifths",
                "whole",
                "-1, null or auto: as the mood will; 0: stay in the key",
                FREE_REACH,
                FARTHEST_REACH,
                "fifths",
                nullable=True,
                free=("auto",),
            ),
        ),
        {"reach": MidiAction("eighths of the range: auto, 0..6 fifths", lambda value: {"fifths": value // 16 - 1})},
    ),
    Row(
        "form",
        "Whether sections come back and pieces end, or phrase follows phrase.",
        lambda state: commands.SetForm(state == "on"),
        (Argument("state", "choice", "on or off", choices=("on", "off")),),
        {
            "form": MidiAction(
                f"0..{PRESSED - 1} off, {PRESSED}..127 on",
                lambda value: {"state": "on" if value >= PRESSED else "off"},
            )
        },
    ),
    Row(
        "model",
        "Change the model, from the next bar line on.",
        commands.SetModel,
        (Argument("name", "choice", "the model", choices_of="models"),),
    ),
    *SCENE_ROWS,
    Row("reset", "Return mood and all settings to those of the configuration.", commands.Reset, (), _alarm("reset")),
)

COMMANDS: dict[str, Row] = {row.name: row for row in _ROWS}
"""Name -> row, in the order in which frontends show them."""


def table_as_json() -> list[dict[str, Any]]:
    """The whole table, for frontends that build themselves from it."""
    return [row.as_json() for row in COMMANDS.values()]
