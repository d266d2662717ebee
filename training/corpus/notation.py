"""From a score as music21 has read it to notes as they sound: in the order in which it is played, at sounding pitch.

Left out: grace notes, chord symbols, ornaments on notes shorter than a quarter or on chords. Repeats, endings, da capo
and dal segno are played (`training.corpus.repeats`); trills, turns and mordents run in sixteenths.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from training.corpus.repeats import Signs, numbered, played_order
from training.corpus.score import DEFAULT_TEMPO_BPM, Rejected, Score, notes_of
from training.corpus.unsounding import CHORD_SYMBOLS, GRACE_NOTES

_VELOCITY = 80  # scores have marks, no velocities; the piece is told to have no dynamics
_ORNAMENT_BEATS = 0.25
_SHORTEST_ORNAMENTED_BEATS = 1.0
_TEMPO_RANGE_BPM = (1.0, 1000.0)
_EPSILON = 1e-4


class _Row(NamedTuple):
    """A note: its bar, its onset within it and its length in quarter notes, pitch, program, staff. goes_on: a tie
    begins at it; from_before: a tie says that it ends there.
    """

    bar: int
    onset: float
    duration: float
    pitch: int
    program: int
    staff: int
    goes_on: bool = False
    from_before: bool = False


@dataclass
class WrittenBars:
    """The bars of a score as written. starts: of each bar, with the end of the last; signatures: in force in each."""

    starts: list[float]
    signatures: list[tuple[int, int] | None]
    tempos: list[tuple[int, float, float]] = field(default_factory=list)
    """(bar, beat within it, quarter notes a minute)"""

    def at(self, beat: float) -> int:
        """The bar in which a beat lies."""
        return min(max(bisect_right(self.starts, beat + _EPSILON) - 1, 0), len(self.starts) - 2)

    def length(self, bar: int) -> float:
        return self.starts[bar + 1] - self.starts[bar]


class NoNotes(Rejected):
    """A score without a note that sounds."""


def sounding(parsed: Any, signs: Sequence[Signs] | None = None) -> Score:
    """The music of a parsed score. signs: what its bars say of their order, None to ask music21; they are given for
    MusicXML, whose transposing instruments are at sounding pitch already. NoNotes when there is none.
    """
    done: list[str] = []
    if signs is None:
        parsed = _at_sounding_pitch(parsed, done)
    parts = list(parsed.parts) or [parsed]
    bars = _bars(parts)
    rows: dict[int, list[_Row]] = defaultdict(list)
    silent: Counter[str] = Counter()
    for staff, part in enumerate(parts):
        for row in _rows(part, staff, bars, silent, done):
            rows[row.bar].append(row)
    if not rows:
        raise NoNotes("no notes")
    done += [f"{count} {what}" for what, count in silent.items()]
    bars.tempos = _tempos(parsed, bars)
    order = _order(parts, bars, done, signs)
    begins = _begins(order, bars)
    sounds = _tied([(begin + row.onset, row) for begin, bar in zip(begins, order, strict=False) for row in rows[bar]])
    tempos = _played_tempos(order, begins, bars)
    signatures = played_signatures(order, begins, bars)
    return Score(
        notes=notes_of(sounds),
        tempos=tempos or ((0.0, DEFAULT_TEMPO_BPM),),
        meters=tuple((at, 4 * top / bottom) for at, top, bottom in signatures) or ((0.0, 4.0),),
        has_tempo=bool(tempos),
        has_dynamics=False,
        done=tuple(dict.fromkeys(done)),
        track_names=tuple(_name(part, index) for index, part in enumerate(parts)),
        time_signatures=signatures,
        has_bars=len(bars.signatures) > 1,
    )


def _at_sounding_pitch(parsed: Any, done: list[str]) -> Any:
    """The score with transposing instruments where they sound."""
    if not any(each.transposition is not None for each in parsed.recurse().getElementsByClass("Instrument")):
        return parsed
    try:
        moved = parsed.toSoundingPitch()
    except Exception as error:  # music21 stumbles over contradictory keys in several ways
        done.append(f"transposing instruments are read as written ({type(error).__name__})")
        return parsed
    done.append("transposing instruments are read at sounding pitch")
    return moved


def _bars(parts: list[Any]) -> WrittenBars:
    """The bars of the part that has most of them."""
    measures = max((list(part.getElementsByClass("Measure")) for part in parts), key=len)
    end = max(float(part.highestTime) for part in parts)
    if not measures:
        signature = next(iter(parts[0].recurse().getElementsByClass("TimeSignature")), None)
        return WrittenBars([0.0, end], [_ratio(signature)])
    starts = [float(measure.offset) for measure in measures]
    signatures: list[tuple[int, int] | None] = []
    for measure in measures:
        own = next(iter(measure.getElementsByClass("TimeSignature")), None)
        signatures.append(_ratio(own) or (signatures[-1] if signatures else None))
    return WrittenBars([*starts, max(end, starts[-1] + _EPSILON)], signatures)


def _ratio(signature: Any) -> tuple[int, int] | None:
    if signature is None or not signature.numerator or not signature.denominator:
        return None
    return int(signature.numerator), int(signature.denominator)


def _rows(part: Any, staff: int, bars: WrittenBars, silent: Counter[str], done: list[str]) -> list[_Row]:
    """The notes of a staff as written."""
    instrument = part.getInstrument(returnDefault=True)
    program = instrument.midiProgram if instrument.midiProgram is not None else 0
    found: list[_Row] = []
    for note in part.recurse().notes:
        if "Harmony" in note.classes:
            silent[CHORD_SYMBOLS] += 1
            continue
        if note.duration.isGrace or note.duration.quarterLength <= 0:
            silent[GRACE_NOTES] += 1  # they have no time of their own
            continue
        onset = float(note.getOffsetInHierarchy(part))
        bar = bars.at(onset)
        ties = _ties(note)
        realised = [each for each in _realised(note, done) if 0 <= each[2] <= 127]
        together = len({begin for begin, _, _ in realised}) == 1  # a chord, not an ornament
        for index, (begin, length, pitch) in enumerate(realised):
            tie = ties.get(pitch)
            first, last = together or index == 0, together or index == len(realised) - 1
            goes_on, from_before = last and tie in ("start", "continue"), first and tie in ("stop", "continue")
            at = onset - bars.starts[bar] + begin
            found.append(_Row(bar, at, length, pitch, program, staff, goes_on, from_before))
    return found


def _tied(played: list[tuple[float, _Row]]) -> list[tuple[float, float, int, int, int, int]]:
    """Notes in the order in which they are played, tied ones as one: a tie may lead over a repeat into an ending."""
    sounds: list[tuple[float, float, int, int, int, int]] = []
    open_ties: dict[tuple[int, int], int] = {}  # staff and pitch -> which note goes on
    for onset, row in sorted(played, key=lambda each: (each[0], not each[1].from_before)):
        key = row.staff, row.pitch
        before = open_ties.get(key)
        # The sign at a tie's end is often missing in **kern; its beginning says enough.
        if before is not None and abs(sum(sounds[before][:2]) - onset) < _EPSILON:
            begin, length, pitch, velocity, program, staff = sounds[before]
            sounds[before] = (begin, length + row.duration, pitch, velocity, program, staff)
        else:
            before = len(sounds)
            sounds.append((onset, row.duration, row.pitch, _VELOCITY, row.program, row.staff))
        if row.goes_on:
            open_ties[key] = before
        elif open_ties.get(key) == before:
            del open_ties[key]
    return sounds


def _ties(note: Any) -> dict[int, str]:
    """Pitch -> how it is tied: start, continue or stop."""
    notes = getattr(note, "notes", (note,))
    return {each.pitch.midi: str(each.tie.type) for each in notes if each.tie is not None and hasattr(each, "pitch")}


def _realised(note: Any, done: list[str]) -> list[tuple[float, float, int]]:
    """A note or chord as (begin within it, length, pitch): the ornament's notes where it has one that is played."""
    length = float(note.duration.quarterLength)
    plain = [(0.0, length, pitch.midi) for pitch in getattr(note, "pitches", ())]
    ornament = next((e for e in note.expressions if {"Trill", "Turn", "GeneralMordent"} & set(e.classes)), None)
    if ornament is None or len(plain) != 1 or length < _SHORTEST_ORNAMENTED_BEATS:
        return plain
    ornament = copy.deepcopy(ornament)
    ornament.quarterLength = _ORNAMENT_BEATS
    try:
        before, main, after = ornament.realize(note, keySig=note.getContextByClass("KeySignature"))
    except Exception as error:  # an ornament that music21 cannot realise must not cost the piece
        done.append(f"an ornament is left out ({type(error).__name__})")
        return plain
    at, found = 0.0, []
    for each in (*before, *((main,) if main is not None else ()), *after):
        lasts = float(each.duration.quarterLength)
        found.append((at, lasts, each.pitch.midi))
        at += lasts
    if abs(at - length) > _EPSILON and found:  # a trill of an uneven number of sixteenths: the last lasts longer
        begin, _, pitch = found[-1]
        found[-1] = (begin, length - begin, pitch)
    return found if all(lasts > 0 for _, lasts, _ in found) else plain


def _tempos(parsed: Any, bars: WrittenBars) -> list[tuple[int, float, float]]:
    """Every tempo with a number."""
    found: dict[float, float] = {}
    modulations: list[tuple[float, float]] = []
    for mark in parsed.recurse().getElementsByClass("TempoIndication"):
        at = float(mark.getOffsetInHierarchy(parsed))
        if "MetricModulation" in mark.classes:
            old, new = mark.oldReferent, mark.newReferent
            if old is not None and new is not None and old.quarterLength and new.quarterLength:
                modulations.append((at, float(new.quarterLength / old.quarterLength)))
        # A number that music21 guesses from a word is none that anybody wrote.
        elif "MetronomeMark" in mark.classes and (mark.numberSounding is not None or not mark.numberImplicit):
            found[at] = float(mark.getQuarterBPM() or 0)  # what is out of range is left out below
    for at, ratio in sorted(set(modulations)):
        before = [place for place in found if place < at]
        if before and at not in found:
            found[at] = found[max(before)] * ratio
    low, high = _TEMPO_RANGE_BPM
    tempos = []
    for at, bpm in sorted(found.items()):
        bar = bars.at(at)
        if low <= bpm <= high:
            tempos.append((bar, at - bars.starts[bar], bpm))
    return tempos


def _order(parts: list[Any], bars: WrittenBars, done: list[str], told: Sequence[Signs] | None) -> list[int]:
    """The bars in the order in which they are played."""
    straight = list(range(len(bars.signatures)))
    for signs in (told,) if told is not None else map(_signs, parts):
        if not any(bar.leads_back for bar in signs):
            continue
        if len(signs) != len(straight):
            done.append("repeats are not played: the parts have different numbers of bars")
            return straight
        order = played_order(signs)
        mended = f"repeats are played: {len(order)} bars for {len(straight)}"
        done.append(mended if order != straight else "repeats are not played: their signs lead nowhere")
        return order
    return straight


def _signs(part: Any) -> list[Signs]:
    """What each bar says of the order in which bars are played."""
    measures = list(part.getElementsByClass("Measure"))
    endings: dict[int, frozenset[int]] = {}
    places = {id(measure): index for index, measure in enumerate(measures)}
    for bracket in part.spannerBundle.getByClass("RepeatBracket"):
        inside = sorted(places[id(each)] for each in bracket.getSpannedElements() if id(each) in places)
        if inside:
            passes = frozenset(int(number) for number in re.findall(r"\d+", str(bracket.number or "")))
            endings.update(dict.fromkeys(range(inside[0], inside[-1] + 1), passes))
    passes_of = numbered([endings.get(index) for index in range(len(measures))])
    return [_sign(measure, passes) for measure, passes in zip(measures, passes_of, strict=True)]


def _sign(measure: Any, passes: frozenset[int]) -> Signs:
    left, right = measure.leftBarline, measure.rightBarline
    times = (right.times or 2) if right is not None and "Repeat" in right.classes and right.direction == "end" else 1
    kinds = {kind for mark in measure.getElementsByClass("RepeatExpression") for kind in mark.classes}
    return Signs(
        begins=left is not None and "Repeat" in left.classes and left.direction == "start",
        times=times,
        endings=passes,
        segno="Segno" in kinds,
        coda="Coda" in kinds,
        fine="Fine" in kinds,
        da_capo=bool(kinds & {"DaCapo", "DaCapoAlFine", "DaCapoAlCoda"}),
        dal_segno=bool(kinds & {"DalSegno", "DalSegnoAlFine", "DalSegnoAlCoda", "AlSegno"}),
    )


def _begins(order: list[int], bars: WrittenBars) -> list[float]:
    """Where each played bar begins, and where the last one ends."""
    begins = [bars.starts[order[0]]]
    for index in order:
        begins.append(begins[-1] + bars.length(index))
    return begins


def _played_tempos(order: list[int], begins: list[float], bars: WrittenBars) -> tuple[tuple[float, float], ...]:
    """Tempo marks in the order of playing; after a jump the tempo holds that the score has there."""
    found: dict[float, float] = {}
    for place, bar in enumerate(order):
        if place and order[place - 1] != bar - 1:
            before = [bpm for at, beat, bpm in bars.tempos if (at, beat) < (bar, _EPSILON)]
            if before:
                found[begins[place]] = before[-1]
        for at, beat, bpm in bars.tempos:
            if at == bar:
                found[begins[place] + beat] = bpm
    return tuple(sorted(found.items()))


def played_signatures(order: list[int], begins: list[float], bars: WrittenBars) -> tuple[tuple[float, int, int], ...]:
    """Time signatures where they change, and again where a bar line does not lie on the grid of the bars before."""
    found: list[tuple[float, int, int]] = []
    anchor, current = 0.0, None
    for place, bar in enumerate(order):
        signature = bars.signatures[bar]
        if signature is None:
            continue
        whole, actual, begin = 4 * signature[0] / signature[1], bars.length(bar), begins[place]
        full = actual > whole - _EPSILON
        if current is None:
            # An upbeat: the grid begins with the first full bar, and one bar before that lies the virtual first bar.
            anchor = begin if full or len(order) == 1 else begin + actual - whole
            found.append((anchor, *signature))
        elif signature != current or (_off_grid(begin - anchor, whole) and not _completes(order, place, bars, whole)):
            anchor = begin
            found.append((anchor, *signature))
        current = signature
    return tuple(found)


def _completes(order: list[int], place: int, bars: WrittenBars, whole: float) -> bool:
    """Whether a bar is the second half of one that a repeat sign cuts in two."""
    both = bars.length(order[place - 1]) + bars.length(order[place])
    return abs(both - whole) < _EPSILON


def _off_grid(distance: float, whole: float) -> bool:
    return min(distance % whole, -distance % whole) > _EPSILON


def _name(part: Any, index: int) -> str:
    """The part's name, with the number of its staff where it has several."""
    name = part.partName or getattr(part.getInstrument(returnDefault=False), "partName", None) or ""
    staff = re.search(r"[Ss]taff ?(\d+)$", str(part.id))
    return f"{name} staff {staff[1]}".strip() if staff else str(name)
