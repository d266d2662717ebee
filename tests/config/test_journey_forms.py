"""Journeys written by a form: checked, whole, with the comments that a person wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.app.cli import main
from improv.config import Config, journey_forms, journeys, load
from improv.errors import InputError
from improv.music.mood import Mood

TIMES = st.integers(0, 3600)
PLACES = st.sampled_from(["happy", "calm", "stormy"]) | st.lists(
    st.floats(-1, 1).map(lambda x: round(x, 2)), min_size=2, max_size=2
)
ISO = st.fixed_dictionaries(
    {"from": PLACES | st.just("here"), "to": PLACES, "match": TIMES, "lead": TIMES, "hold": TIMES}
)
POINTS = st.lists(st.tuples(TIMES, PLACES), min_size=1, max_size=4).map(
    lambda rows: [{"at": at, "mood": mood} for at, mood in sorted(rows, key=lambda row: row[0])]
)
FORMS = st.fixed_dictionaries({"iso": ISO}) | st.fixed_dictionaries({"points": POINTS})


def config(folder: Path) -> Config:
    return load(None, (f"journey.folder={folder}",), {})


@given(FORMS)
def test_what_a_form_writes_is_the_journey_that_is_read(tmp_path_factory: pytest.TempPathFactory, form: object) -> None:
    here = config(tmp_path_factory.mktemp("journeys") / "new")
    text = json.dumps(form)
    path = journey_forms.keep(here, "mine", text)
    moods = here.mood.moods
    assert journeys.read(path, moods) == journeys.parse(text, moods, name="mine")
    (row,) = [row for row in journey_forms.listed(here) if row["own"]]
    assert journeys.parse(json.dumps(row["form"]), moods, name="mine") == journeys.read(path, moods)
    journey_forms.keep(here, "mine", json.dumps(row["form"]))
    assert journeys.parse(text, moods, name="mine") == journeys.read(path, moods)


def test_comments_stay_where_a_journey_is_changed(tmp_path: Path) -> None:
    here = config(tmp_path)
    (tmp_path / "mine.yml").write_text("# for Ada\niso:\n  from: sad  # mostly\n  to: calm\n  lead: 9:00\nend: true\n")
    form = {"iso": {"from": "sad", "to": "serene", "lead": 540}}
    assert journey_forms.keep(here, "mine", json.dumps(form)) == tmp_path / "mine.yml"
    assert (tmp_path / "mine.yml").read_text() == "# for Ada\niso:\n  from: sad  # mostly\n  to: serene\n  lead: 540\n"


def test_what_is_wrong_writes_nothing(tmp_path: Path) -> None:
    here = config(tmp_path)
    for name, text in (
        ("mine", "{}"),
        ("mine", '{"iso": {"to": "clam"}}'),
        ("../mine", '{"iso": {"to": "calm"}}'),
        ("", '{"iso": {"to": "calm"}}'),
    ):
        with pytest.raises(InputError):
            journey_forms.keep(here, name, text)
    with pytest.raises(InputError, match="cannot be deleted"):
        journey_forms.delete(here, "mine")
    assert list(tmp_path.iterdir()) == []


def test_one_that_begins_here_is_drawn_from_where_the_music_is(tmp_path: Path) -> None:
    told = journey_forms.preview('{"iso": {"to": "calm"}}', config(tmp_path), here=Mood(-0.5, 0.5))
    assert told["here"]
    assert told["points"][0] == [0.0, -0.5, 0.5]
    assert told["points"][-1] == [1020.0, 1.0, -1.0]


def test_the_command_line_lists_keeps_and_deletes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def improv(*words: str) -> str:
        assert main(["journey", words[0], "-o", f"journey.folder={tmp_path}", *words[1:]]) == 0
        return capsys.readouterr().out

    assert "iso                     19:00  included" in improv("list")
    (tmp_path / "text").write_text('{"iso": {"to": "calm"}}')
    assert str(tmp_path / "mine.yaml") in improv("keep", "mine", f"@{tmp_path / 'text'}")
    assert "mine                    17:00  yours" in improv("list")
    assert json.loads(improv("preview", '{"iso": {"to": "calm"}}', "--here", "sad"))["points"][0] == [0.0, -1.0, -1.0]
    assert improv("preview", str(tmp_path / "text")) == improv("preview", f"@{tmp_path / 'text'}")
    improv("delete", "mine")
    assert os.listdir(tmp_path) == ["text"]
