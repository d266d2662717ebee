"""The program whose MIDI clock comes in: whether its song runs, and what people are told about it. Pure."""

from __future__ import annotations

from improv.player.protocol import ClockIn

SAY_AGAIN_S = {"lost": 10.0, "back": 10.0, "flood": 10.0}  # a sentence about the same comes no sooner again
SAY_OTHERS_AGAIN_S = 1.0


class ExternalClock:
    """Keeps what was heard last."""

    def __init__(self) -> None:
        self.news: ClockIn | None = None
        self.running = False
        self.event = ""  # the last one
        self._lost = False
        self._said_s: dict[str, float] = {}

    @property
    def tempo_bpm(self) -> float | None:
        """None as long as no tick came."""
        return self.news and self.news.tempo_bpm

    @property
    def state(self) -> str:
        """Empty (none), standing, running or lost."""
        if self.news is None:
            return ""
        return "lost" if self._lost else "running" if self.running else "standing"

    def hear(self, news: ClockIn, now_s: float) -> str:
        """Take it in; returns a sentence for people, or empty."""
        self.running, self.news = news.running, news
        self.event = news.event or self.event
        if news.event in ("lost", "back"):
            self._lost = news.event == "lost"
        if news.event in ("", "position"):
            return ""
        said_s = self._said_s.get(news.event)
        if said_s is not None and now_s - said_s < SAY_AGAIN_S.get(news.event, SAY_OTHERS_AGAIN_S):
            return ""
        self._said_s[news.event] = now_s
        return _sentence(news)


def _sentence(news: ClockIn) -> str:
    match news.event:
        case "start":
            return "MIDI clock: start"
        case "continue":
            return f"MIDI clock: continue at beat {news.tick // 24 + 1}"
        case "stop":
            return f"MIDI clock: stop after beat {news.tick // 24 + 1}"
        case "lost":
            return f"MIDI clock: no tick came for a while; its last tempo, {news.tempo_bpm:.1f} bpm, goes on"
        case "back":
            return f"MIDI clock: it is back, at {news.tempo_bpm:.1f} bpm"
        case "flood":
            return "MIDI clock: more ticks come than any tempo has; they are ignored until there are fewer"
    raise ValueError(f"unknown event {news.event!r}")
