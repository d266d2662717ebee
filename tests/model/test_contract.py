"""What a model says about itself, as text and back."""

from __future__ import annotations

import json

import pytest

from improv.errors import ModelError
from improv.model import conditioning
from improv.model.metadata import INPUTS, OUTPUTS, Contract
from improv.music.attributes import ATTRIBUTES
from tests.fakes import contract


def test_there_and_back() -> None:
    metadata = contract().to_metadata()
    assert all(key.startswith("brainmusic.") and isinstance(value, str) for key, value in metadata.items())
    assert Contract.from_metadata(metadata | {"other.key": "x"}, "m") == contract()


LATER = ("brainmusic.split", "brainmusic.habits")
"""What files from before do not tell."""


@pytest.mark.parametrize("key", LATER)
def test_files_from_before_do_not_tell_their_split_or_habits(key: str) -> None:
    metadata = contract().to_metadata()
    del metadata[key]
    assert getattr(Contract.from_metadata(metadata, "m"), key.removeprefix("brainmusic.")) == ""


@pytest.mark.parametrize("key", sorted({*contract().to_metadata()} - {*LATER}))
def test_nothing_may_be_missing(key: str) -> None:
    metadata = contract().to_metadata()
    del metadata[key]
    with pytest.raises(ModelError, match=f"^m .*'{key}'"):
        Contract.from_metadata(metadata, "m")


@pytest.mark.parametrize("key", ["format_version", "ticks_per_beat", "held_out_loss"])
def test_numbers_must_be_numbers(key: str) -> None:
    with pytest.raises(ModelError, match=f"{key} must be a number, got 'x'"):
        Contract.from_metadata(contract().to_metadata() | {f"brainmusic.{key}": "x"}, "m")


def test_what_fits_gives_its_encoding() -> None:
    assert contract().check("m").family == "polyphony"


@pytest.mark.parametrize(
    ("change", "value"),
    [("format_version", 2), ("fingerprint", "ff"), ("ticks_per_beat", 12), ("conditioning", "[]"), ("family", "x")],
)
def test_what_does_not_fit_is_named(change: str, value: object) -> None:
    with pytest.raises(ModelError) as caught:
        contract(**{change: value}).check("m.onnx")
    assert str(value) in str(caught.value)
    assert str(caught.value).startswith("m.onnx ")


def test_the_interface_of_the_graph() -> None:
    assert INPUTS == ("token", "conditioning", "state_h", "state_c")
    assert OUTPUTS == ("logits", "new_state_h", "new_state_c")


def test_the_conditioning_is_written_out() -> None:
    rows = json.loads(conditioning.specification())["commands"]
    assert [row["name"] for row in rows] == ["valence", "arousal", *ATTRIBUTES, "ending"]
    tempo = next(row for row in rows if row["name"] == "tempo")
    assert tempo == {"name": "tempo", "low": 40, "high": 200, "scale": "log"}
