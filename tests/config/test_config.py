"""config.yaml: what it says is what is in force, and what is wrong is said all at once."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path

import mido
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from improv import config
from improv.config import Config, adapters, find
from improv.control.commands import SetMood
from improv.control.state import ControlState
from improv.errors import ConfigError
from improv.improviser.settings import Settings
from improv.listening.keyboard import Heard
from improv.model.onnx_model import shipped_models
from improv.music.mood import CORNERS, Mood
from tests.conftest import REPOSITORY

SHIPPED = REPOSITORY / "config.yaml"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return write


def faults(path: Path | None, *overrides: str, **environment: str) -> list[str]:
    """The lines of the error that loading ends in."""
    with pytest.raises(ConfigError) as caught:
        config.load(path, overrides, environment)
    return str(caught.value).splitlines()


def test_the_shipped_file_says_the_defaults() -> None:
    assert config.load(SHIPPED, (), {}) == Config()
    assert config.load(None, (), {}) == Config()


def test_what_is_commanded_by_nobody_is_what_the_configuration_says() -> None:
    """A default of the state would be a second place for it; those that it has are the same, the model's name apart."""
    begun = adapters.initial_controls(Config())
    state = ControlState(
        glide=begun.glide, glide_s=begun.glide_s, intensity=begun.intensity, temperature=begun.temperature
    )
    assert replace(begun, model=state.model) == state


def test_strengths_have_their_defaults_in_the_configuration_alone() -> None:
    with_default = {field.name for field in fields(Settings) if field.default is not MISSING}
    assert with_default == {"metres_vary", "planned_pulls", "pedal"}  # which takes from before do not tell


def test_the_shipped_file_names_every_shipped_model() -> None:
    model = SHIPPED.read_text().split("\nmodel:\n")[1].split("\n\n")[0]
    for path in shipped_models().glob("*.onnx"):
        assert re.search(rf"\b{path.stem}\b", model), path


def keys() -> list[str]:
    return [
        f"{section}.{key}"
        for section, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for key in field.annotation.model_fields
    ]


@pytest.mark.parametrize("name", keys())
def test_every_key_stands_in_the_shipped_file_and_is_explained(name: str) -> None:
    section, key = name.split(".")
    block = SHIPPED.read_text().split(f"\n{section}:\n")[1].split("\n\n")[0].splitlines()
    line = next(line for line in block if line.startswith(f"  {key}:"))
    assert "#" in line or name == "controls.map" or "#" in block[block.index(line) + 1]


def test_all_faults_at_once_each_with_its_place_and_what_is_allowed(write: Write) -> None:
    path = write(
        "mood:\n"
        "  intensity: 2\n"  # 2
        "  strat: sad\n"  # 3
        "midi:\n"
        "  channel: zero\n"  # 5
        "  driver: oss\n"  # 6
        "tming: {}\n"  # 7
        "controls:\n"
        "  map:\n"
        "    30: vlence\n"  # 10
        "takes:\n"
        "  enabled: perhaps\n"  # 12
        "  minutes: .nan\n"  # 13
        "music: [1]\n"  # 14
    )
    found = {fault.split(": ")[0].removeprefix(str(path)): fault for fault in faults(path)}
    assert "mood.intensity: must be 0..1 (got 2)" in found[":2"]
    assert "mood.strat: unknown key, did you mean 'start'?; allowed: start, glide_s" in found[":3"]
    assert "midi.channel: must be a whole number 1..16 (got 'zero')" in found[":5"]
    assert "midi.driver: must be one of auto, rtmidi, jack, alsa, file or null (got 'oss')" in found[":6"]
    assert "unknown key, did you mean 'timing'?" in found[":7"]
    assert "unknown action 'vlence', did you mean 'valence'?" in found[":10"]
    assert "takes.enabled: must be true or false (got 'perhaps')" in found[":12"]
    assert "takes.minutes: must be 1..720 (got nan)" in found[":13"]
    assert "music: must be a section with keys (got [1])" in found[":14"]
    assert len(found) == 9


def test_faults_of_file_and_overrides_come_together(write: Write) -> None:
    found = faults(write("mood: {intensity: 3}"), "midi.channel=17", "nonsense", BRAINMUSIC_LOG__LEVEL="loud")
    assert any(fault.startswith("-o: midi.channel: must be a whole number 1..16 (got 17)") for fault in found)
    assert any(fault.startswith("-o 'nonsense': expected section.key=value") for fault in found)
    assert any(fault.startswith("BRAINMUSIC_LOG__LEVEL: log.level: must be one of") for fault in found)
    assert any(":1: mood.intensity" in fault for fault in found)
    assert len(found) == 4


def test_what_is_heard_of_the_person(write: Write) -> None:
    text = "together: {lowest_key: 48, channels: [2], punch_in_s: 0.5, follow: {tempo: 0.2}}"
    engine = adapters.engine_settings(config.load(write(text), [], {}))
    assert engine.heard == Heard(48, 127, frozenset({1}))
    assert engine.punch_in_s == 0.5
    found = faults(write("together: {lowest_key: 60, highest_key: 59}"))
    assert "together.highest_key: must be lowest_key (60) or more (got 59)" in found[0]
    found = faults(write("together: {channels: [0], follow: {tempi: 1}}"))
    assert any("unknown, did you mean 'tempo'?" in fault for fault in found)
    assert len(found) == 2


def test_a_key_that_stands_twice(write: Write) -> None:
    path = write("midi:\n  channel: 1\nlog: {}\nmidi:\n  channel: 2\n")
    assert faults(path)[0] == f"{path}:4: midi: stands twice, first in line 1; keep one"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("midi:\n  channel: [1\n", ":3: not valid YAML"),
        ("a: 1\n\tb: 2\n", ":2: not valid YAML"),
        ("- midi\n", ":1: must be sections with keys, like `midi:` (got list)"),
        ("midi\n", ":1: must be sections with keys, like `midi:` (got str)"),
        ("a: &x {b: *x}\n", "unknown key"),
        (
            "controls: 5\n",
            ":1: controls: must be a table with the keys channel, chord_channel, map, programs, set_list_program (got",
        ),
    ],
)
def test_a_file_that_is_no_configuration(write: Write, text: str, expected: str) -> None:
    assert expected in faults(write(text))[0]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.yaml") == [f"{tmp_path / 'none.yaml'} cannot be read: No such file or directory"]
    (tmp_path / "latin.yaml").write_bytes(b"midi: {name: Fl\xfcgel}")
    assert "is not UTF-8 text" in faults(tmp_path / "latin.yaml")[0]


@pytest.mark.parametrize("text", ["", "# nothing\n", "midi:\n", "midi: {}\nlog:\n"])
def test_what_is_left_out_falls_back_to_the_default(write: Write, text: str) -> None:
    assert config.load(write(text), (), {}) == Config()


def test_precedence(write: Write) -> None:
    path = write("midi: {channel: 2, name: a}\nmood: {intensity: 0.1, start: sad}\n")
    environment = {"BRAINMUSIC_MIDI__CHANNEL": "3", "BRAINMUSIC_MOOD__INTENSITY": "0.2", "BRAINMUSIC_HOME": "x"}
    effective = config.load(path, ["midi.channel=4"], environment)
    assert (effective.midi.channel, effective.mood.intensity) == (4, 0.2)
    assert (effective.midi.name, effective.mood.start, effective.midi.program) == ("a", "sad", -1)


def test_overrides_of_tables() -> None:
    effective = config.load(None, ["controls.map.30=glide", "mood.table.tempo.sad=50", "mood.start=[0.5, -0.5]"], {})
    assert effective.controls.map == Config().controls.map | {30: "glide"}
    assert effective.mood.table["tempo"] == Config().mood.table["tempo"] | {"sad": 50}
    assert effective.mood.start_mood == Mood(0.5, -0.5)


def test_a_name_of_ones_own_is_used_everywhere() -> None:
    named = ["mood.names.angry=[-0.9, 0.9]", "mood.start=angry", "controls.programs.7=angry", "controls.programs.0=sad"]
    effective = config.load(None, named, {})
    assert effective.mood.start_mood == Mood(-0.9, 0.9)
    assert effective.mood.moods["tender"] == Mood(0.4, -0.5), "the names that are there stay"
    pressed = effective.controls.midi_map(effective.mood.moods).command(mido.Message("program_change", program=7))
    assert pressed == SetMood(-0.9, 0.9)
    printed = yaml.safe_load(config.dump(effective))
    assert printed["mood"]["names"]["angry"] == [-0.9, 0.9]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("mood.start=angy", "unknown mood 'angy'; allowed: happy, nervous, sad, calm, triumphant"),
        ("mood.start=tendr", "unknown mood 'tendr', did you mean 'tender'?"),
        ("mood.names.angry=[-1.2, 0.9]", "mood.names.angry: valence and arousal must be -1..1 (got -1.2, 0.9)"),
        ("mood.names.angry=high", "mood.names.angry: must be a pair [valence, arousal] (got 'high')"),
        ("mood.names.sad=[0, 0]", "mood.names.sad: is a corner of the plane and stays there"),
        ("mood.names.Angry!=[0, 0]", "mood.names.Angry!: a mood's name is a small letter"),
        ("controls.programs.5=tendr", "controls.programs.5: unknown mood or action 'tendr', did you mean 'tender'?"),
        ("mood.start=[2, 0]", "valence and arousal must be -1..1 (got 2, 0)"),
        ("mood.start=[1]", "or a pair [valence, arousal] (got [1])"),
        ("mood.table.tempo.sad=500", "mood.table.tempo.sad: must be 40..200 bpm (got 500)"),
        ("mood.table.temp.sad=50", "mood.table.temp: unknown attribute, did you mean 'tempo'?"),
        ("music.beats_per_bar=3.1", "must be a whole number of sixteenths, 0.25 of a quarter (got 3.1)"),
        ("music.top_p=0", "must be more than 0, at most 1 (got 0)"),
        ("music.seed=1.5", "must be a whole number -1..2147483647 (got 1.5)"),
        ("controls.channel=17", "must be 1..16 or all (got 17)"),
        ("controls.map.128=end", "a control number must be 0..127 (got 128)"),
        ("controls.programs.128=sad", "a program must be 0..127 (got 128)"),
        (
            "controls.map.knob=end",
            "a control must be 0..127, a pair such as 20/52 (0..31 and 32 more), or nrpn 0..16383 (got",
        ),
        ("controls.map.20/51=end", "the finer half of control 20 is 52 (got '20/51')"),
        ("controls.map.nrpn 16384=end", "or nrpn 0..16383 (got 'nrpn 16384')"),
        ("midi.name=", "must be"),
        ("midi=5", "expected section.key=value"),
        ("midi.channel.x.y=5", "channel"),
        ("midi.channel=[", "the value is not valid YAML"),
    ],
)
def test_what_is_out_of_range(override: str, expected: str) -> None:
    found = faults(None, override)
    assert len(found) == 1
    assert found[0].startswith("-o")
    assert expected in found[0]


@pytest.mark.parametrize("mood", CORNERS)
def test_a_mood_by_name_or_as_a_pair(mood: str) -> None:
    point = CORNERS[mood]
    assert config.load(None, [f"mood.start={mood}"], {}).mood.start_mood == point
    assert config.load(None, [f"mood.start=[{point.valence}, {point.arousal}]"], {}).mood.start_mood == point


def test_an_override_into_a_broken_section_is_a_sentence(write: Write) -> None:
    for text in ("controls: 5", "controls: {map: 5}", "controls: {map: }", "controls: [map]"):
        assert faults(write(text), "controls.map.30=glide")


def test_the_null_driver_needs_no_quotes(write: Write) -> None:
    for text in ("midi: {driver: null}", "midi: {driver: 'null'}"):
        assert config.load(write(text), (), {}).midi.driver == "null"
    assert config.load(None, ["midi.driver=null"], {}).midi.driver == "null"
    assert config.load(None, ["midi.output="], {}).midi.output == ""


def test_the_dump_can_be_read_back(write: Write) -> None:
    changed = config.load(
        None, ["mood.start=[0.5, -0.5]", "midi.name='a: b # c'", "controls.channel=3", "log.notes='~'"], {}
    )
    for effective in (Config(), changed):
        assert config.load(write(config.dump(effective)), (), {}) == effective
    assert list(yaml.safe_load(config.dump(Config()))) == list(yaml.safe_load(SHIPPED.read_text()))


def test_the_file_that_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_path", lambda app: tmp_path / "home" / app)
    assert config.find() is None
    mine = tmp_path / "home" / "brainmusic" / "config.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("")
    assert config.find() == mine
    (tmp_path / "config.yaml").write_text("")
    assert config.find() == Path("config.yaml")


def test_the_controls_as_the_engine_uses_them() -> None:
    assert config.load(None, ["controls.channel=5"], {}).controls.midi_map().channel == 5
    assert Config().controls.midi_map().channel == 0


def test_where_takes_go(tmp_path: Path) -> None:
    assert config.load(None, [f"takes.folder={tmp_path}"], {}).takes.path == tmp_path
    assert Config().takes.path.name == "takes"


def test_outputs_are_told_with_line_and_what_is_allowed(write: Write) -> None:
    path = write(
        "midi:\n"
        "  outputs:\n"
        "  - port: Roland\n"
        "    chanel: 2\n"  # 4
        "  - port: Disklavier\n"
        "    latency_ms: 900\n"  # 6
        "    velocity_delay_ms: {1: 150,\n"
        "      200: 0}\n"  # 8
        "    velocity_curve: {64: 130}\n"  # 9
    )
    found = {fault.split(": ")[0].removeprefix(str(path)): fault for fault in faults(path)}
    assert "midi.outputs.0.chanel: unknown key, did you mean 'channel'?; allowed: port, channel, tr" in found[":4"]
    assert "midi.outputs.1.latency_ms: must be 0..500 (got 900)" in found[":6"]
    assert "midi.outputs.1.velocity_delay_ms.200: a velocity must be 1..127 (got 200)" in found[":8"]
    assert "midi.outputs.1.velocity_curve.64: must be 1..127 (got 130)" in found[":9"]
    assert len(found) == 4


def test_outputs_take_the_place_of_the_simple_form(write: Write) -> None:
    (fault,) = faults(write("midi:\n  output: Roland\n  program: 3\n  outputs:\n  - {port: x}\n"))
    assert fault.endswith(
        ":4: midi.outputs: each output has a port, channel, transpose, program, clock, metronome and split of its own; "
        "leave midi.output and midi.program out"
    )
    (fault,) = faults(write("midi:\n  outputs: Roland\n"))
    assert "midi.outputs: must be a list of outputs, each with keys (got 'Roland')" in fault


def test_an_output_in_an_override(write: Write) -> None:
    path = write("midi:\n  outputs:\n  - {port: Roland, channel: 2}\n")
    added = ["midi.outputs.0.transpose=12", "midi.outputs.1.port=Disklavier", "midi.outputs.1.velocity_delay_ms.64=40"]
    first, second = config.load(path, added, {}).midi.outputs
    assert (first.port, first.channel, first.transpose) == ("Roland", 2, 12)
    assert (second.port, second.velocity_delay_ms) == ("Disklavier", {64: 40})
    assert config.load(None, [], {"BRAINMUSIC_MIDI__OUTPUTS__0__PORT": "Grand"}).midi.outputs[0].port == "Grand"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("midi.outputs.2.port=x", "midi.outputs is a list; expected a number, 0..0, or 1 to add one (got 2)"),
        ("midi.outputs.x.port=x", "midi.outputs is a list; expected a number, 0..0, or 1 to add one (got x)"),
        ("midi.outputs.0=3", "midi.outputs.0: must be a section with keys (got 3)"),
        ("midi.driver.x=1", "driver is not a section"),
    ],
)
def test_an_override_that_leads_nowhere(write: Write, override: str, sentence: str) -> None:
    path = write("midi:\n  driver: auto\n  outputs:\n  - {port: Roland}\n")
    assert sentence in "\n".join(faults(path, override))


def test_outputs_of_both_forms(tmp_path: Path) -> None:
    simple = config.load(None, ["midi.output=Roland", "midi.channel=3", "midi.program=7"], {}).midi
    assert [(one.port, one.channel, one.program) for one in simple.all_outputs] == [("Roland", 3, 7)]
    loaded = config.load(None, ["midi.outputs=[{}, {port: Disklavier, velocity_delay_ms: {127: 0, 1: 150}}]"], {})
    assert [one.port for one in loaded.midi.all_outputs] == ["", "Disklavier"]
    assert list(loaded.midi.outputs[1].velocity_delay_ms) == [1, 127]
    printed = tmp_path / "printed.yaml"
    printed.write_text(config.dump(loaded))
    assert config.load(printed, (), {}) == loaded


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("midi: {name: 2024-02-30}\n", ""),  # a name: no date is meant
        ("music: {seed: 2024-13-45}\n", "music.seed: must be a whole number -1..2147483647 (got '2024-13-45')"),
        ("music: {seed: !!int x}\n", "music.seed: must be a whole number"),
        (f"music: {{seed: {'9' * 5000}}}\n", "music.seed: must be a whole number -1..2147483647 (got '999"),
        ("[" * 3000, "not valid YAML"),
        ("midi: " + "{a: " * 3000, "not valid YAML"),
        ("? [1, 2]\n: 3\n", "unknown key"),
        ("midi: {name: !!python/object:os.system x}\n", ""),
        (BOMB, "holds more than 20000 values"),
        ("# a comment\n" * 50_000, "is larger than 262144 bytes"),
        ("".join(f"key{i}: 1\n" for i in range(500)), "unknown key"),
        ("midi: {name: \x00}\n", "not valid YAML"),
    ],
)
def test_whatever_stands_in_the_file_is_read_or_told_in_sentences(write: Write, text: str, expected: str) -> None:
    path = write(text)
    if not expected:
        config.load(path, (), {})
        return
    found = faults(path)
    assert expected in found[0]
    assert len(found) <= 51
    assert all(len(line) < 1000 for line in found)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    assert faults(tmp_path / "config.yaml") == [f"{tmp_path / 'config.yaml'} is not an ordinary file"]
    assert faults(tmp_path) == [f"{tmp_path} cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("presence: {opening: 9:00-18:00}", "presence.opening: must be a list, like [one, another] (got '9:00-18:00')"),
        ("web: {names: museum}", "web.names: must be a list, like [one, another] (got 'museum')"),
        ("midi: {outputs: Roland}", "midi.outputs: must be a list of outputs, each with keys (got 'Roland')"),
        (f"web: {{names: {list('abcdefghijklmnopqrs')}}}", "web.names: must be at most 16 of them"),
        (
            f"mood: {{names: {{{', '.join(f'm{i}: [0, 0]' for i in range(101))}}}}}",
            "mood.names: must be at most 100 of them",
        ),
    ],
)
def test_what_a_list_holds_is_said_by_its_key(write: Write, text: str, told: str) -> None:
    assert told in faults(write(text + "\n"))[0]


@pytest.mark.parametrize("name", ["24:0", "on", "128", "no", "2024-02-30", "0x10", "1_000", "null", "~", "1e3", "[x]"])
def test_a_name_is_a_name_whatever_yaml_makes_of_it(write: Write, name: str) -> None:
    assert config.load(None, [f"midi.output={name}"], {}).midi.output == name
    assert config.load(None, [], {"BRAINMUSIC_MIDI__OUTPUT": name}).midi.output == name
    if not name.startswith("["):
        assert config.load(write(f"midi: {{output: {name}}}\n"), (), {}).midi.output == name
        assert config.load(write(f"midi: {{outputs: [{{port: {name}}}]}}\n"), (), {}).midi.outputs[0].port == name
        assert config.load(write(f"web: {{names: [{name}]}}\n"), (), {}).web.names == (name,)


@pytest.mark.parametrize(
    "address", ["museum.example", "ftp://museum.example/", "https://", "https://a:b@c/", "http://a/?b"]
)
def test_the_page_s_address_for_others_is_a_whole_one(write: Write, address: str) -> None:
    assert "web.address: must be empty, or an address like" in faults(write(f"web: {{address: '{address}'}}\n"))[0]
    assert "web.proxies" in faults(write("web: {proxies: [here]}\n"))[0]
    assert config.load(None, ["web.address=https://a.b:84/c"], {}).web.address == "https://a.b:84/c/"


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_file_at_all_makes_more_than_sentences(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_bytes(content)
        with contextlib.suppress(ConfigError):
            config.load(path, (), {})


@given(st.sampled_from(keys()), st.text(max_size=40))
def test_no_override_at_all_makes_more_than_sentences(key: str, value: str) -> None:
    with contextlib.suppress(ConfigError):
        config.load(None, [f"{key}={value}"], {})


def test_a_home_that_may_not_be_entered_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(ConfigError, match=r"cannot be looked into for config.yaml: Permission denied; name a file"):
        find()


@pytest.mark.parametrize("target", ["config.yaml", "gone.yaml"])
def test_a_link_that_leads_nowhere_is_told_of_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """Else the defaults would play in place of what somebody has set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").symlink_to(target)
    with pytest.raises(ConfigError, match=r"^config.yaml is a link that leads to no file; "):
        config.find()
