"""What the terminal shows."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field, replace

import pytest
from rich.console import Console

from improv.app.display import LINE_EVERY_S, PANEL_EVERY_S, LogDisplay, PanelDisplay, line
from improv.control.published_state import State
from improv.music.mood import CORNERS, nearest_name

STATUS = State(
    valence=-1.0,
    arousal=-1.0,
    mood="sad",
    tempo_bpm=66.4,
    bar=12,
    beat=3,
    playing=True,
    notes_planned=345,
    notes_dropped=2,
    sounding=4,
    lateness_p50_ms=0.12,
    lateness_p99_ms=3.4,
)


def test_the_line() -> None:
    assert line(STATUS) == (
        "playing, mood sad (-1.00, -1.00), 66 bpm, bar 12.3, 345 notes, "
        "0.12 ms late (median), 3.40 ms (99 %), 2 skipped"
    )
    assert line(replace(STATUS, ending=True)).startswith("ending, ")
    assert line(replace(STATUS, playing=False)).startswith("resting, ")


def test_a_line_now_and_then_and_at_each_change(caplog: pytest.LogCaptureFixture) -> None:
    display = LogDisplay()
    with display, caplog.at_level(logging.INFO):
        for now_s in (5.0, 5.1, 5.0 + LINE_EVERY_S - 0.1, 5.0 + LINE_EVERY_S):
            display.show(STATUS, "ports", now_s)
        assert len(caplog.records) == 2
        display.show(replace(STATUS, playing=False), "ports", 36.0)
        display.show(replace(STATUS, playing=False), "ports", 36.1)
    assert [record.getMessage().split(",")[0] for record in caplog.records] == ["playing", "playing", "resting"]


def panel(status: State, ports: str, model: str = "polyphony") -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(PanelDisplay(model, "http://127.0.0.1:8765")._panel(status, ports))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_panel() -> None:
    text = panel(STATUS, "jack: out BrainMusic")
    for part in ("↙ sad", "valence -1.00", "66 bpm", "bar 12, beat 3", "345", "4 sounding", "2 skipped", "Ctrl-C"):
        assert part in text
    assert "http://127.0.0.1:8765" in text
    assert "out BrainMusic" in text
    assert "resting (CC 85 or `improv ctl play` plays)" in panel(replace(STATUS, playing=False), "")


@pytest.mark.parametrize("name", ["Piano [/b]", "a [red] b", "[/]", "x\\[b]"])
def test_a_port_and_a_model_may_be_called_anything(name: str) -> None:
    assert name in panel(STATUS, f"jack: out {name}", "polyphony")
    assert name in panel(STATUS, "none", name)


@pytest.mark.parametrize("mood", CORNERS)
def test_each_corner_has_its_arrow(mood: str) -> None:
    status = replace(STATUS, **CORNERS[mood]._asdict(), mood=nearest_name(CORNERS[mood]))
    arrow = {"happy": "↗", "nervous": "↖", "sad": "↙", "calm": "↘"}[mood]
    assert f"{arrow} {mood}" in panel(status, "")


@dataclass
class Live:
    """Takes what would be drawn."""

    drawn: list[object] = field(default_factory=list)

    def update(self, panel: object, refresh: bool) -> None:
        self.drawn.append(panel)


def test_the_panel_is_drawn_calmly() -> None:
    display, live = PanelDisplay("polyphony"), Live()
    display._live = live  # type: ignore[assignment]
    for now_s in (9.0, 9.1, 9.0 + PANEL_EVERY_S - 0.01, 9.0 + PANEL_EVERY_S, 10.0):
        display.show(STATUS, "", now_s)
    assert len(live.drawn) == 3
