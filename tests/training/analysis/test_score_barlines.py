"""A MIDI file gets back the bar lines of the score that it was made from."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.corpora import meter, tempo, write_midi
from training.analysis import of_score
from training.analysis.metre import bars
from training.analysis.score_barlines import with_bars_of, written
from training.corpus.midi import read_midi
from training.corpus.score import Score, notes_of
from training.dataset.cache import key_of
from training.dataset.encode_file import Job
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare

BAR = 4
LETTERS = {60: ("c", "C"), 62: ("d", "D"), 64: ("e", "E"), 65: ("f", "F"), 67: ("g", "G")}
Bars = list[list[int]]
"""Quarters, a pitch each, by bar."""


def kern_of(music: Bars) -> str:
    rows = ["**kern", "*M4/4"]
    for number, bar in enumerate(music):
        rows += [*([f"={number}"] if number else []), *(f"4{LETTERS[pitch][0]}" for pitch in bar)]
    return "\n".join([*rows, "==", "*-"]) + "\n"


def musicxml_of(music: Bars) -> str:
    def note(pitch: int) -> str:
        step = LETTERS[pitch][1]
        return f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>2</duration></note>"

    attributes = (
        "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    )
    measures = (
        f'<measure number="{number}">{attributes if not number else ""}{"".join(map(note, bar))}</measure>'
        for number, bar in enumerate(music)
    )
    return f'<?xml version="1.0"?><score-partwise><part id="P1">{"".join(measures)}</part></score-partwise>'


def midi_score(music: Bars) -> Score:
    """What a MIDI file says of the same music: one signature from the first note on."""
    pitches = [pitch for bar in music for pitch in bar]
    rows = [(float(beat), 1.0, pitch, 64, 0, 0) for beat, pitch in enumerate(pitches)]
    return Score(notes_of(rows), ((0.0, 100.0),), ((0.0, 4.0),), time_signatures=((0.0, 4, 4),))


def _bars(lengths: list[int], seed: int) -> Bars:
    drawn = np.random.default_rng(seed)
    return [[int(pitch) for pitch in drawn.choice(list(LETTERS), length)] for length in lengths]


# A pickup of one to three quarters; then whole bars, and some that the composer cut to three or drew out to five.
LENGTHS = st.tuples(st.integers(1, 4), st.lists(st.sampled_from([4, 4, 4, 3, 5]), min_size=4, max_size=24)).map(
    lambda drawn: [drawn[0], *drawn[1]]
)


@pytest.mark.parametrize(("writer", "suffix"), [(kern_of, ".krn"), (musicxml_of, ".musicxml")])
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_every_line_is_where_the_score_has_it(writer: object, suffix: str, lengths: list[int], seed: int) -> None:
    assert callable(writer)
    music = _bars(lengths, seed)
    score = with_bars_of(midi_score(music), str(writer(music)).encode(), suffix)
    starts = [0, *accumulate(lengths)][:-1]
    wanted = [12 * start for start in (starts if lengths[0] >= BAR else starts[1:])]
    found = bars(of_score(score)).lines.tolist()
    assert score.has_bars
    # An overlong bar is drawn as a whole one and a rest of it.
    extra = {12 * (start + BAR) for start, length in zip(starts, lengths, strict=True) if length > BAR}
    assert set(wanted) <= set(found)
    assert {line for line in found if line >= 0} - set(wanted) <= extra


@given(st.lists(st.sampled_from([4, 3]), min_size=4, max_size=12), st.integers(0, 1000))
def test_another_version_gives_no_lines(lengths: list[int], seed: int) -> None:
    music = _bars(lengths, seed)
    score = midi_score(music)
    rows = score.notes.copy()
    rows["pitch"] = [[61, 63, 66, 68, 70][at % 5] for at in range(len(rows))]
    assert not with_bars_of(Score(rows, score.tempos, score.meters), kern_of(music).encode(), ".krn").has_bars


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\1\2", b"**kern\n*-\n", b"<?xml version='1.0'?><score-partwise/>", b"<?xml", b"PK\x03\x04", b"X:1"],
)
def test_what_is_no_score_says_nothing(content: bytes) -> None:
    assert written(content, ".krn") is None


def test_a_repeat_sign_in_the_middle_of_a_bar_makes_no_bar() -> None:
    text = "**kern\n*M4/4\n4c\n=1\n4d\n4e\n4f\n4g\n=2\n4c\n4d\n4e\n=:|!\n4f\n=3\n4c\n4d\n4e\n4f\n==\n*-\n"
    found = written(text.encode(), ".krn")
    assert found is not None
    assert found.bars.starts == [0.0, 1.0, 5.0, 9.0, 13.0]


def test_prepare_asks_the_score_beside_a_file(tmp_path: Path) -> None:
    music = _bars([1, *[4] * 12], 3)
    folder = tmp_path / "music"
    folder.mkdir()
    pitches = [pitch for bar in music for pitch in bar]
    meta = [(0.0, tempo(100)), (0.0, meter(4, 4))]
    write_midi(folder / "piece.mid", [(float(at), 1.0, p) for at, p in enumerate(pitches)], meta=meta)
    (folder / "piece.krn").write_text(kern_of(music))
    tally = prepare([str(folder)], tmp_path / "data", Options(family="hands"))
    assert (tally["kept"], tally["the score of a MIDI file"]) == (1, 1)
    assert "its bar lines are those of its score" in (tmp_path / "data" / "features.csv").read_text()


def test_another_score_beside_a_file_is_another_result(tmp_path: Path) -> None:
    job = Job("a.mid", "x", ".mid", b"MThd", "hands")
    keys = {key_of(job), *(key_of(Job(**{**vars(job), "written": text})) for text in (b"1", b"2"))}
    assert len(keys) == 3


def test_lines_of_a_file_alone_are_searched(tmp_path: Path) -> None:
    write_midi(tmp_path / "a.mid", [(0.0, 1.0, 60)])
    assert not read_midi((tmp_path / "a.mid").read_bytes()).has_bars
