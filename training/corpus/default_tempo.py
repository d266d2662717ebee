"""Tempi that nobody chose: what a converter or a sequencer writes where the score says nothing.

A file alone cannot tell: 100 bpm may be meant. A source can: where at least a fifth of its files, and no fewer than
twenty, have one and the same tempo from beginning to end, that tempo is the program's. Such pieces keep it as their
pace, but no network is told that it is their tempo. In the open archives this finds 100 bpm in 279 of 279 files of
TAVERN and in 536 of 1,057 Polish scores, and 60 bpm in 156 of 659 files that LilyPond made; the next most frequent
tempo of a source, 132 bpm for the word Allegro, has 18 %.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from improv.midi.packed import MIDI_SUFFIXES
from training.corpus.sources import Item

LEAST_FILES = 20
LEAST_SHARE = 0.2
_TEMPO_EVENT = re.compile(rb"\xff\x51\x03(...)", re.DOTALL)

Defaults = Mapping[str, frozenset[bytes]]
"""Source -> tempi (microseconds of a quarter note, as the three bytes of the file) that are a program's default."""


def constant_tempo(content: bytes) -> bytes | None:
    """The one tempo of a MIDI file, as its three bytes; None where there are several or none.

    Looks for the event without parsing: bytes of a text that look like one can only make a tempo seem to change.
    """
    found = set(_TEMPO_EVENT.findall(content))
    return found.pop() if len(found) == 1 else None


def default_tempi(items: Iterable[Item]) -> dict[str, frozenset[bytes]]:
    """What the sources' programs wrote where nobody gave a tempo."""
    files: Counter[str] = Counter()
    tempi: dict[str, Counter[bytes]] = defaultdict(Counter)
    for item in items:
        if item.suffix not in MIDI_SUFFIXES:
            continue
        try:
            tempo = constant_tempo(item.content())
        except OSError:
            continue  # the reading tells of it
        files[item.source] += 1
        if tempo is not None:
            tempi[item.source][tempo] += 1
    return {
        source: frozenset(t for t, n in counts.items() if n >= max(LEAST_FILES, LEAST_SHARE * files[source]))
        for source, counts in tempi.items()
    }


def is_default(item: Item, content: bytes, defaults: Defaults) -> bool:
    """Whether the file's tempo is one that its source's program writes by default."""
    known = defaults.get(item.source, frozenset())
    return bool(known) and item.suffix in MIDI_SUFFIXES and constant_tempo(content) in known
