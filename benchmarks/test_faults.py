"""The table of faults in short form: after each the music is on again and nothing is left sounding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.faults import FAULTS, SHORT, tried
from tools import live
from tools.live import JackServer
from tools.waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(bool(live.why_not()), reason=live.why_not() or "-")


@pytest.fixture(scope="module")
def server() -> Iterator[JackServer]:
    with live.jack(period=1024, synchronous=False, realtime=True) as started:
        yield started


@pytest.mark.parametrize("name", SHORT)
def test_the_music_goes_on_and_nothing_is_left(server: JackServer, name: str) -> None:
    """A test says that the music goes on; `python -m benchmarks.faults` how soon."""
    found = tried(FAULTS[name], 1, server)
    assert found["happened"]
    assert found["notes_left"] == 0
    assert found["gap_s"]["longest"] <= PATIENCE_S
    assert (found["exit_code"], found["tracebacks"]) == (0, 0)
