"""Tempi of **kern and ABC before music21 reads them: words, ranges and zeros would cost it the piece."""

from __future__ import annotations

import re

from training.corpus.tempo_words import number_in, tempo_in

_KERN_TEMPO = re.compile(r"\*MM(?![A-Za-z])(.*)")
_KERN_WORDS = re.compile(r"(?m)^!!!OMD[^:]*:(.*)$")
_ABC_FIELD = re.compile(r"(?m)^Q:(.*)$|\[Q:([^\]\n]*)\]")
_ABC_QUOTED = re.compile(r'"([^"]*)"')
_ABC_BEATS = re.compile(r"^\s*((?:\d+/\d+\s*)+)=(.*)$")
_ABC_UNIT = re.compile(r"(?m)^L:\s*(\d+)/(\d+)")


def kern_with_numbers(text: str) -> str:
    """**kern whose tempo interpretations are plain numbers; without any, that of its movement designation."""
    lines = text.split("\n")
    found = False
    for index, line in enumerate(lines):
        if "*MM" not in line:
            continue
        ending = "\r" if line.endswith("\r") else ""
        tokens = [_kern_token(token) for token in line.removesuffix("\r").split("\t")]
        found = found or any(token.startswith("*MM") for token in tokens)
        lines[index] = "\t".join(tokens) + ending
    if not found and (bpm := next((b for w in _KERN_WORDS.findall(text) if (b := tempo_in(w)) is not None), None)):
        at = next((index for index, line in enumerate(lines) if line.startswith("**")), None)
        if at is not None:
            tokens = [f"*MM{bpm:g}" if t.strip() == "**kern" else "*" for t in lines[at].split("\t")]
            lines.insert(at + 1, "\t".join(tokens))
    return "\n".join(lines)


def _kern_token(token: str) -> str:
    tempo = _KERN_TEMPO.fullmatch(token)
    if tempo is None:
        return token
    bpm = number_in(tempo[1])
    return "*" if bpm is None else f"*MM{bpm:g}"


def abc_with_numbers(text: str) -> str:
    """ABC whose tempo fields are a number of quarter notes a minute, or are not there."""
    unit = _ABC_UNIT.search(text)
    length = 4 * int(unit[1]) / int(unit[2]) if unit is not None and int(unit[2]) else 0.5

    def plain(field: re.Match[str]) -> str:
        bpm = _abc_tempo(field[1] if field[1] is not None else field[2], length)
        if bpm is None:
            return "%" if field[1] is not None else ""
        return f"Q:1/4={bpm:g}" if field[1] is not None else f"[Q:1/4={bpm:g}]"

    return _ABC_FIELD.sub(plain, text)


def _abc_tempo(field: str, unit_quarters: float) -> float | None:
    """Quarter notes a minute. unit_quarters: of a tempo that counts the unit note length (Q:C=60)."""
    quoted = " ".join(_ABC_QUOTED.findall(field))
    bare = _ABC_QUOTED.sub(" ", field.split("%")[0]).strip()
    if beats := _ABC_BEATS.match(bare):
        lengths = [4 * int(top) / int(bottom) for top, bottom in re.findall(r"(\d+)/(\d+)", beats[1]) if int(bottom)]
        bpm = number_in(beats[2])
        return None if bpm is None else bpm * sum(lengths)
    if counted := re.match(r"C(\d*)\s*=(.*)$", bare):
        bpm = number_in(counted[2])
        return None if bpm is None else bpm * unit_quarters * int(counted[1] or 1)
    bpm = number_in(bare)
    return tempo_in(quoted) if bpm is None else bpm
