"""A MIDI file as the model sees it is what the model saw: `improv tokens` and training give the same tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.app.cli import main
from improv.midi.as_score import score_of
from improv.midi.reading import read_music
from improv.model.encode_score import seen
from improv.model.vocabulary import Encoding, encoding_for
from tests.midi.smf import Event, Key, control, events, meta, smf, tunes
from training.corpus.performed import extras, on_steps
from training.corpus.reading import load

FAMILIES = ("polyphony", "pianist", "performance", "melody")


def trained(content: bytes, encoding: Encoding) -> list[int]:
    """The tokens that prepare makes of a file."""
    piece = on_steps(load(content, ".mid", "x"), "a", "x", encoding)
    return encoding.encode(piece.notes, piece.steps, extras(piece, encoding.ticks_per_beat))


CONTROLS = st.lists(st.tuples(st.integers(0, 900), st.sampled_from((control(64, 127), control(64, 0)))), max_size=6)
TEMPI = st.lists(st.tuples(st.integers(0, 900), st.integers(300_000, 900_000)), max_size=4)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=40)
@given(
    tune=tunes(), high=tunes(), pedal=CONTROLS, tempi=TEMPI, silence=st.integers(0, 1200), program=st.integers(0, 60)
)
def test_tokens_are_those_of_training(
    family: str,
    tune: list[Key],
    high: list[Key],
    pedal: list[Event],
    tempi: list[tuple[int, int]],
    silence: int,
    program: int,
) -> None:
    later = [key._replace(onset=key.onset + silence, end=key.end + silence) for key in tune]
    beyond = [key._replace(pitch=key.pitch + 30, onset=key.onset + silence, end=key.end + silence) for key in high]
    conductor = [(tick, meta(0x51, tempo_us.to_bytes(3, "big"))) for tick, tempo_us in sorted(tempi)]
    other = [(0, bytes((0xC1, program))), *events(beyond, channel=1)]
    content = smf(conductor, [*events(later), *pedal], other, end_tick=3000)
    encoding = encoding_for(family)
    assert encoding.encode(*seen(score_of(read_music(content)), encoding)) == trained(content, encoding)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_command_prints_them_and_what_was_mended(
    family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tune = [Key(96 * beat, 60 + beat, 96 * beat + 96) for beat in range(12)]
    content = smf([(0, meta(0x59, b"\xf8")), (0, control(64, 127)), *events(tune)])
    (tmp_path / "a.mid").write_bytes(content)
    assert main(["tokens", "--family", family, str(tmp_path / "a.mid")]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == trained(content, encoding_for(family))
    assert "a key signature that is none is left out" in printed.err
