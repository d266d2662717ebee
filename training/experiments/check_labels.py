"""How often the two rules agree with listeners: 200 stimuli rated by people, Eerola, Friberg & Bresin 2013 (CC0).

    python -m training check-labels FOLDER

FOLDER holds design_matrix.csv and mean_emotion_ratings.csv (Harvard Dataverse, doi:10.7910/DVN/IFOBRN). A stimulus's
true mood is the one that was rated highest: Happy, Sad, Peaceful (calm) or Scary (nervous).
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from improv.errors import InputError
from improv.music.mood import CORNERS, NEUTRAL_DISSONANCE, NEUTRAL_VELOCITY, Mood, mood_of
from training.corpus.labels import NEUTRAL_AROUSAL, NEUTRAL_NAME, NEUTRAL_VALENCE, corner_of, mode_tempo

RATED = {"happy": "Happy", "nervous": "Scary", "sad": "Sad", "calm": "Peaceful"}
DESIGN, RATINGS = "design_matrix.csv", "mean_emotion_ratings.csv"

# What the codes of the design stand for (1 is the first of each).
_PITCH = (53.0, 59.0, 65.0, 71.0, 77.0, 83.0)
_NOTES_PER_S = (1.2, 2.0, 2.8, 4.4, 6.0)
_LEVEL_DB = (-10.0, -5.0, 0.0, 5.0, 10.0)
_ARTICULATION = (1.0, 0.75, 0.5, 0.25)
_MODE = (
    0.46,
    -0.46,
)  # what `improv.music.attributes.mode` gives for a correlation difference of 0.1, the human corners'
# (code, rating, sign of the correlation that the literature reports): a code of the other direction would turn it.
DIRECTIONS = (
    ("Mode", "Happy", -1),
    ("Mode", "Sad", 1),
    ("Tempo", "Happy", 1),
    ("Tempo", "Sad", -1),
    ("Register", "Scary", -1),
    ("Soundlevel", "Peaceful", -1),
    ("Articulation", "Sad", -1),
)


@dataclass(frozen=True)
class Stimulus:
    """codes: of the design, from 1. ratings: 1..7 by the name of the emotion."""

    codes: Mapping[str, int]
    ratings: Mapping[str, float]

    @property
    def heard(self) -> str:
        """The mood that was rated highest; of equals the first in the order of RATED."""
        return max(RATED, key=lambda name: self.ratings[RATED[name]])

    @property
    def ambiguous_tempo(self) -> bool:
        """2.8 notes a second: neither slow nor fast."""
        return self.codes["Tempo"] == 3

    def values(self) -> dict[str, float]:
        """The attributes that the design fixes. Sound level to velocity by 40 log10, as General MIDI defines it."""
        level = _LEVEL_DB[self.codes["Soundlevel"] - 1]
        return {
            "mode": _MODE[self.codes["Mode"] - 1],
            "onset_density": _NOTES_PER_S[self.codes["Tempo"] - 1],
            "register": _PITCH[self.codes["Register"] - 1],
            "loudness": NEUTRAL_VELOCITY * 10 ** (level / 40),
            "articulation": _ARTICULATION[self.codes["Articulation"] - 1],
            "dissonance": NEUTRAL_DISSONANCE,  # nothing is known of the notes: it weighs nothing
        }

    def mood(self) -> Mood:
        """The point that the rule `attributes` gives."""
        mood = mood_of(self.values())
        assert mood is not None, "mode and density are given"
        return mood


def read_stimuli(folder: Path) -> list[Stimulus]:
    """The stimuli of the two tables; InputError when one is missing or has other columns."""
    design, ratings = _table(folder / DESIGN), _table(folder / RATINGS)
    try:
        rated = {row["Nro"]: {name: float(row[name]) for name in RATED.values()} for row in ratings}
        return [Stimulus({k: int(v) for k, v in row.items() if k != "Nro"}, rated[row["Nro"]]) for row in design]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}: the tables are not those of Eerola 2013 ({error})") from None


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise InputError(f"{path} is not there")
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def directions(stimuli: Sequence[Stimulus]) -> list[tuple[str, str, float, bool]]:
    """For each of DIRECTIONS: code, rating, correlation, whether it has the sign that it must have."""
    found = []
    for code, rating, sign in DIRECTIONS:
        pairs = np.array([(s.codes[code], s.ratings[rating]) for s in stimuli], dtype=np.float64)
        correlation = float(np.mean(np.prod((pairs - pairs.mean(0)) / pairs.std(0), axis=1)))
        found.append((code, rating, correlation, correlation * sign > 0))
    return found


def agreement(stimuli: Sequence[Stimulus], given: Sequence[str]) -> dict[str, tuple[int, int]]:
    """By the mood that the rule gave: how many listeners heard the same, of how many; neutral ones are left out."""
    told = Counter(given)
    right = Counter(name for name, stimulus in zip(given, stimuli, strict=True) if name == stimulus.heard)
    return {name: (right[name], told[name]) for name in CORNERS}


def _line(rule: str, stimuli: Sequence[Stimulus], given: Sequence[str]) -> str:
    by_mood = agreement(stimuli, given)
    right, told = (sum(pair[i] for pair in by_mood.values()) for i in (0, 1))
    parts = " ".join(f"{name} {r}/{n}" for name, (r, n) in by_mood.items())
    share = f"{right / told:.0%}" if told else "-"
    return f"{rule:32} {right:3}/{told:<3} {share:>4}   {parts}   left out as neutral {given.count(NEUTRAL_NAME)}"


def report(stimuli: Sequence[Stimulus]) -> str:
    """What was found, as text."""
    lines = ["Directions of the codes (correlation of code and mean rating):"]
    for code, rating, correlation, right in directions(stimuli):
        lines.append(f"  {code:12} {rating:9} {correlation:+.2f} {'as coded' if right else 'AGAINST the code: wrong?'}")
    lines += ["", "Agreement with the mood that listeners rated highest:"]
    clear = [s for s in stimuli if not s.ambiguous_tempo]
    moods = [s.mood() for s in stimuli]
    lines.append(_line("mode_tempo", stimuli, [mode_tempo(s.values()) for s in stimuli]))
    lines.append(_line("mode_tempo, clear tempo only", clear, [mode_tempo(s.values()) for s in clear]))
    lines.append(_line("attributes, no neutral zone", stimuli, [corner_of(m, 0, 0) for m in moods]))
    lines.append(_line("  clear tempo only", clear, [corner_of(s.mood(), 0, 0) for s in clear]))
    zone = f"attributes, zone {NEUTRAL_VALENCE:g} x {NEUTRAL_AROUSAL:g}"
    lines.append(_line(zone, stimuli, [corner_of(m) for m in moods]))
    lines.append("")
    lines.append("The stimuli's notes are not in the tables: `attributes` takes their dissonance as neutral.")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="with the two tables of the study")


def command(options: argparse.Namespace) -> None:
    print(report(read_stimuli(options.folder)))
