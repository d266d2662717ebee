"""What the network of a family with a plan is told of a piece: its chords, keys, phrases, texture and references."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.model import plan_inputs
from improv.model.plan_inputs import COLUMN, COLUMNS, BarOnsets, look_up
from improv.model.vocabulary import Extras, HandsEncoding
from improv.model.vocabulary.hands import LEFT, PIANO_KEYS, RIGHT, TICKS_PER_BEAT
from improv.music.chord import UNKNOWN
from improv.music.note import Note
from training.analysis import Analysis, Music
from training.analysis import hands as analysed_hands

TEXTURE_BARS = 2
"""Register and density are told of this bar and the next."""
HIDE_PLAN, HIDE_NEAR, HIDE_FAR = 0.12, 0.25, 0.2
HIDE_GROUPS = (0.1, 0.15, 0.25, 0.25, 0.4, 0.4, 0.4, 0.4, 0.3, 0.3)
"""How often each group of `plan_inputs.HIDDEN_TOGETHER` is hidden."""
REFERENCES = ("near_here", "near_next", "far_here", "far_next")
MOVES = ("far_left_semitones", "far_right_semitones")


class PlanRows(NamedTuple):
    """What is told at each of the ticks that have tokens.

    columns: int16 (ticks, len(COLUMNS)). sets: int32 (ticks, 4), rows of `onsets` for REFERENCES. moves: int8
    (ticks, 2), semitones that the far reference's hands are moved by. onsets: uint8 (rows, 22), the keys of both hands
    that begin together, 2 x 88 bits; row 0 is empty.
    """

    columns: NDArray[np.int16]
    sets: NDArray[np.int32]
    moves: NDArray[np.int8]
    onsets: NDArray[np.uint8]


NO_PLAN = PlanRows(
    np.zeros((0, len(COLUMNS)), dtype=np.int16),
    np.zeros((0, 4), dtype=np.int32),
    np.zeros((0, 2), dtype=np.int8),
    np.zeros((0, PIANO_KEYS // 4), dtype=np.uint8),
)


def tokens_of(music: Music, analysis: Analysis, encoding: HandsEncoding) -> NDArray[np.uint16]:
    """The piece's tokens from its first bar line to the last one."""
    origin = int(analysis.bars.start[0])
    onset, end = music.onset_ticks - origin, music.end_ticks - origin
    notes = [
        Note(int(on), int(pitch), int(off - on), int(velocity))
        for on, off, pitch, velocity in zip(onset, end, music.pitch, music.velocity, strict=True)
    ]
    own = np.where(analysis.hand == analysed_hands.LEFT, LEFT, RIGHT)
    length = analysis.bars.end_tick - origin
    return np.array(encoding.encode(notes, length, Extras(hands=tuple(own.tolist()))), dtype=np.uint16)


def plan_rows(music: Music, analysis: Analysis, ticks: NDArray[np.int64]) -> PlanRows:
    """What is told at `ticks` (ascending, from the first bar line)."""
    bars, origin = analysis.bars, int(analysis.bars.start[0])
    bar = bars.of(ticks + origin)
    place = bars.place(ticks + origin)
    columns = np.full((len(ticks), len(COLUMNS)), UNKNOWN, dtype=np.int16)
    columns[:, COLUMN["bar_ticks"]] = np.minimum(bars.whole[bar], 127 * TICKS_PER_BEAT)
    columns[:, COLUMN["tick_in_bar"]] = place
    _tell_chords(columns, analysis, ticks + origin)
    _tell_texture(columns, music, analysis, bar)
    _tell_phrases(columns, analysis, bar)
    sets, moves, onsets = _tell_references(columns, music, analysis, bar, place)
    return PlanRows(columns, sets, moves, onsets)


def _tell_chords(columns: NDArray[np.int16], analysis: Analysis, ticks: NDArray[np.int64]) -> None:
    slots, chords = analysis.slots, analysis.chords
    slot = np.clip(np.searchsorted(slots.start, ticks, side="right") - 1, 0, len(slots) - 1)
    table = np.stack([chords.root, chords.quality, chords.bass], axis=1)
    changes = np.append(np.flatnonzero(np.any(np.diff(table, axis=0) != 0, axis=1)) + 1, len(table))
    following = changes[np.searchsorted(changes, slot, side="right")]
    there = following < len(table)
    names = ("chord_root", "chord_quality", "chord_bass", "next_root", "next_quality", "next_bass")
    columns[:, [COLUMN[name] for name in names[:3]]] = table[slot]
    after = np.where(there[:, None], table[np.minimum(following, len(table) - 1)], UNKNOWN)
    columns[:, [COLUMN[name] for name in names[3:]]] = after
    wait = slots.start[np.minimum(following, len(table) - 1)] - ticks
    columns[:, COLUMN["next_in"]] = np.where(there & (after[:, 0] >= 0), np.minimum(wait, 32767), UNKNOWN)
    columns[:, COLUMN["key"]] = analysis.keys[slot]


def _tell_texture(columns: NDArray[np.int16], music: Music, analysis: Analysis, bar: NDArray[np.int64]) -> None:
    bars = analysis.bars
    of_note = bars.of(music.onset_ticks)
    for hand, name in ((analysed_hands.LEFT, "left"), (analysed_hands.RIGHT, "right")):
        mine = analysis.hand == hand
        count = np.bincount(of_note[mine], minlength=len(bars)).astype(np.float64)
        height = np.bincount(of_note[mine], music.pitch[mine].astype(np.float64), minlength=len(bars))
        onset = np.unique(music.onset_ticks[mine])
        onsets = np.bincount(bars.of(onset), minlength=len(bars)).astype(np.float64)
        length = bars.length.astype(np.float64)
        sums: list[NDArray[np.float64]] = [count, height.astype(np.float64), onsets, length]
        notes, heights, begun, lengths = (_over(values, TEXTURE_BARS) for values in sums)
        pitch = np.where(notes > 0, np.floor(heights / np.maximum(notes, 1) + 0.5), UNKNOWN)
        density = np.round(4 * begun / np.maximum(lengths, 1) * 4 * TICKS_PER_BEAT)
        columns[:, COLUMN[f"{name}_register"]] = pitch[bar]
        columns[:, COLUMN[f"{name}_density"]] = np.minimum(density, plan_inputs.MOST_DENSITY)[bar]


def _over(values: NDArray[np.float64], bars: int) -> NDArray[np.float64]:
    """The sum of each bar and those after it, `bars` in all."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    return np.asarray(total[np.minimum(index + bars, len(values))] - total[index])


def _tell_phrases(columns: NDArray[np.int16], analysis: Analysis, bar: NDArray[np.int64]) -> None:
    """Place in the phrase, where the analysis knows phrases."""
    phrases = getattr(analysis, "phrases", None)
    if phrases is None:
        return
    columns[:, COLUMN["phrase_bar"]] = phrases.since[bar]
    columns[:, COLUMN["bars_left"]] = phrases.left[bar]
    columns[:, COLUMN["cadence"]] = phrases.cadence[bar]


def _tell_references(
    columns: NDArray[np.int16],
    music: Music,
    analysis: Analysis,
    bar: NDArray[np.int64],
    place: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.uint8]]:
    found = analysis.references
    onsets_of, first_row, onsets = bar_onsets(music, analysis)
    far = found.moved_bar
    for name, likeness in (("near", found.before), ("far", found.moved_similarity)):
        columns[:, COLUMN[f"{name}_likeness"]] = np.round(100 * likeness)[bar]
    columns[bar == 0, COLUMN["near_likeness"]] = UNKNOWN
    columns[far[bar] < 0, COLUMN["far_likeness"]] = UNKNOWN
    for hand, name in ((LEFT, "left_rhythm"), (RIGHT, "right_rhythm")):
        columns[:, COLUMN[name]] = rhythm_likeness(onsets_of, hand)[bar]
    sets = np.zeros((len(bar), 4), dtype=np.int32)
    count = len(onsets_of)
    for index, (b, tick) in enumerate(zip(bar.tolist(), place.tolist(), strict=True)):
        for number, name, ref, after in (
            (0, "near", b - 1, b),
            (1, "far", int(far[b]), int(far[b + 1]) if b + 1 < count else UNKNOWN),
        ):
            if ref < 0:
                continue
            length = int(analysis.bars.lead[b] + analysis.bars.length[b])
            seen = look_up(onsets_of[ref], onsets_of[after] if after >= 0 else None, tick, length)
            if seen.here >= 0:
                sets[index, 2 * number] = first_row[ref] + seen.here
            if seen.next_bar >= 0:
                source = ref if seen.next_bar == 0 else after
                sets[index, 2 * number + 1] = first_row[source] + seen.next_at
                columns[index, COLUMN[f"{name}_in"]] = seen.next_in
    shifts = np.stack([found.left_semitones, found.right_semitones], axis=1)
    return sets, np.asarray(shifts[bar], dtype=np.int8), onsets


def rhythm_likeness(bars: list[BarOnsets], hand: int) -> NDArray[np.int64]:
    """How much a hand's rhythm in each bar is that of the bar before, 0..100 (Jaccard of the places with an onset);
    UNKNOWN in the first bar and where the hand rests in both.
    """
    out = np.full(len(bars), UNKNOWN, dtype=np.int64)
    places = [
        {place for place, pitches in zip(bar.places, (bar.left, bar.right)[hand], strict=True) if pitches}
        for bar in bars
    ]
    for index in range(1, len(bars)):
        both = places[index] | places[index - 1]
        if both:
            out[index] = round(100 * len(places[index] & places[index - 1]) / len(both))
    return out


def bar_onsets(music: Music, analysis: Analysis) -> tuple[list[BarOnsets], list[int], NDArray[np.uint8]]:
    """What begins in every bar, the row of `PlanRows.onsets` of its first place, and those rows."""
    bars = analysis.bars
    bar, place = bars.of(music.onset_ticks), bars.place(music.onset_ticks)
    grouped: list[dict[int, tuple[list[int], list[int]]]] = [{} for _ in range(len(bars))]
    left = analysis.hand == analysed_hands.LEFT
    for b, tick, pitch, is_left in zip(bar.tolist(), place.tolist(), music.pitch.tolist(), left.tolist(), strict=True):
        grouped[b].setdefault(tick, ([], []))[LEFT if is_left else RIGHT].append(pitch)
    rows: list[NDArray[np.uint8]] = [np.zeros(2 * PIANO_KEYS, dtype=np.uint8)]
    result, first = [], []
    for b, places in enumerate(grouped):
        first.append(len(rows))
        order = sorted(places)
        sides = [tuple(tuple(sorted(set(places[tick][hand]))) for tick in order) for hand in (LEFT, RIGHT)]
        result.append(BarOnsets(int(bars.lead[b] + bars.length[b]), tuple(order), sides[0], sides[1]))
        for left_pitches, right_pitches in zip(*sides, strict=True):
            row = np.zeros((2, PIANO_KEYS), dtype=np.uint8)
            row[LEFT, plan_inputs.key_set(left_pitches)] = 1
            row[RIGHT, plan_inputs.key_set(right_pitches)] = 1
            rows.append(row.reshape(-1))
    return result, first, np.packbits(np.stack(rows), axis=1)


def reference_sets(
    onsets: NDArray[np.uint8], sets: NDArray[np.int64], moves: NDArray[np.int8], semitones: int
) -> NDArray[np.uint8]:
    """The keys that the references have, (tokens, *REFERENCE_SHAPE), for music that is `semitones` higher.

    onsets: (rows, 22) packed. sets: (tokens, 4) rows of it. moves: (tokens, 2) of the far reference.
    """
    bits = np.unpackbits(onsets[sets.reshape(-1)], axis=1).reshape(len(sets), *plan_inputs.REFERENCE_SHAPE)
    if semitones:
        bits = moved_keys(bits, semitones)
    for hand in (LEFT, RIGHT):
        column = moves[:, hand]
        for shift in np.unique(column[column != 0]).tolist():
            rows = np.flatnonzero(column == shift)
            bits[rows, plan_inputs.FAR, :, hand] = moved_keys(bits[rows, plan_inputs.FAR, :, hand], shift)
    return bits


def moved_keys(bits: NDArray[np.uint8], semitones: int) -> NDArray[np.uint8]:
    """Keys along the last axis, moved up; what leaves the piano is left out."""
    out = np.zeros_like(bits)
    if semitones >= 0:
        out[..., semitones:] = bits[..., : bits.shape[-1] - semitones]
    else:
        out[..., :semitones] = bits[..., -semitones:]
    return out


def told(
    plan: PlanRows, steps: NDArray[np.int64], context: NDArray[np.int16], semitones: int, hidden: Hidden
) -> NDArray[np.float32]:
    """What the network is told of the plan at `steps`, (tokens, plan_inputs.SIZE), for music that is so much higher.

    plan: of a whole dataset. context: of each token, as `vocabulary.hands.contexts` gives it, transposed already.
    """
    columns = plan_inputs.transposed(np.array(plan.columns[steps]), semitones)
    references = reference_sets(plan.onsets, plan.sets[steps].astype(np.int64), plan.moves[steps], semitones)
    hidden.hide(columns, references)
    return plan_inputs.expand(columns, references, context)


class Hidden(NamedTuple):
    """What is not told: groups of `plan_inputs.HIDDEN_TOGETHER` by number, and the near and far reference."""

    groups: tuple[int, ...] = ()
    near: bool = False
    far: bool = False

    def hide(self, columns: NDArray[np.int16], references: NDArray[np.uint8]) -> None:
        """Take it out, in place."""
        for group in self.groups:
            for name in plan_inputs.HIDDEN_TOGETHER[group]:
                columns[:, COLUMN[name]] = UNKNOWN
        for number, name in enumerate(("near", "far")):
            if getattr(self, name):
                columns[:, [COLUMN[f"{name}_likeness"], COLUMN[f"{name}_in"]]] = UNKNOWN
                references[:, number] = 0
        if self.near:  # a rhythm is like that of the bar before, which is not known
            columns[:, [COLUMN["left_rhythm"], COLUMN["right_rhythm"]]] = UNKNOWN


NOTHING = Hidden()
EVERYTHING = Hidden(tuple(range(len(plan_inputs.HIDDEN_TOGETHER))), near=True, far=True)


def drawn(rng: np.random.Generator) -> Hidden:
    """What a stretch of training hides: each part by itself, so that each can be left out and each can be guided."""
    if rng.random() < HIDE_PLAN:
        return EVERYTHING
    groups = np.flatnonzero(rng.random(len(HIDE_GROUPS)) < HIDE_GROUPS)
    return Hidden(tuple(groups.tolist()), bool(rng.random() < HIDE_NEAR), bool(rng.random() < HIDE_FAR))
