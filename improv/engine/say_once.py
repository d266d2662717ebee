"""A sentence for people is said once, however often its cause comes: logs stay readable and bounded. Pure."""

from __future__ import annotations

REMEMBERED = 64  # sentences; the oldest are forgotten


class SayOnce:
    """Tells whether something was said lately. again_s: so long it is not said again."""

    def __init__(self, again_s: float) -> None:
        self._again_s = again_s
        self._said_s: dict[str, float] = {}

    def is_new(self, sentence: str, now_s: float) -> bool:
        """Whether to say it now; what is asked for within again_s of the last time it was said is not said again."""
        said_s = self._said_s.get(sentence)
        if said_s is not None and now_s - said_s < self._again_s:
            return False
        self._said_s.pop(sentence, None)
        self._said_s[sentence] = now_s
        if len(self._said_s) > REMEMBERED:
            del self._said_s[next(iter(self._said_s))]
        return True
