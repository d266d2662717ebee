"""The response card: how BrainMusic plays together with a person, each row beside chance and mismatch.

    python -m benchmarks.together --performances FOLDER [--count 50] [--seconds 60] [--scripted 40] [--rows all]
    python -m benchmarks.together --performances FOLDER --short

Persons are performances out of MIDI files (any folder of them) and scripted players whose tempo and rhythm are drawn
at random. The daemon's own engine plays with them on the manual clock. *Chance* is the same person beside what
BrainMusic plays in solo; *mismatch* is the same person beside the duet that belongs to another one; *left_hand* is what
the same performance has in the left hand beside its right hand, where the file tells them apart. `low` and `high`
are the interval of 95 % of 1000 bootstrap draws over the persons. Rows that are measured alone are added to the others.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import pairs, persons
from benchmarks.duo import Played, Stage
from benchmarks.persons import FloatArray, Person, PersonNote, as_array, calls, chosen_files, of_hands, scripted
from improv.control.commands import MODES, SetMode
from improv.files import atomic_write
from improv.listening.listener import Listener
from improv.music.chord import scale_classes
from improv.music.mood import CORNERS
from improv.music.primer import TICKS_PER_BEAT, Primer
from improv.takes.beginning_sources import of_file

ROWS = ("performances", "ear", "tempo", "density", "answer", "accompany", "echo", "live", "flood", "begin")
MOODS = tuple(CORNERS)
FOUND = {"steady": 0.04, "rubato": 0.08}
CPU_CLOCK = time.process_time
ECHO_DELAYS_S, ECHO_SHIFTS = (0.0, 0.12, 0.4, 1.0), (0, 12, -12)


def interval(values: Sequence[float], seed: int = 1) -> dict[str, float]:
    """Mean, and where 95 % of the bootstrap's means lie; nothing without values."""
    clean = np.array([value for value in values if value == value], dtype=np.float64)
    if not len(clean):
        return {}
    draws = np.random.default_rng(seed).choice(clean, (1000, len(clean))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return {"mean": round(float(clean.mean()), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def performances(stage: Stage, folder: Path, count: int, seconds: float) -> dict[str, Any]:
    """Keys lost, key, register, clashes and loudness beside people."""
    files = chosen_files(folder, count)
    people = [persons.of_file(path, seconds) for path in files]
    people = [person for person in people if len(person.notes) > 20]
    length_s = seconds + 2
    duets = [stage.play(p, length_s, "duet", MOODS[index % 4], seed=index) for index, p in enumerate(people)]
    solos = [stage.play(p, length_s, "solo", MOODS[index % 4], seed=index) for index, p in enumerate(people)]
    others = [*duets[1:], *duets[:1]]
    result: dict[str, Any] = {"persons": len(people), "seconds": seconds}
    lost = [pairs.lost(person, duet.begun) for person, duet in zip(people, duets, strict=True)]
    result["keys_lost"] = interval([one[0] for one in lost])
    result["keys_lost_60_ms"] = interval([one[1] for one in lost])
    waits = [wait for p, duet in zip(people, duets, strict=True) for wait in pairs.answered_after_s(p, duet)]
    result["first_note_after_s"] = {"p50": _quantile(waits, 0.5), "p95": _quantile(waits, 0.95)}
    deaf = [late_s for p, duet in zip(people, duets, strict=True) for late_s in pairs.deaf_s(p, duet)]
    unknowing = [late_s for late_s in deaf if late_s > 0]
    result["notes_that_missed_a_key"] = {
        "share": round(len(unknowing) / max(len(deaf), 1), 3),
        "key_before_s": {"p50": _quantile(unknowing, 0.5), "p95": _quantile(unknowing, 0.95)},
    }
    hands = [both for path in files if (both := of_hands(path, seconds)) and min(len(one.notes) for one in both) > 20]
    for name, measure in (
        ("key_fit", pairs.key_fit),
        ("inside_hands", pairs.inside_hands),
        ("semitone_clash", pairs.clashes),
    ):
        result[name] = {
            label: interval([measure(person, played.ours) for person, played in zip(people, beside, strict=True)])
            for label, beside in (("duet", duets), ("chance", solos), ("mismatch", others))
        }
        result[name]["left_hand"] = interval([measure(right, as_array(left.notes)) for right, left in hands])
    result["loudness_r"] = {
        label: _correlation([pairs.loudness(p, played.ours) for p, played in zip(people, beside, strict=True)])
        for label, beside in (("duet", duets), ("chance", solos), ("mismatch", others))
    }
    lefts = [pairs.loudness(right, as_array(left.notes)) for right, left in hands]
    result["loudness_r"]["left_hand"] = _correlation(lefts)
    result["with_two_hands"] = len(hands)
    against = [
        pairs.key_fit(person, duet.ours)
        for index, (person, duet) in enumerate(zip(people, duets, strict=True))
        if CORNERS[MOODS[index % 4]].valence > 0 and not pairs.is_major(person)
    ]
    result["key_fit_of_minor_under_a_major_mood"] = interval(against)
    return result


def _quantile(values: Sequence[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 3) if len(values) else float("nan")


def _correlation(found: Sequence[np.ndarray]) -> dict[str, float]:
    """Over all windows; the interval draws persons."""
    whole = [one for one in found if len(one)]

    def r(chosen: Sequence[np.ndarray]) -> float:
        rows = np.concatenate(chosen) if chosen else np.zeros((0, 2))
        return float(np.corrcoef(rows.T)[0, 1]) if len(rows) > 2 else float("nan")

    rng = np.random.default_rng(1)
    draws = [r([whole[i] for i in rng.integers(0, len(whole), len(whole))]) for _ in range(1000)] if whole else []
    low, high = np.nanquantile(draws, (0.025, 0.975)) if draws else (float("nan"),) * 2
    return {"mean": round(r(whole), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def tempo(stage: Stage, count: int) -> dict[str, Any]:
    """Is the tempo found within four bars, and do our notes lie on the person's sixteenths after that?"""
    result: dict[str, Any] = {}
    for kind, rubato in (("steady", 0.0), ("rubato", 0.08)):
        found, octave, on_grid, chance = [], [], [], []
        for seed in range(count):
            person = scripted(seed, bars=11, rubato=rubato)
            beats = np.array(person.beats_s)
            played = stage.play(person, float(beats[43]), "duet", "happy", seed)
            said = [state for at_s, state in played.states if beats[8] <= at_s <= beats[16] + 0.3]
            true = _tempo_at(beats, 16)
            last = said[-1]
            heard = getattr(last, "person_bpm", 0.0) or last.tempo_bpm
            found.append(abs(np.log(heard / true)) < FOUND[kind])
            octave.append(any(abs(np.log(heard * times / true)) < FOUND[kind] for times in (0.5, 1, 2)))
            on_grid.append(pairs.phase_r(played.ours, beats, beats[16]))
            if seed < count // 3:
                solo = stage.play(person, float(beats[43]), "solo", "happy", seed)
                chance.append(pairs.phase_r(solo.ours, beats, beats[16]))
        result[kind] = {
            "found": interval(found),
            "found_or_octave": interval(octave),
            "phase_r": interval(on_grid),
            "phase_r_chance": interval(chance),
        }
    return result


def _tempo_at(beats: FloatArray, beat: int) -> float:
    """Beats a minute around a beat: what one who sways plays just then."""
    return 60 / float(np.diff(beats[beat - 1 : beat + 2]).mean())


def ear(count: int, first_seed: int = 1000) -> dict[str, Any]:
    """Is the tempo found within four bars by the listener alone? Players that `tempo` does not have; no model plays."""
    result: dict[str, Any] = {"players": count}
    for kind, rubato in (("steady", 0.0), ("rubato", 0.08)):
        off = []
        for seed in range(first_seed, first_seed + count):
            person = scripted(seed, bars=5, rubato=rubato)
            beats, listener = np.array(person.beats_s), Listener()
            asked_s = float(beats[16]) + 0.1
            for at_s, message in person.messages():
                if at_s <= asked_s:
                    listener.receive(message, at_s)
            beat = listener.view(asked_s).beat
            off.append(np.log(beat.tempo_bpm / _tempo_at(beats, 16)) if beat is not None else np.inf)
        near = [[abs(one + np.log(times)) < FOUND[kind] for times in (1.0, 0.5, 2.0)] for one in off]
        result[kind] = {
            "found": interval([found for found, _, _ in near]),
            "found_or_octave": interval([any(one) for one in near]),
        }
    return result


def density(stage: Stage, count: int) -> dict[str, Any]:
    """Do we play less beside a person who plays much than beside one who plays little, at every mood?"""
    result: dict[str, Any] = {}
    for mood in MOODS:
        less = []
        for seed in range(count):
            rates = []
            for gap_s in (1.2, 0.16):
                ours = stage.play(_pace(gap_s, seed), 31.0, "duet", mood, seed).ours
                rates.append(pairs.onsets(ours, 5.0, 31.0))
            less.append(rates[1] < rates[0])
        result[mood] = interval(less)
    return result


def _pace(gap_s: float, seed: int) -> Person:
    """Five tones up and down for half a minute, one each gap_s."""
    rng = np.random.default_rng(seed)
    at_s = [1 + gap_s * index for index in range(int(30 / gap_s))]
    pitches = 72 + rng.choice((0, 2, 4, 5, 7), len(at_s))
    notes = (PersonNote(a, a + 0.8 * gap_s, int(p), 70) for a, p in zip(at_s, pitches, strict=True))
    return Person("pace", tuple(notes))


def answers(stage: Stage, count: int) -> dict[str, Any]:
    """When, how long and how like its call an answer is, and how fast it gives way."""
    late, ratio, gives_way, own, others = [], [], [], list[float](), list[float]()
    spoken = answered = 0
    for seed in range(count):
        person, spans = calls(seed, bpm=float(np.random.default_rng(seed).uniform(70, 130)))
        beats = np.array(person.beats_s)
        played = stage.play(person, float(beats[-1]), "answer", MOODS[seed % 4], seed)
        heard = as_array(person.notes)
        replies = []
        for index, (begin_s, end_s) in enumerate(spans):
            until_s = spans[index + 1][0] if index + 1 < len(spans) else float(beats[-1])
            reply = played.ours[(played.ours[:, 0] > end_s) & (played.ours[:, 0] < until_s)]
            call = heard[(heard[:, 0] >= begin_s - 0.05) & (heard[:, 0] <= end_s)]
            spoken += 1
            if index + 1 < len(spans):
                sounding = played.ours[(played.ours[:, 0] < until_s + 0.5) & (played.ours[:, 1] > until_s)]
                gives_way += [float(row[1] - until_s) for row in sounding]
            cut_short = index % 3 == 1 and index + 1 < len(spans)
            if len(reply) > 1:
                answered += 1
                if index:  # the beat was heard by then
                    late.append(float(np.abs(beats - reply[0, 0]).min()))
                if not cut_short:
                    ratio.append(float((reply[:, 1].max() - reply[0, 0]) / (end_s - begin_s)))
                    replies.append((call, reply))
        for at, (call, reply) in enumerate(replies):
            own.append(pairs.likeness(call, reply))
            others += [pairs.likeness(other, reply) for k, (other, _) in enumerate(replies) if k != at]
    return {
        "calls": spoken,
        "answered": answered,
        "off_the_beat_s": {"p50": _quantile(late, 0.5), "p95": _quantile(late, 0.95)},
        "length_ratio_in_range": interval([0.8 <= one <= 1.25 for one in ratio]),
        "length_ratio_p50": _quantile(ratio, 0.5),
        "gives_way_s": {"n": len(gives_way), "p95": _quantile(gives_way, 0.95) if gives_way else 0.0},
        "likeness_auc": pairs.auc(own, others),
    }


def accompany(stage: Stage, count: int) -> dict[str, Any]:
    """Do the chords fit the melody's bar, and is a stop and a new tempo followed?"""
    fit, chance, stop_bars, tempo_bars = [], [], [], []
    for seed in range(count):
        first = scripted(seed, bars=8)
        melody = Person(first.name, tuple(note for note in first.notes if note.pitch >= 60), beats_s=first.beats_s)
        beats = np.array(first.beats_s)
        end_s = float(beats[32])
        played = stage.play(melody, end_s + 5, "accompany", MOODS[seed % 4], seed)
        fit += pairs.chord_fits(melody, played.ours, beats)
        solo = stage.play(melody, end_s + 5, "solo", MOODS[seed % 4], seed)
        chance += pairs.chord_fits(melody, solo.ours, beats)
        bar_s = 4 * float(np.diff(beats).mean())
        last_s = max(note.off_s for note in melody.notes)
        stop_bars.append(max(float(played.ours[:, 0].max(initial=0.0)) - last_s, 0.0) / bar_s)
        tempo_bars.append(_bars_to_follow(stage, seed))
    return {
        "chord_fits": interval(fit),
        "chance": interval(chance),
        "stop_within_bars": {"p50": _quantile(stop_bars, 0.5), "p95": _quantile(stop_bars, 0.95)},
        "new_tempo_within_bars": {"p50": _quantile(tempo_bars, 0.5), "p95": _quantile(tempo_bars, 0.95)},
    }


def _bars_to_follow(stage: Stage, seed: int) -> float:
    """Bars of the new tempo until ours is within 5 % of it (a tempo an octave away counts as found); at most 8."""
    first = scripted(seed, bpm=90.0, bars=6)
    start_s = first.beats_s[24]
    bpm = float(np.random.default_rng(seed).choice([72.0, 112.0]))
    then = scripted(seed, bpm=bpm, bars=9, start_s=start_s)
    both = Person("new tempo", tuple(sorted((*[n for n in first.notes if n.on_s < start_s - 0.05], *then.notes))))
    played = stage.play(both, then.beats_s[34], "accompany", "happy", seed)
    for at_s, state in played.states:
        near = [abs(np.log(state.tempo_bpm * times / bpm)) < 0.05 for times in (0.5, 1.0, 2.0)]
        if at_s > start_s + 0.2 and any(near):
            return (at_s - start_s) / (240 / bpm)
    return 8.0


def echoes(stage: Stage, seconds: float) -> dict[str, Any]:
    """How many of our own notes that come back are taken for a person's?"""
    nobody, result = Person("nobody", ()), {}
    for delay_s in ECHO_DELAYS_S:
        for shift in ECHO_SHIFTS:
            played = stage.play(nobody, seconds, "duet", "happy", 1, echo=(delay_s, shift))
            name = f"{1000 * delay_s:g} ms {shift:+d}"
            result[name] = {"came_back": played.echoed, "heard_as_a_person": played.heard}
    came = sum(one["came_back"] for one in result.values())
    heard = sum(one["heard_as_a_person"] for one in result.values())
    return {"share": round(heard / max(came, 1), 4), **result}


def live(stage: Stage, changes: int = 200, every_s: float = 0.8) -> dict[str, Any]:
    """Random changes of mode while both play: notes that hang, silences of both."""
    rng = np.random.default_rng(7)
    seconds = changes * every_s
    person = scripted(5, bpm=100.0, bars=int(seconds / 2.4) + 1)
    commands = [(1 + every_s * index, SetMode(str(rng.choice(MODES)))) for index in range(changes)]
    played = stage.play(person, seconds, "duet", "happy", 1, commands=commands)
    both = np.concatenate([played.ours, as_array(person.notes)])
    return {
        "changes": changes,
        "stuck_notes": played.left_sounding,
        "longest_note_s": round(float((played.ours[:, 1] - played.ours[:, 0]).max()), 2),
        "silences_over_1_s": pairs.silences(both, 1.0, seconds - 2),
        "notes": len(played.ours),
    }


class _Said(logging.Handler):
    """Counts the warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def flood(stage: Stage, seconds: float = 10.0, notes_per_s: int = 10_000) -> dict[str, Any]:
    """Keys beyond all hands come in for a while: what is heard of them, what is said, does the music go on?"""
    rng, said = np.random.default_rng(3), _Said()
    at_s = 3 + np.floor(np.arange(int(seconds * notes_per_s)) / notes_per_s * 1000) / 1000
    pitches, velocities = rng.integers(21, 109, len(at_s)), rng.integers(1, 128, len(at_s))
    struck = zip(at_s.tolist(), pitches.tolist(), velocities.tolist(), strict=True)
    person = Person("flood", tuple(PersonNote(a, a + 0.001, pitch, velocity) for a, pitch, velocity in struck))
    logging.getLogger("improv").addHandler(said)
    began_s, cpu_s = 3.0, CPU_CLOCK()
    played = stage.play(person, seconds + 8, "duet", "happy", 1)
    cpu_s = CPU_CLOCK() - cpu_s
    logging.getLogger("improv").removeHandler(said)
    ours = played.ours
    during = ours[(ours[:, 0] >= began_s) & (ours[:, 0] < began_s + seconds)]
    return {
        "keys": len(at_s),
        "heard": played.heard,
        "said": said.count,
        "our_onsets_per_s": round(pairs.onsets(ours, began_s, began_s + seconds), 2),
        "our_longest_gap_s": round(float(np.diff([began_s, *during[:, 0], began_s + seconds]).max()), 2),
        "stuck_notes": played.left_sounding,
        "cpu_s": round(cpu_s, 1),
    }


def begin(stage: Stage, folder: Path, count: int) -> dict[str, Any]:
    """Does music go on from the bars of a file: in their key, and like them rather than like others?"""
    nobody, primers = Person("nobody", ()), list[Primer]()
    for path in chosen_files(folder, count):
        primers.append(of_file(path))
    length_s = 20.0
    after = [
        stage.play(nobody, length_s, "solo", MOODS[index % 4], index, primer=one) for index, one in enumerate(primers)
    ]
    alone = [stage.play(nobody, length_s, "solo", MOODS[index % 4], index) for index, _ in enumerate(primers)]
    theirs = [_in_seconds(one) for one in primers]
    own = [pairs.likeness(bars, played.ours) for bars, played in zip(theirs, after, strict=True)]
    others = [
        pairs.likeness(bars, played.ours)
        for at, bars in enumerate(theirs)
        for other, played in enumerate(after)
        if at != other
    ]
    chance = [pairs.likeness(bars, played.ours) for bars, played in zip(theirs, alone, strict=True)]
    return {
        "files": len(primers),
        "in_their_key": interval([_in_key(one, played) for one, played in zip(primers, after, strict=True)]),
        "in_their_key_chance": interval([_in_key(one, played) for one, played in zip(primers, alone, strict=True)]),
        "likeness_auc": pairs.auc(own, others),
        "likeness_auc_chance": pairs.auc(chance, others),
    }


def _in_seconds(primer: Primer) -> np.ndarray:
    tick_s = 60 / primer.tempo_bpm / TICKS_PER_BEAT
    return np.array([(n.tick * tick_s, (n.tick + n.ticks) * tick_s, n.pitch, n.velocity) for n in primer.notes])


def _in_key(primer: Primer, played: Played) -> float:
    """Share of our notes in the first 10 s that are in the scale of the primer's key."""
    early = played.ours[played.ours[:, 0] < 10.0]
    return float(np.isin(early[:, 2] % 12, scale_classes(primer.key)).mean()) if len(early) else float("nan")


def card(given: argparse.Namespace, rows: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The rows that are asked for, each when it is measured."""
    scripted_count, at = given.scripted, given.performances
    stage = Stage()
    makers: dict[str, Callable[[], Any]] = {
        "ear": lambda: ear(max(5 * scripted_count, 60)),
        "tempo": lambda: tempo(stage, scripted_count),
        "density": lambda: density(stage, max(scripted_count // 8, 2)),
        "answer": lambda: answers(stage, max(scripted_count // 3, 3)),
        "accompany": lambda: accompany(stage, max(scripted_count // 4, 3)),
        "echo": lambda: echoes(stage, 20.0 if given.short else 40.0),
        "live": lambda: live(stage),
        "flood": lambda: flood(stage),
    }
    if at is not None:
        makers["performances"] = lambda: performances(stage, at, given.count, given.seconds)
        makers["begin"] = lambda: begin(stage, at, max(given.scripted, 8))
    for row in ROWS:
        if row in rows and row in makers:
            yield row, makers[row]()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--performances", type=Path, help="a MIDI file or a folder of them; without: scripted only")
    parser.add_argument("--count", type=int, default=50, help="how many of the performances")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each performance")
    parser.add_argument("--scripted", type=int, default=40, help="how many scripted players")
    parser.add_argument("--short", action="store_true", help="16 performances of 30 s, 12 scripted players")
    parser.add_argument("--rows", default="all", help=f"all, or some of {','.join(ROWS)}")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "together.json")
    given = parser.parse_args()
    rows = ROWS if given.rows == "all" else tuple(given.rows.split(","))
    if wrong := set(rows) - set(ROWS):
        raise SystemExit(f"--rows: unknown {', '.join(sorted(wrong))}; there are: {', '.join(ROWS)}")
    if given.short:
        given.count, given.seconds, given.scripted = 16, 30.0, 12
    given.out.parent.mkdir(exist_ok=True)
    for row, measured in card(given, rows):
        whole = json.loads(given.out.read_text()) if given.out.exists() else {}
        with atomic_write(given.out) as file:
            file.write(json.dumps({**whole, row: measured}, indent=1) + "\n")
        print(json.dumps({row: measured}, indent=1), flush=True)


if __name__ == "__main__":
    main()
