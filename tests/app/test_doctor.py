"""`improv doctor`: every verdict comes from a real try."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from improv import config
from improv.app.cli import main
from improv.app.commands import doctor
from improv.config import Config
from improv.model import cuda
from tests.conftest import TINY


def configured(*overrides: str) -> Config:
    return config.load(None, [f"model.path={TINY}", *overrides], {})


@pytest.fixture
def no_midi(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/dev/snd/seq").exists():
        pytest.skip("this machine has an ALSA sequencer")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")


@pytest.mark.usefixtures("no_midi")
def test_every_part_gets_a_verdict(tmp_path: Path) -> None:
    found = {finding.name: finding for finding in doctor.findings(configured(f"takes.folder={tmp_path}"))}
    assert list(found) == ["version", "provider", "model", "ports", "timing", "takes"]
    assert found["model"].verdict == "ok"
    assert "tiny" in found["model"].text
    assert "CPU" in found["provider"].text
    assert found["ports"].verdict == "bad"
    assert "modprobe snd-seq" in found["ports"].text
    assert f"{doctor.SELF_TEST_NOTES} notes" in found["timing"].text, "all were sent"
    assert found["takes"].text == f"takes go to {tmp_path}"


def test_two_builds_of_onnxruntime_are_bad_and_the_one_that_misses_the_gpu_is_fair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cuda, "driver_present", lambda: True)
    monkeypatch.setattr(cuda, "GPU_PLATFORMS", {(sys.platform, platform.machine())})
    monkeypatch.setattr(cuda, "installed", lambda: ["cpu", "cuda"])
    both = doctor._provider(configured())
    assert both.verdict == "bad"
    assert "onnxruntime and onnxruntime-gpu are both installed" in both.text
    monkeypatch.setattr(cuda, "installed", lambda: ["cpu"])
    assert doctor._provider(configured()).verdict == "fair"
    monkeypatch.setattr(cuda, "driver_present", lambda: False)
    assert doctor._provider(configured()).verdict == "ok"


def test_a_model_that_is_not_there_is_bad() -> None:
    found = {finding.name: finding for finding in doctor.findings(configured("model.path=/nowhere/x.onnx"))}
    assert found["model"].verdict == "bad"
    assert "/nowhere/x.onnx is not there" in found["model"].text
    assert found["timing"].text, "one bad finding does not keep the others from being made"


def test_named_ports_must_match_exactly_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "list_ports", lambda *_: (["Knobs"], ["Roland A", "Roland B", "Yamaha"]))
    verdicts = {name: doctor._ports(configured(f"midi.output={name}")) for name in ("yamaha", "Roland", "Steinway")}
    assert verdicts["yamaha"].verdict == "ok"
    assert verdicts["Roland"].verdict == "bad"
    assert "matches several of: Roland A, Roland B" in verdicts["Roland"].text
    assert "matches none of: Roland A, Roland B, Yamaha" in verdicts["Steinway"].text


def test_what_the_user_can_do_for_real_time_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert doctor.advice("SCHED_FIFO 60, memory locked, timer slack 1 ns") == ""
    assert doctor.advice("not asked for") == ""
    text = doctor.advice(
        "ordinary scheduling (SCHED_FIFO: Operation not permitted), memory not locked (x), timer slack"
    )
    assert "'ada - rtprio 70' and 'ada - memlock unlimited' in /etc/security/limits.d/" in text
    assert "rtprio" not in doctor.advice("SCHED_FIFO 60, memory not locked (Cannot allocate memory)")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    finding = doctor._takes(configured(f"takes.folder={tmp_path / 'takes'}"))
    assert finding.verdict == "fair"
    assert "cannot be written" in finding.text
    assert doctor._takes(configured("takes.enabled=false")).text == "off"


@pytest.mark.usefixtures("no_midi")
def test_the_exit_code_tells_whether_it_will_play(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "-o", f"model.path={TINY}"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("ok ")
    assert any(line.startswith("bad   ports: No MIDI system was found") for line in printed)
