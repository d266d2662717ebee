"""Collections that were published under a name: whether a folder of that name really holds one.

A licence goes with the files, not with what somebody called a folder.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace

from training.corpus.sources import MUSIC_SUFFIXES, Item

log = logging.getLogger(__name__)

PUBLISHED = {
    "mutopia-keyboard": "46cbbb87faf57a790722cdadedfaae53",
    "nifc-chopin-first-editions": "880055e927e9fde48abddeb924750439",
    "nifc-polish-scores-keyboard": "e9abfda30f07c1179f4dc23d39c732ac",
    "openscore-lieder-cc0": "ffaa7df4394c26fb162e824e89070353",
    "piano-midi-de": "c79e7853b30c06af9bbbb64e88c1e08b",
    "snortum-lilypond": "cab407118224242b0e49be4286a3505a",
    "stanford-piano-rolls-mit": "9831fd66b5f55067fdb1cc8c78745cdf",
    "tavern-variations": "c9a83bd8725864e5735118f5cb4f835e",
}
"""Name of a collection -> `digest` of its music files, as docs/corpus.md says where they come from."""
OTHER = " (other files)"


def digest(items: Sequence[Item]) -> str:
    """One of all music files, whatever they are called and in which order they are found: 32 hexadecimal digits."""
    paths = {item.path for item in items if item.suffix in MUSIC_SUFFIXES}
    files = sorted(hashlib.sha256(path.read_bytes()).digest() for path in paths)
    return hashlib.sha256(b"".join(files)).hexdigest()[:32]


def honestly_named(items: Sequence[Item]) -> list[Item]:
    """All items of one source; under another name where they bear a collection's and are not its files, all of them."""
    source = items[0].source if items else ""
    if source not in PUBLISHED or digest(items) == PUBLISHED[source]:
        return list(items)
    log.warning(
        "%s: these are not the files, all and unchanged, that were published under this name; "
        "whoever learns from them has a licence that is not known",
        source,
    )
    return [replace(item, source=source + OTHER) for item in items]
