"""config.yaml: typed, checked as a whole, every fault told at once with its line and what is allowed.

Precedence: `-o section.key=value` over `BRAINMUSIC_SECTION__KEY` over config.yaml over the defaults below.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import platformdirs
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from improv.attributes import ATTRIBUTES
from improv.controls import CONTROL_ACTIONS, LONGEST_GLIDE_S, TEMPERATURE_RANGE, MidiMap
from improv.errors import ConfigError
from improv.mood import CORNERS, Mood

APP = "brainmusic"
ENVIRONMENT_PREFIX = "BRAINMUSIC_"
DEEPEST = 8
LONGEST_LATENCY_MS = 500


class Section(BaseModel):
    """A part of the configuration: immutable, no key beside those named."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TableError(ValueError):
    """Something is wrong inside a table. at: the keys from the table to the place."""

    def __init__(self, at: tuple[object, ...], text: str) -> None:
        super().__init__(text)
        self.at = tuple(str(key) for key in at)


class ModelSection(Section):
    path: str = ""
    provider: Literal["auto", "cpu", "cuda"] = "auto"


Corner = Literal["happy", "nervous", "sad", "calm"]

DEFAULT_TABLE: dict[str, dict[str, float]] = {
    "mode": {"happy": 0.9, "nervous": -0.85, "sad": -0.9, "calm": 0.9},
    "onset_density": {"happy": 5.5, "nervous": 7.0, "sad": 1.8, "calm": 2.4},
    "register": {"happy": 67, "nervous": 57, "sad": 57, "calm": 63},
    "loudness": {"happy": 68, "nervous": 74, "sad": 44, "calm": 42},
    "articulation": {"happy": 0.8, "nervous": 0.65, "sad": 1.0, "calm": 1.0},
    "dissonance": {"happy": 0.12, "nervous": 0.32, "sad": 0.18, "calm": 0.10},
    "pitch_spread": {"happy": 10, "nervous": 12, "sad": 9, "calm": 9},
    "tempo": {"happy": 132, "nervous": 144, "sad": 66, "calm": 76},
}

DEFAULT_CONTROLS: dict[int, str] = {
    20: "valence",
    21: "arousal",
    22: "mood",
    23: "intensity",
    24: "temperature",
    25: "onset_density",
    26: "register",
    27: "loudness",
    28: "tempo",
    29: "glide",
    85: "play_pause",
    86: "end",
    120: "all_notes_off",
    121: "reset",
    123: "all_notes_off",
}


def _point(value: object) -> object:
    """A mood's name, or a pair [valence, arousal]."""
    if isinstance(value, str):
        if value not in CORNERS:
            raise ValueError(f"must be one of {', '.join(CORNERS)} or a pair [valence, arousal] (got {value!r})")
        return value
    try:
        valence, arousal = (float(part) for part in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ValueError(f"must be one of {', '.join(CORNERS)} or a pair [valence, arousal] (got {value!r})") from None
    if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
        raise ValueError(f"valence and arousal must be -1..1 (got {valence:g}, {arousal:g})")
    return (valence, arousal)


class MoodSection(Section):
    start: Annotated[str | tuple[float, float], BeforeValidator(_point)] = "calm"
    glide_s: float = Field(0.0, ge=0, le=LONGEST_GLIDE_S)
    intensity: float = Field(0.6, ge=0, le=1)
    table: dict[str, dict[str, float]] = DEFAULT_TABLE

    @field_validator("table", mode="before")
    @classmethod
    def _with_defaults(cls, table: object) -> object:
        """What the file leaves out falls back to the default, attribute by attribute and corner by corner."""
        if not isinstance(table, dict):
            return table
        given = {
            name: {**DEFAULT_TABLE.get(name, {}), **row} if isinstance(row, dict) else row
            for name, row in table.items()
        }
        return {**DEFAULT_TABLE, **given}

    @field_validator("table")
    @classmethod
    def _in_range(cls, table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for name, corners in table.items():
            if name not in ATTRIBUTES:
                raise TableError((name,), f"unknown attribute{_did_you_mean(name, ATTRIBUTES)}")
            low, high = ATTRIBUTES[name].low, ATTRIBUTES[name].high
            for corner, value in corners.items():
                if corner not in CORNERS:
                    hint = _did_you_mean(corner, CORNERS)
                    raise ValueError(f"{name}: unknown corner {corner!r}{hint}; allowed: {', '.join(CORNERS)}")
                if not low <= value <= high:
                    unit = ATTRIBUTES[name].unit
                    raise TableError((name, corner), f"must be {low:g}..{high:g} {unit} (got {value:g})")
        return table

    @property
    def start_mood(self) -> Mood:
        """The point of `start`."""
        return CORNERS[self.start] if isinstance(self.start, str) else Mood(*self.start)


class MusicSection(Section):
    seed: int = Field(-1, ge=-1, le=2**31 - 1)
    beats_per_bar: float = Field(4, ge=1, le=16)
    temperature: float = Field(0.95, ge=TEMPERATURE_RANGE[0], le=TEMPERATURE_RANGE[1])
    top_p: float = Field(0.97, gt=0, le=1)
    strongest_guidance: float = Field(3.0, ge=1, le=10)
    key_pull: float = Field(0.8, ge=0, le=3)
    density_pull: float = Field(1.0, ge=0, le=3)
    longest_rest_beats: float = Field(2, ge=0.25, le=64)
    longest_note_beats: float = Field(6, ge=1, le=128)
    ending_bars: int = Field(4, ge=1, le=32)
    expression: float = Field(1.0, ge=0, le=2)

    @field_validator("beats_per_bar")
    @classmethod
    def _sixteenths(cls, beats: float) -> float:
        if beats * 4 != round(beats * 4):
            raise ValueError(f"must be a whole number of sixteenths, 0.25 of a quarter (got {beats:g})")
        return beats


def _null_is_a_name(value: object) -> object:
    """YAML reads the driver `null` as nothing."""
    return "null" if value is None else value


Row = TypeVar("Row", int, float)


def _velocities(table: dict[int, Row], low: float, high: float, unit: str) -> dict[int, Row]:
    """The table, ascending; every key a velocity, every value in low..high."""
    for velocity, value in table.items():
        if not 1 <= velocity <= 127:
            raise TableError((velocity,), f"a velocity must be 1..127 (got {velocity})")
        if not low <= value <= high:
            raise TableError((velocity,), f"must be {low:g}..{high:g}{unit} (got {value:g})")
    return dict(sorted(table.items()))


class OutputSection(Section):
    """One of several outputs."""

    port: str = ""
    channel: int = Field(1, ge=1, le=16)
    transpose: int = Field(0, ge=-60, le=60)
    velocity_curve: dict[int, int] = {}
    latency_ms: float = Field(0, ge=0, le=LONGEST_LATENCY_MS)
    program: int = Field(-1, ge=-1, le=127)
    velocity_delay_ms: dict[int, float] = {}

    @field_validator("velocity_curve")
    @classmethod
    def _curve(cls, table: dict[int, int]) -> dict[int, int]:
        return _velocities(table, 1, 127, "")

    @field_validator("velocity_delay_ms")
    @classmethod
    def _delays(cls, table: dict[int, float]) -> dict[int, float]:
        return _velocities(table, 0, LONGEST_LATENCY_MS, " ms")


class MidiSection(Section):
    driver: Annotated[Literal["auto", "rtmidi", "jack", "null"], BeforeValidator(_null_is_a_name)] = "auto"
    output: str = ""
    input: str = ""
    name: str = Field("BrainMusic", min_length=1, max_length=60)
    channel: int = Field(1, ge=1, le=16)
    program: int = Field(-1, ge=-1, le=127)
    outputs: tuple[OutputSection, ...] = Field((), strict=False, max_length=16)

    @field_validator("outputs")
    @classmethod
    def _alone(cls, outputs: tuple[OutputSection, ...], info: ValidationInfo) -> tuple[OutputSection, ...]:
        simple = {"output": "", "channel": 1, "program": -1}
        if outputs and (given := [key for key, default in simple.items() if info.data.get(key, default) != default]):
            keys = " and ".join(f"midi.{key}" for key in given)
            raise ValueError(f"each output has a port, channel and program of its own; leave {keys} out")
        return outputs

    @property
    def all_outputs(self) -> tuple[OutputSection, ...]:
        """The outputs, also where only the simple form is given."""
        return self.outputs or (OutputSection(port=self.output, channel=self.channel, program=self.program),)


class TimingSection(Section):
    look_ahead_ms: float = Field(250, ge=20, le=5000)
    late_note_limit_ms: float = Field(50, ge=5, le=1000)
    realtime: bool = True


class ControlsSection(Section):
    channel: Literal["all"] | int = "all"
    map: dict[int, str] = DEFAULT_CONTROLS
    programs: dict[int, Corner] = dict(enumerate(CORNERS))  # type: ignore[arg-type]

    @field_validator("channel", mode="before")
    @classmethod
    def _channel(cls, channel: object) -> object:
        if channel != "all" and not (type(channel) is int and 1 <= channel <= 16):
            raise ValueError(f"must be 1..16 or all (got {channel!r})")
        return channel

    @field_validator("map")
    @classmethod
    def _actions(cls, table: dict[int, str]) -> dict[int, str]:
        for control, action in table.items():
            if not 0 <= control <= 127:
                raise TableError((control,), f"a control number must be 0..127 (got {control})")
            if action not in CONTROL_ACTIONS:
                hint = _did_you_mean(action, CONTROL_ACTIONS)
                allowed = ", ".join(CONTROL_ACTIONS)
                raise TableError((control,), f"unknown action {action!r}{hint}; allowed: {allowed}")
        return table

    @field_validator("programs")
    @classmethod
    def _programs(cls, table: dict[int, str]) -> dict[int, str]:
        for program in table:
            if not 0 <= program <= 127:
                raise TableError((program,), f"a program must be 0..127 (got {program})")
        return table

    def midi_map(self) -> MidiMap:
        """The table as the controls use it."""
        return MidiMap(self.map, self.programs, 0 if self.channel == "all" else self.channel)


class RecorderSection(Section):
    enabled: bool = True
    folder: str = ""
    minutes: float = Field(30, ge=1, le=720)
    keep: int = Field(50, ge=1, le=100000)

    @property
    def path(self) -> Path:
        """Where takes are written."""
        return Path(self.folder).expanduser() if self.folder else platformdirs.user_data_path(APP) / "takes"


class LogSection(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    notes: str = ""


class Config(Section):
    """All settings, checked."""

    model: ModelSection = ModelSection()
    mood: MoodSection = MoodSection()
    music: MusicSection = MusicSection()
    midi: MidiSection = MidiSection()
    timing: TimingSection = TimingSection()
    controls: ControlsSection = ControlsSection()
    recorder: RecorderSection = RecorderSection()
    log: LogSection = LogSection()


# ------------------------------------------------------------------------------------------------------- reading


def find() -> Path | None:
    """The file that is used when none is named: ./config.yaml, then the one in the user's configuration folder."""
    candidates = (Path("config.yaml"), platformdirs.user_config_path(APP) / "config.yaml")
    return next((path for path in candidates if path.is_file()), None)


def load(path: Path | None, overrides: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> Config:
    """The effective configuration. ConfigError lists every fault of the file and of the overrides."""
    tree, lines, faults = _read(path) if path else ({}, {}, [])
    source = str(path) if path else "the defaults"
    environment = os.environ if environment is None else environment
    named = {
        name: f"{name.removeprefix(ENVIRONMENT_PREFIX).lower().replace('__', '.')}={value}"
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name
    }
    origins: dict[tuple[str, ...], str] = {}
    for origin, override in [*named.items(), *(("-o", override) for override in overrides)]:
        if fault := _put(tree, origins, origin, override):
            faults.append(fault)
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        faults += [_sentence(detail, source, lines, origins) for detail in error.errors()]
        raise ConfigError("\n".join(faults)) from None
    if faults:
        raise ConfigError("\n".join(faults))
    return config


Lines = dict[tuple[str, ...], int]


def _read(path: Path) -> tuple[dict[str, Any], Lines, list[str]]:
    """Values, the line of each key, and what is wrong with the text itself."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    if tree is None:
        return {}, {}, []
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}:1: must be sections with keys, like `midi:` (got {type(tree).__name__})")
    lines: Lines = {}
    faults: list[str] = []
    _mark(node, (), lines, faults, path)
    return {key: {} if value is None else value for key, value in tree.items()}, lines, faults


def _mark(node: Any, path: tuple[str, ...], lines: Lines, faults: list[str], file: Path) -> None:
    if isinstance(node, yaml.SequenceNode) and len(path) <= DEEPEST:
        for index, value in enumerate(node.value):
            lines[*path, str(index)] = value.start_mark.line + 1
            _mark(value, (*path, str(index)), lines, faults, file)
    if not isinstance(node, yaml.MappingNode) or len(path) > DEEPEST:  # an alias may hold itself
        return
    for key, value in node.value:
        place = (*path, str(key.value))
        if place in lines:
            faults.append(
                f"{file}:{key.start_mark.line + 1}: {'.'.join(place)}: stands twice, "
                f"first in line {lines[place]}; keep one"
            )
        lines[place] = key.start_mark.line + 1
        _mark(value, place, lines, faults, file)


def _put(tree: dict[Any, Any], origins: dict[tuple[str, ...], str], origin: str, override: str) -> str | None:
    """Put `section.key=value` into the tree; returns a sentence when it cannot be understood."""
    name, equals, text = override.partition("=")
    path = tuple(part.strip() for part in name.split("."))
    if not equals or len(path) < 2:
        return f"{origin} {override!r}: expected section.key=value, for example midi.channel=2"
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return f"{origin} {override!r}: the value is not valid YAML"
    branch = tree
    if path[:2] == ("controls", "map") and isinstance(section := tree.setdefault("controls", {}), dict):
        section.setdefault("map", dict(DEFAULT_CONTROLS))
    for part in path[:-1]:
        branch = branch.setdefault(int(part) if part.isdigit() else part, {})
        if not isinstance(branch, dict):
            return f"{origin} {override!r}: {part} is not a section"
    branch[int(path[-1]) if path[-1].isdigit() else path[-1]] = text.strip() if value is None else value
    origins[path] = origin
    return None


def _sentence(detail: ErrorDetails, source: str, lines: Lines, origins: dict[tuple[str, ...], str]) -> str:
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    path += getattr(detail.get("ctx", {}).get("error"), "at", ())
    known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in lines or path[:end] in origins), ())
    # An override may also have put a whole table where a value belongs.
    inside = next((origin for place, origin in origins.items() if place[: len(path)] == path), "")
    where = origins.get(known) or inside or (f"{source}:{lines[known]}" if known else source)
    return f"{where}: {'.'.join(path)}: {_problem(detail, path)}"


def _problem(detail: ErrorDetails, path: tuple[str, ...]) -> str:
    got = detail["input"]
    kind = detail["type"]
    if kind == "extra_forbidden":
        keys = _keys_at(path[:-1])
        return f"unknown key{_did_you_mean(path[-1], keys)}; allowed: {', '.join(keys)}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if allowed := _range_at(path):
        return f"must be {allowed} (got {got!r})"
    if kind == "literal_error":
        return f"must be one of {str(detail['ctx']['expected']).replace(chr(39), '')} (got {got!r})"
    wanted = {
        "bool": "true or false",
        "string": "a text",
        "int": "a whole number",
        "float": "a number",
        "dict": "a table of keys and values",
        "tuple": "a list of outputs, each with keys",
        "too": "a list of at most 16 outputs",
        "model": "a section with keys",
    }
    return f"must be {wanted.get(kind.split('_')[0], detail['msg'])} (got {got!r})"


def _model_at(path: tuple[str, ...]) -> type[BaseModel] | None:
    """The section that stands at a path, also inside a list: midi.outputs.0."""
    model: Any = Config
    for part in path:
        if part.isdigit():
            continue
        field = model.model_fields.get(part) if model else None
        found = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return model  # type: ignore[no-any-return]


def _keys_at(path: tuple[str, ...]) -> list[str]:
    model = _model_at(path)
    return list(model.model_fields) if model else []


def _range_at(path: tuple[str, ...]) -> str:
    """What a number may be, from the field's own bounds, or empty."""
    model = _model_at(path[:-1])
    field = model.model_fields.get(path[-1]) if model else None
    bounds = {
        name: getattr(part, name)
        for part in (field.metadata if field else ())
        for name in ("ge", "gt", "le")
        if getattr(part, name, None) is not None
    }
    if "le" not in bounds:
        return ""
    whole = "a whole number " if field and field.annotation is int else ""
    low = f"more than {bounds['gt']:g}, at most " if "gt" in bounds else f"{bounds['ge']:g}.."
    return f"{whole}{low}{bounds['le']:.10g}"


def _did_you_mean(word: str, words: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(words), 1, 0.6)
    return f", did you mean {close[0]!r}?" if close else ""


def dump(config: Config) -> str:
    """The effective values as YAML, in the order of config.yaml."""
    values = config.model_dump()
    values["midi"]["outputs"] = list(values["midi"]["outputs"])  # YAML has no tuples
    if not isinstance(config.mood.start, str):
        values["mood"]["start"] = list(config.mood.start)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None)
