"""The ear's judgment of which pulse is the beat can be learned, from players whose beats are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import mido
import numpy as np
import pytest

from improv.listening.metre_level import READINGS, Weights, features, learned
from improv.listening.metre_level import Struck as Onset
from improv.midi.reading import read_music
from training.__main__ import main
from training.corpus.sources import Item
from training.experiments.beat_ear import found, judged_by, table
from training.experiments.beat_players import BEATS, Played, Struck, scripted, stretch_of
from training.experiments.metre_level import cases_of, first_choice, learn, of_split

if TYPE_CHECKING:
    from training.dataset.dataset import Dataset


def performance(path: Path, bars: int = 16, bpm: float = 90.0) -> Path:
    """Eighths in 4/4 with a bass on the beats, a tempo map that sways."""
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4)])
    for eighth in range(8 * bars):
        if eighth % 2 == 0:
            tempo = mido.bpm2tempo(bpm * (1 + 0.05 * np.sin(eighth / 8)))
            track.append(mido.MetaMessage("set_tempo", tempo=round(tempo)))
        pitches = (60 + eighth % 5, 40) if eighth % 2 == 0 else (64 + eighth % 3,)
        track += [mido.Message("note_on", note=pitch, velocity=80 if eighth % 8 == 0 else 64) for pitch in pitches]
        track += [mido.Message("note_off", note=pitch, time=240 if at == 0 else 0) for at, pitch in enumerate(pitches)]
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(path)
    return path


def test_a_stretch_of_a_performance_has_its_notated_beats(tmp_path: Path) -> None:
    music = read_music(performance(tmp_path / "one.mid").read_bytes())
    played = stretch_of(music, np.random.default_rng(1))
    assert played is not None
    assert len(played.beats_s) == BEATS + 1
    assert 60 / float(np.diff(played.beats_s).mean()) == pytest.approx(90, rel=0.06)
    bass = [one.at_s for one in played.struck if one.pitch == 40]
    assert np.allclose(bass, played.beats_s[: len(bass)], atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_a_scripted_player_keeps_to_beats(seed: int) -> None:
    played = scripted(seed)
    assert list(played.struck) == sorted(played.struck)
    assert np.all(np.diff(played.beats_s) > 0.3)
    assert played.struck[-1].at_s < played.beats_s[-1] + 1


def test_the_right_reading_is_learned() -> None:
    cases = [case for seed in range(8) for case in cases_of(scripted(seed), seed)]
    assert all(case.possible[case.right] for case in cases)
    network = learn(cases, epochs=6)
    assert first_choice(network, cases) > 2 / len(READINGS)


def test_what_is_written_is_what_the_ear_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        performance(tmp_path / f"{number}.mid", bpm=80.0 + 20 * number)
    out = tmp_path / "level.npz"
    assert main(["metre-level", str(tmp_path), "--out", str(out), "--scripted", "6", "--stretches", "1"]) == 0
    assert "held out" in capsys.readouterr().out
    with np.load(out) as stored:
        weights = Weights(*(stored[name].astype(np.float64) for name in Weights._fields))
    assert weights.judge(np.zeros((3, len(weights.straight)))).shape == (3,)


def test_a_folder_without_performances_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metre-level", str(tmp_path), "--out", str(tmp_path / "x.npz")]) != 0
    assert "no MIDI files" in capsys.readouterr().err


def test_every_reading_says_as_much() -> None:
    onsets = [Onset(index / 2, index * 0.3, 0.5, 60, 1) for index in range(20)]
    rows = features(onsets, READINGS, 100.0, onsets[-1].beats)
    assert rows.shape == (len(READINGS), len(learned().straight))
    assert np.isfinite(rows).all()


class Prepared:
    """A dataset, as far as its split is asked for."""

    def split(self, name: str) -> list[Item]:
        names = {"train": ("a.mid", "b.mid"), "valid": ("c.mid",)}[name]
        return [Item(one, "set", Path(one)) for one in names]


def test_only_pieces_of_the_split_are_learned_from() -> None:
    there = [Item(name, source, Path(name)) for source in ("set", "other") for name in ("a.mid", "b.mid", "c.mid")]
    chosen = of_split(there, cast("Dataset", Prepared()), "train")
    assert [(one.source, one.name) for one in chosen] == [("set", "a.mid"), ("set", "b.mid")]


def test_what_the_ear_finds_of_a_steady_player_is_counted() -> None:
    beats_s = 1 + 0.6 * np.arange(BEATS + 1)
    struck = [Struck(float(at_s), 40 if beat % 4 == 0 else 64, 90) for beat, at_s in enumerate(beats_s)]
    eighths = [Struck(one.at_s + 0.3, 67, 60) for one in struck]
    played = Played(tuple(sorted((*struck, *eighths))), beats_s)
    heard = found(played)
    assert heard.octave
    assert heard.sixteenths > 0.95
    assert "steady             1" in table({"steady": [played], "nobody": []})


def test_the_ear_can_judge_by_other_weights() -> None:
    nothing = Weights(*(np.zeros_like(one) for one in learned()))
    players = [scripted(seed) for seed in range(3)]
    with judged_by(nothing):
        blind = [found(one) for one in players]
    assert blind != [found(one) for one in players]
