"""Scores say more than their noteheads: what sounds, where it sounds, how often and how fast."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.corpus.musicxml import BAR, PITCHES, attributes, direction, metronome, note, packed, repeat, score
from training.corpus.archives import is_archive
from training.corpus.formats import format_of
from training.corpus.reading import collect, load
from training.corpus.repeats import Signs, numbered, played_order
from training.corpus.score import Rejected, Score
from training.corpus.tempo_words import number_in

PLAIN = score(BAR, BAR)


def read(content: bytes, suffix: str = ".musicxml") -> Score:
    return load(content, suffix, "test")


def pitches(music: Score) -> list[int]:
    return [int(pitch) for pitch in music.notes["pitch"]]


def rows(music: Score) -> list[tuple[float, float, int]]:
    return [(float(n["onset"]), float(n["duration"]), int(n["pitch"])) for n in music.notes]


SCALE = [(float(beat), 1.0, PITCHES[beat % 4]) for beat in range(8)]
KERN = "**kern\n*M4/4\n=1\n{0}4cc\n4dd\n4ee\n4ff\n=\n4cc\n{0}4dd\n4ee\n4ff\n=\n*-\n"
ABC = "X:1\nT:t\nM:4/4\nL:1/4\nK:C\n{0}c {0}d e f | c d e f |\n"


def grace(step: str, slash: str = ' slash="yes"', more: str = "") -> str:
    return note(step, before=f"<grace{slash}/>{more}")


@pytest.mark.parametrize(
    "bar",
    [
        grace("D") + BAR,
        grace("D", "") + BAR,
        grace("D") + grace("E") + BAR,
        grace("D") + grace("F", more="<chord/>") + BAR,
        BAR + grace("D"),  # after the last note of the bar
        note("C") + grace("B") + grace("C") + note("D") + grace("A", "") + note("E") + note("F"),
        grace("C", "", "") + BAR,  # the pitch of its main note
    ],
)
def test_grace_notes_do_not_sound_with_their_main_note(bar: str) -> None:
    assert rows(read(score(bar, BAR))) == SCALE


@pytest.mark.parametrize("sign", ["", "qdd\n", "qqdd\n", "qdd ff\n", "qee\nqdd\n", "qqcc\n"])
def test_grace_notes_of_kern(sign: str) -> None:
    assert rows(read(KERN.format(sign).encode(), ".krn")) == SCALE


@pytest.mark.parametrize("sign", ["", "{d}", "{/d}", "{de}", '"C"', '"Am7"', '"C/E"'])
def test_grace_notes_and_chord_symbols_of_abc(sign: str) -> None:
    assert rows(read(ABC.format(sign).encode(), ".abc")) == SCALE


def harmony(kind: str, more: str = "") -> str:
    return f"<harmony><root><root-step>C</root-step></root><kind>{kind}</kind>{more}</harmony>"


@pytest.mark.parametrize(
    "symbol",
    [
        harmony("major"),
        harmony("dominant", "<bass><bass-step>E</bass-step></bass>"),
        harmony("minor-seventh", "<offset>1</offset>"),
        harmony("none"),
        harmony("major", "<degree><degree-value>9</degree-value><degree-type>add</degree-type></degree>"),
    ],
)
def test_chord_symbols_are_text(symbol: str) -> None:
    assert rows(read(score(symbol + BAR, symbol + BAR))) == SCALE


CUE = "<cue/>"


@pytest.mark.parametrize(
    ("bar", "sounds"),
    [
        (note("C", before=CUE) + note("D", before=CUE) + note("E") + note("F"), [76, 77]),
        (note("C") + note("D", before=CUE) + note("F", before=CUE + "<chord/>") + note("E") + note("F"), [72, 76, 77]),
        (note("C", before=CUE + "<grace/>") + BAR, PITCHES),
        (BAR + "<backup><duration>4</duration></backup>" + note("A", quarters=4, before=CUE), PITCHES),
        (
            note("C", before=CUE, inside='<notations><tied type="start"/></notations>') + BAR[len(note("C")) :],
            PITCHES[1:],
        ),
        (note("C").replace("<type>", '<type size="cue">') + BAR[len(note("C")) :], PITCHES),  # small, but it sounds
    ],
)
def test_cue_notes_are_silent(bar: str, sounds: list[int]) -> None:
    assert pitches(read(score(bar, BAR))) == sounds + PITCHES


def transpose(chromatic: int, octaves: int = 0) -> str:
    change = f"<octave-change>{octaves}</octave-change>" if octaves else ""
    return f"<transpose><diatonic>0</diatonic><chromatic>{chromatic}</chromatic>{change}</transpose>"


@pytest.mark.parametrize(
    ("name", "chromatic", "octaves"),
    [
        ("Clarinet in Bb", -2, 0),
        ("Clarinet in A", -3, 0),
        ("Alto Saxophone", -9, 0),
        ("Horn in F", -7, 0),
        ("Contrabass", 0, -1),
        ("Piccolo", 0, 1),
        ("Trumpet in D", 2, 0),
        ("Piano", 0, 0),
    ],
)
def test_transposing_instruments_sound_where_they_sound(name: str, chromatic: int, octaves: int) -> None:
    more = transpose(chromatic, octaves) if chromatic or octaves else ""
    moved = [pitch + chromatic + 12 * octaves for pitch in PITCHES]
    assert pitches(read(score(BAR, more=more, name=name))) == moved
    both = read(score(BAR, more=more, name=name, second=[note("C", 3, 4)]))
    assert sorted(pitches(both)) == sorted([48, *moved])


def test_an_octave_sign_moves_nothing_in_musicxml() -> None:
    shift = '<octave-shift type="down" size="8" number="1"/>'
    stop = '<octave-shift type="stop" size="8" number="1"/>'
    assert pitches(read(score(direction(shift) + BAR + direction(stop), BAR))) == PITCHES * 2


SOUND = '<sound tempo="48"/>'


@pytest.mark.parametrize(
    ("marks", "bpm"),
    [
        (SOUND, 48),
        (direction("<words>Langsam</words>", SOUND), 48),
        (direction("<words>Allegro</words>", SOUND), 48),  # what is written goes before what the word suggests
        (direction(metronome("ca. 60")), 60),
        (direction(metronome("c. 66-72")), 69),
        (direction(metronome("60 – 66")), 63),
        (direction(metronome("(92)")), 92),
        (direction(metronome("60", "half")), 120),
        (direction(metronome("60", "quarter", dotted=True)), 90),
        (direction(metronome("ca. 80", "eighth")), 40),
        (direction(metronome("lebhaft"), SOUND), 48),
        (direction("<words>Allegro (♩ = 132)</words>"), 132),
        (direction("<words>Andante ♩. = ca. 50–54</words>"), 78),
        (direction("<words>Adagio</words><words>𝅗𝅥 = 40</words>"), 80),
    ],
)
def test_a_tempo_is_read_however_it_is_written(marks: str, bpm: float) -> None:
    music = read(score(marks + BAR, BAR))
    assert (music.has_tempo, music.tempos) == (True, ((0.0, bpm),))


def test_a_tempo_without_a_number_is_none() -> None:
    music = read(score(direction(metronome("lebhaft")) + BAR))
    assert (music.has_tempo, music.tempos) == (False, ((0.0, 120.0),))
    assert not read(PLAIN).has_tempo


def test_a_beat_that_becomes_another_changes_the_tempo() -> None:
    units = "<metronome><beat-unit>quarter</beat-unit><beat-unit>eighth</beat-unit></metronome>"
    music = read(score(direction(metronome("80")) + BAR, direction(units) + BAR))
    assert music.tempos == ((0.0, 80.0), (4.0, 40.0))  # the new eighth lasts as long as the quarter did


@pytest.mark.parametrize(("line", "bpm"), [("*MM48", 48), ("*MM72.5", 72.5)])
def test_tempi_of_kern(line: str, bpm: float) -> None:
    assert read(f"**kern\n{line}\n*M4/4\n=1\n1cc\n=\n1cc\n=\n*-\n".encode(), ".krn").tempos == ((0.0, bpm),)


@given(
    st.sampled_from(("", "ca. ", "ca ", "c.", "circa ", "~", "≈", "(", "M.M. ")),
    st.integers(20, 300),
    st.sampled_from(("", ")", " ca.", " bpm", ".")),
)
def test_numbers_in_words(before: str, number: int, after: str) -> None:
    assert number_in(f"{before}{number}{after}") == number


@given(st.integers(20, 150), st.integers(1, 100), st.sampled_from(("-", " - ", "–", "—", "..", " to ", " bis ", "…")))
def test_of_a_range_the_middle_is_taken(low: int, more: int, dash: str) -> None:
    assert number_in(f"ca. {low}{dash}{low + more}") == low + more / 2


@given(st.text(max_size=40))
def test_any_words_are_a_tempo_or_none(words: str) -> None:
    found = number_in(words)
    assert found is None or 10 <= found <= 600


# Repeats.

BACK, FORTH = repeat("right", "backward"), repeat("left", "forward")


def ending(number: str, kind: str) -> str:
    return f'<ending number="{number}" type="{kind}"/>'


def test_repeats_endings_and_their_tempo_are_played() -> None:
    first = f'<barline location="left">{ending("1", "start")}</barline>' + note("D", quarters=4)
    first += repeat("right", "backward", ending("1", "stop"))
    second = f'<barline location="left">{ending("2", "start")}</barline>' + note("E", quarters=4)
    second += f'<barline location="right">{ending("2", "discontinue")}</barline>'
    slow, quick = direction(metronome("40")), direction(metronome("80"))
    music = read(score(FORTH + slow + note("C", quarters=4), quick + first, second, note("F", quarters=4)))
    assert pitches(music) == [72, 74, 72, 76, 77]
    assert music.notes["onset"].tolist() == [0, 4, 8, 12, 16]
    assert music.tempos == ((0.0, 40.0), (4.0, 80.0), (8.0, 40.0), (12.0, 80.0))
    assert music.done == ("repeats are played: 5 bars for 4",)


def test_a_repeat_of_both_hands_is_played_in_both() -> None:
    music = read(score(BAR + BACK, BAR, second=[note("C", 3, 4) + BACK, note("D", 3, 4)]))
    left = [(n["onset"], n["pitch"]) for n in music.notes if n["track"] == 1]
    assert left == [(0, 48), (4, 48), (8, 50)]
    assert music.track_names == ("Piano", "Piano")


def test_an_upbeat_and_a_short_last_bar_stay_one_bar() -> None:
    bars = (attributes() + note("C"), BAR, note("C") + note("D") + note("E") + BACK)
    music = read(score(*bars))
    assert music.time_signatures == ((-3.0, 4, 4),)
    assert len(music.notes) == 16


def test_da_capo_al_fine() -> None:
    fine, back = direction("<words>Fine</words>"), direction("<words>D.C. al Fine</words>")
    bars = [note(step, quarters=4) for step in "CDE"]
    music = read(score(bars[0] + fine, bars[1], bars[2] + back))
    assert pitches(music) == [72, 74, 76, 72]


def test_repeats_of_abc() -> None:
    assert pitches(read(b"X:1\nM:4/4\nL:1/1\nK:C\n|: c | d :| e |\n", ".abc")) == [72, 74, 72, 74, 76]


P, R = Signs(), Signs(times=2)
B = Signs(begins=True)


def volta(*passes: int, times: int = 1) -> Signs:
    return Signs(endings=frozenset(passes), times=times)


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([P, P, P], [0, 1, 2]),
        ([P, R, P], [0, 1, 0, 1, 2]),
        ([P, B, R, P], [0, 1, 2, 1, 2, 3]),
        ([R, R], [0, 0, 1, 1]),
        ([Signs(begins=True, times=3)], [0, 0, 0]),
        ([P, volta(1, times=2), volta(2), P], [0, 1, 0, 2, 3]),
        ([P, volta(1, 2, times=2), volta(3), P], [0, 1, 0, 1, 0, 2, 3]),
        ([P, volta(1), volta(1, times=2), volta(2), volta(2, times=2), P], [0, 1, 2, 0, 3, 4, 5]),
        ([P, volta(1, times=2), volta(2), P, volta(1, times=2), volta(2)], [0, 1, 0, 2, 3, 4, 3, 5]),
        ([R, B, volta(1, times=2), volta(2)], [0, 0, 1, 2, 1, 3]),
        ([P, Signs(fine=True), Signs(da_capo=True)], [0, 1, 2, 0, 1]),
        ([Signs(times=2, fine=True), Signs(times=2), Signs(da_capo=True)], [0, 0, 1, 1, 2, 0]),
        ([P, Signs(segno=True), P, Signs(dal_segno=True), P], [0, 1, 2, 3, 1, 2, 3, 4]),
        ([P, Signs(coda=True), Signs(da_capo=True), Signs(coda=True), P], [0, 1, 2, 0, 1, 3, 4]),
        ([P, Signs(dal_segno=True), P], [0, 1, 2]),  # no segno to go to
        ([P, R, B], [0, 1, 0, 1, 2]),  # a sign at the end that begins nothing
        ([Signs(times=100)], [0]),  # no music is that patient
    ],
)
def test_the_order_of_bars(bars: list[Signs], order: list[int]) -> None:
    assert played_order(bars) == order


SIGNS = st.builds(
    Signs,
    begins=st.booleans(),
    times=st.sampled_from((1, 1, 1, 2, 3)),
    endings=st.sampled_from((frozenset(), frozenset(), frozenset({1}), frozenset({2}), frozenset({1, 2}))),
    segno=st.booleans(),
    coda=st.booleans(),
    fine=st.booleans(),
    da_capo=st.sampled_from((False, False, True)),
    dal_segno=st.sampled_from((False, False, True)),
)


@given(st.lists(SIGNS, min_size=1, max_size=12))
def test_any_signs_come_to_an_end(bars: list[Signs]) -> None:
    order = played_order(bars)
    assert len(order) <= 17 * len(bars)
    assert set(order) <= set(range(len(bars)))


def test_endings_without_a_number_follow_the_one_before() -> None:
    none: frozenset[int] = frozenset()
    assert numbered([None, none, frozenset({2}), None]) == [none, frozenset({1}), frozenset({2}), none]
    assert numbered([frozenset({1}), none, none]) == [frozenset({1}), frozenset({2}), frozenset({2})]


# Ornaments.


def ornament(sign: str, step: str = "C", quarters: int = 2) -> str:
    return note(step, quarters=quarters, inside=f"<notations><ornaments><{sign}/></ornaments></notations>")


@pytest.mark.parametrize(
    ("sign", "sounds"),
    [
        ("trill-mark", [72, 74] * 4),
        ("mordent", [72, 71, 72]),
        ("inverted-mordent", [72, 74, 72]),
        ("turn", [74, 72, 71, 72]),
    ],
)
def test_ornaments_run_in_sixteenths(sign: str, sounds: list[int]) -> None:
    music = read(score(ornament(sign) + note("E", quarters=2)))
    assert pitches(music) == [*sounds, 76]
    onsets = music.notes["onset"].tolist()
    assert onsets == [*(0.25 * i for i in range(len(sounds))), 2.0]
    assert music.ends[-2] == 2.0


@pytest.mark.parametrize("sign", ["trill-mark", "mordent", "turn"])
def test_ornaments_on_chords_are_left_out(sign: str) -> None:
    chord = ornament(sign) + note("E", quarters=2, before="<chord/>")
    assert pitches(read(score(chord + note("E", quarters=2)))) == [72, 76, 76]


# Ties.


def tied(step: str, kinds: str, quarters: int = 1, before: str = "") -> str:
    ties = "".join(f'<tie type="{kind}"/>' for kind in kinds.split())
    return note(step, quarters=quarters, before=before).replace("</duration>", f"</duration>{ties}")


def test_tied_notes_are_one_also_over_bars_and_within_chords() -> None:
    chord = tied("E", "start", before="<chord/>")
    bars = (
        note("C") + note("D") + tied("C", "start", 2) + chord.replace("<duration>1", "<duration>2"),
        tied("C", "stop"),
    )
    bars = (bars[0], bars[1] + note("E", before="<chord/>") + note("D") + note("E") + note("F"))
    found = rows(read(score(*bars)))
    assert (2.0, 3.0, 72) in found
    assert [row for row in found if row[2] == 76][:2] == [(2.0, 3.0, 76), (6.0, 1.0, 76)]  # its end bears no sign


@pytest.mark.parametrize(
    ("bar", "lengths"),
    [
        ("[4cc\n4cc]\n4dd\n4ee\n", [2, 1, 1]),
        ("[4cc\n4cc\n4dd\n4ee\n", [2, 1, 1]),  # the sign at the end is missing
        ("[4cc\n4cc_\n4cc]\n4ee\n", [3, 1]),
        ("[4cc\n[4cc\n4cc\n4ee\n", [3, 1]),
        ("4cc\n4cc]\n4dd\n4ee\n", [1, 1, 1, 1]),  # the sign at the beginning is missing: struck again
        ("[4cc\n4r\n4cc\n4ee\n", [1, 1, 1]),  # it leads into a rest
        ("[4cc\n4dd\n4cc\n4ee\n", [1, 1, 1, 1]),
    ],
)
def test_ties_of_kern(bar: str, lengths: list[int]) -> None:
    found = read(f"**kern\n*M4/4\n=1\n{bar}=\n4ff\n4ff\n4ff\n4ff\n=\n*-\n".encode(), ".krn")
    assert [float(length) for length in found.notes["duration"]] == [*lengths, 1, 1, 1, 1]


# Containers.


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl", ".xml", ".mid", ".krn"])
@pytest.mark.parametrize("first", ["a.xml", "part.musicxml", "META-INF/x.xml"])
def test_a_packed_score_is_the_one_that_its_container_names(suffix: str, first: str) -> None:
    content = packed({first: score(BAR), "full/score.xml": PLAIN, "z.xml": score(BAR)}, "full/score.xml")
    assert rows(read(content, suffix)) == SCALE


@pytest.mark.parametrize(
    "content",
    [
        packed({"score.xml": PLAIN}),
        packed({"readme.txt": b"x", "score.musicxml": PLAIN}),
        packed({"score.xml": PLAIN}, "gone.xml"),
        packed({"META-INF/container.xml": b"<broken", "score.xml": PLAIN}),
    ],
)
def test_without_a_container_it_is_the_first_score(content: bytes) -> None:
    assert rows(read(content, ".mxl")) == SCALE


def test_a_container_may_name_other_kinds_first() -> None:
    listed = '<rootfile full-path="a.pdf" media-type="application/pdf"/><rootfile full-path="b.xml"/>'
    container = f"<container><rootfiles>{listed}</rootfiles></container>".encode()
    assert rows(read(packed({"META-INF/container.xml": container, "a.pdf": b"%PDF", "b.xml": PLAIN}), ".mxl")) == SCALE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (packed({"readme.txt": b"x"}), "a packed file without a score"),
        (packed({"a.xml": PLAIN})[:-40], "damaged packed score"),
        (b"<?xml version='1.0'?><svg/>", r"no score \(its XML begins with <svg>\)"),
        (PLAIN[:-30], "damaged score"),
    ],
)
def test_what_packs_no_score_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        read(content, ".mxl")


def test_other_codes_and_the_other_order_of_measures() -> None:
    text = PLAIN.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    assert rows(read(text.encode("utf-16"))) == SCALE
    assert rows(read(b"\xef\xbb\xbf" + PLAIN)) == SCALE
    body = PLAIN.decode()
    first, second = (
        f'<measure number="{n}"><part id="P0">{attributes() if n == 1 else ""}{BAR}</part></measure>' for n in (1, 2)
    )
    head = body[: body.index("<part id=")].replace("score-partwise", "score-timewise")
    assert rows(read(f"{head}{first}{second}</score-timewise>".encode())) == SCALE


def test_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    midi = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x0c\0\x90\x3c\x50\x60\x80\x3c\0\0\xff\x2f\0"
    kern, abc = KERN.format("").encode(), ABC.format("").encode()
    kinds = {"midi": midi, "musicxml": PLAIN, "kern": kern, "abc": abc}
    for kind, content in kinds.items():
        assert format_of(content, ".mid") == kind
        assert format_of(content, ".xml") == kind
    assert format_of(b"", ".krn") == "kern"
    assert format_of(b"prose", ".txt") is None
    for name, content in {
        "one": packed({"a.xml": PLAIN}, "a.xml"),
        "two.zip": packed({"a.xml": PLAIN}, "a.xml"),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert not is_archive(tmp_path / name)
        (item,) = collect(str(tmp_path / name), tmp_path)
        assert rows(read(item.content(), item.suffix)) == SCALE
    (tmp_path / "song").write_bytes(midi)
    assert {item.name: item.suffix for item in collect(str(tmp_path), tmp_path)} == {
        "one": ".mxl",
        "two.zip": ".mxl",
        "song": ".mid",
    }
