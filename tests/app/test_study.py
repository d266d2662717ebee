"""Listening tests: blind, random by the listener's code, answers never half a line, figures as published."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.app.cli import main
from improv.app.study import design, report, serving, stimuli
from improv.app.study.answers import Answer, Answers, line_of, read
from improv.app.study.design import Trial
from improv.app.study.statistics import binomial_p, correlation, icc, interval, krippendorff_alpha, share
from improv.errors import InputError
from improv.takes.export import piano
from improv.takes.export.lufs import loudness_lufs
from improv.takes.take import PlayedNote
from tests.conftest import TINY
from tools import browser as chrome
from tools.browser import PATIENCE_S, free_port
from tools.waiting import eventually

SECONDS = 3.0
MOODS = {"happy": (1.0, 1.0), "sad": (-1.0, -1.0)}


def midi(path: Path, velocity: int = 70, seconds: float = 12.0, base: int = 60) -> None:
    """A scale in eighths, with the pedal down in its middle."""
    track = mido.MidiTrack()
    for index in range(int(seconds / 0.25)):
        if index == 20:
            track.append(mido.Message("control_change", control=64, value=127))
        if index == 24:
            track.append(mido.Message("control_change", control=64, value=0))
        track.append(mido.Message("note_on", note=base + index % 4, velocity=velocity))
        track.append(mido.Message("note_off", note=base + index % 4, time=240))
    path.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(tracks=[track]).save(path)


def album(folder: Path, pieces: int = 1) -> Path:
    """A folder as `improv album` leaves it."""
    rows = []
    for mood, (valence, arousal) in MOODS.items():
        for number in range(pieces):
            file = f"{mood}/{number:05d} {mood.capitalize()}"
            midi(folder / f"{file}.mid", 100 if mood == "happy" else 40)
            rows.append({"file": file, "mood": mood, "valence": valence, "arousal": arousal})
    (folder / "album.json").write_text(json.dumps({"pieces": rows}))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two albums and of people's files."""
    here = tmp_path_factory.mktemp("study")
    for number in range(2):
        midi(here / "chopin" / f"waltz{number}.mid", base=62)
    asked = ["--album", str(album(here / "ours")), "--album", str(album(here / "theirs"))]
    asked += ["--human", str(here / "chopin"), "--seconds", "3", "--trials", "2"]
    assert main(["study", "make", str(here / "study"), *asked]) == 0
    return here / "study"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Of one test alone."""
    return Path(shutil.copytree(made, tmp_path / "study"))


# ---------------------------------------------------------------------------------------------------- the stimuli


def test_excerpts_are_equally_long_equally_loud_and_blind(folder: Path) -> None:
    key = design.read_key(folder)
    assert len(key) == 6
    assert sum(row["human"] for row in key.values()) == 2
    for name, row in key.items():
        heard = json.loads(design.heard(folder, name) or b"")
        assert heard["seconds"] == SECONDS
        assert heard["notes"][0][2] == 0
        assert max(off_s for *_, off_s in heard["notes"]) <= SECONDS
        notes = [PlayedNote(index, *note) for index, note in enumerate(heard["notes"])]
        level = loudness_lufs(piano.sound(notes, SECONDS), piano.RATE_HZ) + row["gain_db"]
        assert level == pytest.approx(stimuli.LEVEL_LUFS, abs=0.05)
    told = (folder / "study.json").read_text() + "".join(path.read_text() for path in (folder / "stimuli").iterdir())
    for secret in ("happy", "sad", "chopin", "waltz", "ours", "theirs", 'human": true', ".mid"):
        assert secret not in told + " ".join(path.name for path in (folder / "stimuli").iterdir())


def test_pieces_by_the_album_command_can_be_tested(tmp_path: Path) -> None:
    made = ["--mood", "calm", "--pieces", "1", "--seconds", "12", "--sound", "none", "--processes", "1"]
    assert main(["album", str(tmp_path / "album"), *made, "-o", f"model.path={TINY}"]) == 0
    assert main(["study", "make", str(tmp_path / "s"), "--album", str(tmp_path / "album"), "--seconds", "4"]) == 0
    (row,) = design.read_key(tmp_path / "s").values()
    assert (row["mood"], row["valence"], row["arousal"], row["human"]) == ("calm", 1.0, -1.0, False)
    assert design.read(tmp_path / "s").trials_of("one") == [Trial("rate", row["name"])]


def test_what_cannot_be_heard_is_left_out_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    midi(tmp_path / "people" / "short.mid", seconds=5)
    (tmp_path / "people" / "text.mid").write_text("no music")
    midi(tmp_path / "people" / "long.mid", seconds=20)
    asked = ["--album", str(album(tmp_path / "ours")), "--human", str(tmp_path / "people"), "--seconds", "3"]
    assert main(["study", "make", str(tmp_path / "s"), *asked]) == 0
    said = capsys.readouterr().out
    assert "short.mid is left out: an excerpt of 3 s asks for at least 7 s of music" in said
    assert "text.mid is left out" in said
    assert sum(row["human"] for row in design.read_key(tmp_path / "s").values()) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "nothing to listen to"),
        (["--album", "nowhere"], "album.json cannot be read"),
        (["--human", "."], "holds no MIDI files"),
        (["--album", "ours", "--seconds", "1"], "--seconds must be in 3..300"),
        (["--album", "ours", "--trials", "0"], "--trials must be in 1..200"),
        (["--album", "ours", "--tasks", "human"], "--tasks human needs --album and --human"),
        (["--album", "ours", "--tasks", "smell"], "must be of rate, human, pair"),
    ],
)
def test_a_wrong_order_is_refused_with_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sentence: str,
) -> None:
    (tmp_path / "empty").mkdir()
    album(tmp_path / "ours")
    monkeypatch.chdir(tmp_path / "empty" if "." in words else tmp_path)
    assert main(["study", "make", str(tmp_path / "s"), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "s" / "study.json").exists()


def test_the_order_is_each_listener_s_own_and_stays(folder: Path) -> None:
    study = design.read(folder)._replace(trials=8)
    key = design.read_key(folder)
    orders = {code: study.trials_of(code) for code in ("one", "two", "three")}
    assert orders["one"] == study.trials_of("one") != orders["two"] != orders["three"]
    for trials in orders.values():
        assert [trial.task for trial in trials] == sorted((t.task for t in trials), key=design.TASKS.index)
        rated = [trial.first for trial in trials if trial.task == "rate"]
        assert len(set(rated)) == len(rated) == 4
        assert {key[trial.first]["human"] for trial in trials if trial.task == "human"} == {True, False}
        for trial in trials:
            if trial.task == "pair":
                first, second = key[trial.first], key[trial.second]
                assert {first["group"], second["group"]} == {"ours", "theirs"}
                assert first["mood"] == second["mood"]
    begins = {key[t.first]["group"] for n in range(20) for t in study.trials_of(str(n)) if t.task == "pair"}
    assert begins == {"ours", "theirs"}, "who is A is drawn by lot"


# ----------------------------------------------------------------------------------------------------- the answers

NUMBERS = st.floats(-1, 1, allow_nan=False)
ANSWERS = st.builds(
    Answer,
    listener=st.text("0123456789abcdef", min_size=8, max_size=8),
    number=st.integers(0, 500),
    task=st.sampled_from(design.TASKS),
    first=st.text("0123456789abcdef", max_size=12),
    second=st.text("0123456789abcdef", max_size=12),
    valence=st.none() | NUMBERS,
    arousal=st.none() | NUMBERS,
    answer=st.text(max_size=20).filter(lambda text: "\r" not in text and "\n" not in text and "\0" not in text),
    plays=st.integers(0, 9),
    took_s=st.floats(0, 1000, allow_nan=False),
    answered=st.sampled_from(["", "2026-01-31T23:59:59+01:00"]),
)


@settings(max_examples=25, deadline=None)  # each answer waits for the disk
@given(rows=st.lists(ANSWERS, max_size=3), torn=st.integers(1, 200))
def test_answers_are_read_as_they_were_given_and_a_torn_line_goes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Answer], torn: int
) -> None:
    path = tmp_path_factory.mktemp("answers") / "answers.csv"
    with Answers(path) as answers:
        for row in rows:
            answers.add(row)
    assert read(path) == rows
    half = line_of(Answer("0" * 8, 1, "rate"))[:-1][:torn]
    with path.open("ab") as file:
        file.write(half)
    assert read(path) == rows
    with Answers(path) as answers:
        answers.add(Answer("1" * 8, 2, "pair"))
    assert read(path) == [*rows, Answer("1" * 8, 2, "pair")]


def test_an_answer_that_the_disk_takes_in_half_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Answers(tmp_path / "answers.csv") as answers:
        answers.add(Answer("one", 1, "rate"))
        before, write = answers.path.read_bytes(), os.write
        monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:5]))
        with pytest.raises(OSError, match="full"):
            answers.add(Answer("one", 2, "rate"))
        monkeypatch.setattr(os, "write", write)
        assert answers.path.read_bytes() == before
        assert 2 not in answers.given["one"]


def test_two_servers_do_not_share_a_file(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with (
        Answers(tmp_path / "answers.csv"),
        pytest.raises(InputError, match="in use"),
        Answers(tmp_path / "answers.csv"),
    ):
        pass


# -------------------------------------------------------------------------------------------------- the statistics


def test_reliability_is_as_published() -> None:
    shrout_fleiss = np.array(  # Shrout and Fleiss 1979, table 2: six targets, four judges
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
    ).T
    assert icc(shrout_fleiss) == pytest.approx((0.29, 0.62), abs=0.005)
    hole = math.nan
    krippendorff = np.array(  # Krippendorff 2011, example C: four observers, twelve units
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, hole, hole, hole],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, hole, 3],
            [hole, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, hole],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, hole],
        ]
    )
    assert krippendorff_alpha(krippendorff) == pytest.approx(0.849, abs=0.0005)
    assert math.isnan(icc(krippendorff).single)


def test_shares_and_tests_are_as_published() -> None:
    assert share(8, 10)[2:] == pytest.approx((0.490, 0.943), abs=0.0005)
    assert share(0, 0)[2:] == (0.0, 1.0)
    assert binomial_p(7, 10) == pytest.approx(0.34375)  # R: binom.test(7, 10)
    assert binomial_p(682, 925, 0.75) == pytest.approx(0.3825, abs=0.00005)  # R: the example of ?binom.test
    assert binomial_p(5, 10) == pytest.approx(1)


@given(st.integers(1, 60), st.data())
def test_an_interval_holds_its_share_and_p_is_one(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    found = share(hits, n)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert 0 < binomial_p(hits, n) <= 1
    assert binomial_p(hits, n) == pytest.approx(binomial_p(n - hits, n))


def test_intervals_draw_whole_listeners() -> None:
    def mean(answers: list[float]) -> float:
        return sum(answers) / len(answers)

    assert interval([[0.0] * 50, [1.0] * 50], mean) == (0.0, 1.0), "two listeners tell little, however much they answer"
    assert math.isnan(interval([[0.0]], mean)[0])
    assert correlation([-1, 0, 1], [-0.5, 0.1, 0.4]) == pytest.approx(np.corrcoef([-1, 0, 1], [-0.5, 0.1, 0.4])[0, 1])
    assert math.isnan(correlation([1, 1], [0, 1]))


# ---------------------------------------------------------------------------------------------------- the report


def answered(folder: Path, listeners: int) -> None:
    """Listeners who hear every mood, take all for human, and always prefer the album `ours`."""
    study, key = design.read(folder), design.read_key(folder)
    with Answers(folder / "answers.csv") as answers:
        for code in map(str, range(listeners)):
            answers.add(Answer(code, 0, "consent", answer="some"))
            for number, trial in enumerate(study.trials_of(code), start=1):
                row, truth = Answer(code, number, *trial), key[trial.first]
                if trial.task == "rate":
                    row = row._replace(valence=0.5 * truth["valence"], arousal=0.5 * truth["arousal"])
                elif trial.task == "human":
                    row = row._replace(answer="human")
                else:
                    row = row._replace(answer="first" if truth["group"] == "ours" else "second")
                answers.add(row)


def test_the_report_counts_what_was_answered(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered(folder, 6)
    found = report.result(folder)
    assert (found.begun, found.finished, found.practice) == (6, 6, {"some": 6})
    assert found.rated is not None
    assert found.rated.right[:2] == (12, 12)
    assert found.rated.p == pytest.approx(0.25**12, rel=0.01)
    assert [axis.r for axis in found.rated.axes] == pytest.approx([1, 1])
    assert [axis.alpha for axis in found.rated.axes] == pytest.approx([1, 1])
    assert found.judged is not None
    assert (found.judged.right[:2], found.judged.humans[:2], found.judged.machines[:2]) == ((6, 12), (6, 6), (6, 6))
    assert found.judged.p == pytest.approx(1)
    (pair,) = found.compared
    assert (pair.group, pair.other, pair.preferred[:2]) == ("ours", "theirs", (12, 12))
    assert pair.p == pytest.approx(2 * 0.5**12)
    assert main(["study", "report", str(folder)]) == 0
    assert "mood recognised: 12 of 12 (100 %; 76 % to 100 %), p < 0.001" in capsys.readouterr().out
    html = (folder / "report.html").read_text()
    assert "12 of 12 ratings (100 %)" in html
    assert html.count("<svg") == 4


def test_what_is_put_into_the_report_is_escaped(folder: Path) -> None:
    answered(folder, 1)
    table = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps({**table, "title": "<script>alert(1)</script>"}))
    html = report.html(report.result(folder))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_report_of_nothing_is_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "report", str(folder)]) == 2
    assert "there are no answers yet" in capsys.readouterr().err
    assert not (folder / "report.html").exists()
    (folder / "answers.csv").write_text("a,b\n1,2\n")
    assert main(["study", "report", str(folder)]) == 2
    assert "the first line must be listener,number" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------ the server


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The study's page, served from a thread of its own."""
    port, loop, tasks = free_port(), asyncio.SelectorEventLoop(), []

    def run() -> None:
        tasks.append(loop.create_task(serving.serve(folder, "127.0.0.1", port)))
        loop.run_until_complete(asyncio.wait(tasks))

    thread = threading.Thread(target=run)
    thread.start()
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return ask(address, "/api/study")[0] == 200
        except urllib.error.URLError:
            return False

    try:
        eventually(answers)
        yield address
    finally:
        loop.call_soon_threadsafe(tasks[0].cancel)
        thread.join()
        loop.close()


def ask(address: str, path: str, body: object = None, origin: str = "") -> tuple[int, Any]:
    headers = {"Origin": origin} if origin else {}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, data, headers), timeout=PATIENCE_S) as found:
            return found.status, json.loads(found.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_server_takes_each_answer_once_and_nothing_else(folder: Path) -> None:
    with served(folder) as address:
        assert ask(address, "/api/begin", {"practice": "lots"})[0] == 422
        listener = ask(address, "/api/begin", {"practice": "some"})[1]["listener"]
        told = ask(address, f"/api/questions/{listener}")[1]
        first = told["left"][0]
        assert first["task"] == "rate"
        assert set(first) == {"number", "task", "first", "second"}
        assert ask(address, f"/api/stimulus/{first['first']}")[0] == 200
        for path in ("/api/stimulus/..%2Fkey", "/api/stimulus/key", "/key.json", "/static/../key.json", "/answers.csv"):
            assert ask(address, path)[0] == 404, path
        good = {"listener": listener, "number": 1, "plays": 1, "took_s": 3.5, "valence": 0.25, "arousal": -1}
        for wrong in (
            {"valence": 1.5}, {"valence": None}, {"arousal": "1"}, {"number": 99}, {"number": True}, {"plays": 0},
            {"listener": "nobody"}, {"took_s": -1}, {"valence": float("nan")},
        ):  # fmt: skip
            assert ask(address, "/api/answer", good | wrong)[0] == 422, wrong
        assert ask(address, "/api/answer", good, origin="http://evil.example")[0] == 403
        assert ask(address, "/api/answer", good)[0] == 200
        assert ask(address, "/api/answer", good | {"valence": 1})[0] == 200, "sent again"
        assert len(ask(address, f"/api/questions/{listener}")[1]["left"]) == told["of"] - 1
    rows = read(folder / "answers.csv")
    assert [(row.number, row.valence, row.arousal) for row in rows] == [(0, None, None), (1, 0.25, -1.0)]
    with served(folder) as address:
        assert len(ask(address, f"/api/questions/{listener}")[1]["left"]) == told["of"] - 1, "after a new start as well"


# ----------------------------------------------------------------------------------------------- a scripted listener


def listened(page: Any, number: int, of: int) -> None:
    """Answer one question as somebody does who hears it to the end."""
    page.wait_for_selector(f"main[data-number='{number}']")
    assert f"Question {number} of {of}" in page.locator("main").text_content()
    next_one = page.locator("#next")
    plays = page.get_by_role("button", name="Listen")
    if page.locator(".plane").count():
        box = page.locator(".plane rect").bounding_box()
        page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.1 * box["height"])
    else:
        page.locator("[role=group] .button").first.click()
    assert next_one.is_disabled(), "nobody answers unheard"
    for index in range(plays.count()):
        plays.nth(index).click()
        full = f"document.querySelectorAll('progress')[{index}].value >= 1"
        eventually(lambda full=full: page.evaluate(full), every_s=0.1)
    page.wait_for_selector("#next:not(:disabled)")
    next_one.click()


@pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())
def test_a_listener_in_a_browser(folder: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    with served(folder) as address, chrome.chromium() as browser:
        context = browser.new_context(viewport={"width": 390, "height": 800}, locale="en")
        context.set_default_timeout(1000 * PATIENCE_S)
        page, told, trouble = context.new_page(), [], []
        page.on("response", lambda answer: told.append(answer))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(address)
        page.get_by_label("Yes, for longer").check()
        page.get_by_label("I have read this").check()
        page.evaluate(axe)
        assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
        page.click("#begin")
        page.wait_for_selector("main[data-number='1']")
        assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        of = len(design.read(folder).trials_of(read(folder / "answers.csv")[0].listener))
        listened(page, 1, of)
        page.wait_for_selector("main[data-number='2']")
        sent = "".join(one.text() for one in told if "/api/" in one.url)
        told.clear()
        page.reload()  # and goes on where it was
        for number in range(2, of + 1):
            listened(page, number, of)
        page.get_by_role("heading", name="Thank you!").wait_for()
        sent += "".join(one.text() for one in told if "/api/" in one.url) + page.content()
        for secret in ("happy", "sad", "chopin", "waltz", "ours", "theirs", ".mid"):
            assert secret not in sent, "the page is blind"
        assert trouble == []
        context.close()
    rows = read(folder / "answers.csv")
    assert [row.number for row in rows] == list(range(of + 1))
    assert rows[0].answer == "much"
    assert all(row.plays >= 1 and row.took_s > 0 for row in rows[1:])
    rated = [row for row in rows if row.task == "rate"]
    assert all(row.valence == pytest.approx(0.8, abs=0.05) == row.arousal for row in rated)
    assert main(["study", "report", str(folder)]) == 0
    assert report.result(folder).finished == 1
