"""What turns the network: pure functions with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from improv.improviser import biases
from improv.improviser.feedback import Feedback, leads
from improv.music.attributes import Key, key_of, mode_of, profile_in_best_key

C_MAJOR_NOTES = np.array([4.0, 0, 2, 0, 3, 2, 0, 3, 0, 2, 0, 1])
C_MINOR_NOTES = np.array([4.0, 0, 2, 3, 0, 2, 0, 3, 2, 0, 0, 1])


@pytest.mark.parametrize(("intensity", "expected"), [(0, 0), (0.25, 0.5), (0.5, 1), (0.75, 2), (1, 3)])
def test_guidance_is_as_learned_in_the_middle(intensity: float, expected: float) -> None:
    assert biases.guidance(intensity, strongest=3) == pytest.approx(expected)


def test_guidance_never_falls() -> None:
    values = [biases.guidance(intensity, strongest=1) for intensity in np.linspace(0, 1, 21)]
    assert values == sorted(values)


def test_major_music_that_must_turn_minor_is_drawn_to_a_near_key() -> None:
    pull = biases.key_bias(C_MAJOR_NOTES, mode=-1, intensity=0.5, strength=1)
    assert pull.shape == (128,)
    best = {int(pitch) % 12 for pitch in np.argsort(pull[60:72])[-3:]}
    assert best <= {9, 11, 0, 2, 4, 5, 8}, "A minor: the key beside C major"
    assert pull[60:72] == pytest.approx(pull[72:84])


def test_key_pull_leads_to_the_commanded_mode() -> None:
    def steered(mode: float, intensity: float = 0.5) -> float:
        """The mode of music in C minor once the pull has had its way."""
        pull = biases.key_bias(C_MINOR_NOTES, mode, intensity, 1)[:12]
        return mode_of(np.maximum(C_MINOR_NOTES + pull, 0))

    assert steered(-1) < steered(0) < steered(1)
    assert steered(1, intensity=0) == mode_of(C_MINOR_NOTES) < steered(1, 0.3) < steered(1, 0.7)
    assert not biases.key_bias(np.zeros(12), 1, 0.5, 1).any(), "nothing has sounded yet: no key to be near to"


def test_dissonance_pull_makes_up_for_what_is_missing() -> None:
    c_and_e = np.zeros(12)
    c_and_e[[0, 4]] = 1
    too_smooth = biases.dissonance_bias(c_and_e, harsh=0, pairs=40, commanded=0.3, intensity=0.5, strength=1)
    assert too_smooth[65] > too_smooth[67] == 0, "an F beside the E, a G beside neither"
    assert too_smooth.max() <= biases.LARGEST_DISSONANCE_BIAS
    too_harsh = biases.dissonance_bias(c_and_e, harsh=30, pairs=40, commanded=0.1, intensity=0.5, strength=1)
    assert too_harsh[65] < too_harsh[67] == 0
    right = biases.dissonance_bias(c_and_e, harsh=8, pairs=40, commanded=0.2, intensity=0.5, strength=1)
    assert right == pytest.approx(np.zeros(128), abs=1e-9)
    assert not biases.dissonance_bias(np.zeros(12), 0, 40, 0.3, 0.5, 1).any(), "harsh against what?"


def test_register_pull_leads_back() -> None:
    up = biases.register_bias(heard=48, commanded=60, strength=1)
    assert up[72] - up[60] == pytest.approx(1)
    assert biases.register_bias(heard=100, commanded=60, strength=1) == pytest.approx(-up)
    assert not biases.register_bias(60, 60, 1).any()


def test_opening_pull_keeps_the_first_note_near_the_register() -> None:
    pull = biases.opening_bias(commanded=60, strength=1.5)
    assert not pull[54:67].any(), "half an octave to either side is free"
    assert pull[84] == pull[36] == pytest.approx(-1.5 * 1.5 * biases.OPENING_SHARE)
    assert (np.diff(pull[:60]) >= 0).all()
    assert (np.diff(pull[60:]) <= 0).all()


def test_density_pull_makes_up_for_what_is_missing() -> None:
    def pull(onsets: int, commanded: float, strength: float) -> float:
        return biases.density_bias(onsets, 4, commanded, 0.0, strength)

    assert pull(onsets=8, commanded=2, strength=1) == 0
    assert pull(onsets=4, commanded=2, strength=1) == pytest.approx(math.log(2))
    assert pull(onsets=16, commanded=2, strength=0.5) == pytest.approx(-math.log(2) / 2)
    assert pull(onsets=0, commanded=12, strength=3) == biases.LARGEST_DENSITY_BIAS
    assert pull(onsets=40, commanded=0.5, strength=3) == -biases.LARGEST_DENSITY_BIAS


def test_thin_chords_are_filled_and_full_ones_thinned() -> None:
    assert biases.chord_bias(biases.NOTES_PER_ONSET, 1) == 0
    assert biases.chord_bias(1.0, 1) == pytest.approx(math.log(biases.NOTES_PER_ONSET))
    assert biases.chord_bias(1e6, 3) == -biases.LARGEST_CHORD_BIAS
    assert later(Feedback(), [72], [72], 64).chord == pytest.approx(1, abs=0.1)
    assert later(Feedback(), [60, 64, 67, 72], [60, 64, 67, 72], 64).chord == pytest.approx(4, abs=0.1)


def later(heard: Feedback, started: list[int], held: list[int], times: int, mode: float = 1.0) -> Feedback:
    """So many half seconds at 120 a minute later, commanded two onsets a second."""
    for _ in range(times):
        heard = heard.after(
            4, 1.0, 0.5, started, held, (), melody=leads(started, held), onsets_per_s=2.0, register=62.0, mode=mode
        )
    return heard


def test_the_last_tone_of_the_melody_is_put_back() -> None:
    pull = biases.repeat_bias(67, strength=1.5)
    assert pull[67] == -1.5
    assert np.count_nonzero(pull) == 1


def test_what_the_melody_owes_is_made_up_for_and_forgotten_in_time() -> None:
    even = later(Feedback(), [72], [60, 72], 64)
    assert even.pace_owed_s == pytest.approx(0)
    silent = later(even, [], [72], 4)
    assert 1.9 < silent.pace_owed_s < 2.0
    below = later(even, [60], [60, 72], 4)
    assert below.pace_owed_s == pytest.approx(silent.pace_owed_s), "what begins below a held note is no melody"
    assert biases.density_bias(8, 4, 2, silent.pace_owed_s, 1) == pytest.approx(0.8, abs=0.03)
    assert later(silent, [], [], 200).pace_owed_s == biases.LARGEST_PACE_OWED_S, "of a long silence a part"
    assert later(silent, [72], [72], 640).pace_owed_s == pytest.approx(0, abs=0.01)


def test_home_is_where_the_music_was_for_long() -> None:
    c_major, f_major = [60, 64, 67], [65, 69, 72]
    passing = later(later(Feedback(), c_major, c_major, 64), f_major, f_major, 14)
    assert key_of(passing.histogram) == Key(5, True)
    assert key_of(passing.home) == Key(0, True), "three and a half bars of F are not home yet"


def test_a_mode_that_stays_off_is_corrected_more_and_more() -> None:
    minor = [60, 63, 67]
    short, long = (later(Feedback(), minor, minor, times) for times in (4, 64))
    assert 0 < short.mode_owed < long.mode_owed < 2
    assert later(Feedback(), minor, minor, 64, mode=-1.0).mode_owed == pytest.approx(0, abs=0.2)
    weak, strong = (biases.key_bias(long.histogram, -1.0, 0.5, 1, owed)[60:72] for owed in (0.0, 0.1))
    major, minor = (profile_in_best_key(long.histogram, is_major) for is_major in (True, False))
    assert (strong - weak) @ (major - minor) > 0


BEFORE = (72, 67, 60)  # C5, G4, C4


def voice(above: tuple[int, ...], before: tuple[int, ...] = BEFORE) -> set[int]:
    """Pitches that the next voice, which lies below the others, should not take."""
    pull = biases.voice_leading_bias(before, above, strength=2)
    assert set(pull) <= {0.0, -2.0, -4.0}
    return {int(pitch) for pitch in np.flatnonzero(pull) if not above or pitch < above[-1]}


def test_voices_are_kept_from_parallel_octaves_and_fifths() -> None:
    assert voice(above=(74,)) == set(), "between C and G is a fourth: no fault in parallel"
    assert voice(above=(74, 69)) == {62}, "an octave below the soprano and a fifth below the alto"
    assert biases.voice_leading_bias(BEFORE, (74, 69), 2)[62] == -4, "both at once"
    assert voice(above=(74, 65)) == {62, 58, 46, 34, 22, 10}, "upward with the soprano, downward with the alto"
    assert voice(above=(71, 67)) == {59, 47, 35, 23, 11}, "the alto stays; in whatever octave"


def test_voices_that_stay_or_have_no_past_are_free() -> None:
    assert voice(above=(72, 67)) == set(), "nothing moved above"
    assert voice(above=()) == set(), "the highest voice has none above it"
    assert voice(above=(74, 69, 62)) == set(), "a fourth voice that was not there before"
    assert voice(above=(74,), before=(72, 72)) == set(), "a doubled note may part"


def test_the_last_bars_are_drawn_home() -> None:
    pull = biases.home_bias(Key(tonic=2, major=False))[:12]
    d_minor = {2, 5, 9}
    assert {int(pitch) for pitch in np.argsort(pull)[-3:]} == d_minor
    assert pull[3] < 0, "E flat is no tone of it"


def test_what_lies_too_low_does_not_leap_to_the_highest_keys() -> None:
    pull = biases.register_bias(heard=28, commanded=62, strength=1.5)
    assert pull[74] == pull[108] == pytest.approx(1.5), "level an octave above"
    assert pull[21] == pytest.approx(-1.5)


def test_one_low_note_at_the_beginning_says_little_about_the_register() -> None:
    first = Feedback().after(1, 0.25, 0.1, [28], [28], (), melody=True, onsets_per_s=4.0, register=62.0, mode=0.0)
    assert first.register is not None
    assert first.register == pytest.approx(62 - 34 * biases.LATELY_SHARE)
    last = first
    for _ in range(100):
        last = last.after(1, 0.25, 0.1, [28], [28], (), melody=True, onsets_per_s=4.0, register=62.0, mode=0.0)
    assert last.register == pytest.approx(28, abs=0.5)
