"""How long classes and functions may be (tools.sizes, also part of `make check`)."""

from __future__ import annotations

import pytest

from tests.conftest import REPOSITORY
from tools import sizes


def test_no_class_and_no_function_is_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    assert sizes.main([str(REPOSITORY / folder) for folder in sizes.FOLDERS]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(("lines", "complaints"), [(60, 0), (61, 1)])
def test_a_long_function_is_told(lines: int, complaints: int) -> None:
    source = "class A:\n    def long(self):\n" + "        pass\n" * (lines - 1)
    told = sizes.too_long(list(sizes.pieces(source, "a.py")))
    assert told == ["a.py:2: long has 61 lines, at most 60 are allowed"] * complaints


def test_a_long_class_is_told() -> None:
    source = "class A:\n" + "    a = 1\n" * 200
    assert sizes.too_long(list(sizes.pieces(source, "a.py"))) == ["a.py:1: A has 201 lines, at most 200 are allowed"]
