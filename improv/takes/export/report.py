"""One page about a take, for those who were there and for a file: the course of mood, tempo and loudness over the
minutes, who led and who followed, and what people wrote down.

Self-contained HTML that prints on one sheet, in words of the page. It describes music; it makes no statement about a
person.
"""

from __future__ import annotations

import base64
import statistics
from collections.abc import Sequence
from datetime import datetime

from improv import __version__
from improv.music.mood import Mood, nearest_name
from improv.takes.export import leading
from improv.takes.export.chart import Axis, Chart, Line, chart, round_axis
from improv.takes.export.picture import held, strip
from improv.takes.export.template import template
from improv.takes.export.texts import FIRST, Texts, counted, languages, number
from improv.takes.take import PlayedStep, Take

WINDOWS = 90  # points of a curve
HEIGHT = 70  # of a chart
LEAST_TEMPO, LEAST_LOUDNESS, LEAST_DENSITY = 20, 20, 2  # spans of an axis


def html(take: Take, language: str = FIRST, whose: str = "") -> str:
    """The page. language: code of one that `texts` has. whose: name of the person whose take it is."""
    words = languages(__package__)[language]
    began = _began(take)
    model = take.head.get("model") or {}
    made = words["made"].format(version=__version__, model=model.get("name", ""), seed=take.head.get("seed", ""))
    return template(__package__, "report.html").render(
        words=words,
        title=take.title or f"{words['take']} {began}",
        whose=whose,
        facts=facts(take, words),
        strip=base64.b64encode(strip(take)).decode(),
        charts=charts(take, words),
        parts=_parts(take, words),
        notes=[(when[:16].replace("T", " "), text) for when, text in take.written],
        moods=mood_path(take, words),
        commands=[(clock(command.at_s), command.text) for command in take.commands],
        made=made,
    )


def clock(seconds: float) -> str:
    """m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def facts(take: Take, words: Texts) -> list[tuple[str, str]]:
    """The table at the top."""
    keys = held(take.person, take.seconds)
    minutes = clock(leading.sounding_s(keys, 0.0, take.seconds))
    person = counted(words, "person_played", len(keys), minutes=minutes) if keys else words["person_silent"]
    journeys = list(dict.fromkeys(stand.journey for stand in take.stands if stand.journey))
    moods = [_mood_name(take.steps[index].mood, words) for index in (0, -1)] if take.steps else []
    state = str(words[take.state])
    if take.damaged:
        state += "; " + counted(words, "damaged", take.damaged)
    rows = [
        (words["began"], _began(take)),
        (words["length"], f"{clock(take.seconds)} {words['minutes']}"),
        (words["mood"], words["mood_from_to"].format(first=moods[0], last=moods[1]) if moods else "-"),
        (words["journey"], ", ".join(journeys) or words["none"]),
        (words["tempo"], _typical([step.tempo_bpm for step in take.steps], words, words["tempo_unit"])),
        (words["loudness"], _typical([note.velocity for note in take.notes], words, words["loudness_unit"])),
        (words["person"], person),
        (words["brainmusic"], counted(words, "played", len(take.notes))),
    ]
    return rows if take.ended and not take.damaged else [*rows, (words["state"], state)]


def mood_path(take: Take, words: Texts) -> list[tuple[str, str, str, str]]:
    """From, to, the commanded mood, and the mean of the mood that was played under."""
    ends = [*(change.at_s for change in take.changes[1:]), take.seconds]
    rows = []
    for change, end_s in zip(take.changes, ends, strict=True):
        inside = [step.mood for step in take.steps if change.at_s <= step.at_s < end_s]
        commanded = f"{_mood_name(change.target, words)} ({_place(change.target, words)})"
        mean = Mood(*(statistics.fmean(mood[axis] for mood in inside) for axis in (0, 1))) if inside else None
        rows.append((clock(change.at_s), clock(end_s), commanded, _place(mean, words) if mean else "-"))
    return rows


def _mood_name(mood: Mood, words: Texts) -> str:
    return str(words["moods"][nearest_name(mood)])


def _place(mood: Mood, words: Texts) -> str:
    """On the plane: "+0.50 / -0.25", valence before arousal."""
    return " / ".join(number(words, value) for value in mood)


def charts(take: Take, words: Texts) -> list[Chart]:
    """Both axes of the mood, tempo, loudness and notes a second, over the same minutes."""
    keys = held(take.person, take.seconds)
    tempo = _means(take, [(step.at_s, step.tempo_bpm) for step in take.steps])
    loud = _means(take, [(note.on_s, float(note.velocity)) for note in take.notes])
    ours, theirs = (_rate(take, onsets) for onsets in ([note.on_s for note in take.notes], [key[0] for key in keys]))
    both = [Line("one", [ours]), *([Line("other", [theirs])] if keys else [])]
    density = words["density_text"] if keys else ""
    plain = (
        ("tempo", [Line("one", tempo)], [value for row in tempo for _, value in row], LEAST_TEMPO, ""),
        ("loudness", [Line("one", loud)], [value for row in loud for _, value in row], LEAST_LOUDNESS, ""),
        ("density", both, [0.0, *(value for _, value in [*ours, *theirs])], LEAST_DENSITY, density),
    )
    return [
        _mood_chart(take, words, 0, ("unpleasant", "pleasant"), ""),
        _mood_chart(take, words, 1, ("still", "excited"), words["mood_text"]),
        *(
            chart(
                words[name],
                words[f"{name}_unit"],
                text,
                take.seconds,
                HEIGHT,
                round_axis(values, least),
                lines,
                words["minute"],
            )
            for name, lines, values, least, text in plain
        ),
    ]


def _mood_chart(take: Take, words: Texts, index: int, ends: tuple[str, str], text: str) -> Chart:
    """One axis of the mood: as played, and as commanded in steps."""
    played = [(step.at_s, step.mood[index]) for step in _thinned(take)]
    changes = [*(change.at_s for change in take.changes[1:]), take.seconds]
    commanded = [
        (at_s, change.target[index])
        for change, end_s in zip(take.changes, changes, strict=True)
        for at_s in (change.at_s, end_s)
    ]
    axis = Axis(-1, 1, [(-1.0, words[ends[0]]), (1.0, words[ends[1]])])
    lines = [Line("target", [commanded]), Line("one", [played])]
    title = f"{words[ends[0]]} – {words[ends[1]]}"
    return chart(title, "", text, take.seconds, HEIGHT, axis, lines, words["minute"])


def _thinned(take: Take) -> list[PlayedStep]:
    return take.steps[:: max(len(take.steps) // (4 * WINDOWS), 1)]


def _means(take: Take, values: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The mean of each window; a window without a value breaks the line."""
    width_s = max(take.seconds, 1.0) / WINDOWS
    cells: list[list[float]] = [[] for _ in range(WINDOWS)]
    for at_s, value in values:
        cells[min(max(int(at_s / width_s), 0), WINDOWS - 1)].append(value)
    rows: list[list[tuple[float, float]]] = [[]]
    for index, cell in enumerate(cells):
        if cell:
            rows[-1].append(((index + 0.5) * width_s, statistics.fmean(cell)))
        elif rows[-1]:
            rows.append([])
    return rows


def _rate(take: Take, onsets: Sequence[float]) -> list[tuple[float, float]]:
    """Onsets a second in each window."""
    width_s = max(take.seconds, 1.0) / WINDOWS
    counts = [0] * WINDOWS
    for at_s in onsets:
        counts[min(max(int(at_s / width_s), 0), WINDOWS - 1)] += 1
    return [((index + 0.5) * width_s, count / width_s) for index, count in enumerate(counts)]


def _parts(take: Take, words: Texts) -> list[tuple[str, ...]]:
    return [
        (
            clock(part.from_s),
            clock(part.to_s),
            *leading.led(part, words),
            f"{100 * part.person_s / max(part.to_s - part.from_s, 0.1):.0f} %",
        )
        for part in leading.parts(take)
    ]


def _typical(values: Sequence[float], words: Texts, unit: str) -> str:
    """The median, and where the middle four fifths lie."""
    if len(values) < 2:
        return "-"
    tenths = statistics.quantiles(values, n=10)
    middle, low, high = (f"{value:.0f}" for value in (statistics.median(values), tenths[0], tenths[-1]))
    return f"{words['typical'].format(middle=middle, low=low, high=high)} {unit}"


def _began(take: Take) -> str:
    try:
        return f"{datetime.fromisoformat(str(take.head.get('started', ''))):%Y-%m-%d %H:%M}"
    except ValueError:
        return take.take_id
