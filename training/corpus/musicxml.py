"""MusicXML, Humdrum **kern and ABC through music21. Run it in a worker with a time limit: some files take minutes."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.corpus import markup, notation, tempo_fields
from training.corpus.formats import MAX_SCORE_BYTES, Format
from training.corpus.score import Rejected, Score, first_line
from training.corpus.xml_text import text_of

_SUFFIX: dict[Format, str] = {"musicxml": ".musicxml", "kern": ".krn", "abc": ".abc"}


def read_score(content: bytes, kind: Format) -> tuple[Score, int]:
    """The music in a score's bytes (not packed) and its number of parts. Rejected when it cannot be read."""
    if len(content) > MAX_SCORE_BYTES:
        raise Rejected(f"{len(content)} bytes, more than {MAX_SCORE_BYTES}")
    if kind == "musicxml":
        plain = markup.prepared(content)
    else:
        fields = {"kern": tempo_fields.kern_with_numbers, "abc": tempo_fields.abc_with_numbers}
        plain = markup.Prepared(fields[kind](text_of(content)), None, (), 0)
    # music21 tells every oddity of a file on the terminal, where the progress bar is.
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score, parts = _read(plain, _SUFFIX[kind])
    return replace(score, done=(*plain.done, *score.done)), parts


def _read(plain: markup.Prepared, suffix: str) -> tuple[Score, int]:
    from music21.exceptions21 import Music21Exception

    try:
        parsed = _parse(plain.text.encode(), suffix)
        return notation.sounding(parsed, plain.signs), len(parsed.parts)
    except notation.NoNotes:
        raise Rejected("only drums" if plain.drums else "no notes") from None
    except Rejected:
        raise
    except Music21Exception as error:
        raise Rejected(f"music21 cannot read it ({first_line(error)})") from None
    except (MemoryError, RecursionError) as error:
        raise Rejected(f"music21 cannot read it ({type(error).__name__})") from None
    except Exception as error:  # damaged files raise anything: KeyError, AttributeError, ParseError, zlib.error
        raise Rejected(f"damaged score ({type(error).__name__}: {first_line(error)})") from None


def _parse(content: bytes, suffix: str) -> Any:
    from music21 import converter
    from music21.stream import Opus

    # A folder of its own keeps music21 from any name in the file.
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        path = Path(folder) / f"score{suffix}"
        path.write_bytes(content)
        # Without its store: music21 would fill the temporary folder with pickles of files that are gone.
        parsed: Any = converter.parseFile(path, forceSource=True, storePickle=False)
    if isinstance(parsed, Opus):
        raise Rejected(f"{len(parsed.scores)} pieces in one file: split it")
    return parsed
