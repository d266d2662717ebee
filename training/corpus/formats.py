"""What a file is, told by its bytes: names lie, and a packed score may go by any of them."""

from __future__ import annotations

import re
from typing import Literal

from improv.midi.packed import MIDI_SUFFIXES
from training.corpus.xml_text import text_of

Format = Literal["midi", "musicxml", "kern", "abc"]
SCORE_SUFFIXES = (".mxl", ".musicxml", ".xml", ".krn", ".abc")
MAX_SCORE_BYTES = 32 << 20
_OF_SUFFIX: dict[str, Format] = {
    **dict.fromkeys(MIDI_SUFFIXES, "midi"),
    **dict.fromkeys((".mxl", ".musicxml", ".xml"), "musicxml"),
    ".krn": "kern",
    ".abc": "abc",
}
HEAD_BYTES = 4096
_XML = re.compile(r"\A\s*<\?xml|<!DOCTYPE\s+score|<(\w+:)?score-(partwise|timewise)")
_KERN = re.compile(r"(?m)^(!!|\*\*(kern|dynam|text|recip|root|harm|mxhm|dynam))")
_ABC = re.compile(r"(?m)^X:\s*\d")


def format_of(content: bytes, suffix: str) -> Format | None:
    """What the bytes hold; where they do not say it, what files of the suffix hold. None: no music file."""
    return said_by_bytes(content) or _OF_SUFFIX.get(suffix)


def said_by_bytes(content: bytes) -> Format | None:
    """What the bytes hold of a file that is not packed; None where they do not say it."""
    if b"MThd" in content[:1024] or (content.startswith(b"RIFF") and content[8:12] == b"RMID"):
        return "midi"
    head = text_of(content[:HEAD_BYTES])
    if _XML.search(head):
        return "musicxml"
    if _KERN.search(head):
        return "kern"
    return "abc" if _ABC.search(head) else None
