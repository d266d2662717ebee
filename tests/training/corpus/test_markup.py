"""MusicXML, **kern and ABC as programs and people write them, put plainly before music21 reads them."""

from __future__ import annotations

import contextlib
import gzip
import io
import zipfile
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.midi.smf import Key, events, smf
from tests.training.corpus.musicxml import BAR, PITCHES, attributes, direction, metronome, note, repeat, score
from tests.training.corpus.test_scores import CUE, SCALE, grace, harmony, read, rows, tied, transpose
from training.corpus.containers import unpacked
from training.corpus.jumps import signs_of
from training.corpus.markup import partwise, prepared
from training.corpus.repeats import played_order
from training.corpus.score import Rejected
from training.corpus.tempo_fields import abc_with_numbers, kern_with_numbers
from training.corpus.tempo_words import is_passing, leads_back, leads_to_first, modulation_in, tempo_in

PLAIN = score(BAR, BAR)
REST = '<note><rest measure="yes"/><duration>4</duration><voice>1</voice></note>'
BACK_4 = "<backup><duration>4</duration></backup>"


def sounds(content: bytes) -> list[int]:
    """The pitches of the plain markup in its order, rests and music21 left out."""
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    found = []
    for pitch in ElementTree.fromstring(prepared(content).text).iter("pitch"):
        alter = float(pitch.findtext("alter") or 0)
        found.append(12 * int(pitch.findtext("octave") or 0) + 12 + steps[pitch.findtext("step") or ""] + int(alter))
    return found


def sign(kind: str, type_: str, number: str = "") -> str:
    inside = f'<{kind} type="{type_}">{number}</{kind}>'
    return f"<attributes><measure-style>{inside}</measure-style></attributes>"


SLASHED = "".join(note("B", inside="<notehead>slash</notehead>") for _ in range(4))
UNPITCHED = "<unpitched><display-step>F</display-step><display-octave>4</display-octave></unpitched>"
DRUM = f"<note>{UNPITCHED}<duration>1</duration><voice>1</voice><type>quarter</type></note>"


@pytest.mark.parametrize(
    ("bars", "right"),
    [
        ((SLASHED, BAR), PITCHES),
        ((BAR, sign("slash", "start") + BAR, sign("slash", "stop") + BAR), PITCHES * 2),
        ((note("C", before=CUE) + note("E", before="<chord/>") + note("D") + note("F"),), [76, 74, 77]),
        ((note("C") + note("E", before="<cue/><chord/>") + note("G", before="<chord/>"),), [72, 79]),
        ((grace("B") + grace("C", more="<cue/>") + BAR,), PITCHES),
        ((BAR + BACK_4 + grace("D") + note("G", 4, 4),), [*PITCHES, 67]),
        ((note("C", before="<grace/>") + REST, BAR), PITCHES),
        ((harmony("pedal") + harmony("major", "<degree><degree-value>99</degree-value></degree>") + BAR,), PITCHES),
        (("<figured-bass><figure><figure-number>6</figure-number></figure></figured-bass>" + BAR,), PITCHES),
        ((DRUM + BAR + DRUM,), PITCHES),
        ((note("C") + DRUM.replace("<unpitched>", "<chord/><unpitched>") + note("D"),), [72, 74]),
        ((attributes().replace("<sign>G", "<sign>percussion") + BAR, "<attributes/>" + BAR), []),
        ((note("C").replace("<note>", '<note print-object="no" dynamics="">'),), [72]),  # hidden, but it sounds
        ((note("C", inside="<beam>odd</beam><stem/><accidental>odd</accidental><lyric/>"),), [72]),
        ((BAR + '<barline location="right"><bar-style>odd</bar-style></barline>',), PITCHES),
        # % signs: an empty bar sounds as the one before, a written one as it is written
        ((BAR, sign("measure-repeat", "start", "1") + REST, REST, sign("measure-repeat", "stop") + REST), PITCHES * 3),
        ((BAR, sign("measure-repeat", "start", "1"), sign("measure-repeat", "stop") + note("G")), [*PITCHES * 2, 79]),
        ((BAR, note("G"), sign("measure-repeat", "start", "2") + REST, REST), [*PITCHES, 79] * 2),
        ((BAR, sign("measure-repeat", "start", "1") + note("A")), [*PITCHES, 81]),
        ((sign("measure-repeat", "start", "1") + REST, BAR), PITCHES),
    ],
)
def test_what_is_drawn_and_what_sounds(bars: tuple[str, ...], right: list[int]) -> None:
    assert sounds(score(*bars)) == right


def test_a_repeat_sign_on_one_staff_leaves_the_other_as_it_is() -> None:
    def on(staff: int, notes: str) -> str:
        return notes.replace("</type>", f"</type><staff>{staff}</staff>").replace("<voice>1", f"<voice>{staff}")

    rest = REST.replace("<voice>1</voice>", "<voice>2</voice><staff>2</staff>")
    styled = sign("measure-repeat", "start", "1").replace("<measure-style>", '<measure-style number="2">')
    both = attributes().replace("<clef>", "<staves>2</staves><clef>") + on(1, BAR) + BACK_4 + on(2, note("C", 3, 4))
    music = read(score(both, styled + on(1, note("G", 5, 4)) + BACK_4 + rest))
    assert {(4.0, 4.0, 79), (4.0, 4.0, 48)} == {row for row in rows(music) if row[0] >= 4}


@pytest.mark.parametrize("why", [DRUM * 4, attributes().replace("<sign>G", "<sign>percussion") + BAR])
def test_drums_alone_are_said_to_be_drums(why: str) -> None:
    with pytest.raises(Rejected, match="only drums"):
        read(score(why))


def test_a_part_on_the_drums_channel_is_drums_whatever_its_notes() -> None:
    instrument = '<midi-instrument id="I"><midi-channel>10</midi-channel></midi-instrument></score-part>'
    assert sounds(PLAIN.replace(b"</score-part>", instrument.encode())) == []


# Transposition.

INTERVALS = st.tuples(st.integers(-14, 14), st.integers(-2, 2), st.integers(-1, 1) | st.none())
NOTES = st.tuples(st.sampled_from("CDEFGAB"), st.sampled_from((-1, 0, 1)), st.integers(3, 6))


def pitch_of(written: tuple[str, int, int]) -> int:
    step, alter, octave = written
    return 12 * octave + 12 + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step] + alter


@given(st.lists(st.tuples(INTERVALS | st.none(), st.lists(NOTES, min_size=1, max_size=4)), min_size=1, max_size=4))
def test_an_instrument_sounds_where_it_sounds_wherever_it_is_taken_up(passages: list) -> None:
    bars, right, moved = [], [], 0
    for interval, written in passages:
        change = ""
        if interval is not None:
            chromatic, octaves, wrong = interval
            steps = "" if wrong is None else f"<diatonic>{round(chromatic * 7 / 12) + wrong}</diatonic>"
            octave = f"<octave-change>{octaves}</octave-change>"
            change = (
                f"<attributes><transpose>{steps}<chromatic>{chromatic}</chromatic>{octave}</transpose></attributes>"
            )
            moved = chromatic + 12 * octaves
        notes = "".join(note(s, o).replace("</step>", f"</step><alter>{a}</alter>") for s, a, o in written)
        bars.append(change + notes)
        right += [pitch_of(each) + moved for each in written]
    assert sounds(score(*bars)) == right


def test_the_key_moves_with_the_notes_and_a_double_is_an_octave_below() -> None:
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    text = prepared(score(BAR, more=clarinet).replace(b"<fifths>0", b"<fifths>2")).text
    assert "<fifths>0</fifths>" in text
    double = "<transpose><chromatic>0</chromatic><double/></transpose>"
    assert sounds(score(BAR, more=double)) == [pitch - 12 for pitch in PITCHES]
    assert sounds(score(BAR, name="Clarinet in Bb")) == PITCHES  # a score at concert pitch says no <transpose>


def test_an_octave_sign_over_a_transposing_instrument_moves_nothing() -> None:
    shift = direction('<octave-shift type="down" size="8" number="1"/>')
    assert sounds(score(shift + BAR, more=transpose(-2))) == [pitch - 2 for pitch in PITCHES]


# The order of bars.


def whole(step: str) -> str:
    return note(step, quarters=4)


def words(text: str, **sound: str) -> str:
    told = "".join(f' {name}="{value}"' for name, value in sound.items())
    return direction(f"<words>{text}</words>", f"<sound{told}/>" if sound else "")


def volta(number: str, body: str, back: bool = False) -> str:
    line = f'<barline location="left"><ending number="{number}" type="start"/></barline>{body}'
    kind = f'<ending number="{number}" type="{"stop" if back else "discontinue"}"/>'
    return f'{line}<barline location="right">{kind}{"<repeat direction=" if back else ""}' + (
        '"backward"/></barline>' if back else "</barline>"
    )


SEGNO, CODA = direction("<segno/>"), direction("<coda/>")
FORTH, BACK = repeat("left", "forward"), repeat("right", "backward")
THRICE = '<barline location="right"><repeat direction="backward" times="3"/></barline>'
AGAIN = '<barline location="right"><repeat direction="backward" after-jump="yes"/></barline>'
C, D, E, F, G = map(whole, "CDEFG")


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        # as MuseScore writes them
        (
            (C, SEGNO + D, E + words("To Coda", tocoda="coda"), F + words("D.S. al Coda", dalsegno="s"), CODA + G),
            "CDEFDEG",
        ),
        ((C, D + words("Fine", fine="yes"), E + words("D.C. al Fine", dacapo="yes")), "CDECD"),
        # only <sound> says it
        ((C, D + '<sound fine="yes"/>', E + '<sound dacapo="yes"/>'), "CDECD"),
        ((C, '<sound segno="1"/>' + D, E + '<sound dalsegno="1"/>', F), "CDEDEF"),
        (('<sound forward-repeat="yes"/>' + C, D + BACK), "CDCD"),
        # only words or signs say it
        ((C, D + words("To Coda 𝄌"), E + words("D.C. al Coda"), words("Coda") + F), "CDECDF"),
        ((C, D + words("al Coda"), E + words("Da Capo al Coda"), words("CODA") + F), "CDECDF"),
        ((SEGNO + C, D + CODA, E + words("D.S. al Coda"), CODA + F), "CDECDF"),
        ((C, D + words("To Coda"), E + words("D.C. al Coda"), F), "CDECDF"),  # its coda has no sign
        ((C, SEGNO + D, E + words("Fine"), F + words("Dal Segno al Fine")), "CDEFDE"),
        ((C + SEGNO, D, E + words("D.S.")), "CDEDE"),  # behind the last note: the next bar
        ((C, SEGNO + D, SEGNO + E, F + words("D.S.")), "CDEFEF"),  # the one before it
        # two codas
        (
            (
                C + words("To Coda 1"),
                D + words("To Coda 2"),
                E + words("D.C. al Coda 1"),
                CODA + F + words("D.C. al Coda 2"),
                CODA + G,
            ),
            "CDECFCDG",
        ),
        # with repeats
        ((C + BACK, SEGNO + D, E + words("Fine"), F + words("D.S. al Fine")), "CCDEFDE"),
        ((FORTH + C, D + words("Fine") + BACK, E + words("D.C. al Fine")), "CDCDECD"),
        ((FORTH + C, D + words("Fine") + BACK, E + words("D.C. al Fine con repetizione")), "CDCDECDCD"),
        ((FORTH + C, D + AGAIN, E + words("Fine"), F + words("D.C. al Fine")), "CDCDEFCDCDE"),
        ((C, D + words("To Coda"), E + words("D.C. al Coda"), CODA + FORTH + F + BACK), "CDECDFF"),
        ((FORTH + C, FORTH + D + BACK, E + BACK, F), "CDDEEF"),
        ((C, FORTH + D + THRICE, E), "CDDDE"),
        # endings
        ((FORTH + C, volta("1, 2", D, back=True), volta("3", E), F), "CDCDCEF"),
        ((FORTH + C, volta("1-3", D, back=True), volta("4", E), F), "CDCDCDCEF"),
        ((FORTH + C, volta("1", D, back=True), volta("2", E, back=True), volta("3", F), G), "CDCECFG"),
        ((FORTH + C, volta("1.2.", D, back=True), volta("3.", E)), "CDCDCE"),
        ((C, volta("1", D, back=True), '<barline><ending number="2" type="start"/></barline>' + E, F), "CDCEF"),
        ((C, volta("", D, back=True), volta("", E), F), "CDCEF"),
        # none of these says anything
        ((C, D + '<barline location="right"><repeat/></barline>', E), "CDE"),
        ((C, D + '<barline location="right"><ending number="1" type="stop"/></barline>', E), "CDE"),
        ((C, words("Finale") + D, words("con fine espressione") + E), "CDE"),
    ],
)
def test_the_order_of_bars_however_it_is_told(bars: tuple[str, ...], order: str) -> None:
    signs = signs_of(partwise(score(*bars)).findall("part"))
    assert "".join("CDEFG"[index] for index in played_order(signs)) == order


def test_a_sign_in_any_part_holds_for_all() -> None:
    content = score(C, D + words("Fine"), E, second=[C, D, E + words("D.C. al Fine")])
    assert played_order(signs_of(partwise(content).findall("part"))) == [0, 1, 2, 0, 1]


def test_a_tie_ends_where_the_next_bar_that_is_played_does_not_go_on() -> None:
    half = note("C", quarters=2)
    music = read(score(half + tied("D", "start", 2) + BACK, tied("D", "stop", 4)))
    assert rows(music) == [(0, 2, 72), (2, 2, 74), (4, 2, 72), (6, 6, 74)]


def test_a_tie_leads_over_the_first_ending_into_the_second() -> None:
    first = volta("1", tied("D", "stop", 4), back=True)
    music = read(score(FORTH + tied("D", "start", 4), first, volta("2", tied("D", "stop", 4))))
    assert rows(music) == [(0, 8, 74), (8, 8, 74)]


def test_what_is_tied_in_notation_alone_is_tied() -> None:
    start, stop = (f'<notations><tied type="{kind}"/></notations>' for kind in ("start", "stop"))
    content = score(note("C", inside=start) + note("C", inside=stop) + note("E") + note("F"))
    assert rows(read(content)) == [(0, 2, 72), (2, 1, 76), (3, 1, 77)]


# Tempi.


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("q = 120", 120),
        ("Allegro h. = 60", 180),
        ("♩· = 60", 90),
        ("♩ ≈ 72", 72),
        ("(♩ = c. 72)", 72),
        ("\ueca5\uecb7 = 60", 90),
        ("Andante [quarter note] = 60", 60),
        ("dotted quarter = 60", 90),
        ("crotchet = 66-72", 69),
        ("M.M. = 72", 72),
        ("Moderato MM 88", 88),
        ("120 bpm", 120),
        ("Variation 12", None),
        ("Op. 10 = 3", None),
        ("the = 50", None),
        ("Allegro", None),
    ],
)
def test_a_tempo_in_words(text: str, bpm: float | None) -> None:
    assert tempo_in(text) == bpm


UNITS = st.sampled_from((("♩", 1), ("𝅗𝅥", 2), ("♪", 0.5), ("\ueca7", 0.5), ("q", 1), ("half", 2), ("eighth note", 0.5)))


@given(
    st.sampled_from(("", "Allegro ", "Adagio, (", "poco più ")), UNITS, st.sampled_from(("", ".")), st.integers(20, 90)
)
def test_any_number_of_any_unit(before: str, unit: tuple[str, float], dot: str, number: int) -> None:
    assert tempo_in(f"{before}{unit[0]}{dot} = {number}") == number * unit[1] * (1.5 if dot else 1)


def test_words_that_change_a_tempo() -> None:
    assert modulation_in("♩ = ♪") == (1.0, 0.5)
    assert modulation_in("(q. = q)") == (1.5, 1.0)
    assert modulation_in("Doppio movimento") == (1.0, 2.0)
    assert modulation_in("♩ = 60") is None
    assert all(map(leads_to_first, ("Tempo I", "Tempo I.", "TEMPO PRIMO", "Tempo 1º", "Tempo Imo")))
    assert not any(map(leads_to_first, ("Tempo II", "Tempo di Valse", "Tempo 120")))
    assert all(map(leads_back, ("a tempo", "in tempo", "A Tempo", "poco a poco a tempo", "im Zeitmaß")))
    assert all(map(is_passing, ("rit.", "rallentando", "poco accel.", "allarg.")))
    assert not is_passing("meno mosso")


def test_a_piece_comes_back_to_its_tempi() -> None:
    marks = [
        direction(metronome("90")),
        words("rit.", tempo="60"),
        words("a tempo"),
        direction(metronome("40")),
        words("Tempo I"),
        words("♩ = ♪"),
    ]
    music = read(score(*(mark + whole("C") for mark in marks)))
    assert music.tempos == ((0, 90), (4, 60), (8, 90), (12, 40), (16, 90), (20, 45))


@pytest.mark.parametrize(("said", "bpm"), [("60,5", 60.5), ("", None), ("0", None), ("fast", None), ("ca. 72", 72)])
def test_a_strange_number_costs_no_piece(said: str, bpm: float | None) -> None:
    music = read(score(f'<sound tempo="{said}"/>' + BAR))
    assert (music.has_tempo, music.tempos) == (bpm is not None, ((0.0, bpm or 120.0),))


@pytest.mark.parametrize(
    ("token", "plain"),
    [
        ("*MM60-72", "*MM66"),
        ("*MM[ca.60]", "*MM60"),
        ("*MM[Allegro]", "*"),
        ("*MM0", "*"),
        ("*MM72.5", "*MM72.5"),
        ("*MMM", "*MMM"),
        ("*M4/4", "*M4/4"),
    ],
)
def test_tempo_interpretations_of_kern(token: str, plain: str) -> None:
    assert kern_with_numbers(f"**kern\t**text\n{token}\t*\n4c\tla\n") == f"**kern\t**text\n{plain}\t*\n4c\tla\n"


def test_a_movement_designation_of_kern_tells_the_tempo() -> None:
    text = "!!!OMD: Allegro [quarter = 80]\n**kern\t**text\n4c\tla\n"
    assert kern_with_numbers(text) == "!!!OMD: Allegro [quarter = 80]\n**kern\t**text\n*MM80\t*\n4c\tla\n"


@pytest.mark.parametrize(
    ("field", "plain"),
    [
        ("1/4=60", "Q:1/4=60"),
        ("3/8=60", "Q:1/4=90"),
        ("60", "Q:1/4=60"),
        ('"Allegro" 1/4=132', "Q:1/4=132"),
        ('1/4=132 "Allegro"', "Q:1/4=132"),
        ("1/4=ca. 60", "Q:1/4=60"),
        ("1/4=60-72", "Q:1/4=66"),
        ("1/4 3/8 1/4 3/8=40", "Q:1/4=200"),  # forty of all these together
        ("C=60", "Q:1/4=30"),
        ('"Allegro"', "%"),
        ("1/4=0", "%"),
    ],
)
def test_tempo_fields_of_abc(field: str, plain: str) -> None:
    assert abc_with_numbers(f"X:1\nL:1/8\nQ:{field}\nK:C\n") == f"X:1\nL:1/8\n{plain}\nK:C\n"


# Bytes and containers.

MIDI = smf(events([Key(96 * beat, pitch, 96 * beat + 96) for beat, _, pitch in [tuple(map(int, r)) for r in SCALE]]))
TYPE = ' media-type="application/vnd.recordare.musicxml+xml"'


def zipped(files: dict[str, bytes], *named: str, at: str = "META-INF/container.xml", code: str = "utf-8") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("mimetype", "application/vnd.recordare.musicxml")
        for name, content in files.items():
            file.writestr(name, content)
        if named:
            roots = "".join(f'<rootfile full-path="{name}"/>' for name in named)
            inside = (
                f'<c:container xmlns:c="urn:x"><c:rootfiles>{roots.replace("<r", "<c:r")}</c:rootfiles></c:container>'
            )
            file.writestr(at, inside.encode(code))
    return out.getvalue()


OTHER = score(BAR)


@pytest.mark.parametrize(
    ("inside", "named"),
    [
        ("a/b/score.xml", "a/b/score.xml"),
        ("score.xml", "./score.xml"),
        ("score.xml", "/score.xml"),
        ("a/score.xml", "a\\score.xml"),
        ("a\\score.xml", "a/score.xml"),
        ("my score.xml", "my%20score.xml"),
        ("Score.XML", "score.xml"),
        ("Frühling.xml", "Fru\u0308hling.xml"),
    ],
)
def test_a_container_names_its_score_in_many_ways(inside: str, named: str) -> None:
    assert unpacked(zipped({"a.xml": OTHER, inside: PLAIN}, named)) == PLAIN


@pytest.mark.parametrize(
    "content",
    [
        zipped({"a.xml": OTHER, "b.xml": PLAIN}, "b.xml", at="meta-inf/Container.xml"),
        zipped({"a.xml": OTHER, "b.xml": PLAIN}, "b.xml", code="utf-16"),
        zipped({"a.xml": OTHER, "a.pdf": b"%PDF", "b.xml": PLAIN}, "a.pdf", "b.xml"),
        zipped({"__MACOSX/._score.xml": b"\0\5\x16\7", "._b.xml": b"\0\5", "score.xml": PLAIN}),
        zipped({"inner.mxl": zipped({"a.xml": OTHER, "b.xml": PLAIN}, "b.xml")}),
        zipped({"score.txt": PLAIN}),
        gzip.compress(PLAIN),
        gzip.compress(zipped({"a.xml": OTHER, "b.xml": PLAIN}, "b.xml")),
        b"\0" * 10 + zipped({"a.xml": OTHER, "b.xml": PLAIN}, "b.xml"),
    ],
)
def test_the_score_is_found_in_its_packing(content: bytes) -> None:
    assert unpacked(content) == PLAIN


def test_other_music_is_found_in_its_packing() -> None:
    assert unpacked(gzip.compress(MIDI)) == unpacked(zipped({"a.mid": MIDI})) == MIDI
    assert rows(read(gzip.compress(MIDI), ".gz")) == rows(read(zipped({"a.mid": MIDI}), ".mid")) == SCALE
    with pytest.raises(Rejected, match="several pieces; give it as a source of its own"):
        unpacked(zipped({"a.mid": MIDI, "b.mid": MIDI}))
    with pytest.raises(Rejected, match="damaged packed file"):
        unpacked(gzip.compress(MIDI)[:20] + b"x" * 40)
    with pytest.raises(Rejected, match="unpacks to more than"):
        unpacked(gzip.compress(b"\0" * (40 << 20)))


@pytest.mark.parametrize(
    "content",
    [
        b"\n  " + PLAIN,
        b"\xef\xbb\xbf\n" + PLAIN,
        PLAIN + b"\n\0\0mail footer",
        b"<!-- by a program -->\n" + PLAIN[PLAIN.index(b"<score") :],
        PLAIN.replace(b"<score-partwise ", b'<score-partwise xmlns="urn:x" '),
        PLAIN.decode().encode("utf-16"),  # it says UTF-8
        PLAIN.replace(b"UTF-8", b"UTF-16"),  # it is UTF-8
        PLAIN.replace(b"Piano", b"Fl\xfcgel"),  # it says UTF-8
        PLAIN.replace(b"Piano", b"A & B &eacute; &nosuch; \x0b"),
        PLAIN.replace(b"<part-list>", b"<defaults><odd/></defaults><part-list>").replace(
            b'<part id="P0"', b'<part id="P7"'
        ),
        PLAIN.replace(b"<duration>1</duration>", b""),
        PLAIN.replace(b"<beat-type>4", b"<beat-type>0"),
    ],
)
def test_what_surrounds_the_music_may_be_hurt(content: bytes) -> None:
    assert rows(read(content, ".txt")) == SCALE


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_kern_in_other_codes(code: str) -> None:
    text = "**kern\n*M4/4\n=1\n4cc\n4dd\n4ee\n4ff\n=\n4cc\n4dd\n4ee\n4ff\n=\n*-\n"
    assert rows(read(text.encode(code), ".krn")) == SCALE


def test_abc_in_latin_1() -> None:
    text = "X:1\nT:Frühling\nM:4/4\nL:1/4\nK:C\nc d e f | c d e f |\n"
    assert rows(read(text.encode("latin-1"), ".abc")) == SCALE


@given(st.binary(max_size=80))
def test_any_packed_bytes_are_read_or_refused(content: bytes) -> None:
    for packed in (gzip.compress(content), gzip.compress(PLAIN)[:-30] + content, zipped({"a.xml": content}, "a.xml")):
        with contextlib.suppress(Rejected):
            assert isinstance(unpacked(packed), bytes)


TAGS = (
    *("attributes", "note", "pitch", "step", "octave", "chord", "grace", "cue", "transpose", "chromatic", "harmony"),
    *("measure-style", "measure-repeat", "barline", "repeat", "ending", "direction", "direction-type", "words"),
    *("metronome", "beat-unit", "per-minute", "sound", "backup", "duration", "rest", "staff", "tie", "notations"),
)


@given(
    st.recursive(
        st.just(""),
        lambda inner: st.builds(
            "<{0}>{1}</{0}>".format,
            st.sampled_from(TAGS),
            st.lists(inner, max_size=3).map("".join),
        ),
        max_leaves=12,
    )
)
def test_no_elements_break_the_markup(inside: str) -> None:
    text = (
        f'<score-partwise><part id="P"><measure>{inside}</measure><measure>{inside}</measure></part></score-partwise>'
    )
    found = prepared(text.encode())
    assert isinstance(ElementTree.fromstring(found.text), Element)
    assert found.signs is not None
    assert len(found.signs) == 2
