"""What the terminal shows while the music plays: one calm panel, or a line now and then where there is no terminal."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from improv.control.published_state import State

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

log = logging.getLogger(__name__)

PANEL_EVERY_S = 0.5  # drawing costs about 4 ms of the engine's process
LINE_EVERY_S = 30.0
ARROWS = {"happy": "↗", "nervous": "↖", "sad": "↙", "calm": "↘"}  # where the corner lies on the plane


def _sign(sign: str, encoding: str) -> str:
    """A sign, or nothing where the terminal's encoding lacks it."""
    try:
        sign.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ""
    return sign


def line(status: State) -> str:
    """The state in one line."""
    doing = "ending" if status.ending or status.stopping else "playing" if status.playing else "resting"
    return (
        f"{doing}, mood {status.mood} ({status.valence:+.2f}, {status.arousal:+.2f}), "
        f"{status.tempo_bpm:.0f} bpm, bar {status.bar}.{status.beat}, {status.notes_planned} notes, "
        f"{timing(status)}"
    )


def timing(status: State) -> str:
    """How late the notes of the last minutes were sent: half of them, and all but one of a hundred; how many not."""
    late = f"{status.lateness_p50_ms:.2f} ms late (median), {status.lateness_p99_ms:.2f} ms (99 %)"
    return f"{late}, {status.notes_dropped} skipped" if status.notes_dropped else late


def plan_line(status: State) -> str:
    """Key, section, place in the phrase and chords, as far as there is a plan."""
    phrase = f"bar {status.plan_phrase_bar} of {status.plan_phrase_bars}"
    section = f"{status.plan_section}, {phrase}" if status.plan_section else phrase
    then = f", then {status.plan_next_chord}" if status.plan_next_chord else ""
    return f"{status.plan_key}   {section}   {status.plan_chord}{then}"


class Display(Protocol):
    """Shown to the user while the daemon runs; used as a context."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, status: State, ports: str, now_s: float) -> None:
        """Called every turn; draws only as often as is calm."""
        ...


class LogDisplay:
    """A log line every half minute, and one at each change between playing and resting."""

    def __init__(self) -> None:
        self._next_s = 0.0
        self._playing: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, status: State, ports: str, now_s: float) -> None:
        if now_s >= self._next_s or status.playing != self._playing:
            log.info("%s", line(status))
            self._next_s, self._playing = now_s + LINE_EVERY_S, status.playing


class PanelDisplay:
    """A panel at the bottom of the terminal; log lines scroll above it."""

    def __init__(self, model: str, page: str = "", console: Console | None = None) -> None:
        """page: address of the web page, or empty. console: that of the log lines, which scroll above."""
        from rich.live import Live

        self._model, self._page = model, page
        self._next_s = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stderr=False)
        self._encoding = self._live.console.encoding

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, status: State, ports: str, now_s: float) -> None:
        if now_s >= self._next_s:
            self._next_s = now_s + PANEL_EVERY_S
            self._live.update(self._panel(status, ports), refresh=True)

    def _panel(self, status: State, ports: str) -> RenderableType:
        from rich import box
        from rich.markup import escape
        from rich.panel import Panel
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        doing = (
            "ending"
            if status.ending or status.stopping
            else "playing"
            if status.playing
            else "resting (CC 85 or `improv ctl play` plays)"
        )
        arrow = _sign(ARROWS.get(status.mood, "·"), self._encoding)
        mood = f"{arrow} {status.mood}  valence {status.valence:+.2f}  arousal {status.arousal:+.2f}"
        grid.add_row("mood", mood)
        grid.add_row("tempo", f"{status.tempo_bpm:.0f} bpm   bar {status.bar}, beat {status.beat}")
        if status.has_plan:
            grid.add_row("harmony", plan_line(status))
        grid.add_row("notes", f"{status.notes_planned} played, {status.sounding} sounding   {doing}")
        grid.add_row("port", escape(ports))  # a port may be called anything, also [/b]
        grid.add_row("timing", timing(status))
        if self._page:
            grid.add_row("page", self._page)
        subtitle = f"{escape(status.model or self._model)}  ·  Ctrl-C ends"
        return Panel(grid, title="BrainMusic", subtitle=subtitle, box=box.ROUNDED, expand=False)
