"""One file's bytes -> all that a dataset needs of it. A pure function: any process on any machine may run it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from improv.model import conditioning
from improv.model.vocabulary import HandsEncoding, encoding_for
from improv.music.grid import first_beat
from training.analysis import analyse, of_score
from training.analysis.score_barlines import with_bars_of
from training.corpus import clean, reading
from training.corpus.augment import Instruments
from training.corpus.features import describe
from training.corpus.fingerprint import sketch, tune
from training.corpus.labels import Label
from training.corpus.performed import extras, on_steps
from training.corpus.reading import Piece
from training.corpus.score import Rejected, Score
from training.corpus.sources import work_of
from training.dataset import plan_columns
from training.dataset.conditioning import condition
from training.dataset.dataset import EncodedPiece

MIN_BEATS = 8  # on the clock as many nominal ones: 4 s


@dataclass(frozen=True)
class Job:
    """A file to be read. suffix: with its dot, small letters. labels: moods that a person gave to stretches of it.

    default_tempo: whether its tempo is only what the program wrote that made it (`training.corpus.default_tempo`).
    written: the score that a MIDI file was made from, where it lies beside it, and its suffix.
    """

    name: str
    source: str
    suffix: str
    content: bytes
    family: str
    instruments: Instruments = "all"
    labels: tuple[Label, ...] = ()
    default_tempo: bool = False
    written: bytes = b""
    written_suffix: str = ""


def digest(job: Job) -> EncodedPiece | str:
    """The encoded piece, or the reason why the file is left out."""
    try:
        return _digest(job)
    except Rejected as reason:
        return str(reason)


def _digest(job: Job) -> EncodedPiece:
    encoding = encoding_for(job.family)
    score = reading.load(job.content, job.suffix, job.source, job.instruments)
    if job.written:
        score = with_bars_of(score, job.written, job.written_suffix)
    if job.default_tempo:
        score = replace(score, has_tempo=False, done=(*score.done, "its tempo is its program's default"))
    off_grid = clean.off_grid_share(score)
    if off_grid > clean.NO_BEAT_SHARE and encoding.tempo_bpm is None:
        raise Rejected(f"a performance without a beat grid ({off_grid:.0%} of its onsets lie off the grid)")
    if isinstance(encoding, HandsEncoding):
        return _with_plan(job, score, encoding)
    piece = on_steps(score, job.name, job.source, encoding)
    shortest = MIN_BEATS * encoding.ticks_per_beat
    if piece.steps < shortest:
        raise Rejected(f"only {piece.steps} steps long, needed are {shortest}")
    tokens = np.array(encoding.encode(piece.notes, piece.steps, extras(piece, encoding.ticks_per_beat)), np.uint16)
    tick_of_token = np.minimum(encoding.ticks(tokens), piece.steps - 1)
    if encoding.shifts.start == encoding.shifts.stop:
        ticks, step_of_token = np.arange(piece.steps), tick_of_token
    else:  # few of many ticks have tokens
        ticks, step_of_token = np.unique(tick_of_token, return_inverse=True)
    rows = condition(piece, encoding.ticks_per_beat, job.labels, ticks)
    return _encoded(job, score, piece, tokens, step_of_token, rows)


def _encoded(
    job: Job,
    score: Score,
    piece: Piece,
    tokens: np.ndarray,
    step_of_token: np.ndarray,
    rows: np.ndarray,
    plan: plan_columns.PlanRows = plan_columns.NO_PLAN,
) -> EncodedPiece:
    """All of it together. rows: the conditioning of each step."""
    features, windows = describe(score, job.labels)
    return EncodedPiece(
        name=job.name,
        work=f"{job.source}/{work_of(job.name)}",
        source=job.source,
        opening=reading.opening(piece),
        tokens=tokens,
        step_of_token=step_of_token.astype(np.uint32),
        conditioning=rows,
        plan=plan,
        sketch=sketch(score),
        tune=tune(score),
        features=features,
        windows=windows,
    )


def _with_plan(job: Job, score: Score, encoding: HandsEncoding) -> EncodedPiece:
    """The piece in two hands from its first bar line to its last, with what the plan says of every bar.

    The commands are those of a bar as a whole, not of a moment: they are measured where each bar begins.
    """
    music = of_score(score)
    analysis = analyse(music)
    tokens = plan_columns.tokens_of(music, analysis, encoding)
    ticks, step_of_token = np.unique(encoding.ticks(tokens.astype(np.int64)), return_inverse=True)
    piece = reading.on_grid(score, job.name, job.source, encoding.ticks_per_beat)
    shortest = MIN_BEATS * encoding.ticks_per_beat
    if piece.steps < shortest:
        raise Rejected(f"only {piece.steps} steps long, needed are {shortest}")
    first = int(analysis.bars.start[0]) - round(first_beat(score) * encoding.ticks_per_beat)
    bar_line = analysis.bars.start[analysis.bars.of(ticks + analysis.bars.start[0])] - analysis.bars.start[0]

    def told(at: np.ndarray) -> np.ndarray:
        return condition(piece, encoding.ticks_per_beat, job.labels, np.clip(at + first, 0, piece.steps - 1))

    rows = told(ticks)
    commands = 2 * conditioning.COMMANDS.index("ending")
    rows[:, :commands] = told(bar_line)[:, :commands]
    plan = plan_columns.plan_rows(music, analysis, ticks.astype(np.int64))
    return _encoded(job, score, piece, tokens, step_of_token, rows, plan)
