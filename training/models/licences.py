"""Under which licence a model may be passed on: what its sources ask for, and nothing where one of them is unknown."""

from __future__ import annotations

from collections.abc import Sequence

ASKS_NOTHING = "CC0 1.0"
SOURCES = {
    "piano-midi-de": ("CC BY-SA 4.0", "Bernd Krueger, piano-midi.de (CC BY-SA 3.0 DE)"),
    "music21:bach": (
        "CC BY-SA 4.0",
        "Bach chorales of the music21 corpus (public-domain music; distributed with the permission of its encoders)",
    ),
    "snortum-lilypond": ("CC BY-SA 4.0", "Knute Snortum, LilyPond scores (CC BY-SA 4.0)"),
    "nifc-chopin-first-editions": (
        "CC BY-SA 4.0",
        "Fryderyk Chopin Institute, first editions of Chopin in **kern (CC BY 4.0)",
    ),
    "nifc-polish-scores-keyboard": (
        "CC BY-SA 4.0",
        "Fryderyk Chopin Institute, Polish scores in **kern (CC BY 4.0)",
    ),
    "mutopia-keyboard": (
        "CC BY-SA 4.0",
        "The Mutopia Project, keyboard music (each file public domain, CC BY or CC BY-SA)",
    ),
    "openscore-lieder-cc0": (ASKS_NOTHING, "OpenScore Lieder Corpus, the piano parts (CC0 1.0)"),
    "tavern-variations": (
        "CC BY-SA 4.0",
        "TAVERN, theme and variations (Devaney, Arthur, Condit-Schultz, Nisula; CC BY-SA 4.0)",
    ),
    "stanford-piano-rolls-mit": (
        "CC BY-SA 4.0",
        (
            "Shi, Sapp, Arul, McBride, Smith: reproducing piano rolls of the Stanford University Piano Roll Archive "
            "(pianolatron-data, MIT; the older collection SUPRA is CC BY-NC-SA 4.0)"
        ),
    ),
}
"""Name of a source -> the licence that a model trained on it gets, and the attribution that it asks for."""
UNKNOWN = "unknown, see sources"
_UNKNOWN_SOURCE = " (licence unknown)"


def attribution(source: str) -> str:
    """Whom a model names for a source; one that is not known is named as unknown."""
    return source + _UNKNOWN_SOURCE if _unknown(source) else SOURCES[source][1]


def licence_of(sources: Sequence[str], before: str | None = None) -> str:
    """The licence of a model that learned from these sources. before: that of the model from which it learned on.

    "unknown, see sources" as soon as one of them is not known: a guess may promise what its owner forbids.
    """
    if any(_unknown(source) for source in sources) or before == UNKNOWN or not (sources or before):
        return UNKNOWN
    asked = {SOURCES[source][0] for source in sources} | ({before} if before else set())
    return " and ".join(sorted(asked - {ASKS_NOTHING})) or ASKS_NOTHING


def _unknown(source: str) -> bool:
    return source not in SOURCES
