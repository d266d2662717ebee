"""Music goes on from bars that somebody played."""

from __future__ import annotations

import dataclasses

import pytest

from improv.config import adapters, load
from improv.control.state import ControlState
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Begin, Prime, Rewind
from improv.improviser.planned_step import PlannedStep
from improv.improviser.priming import tell
from improv.improviser.snapshot_bytes import go_on, memory_of, packed, unpacked
from improv.listening.primer_analysis import of_midi
from improv.model.onnx_model import Model, OnnxModel
from improv.music.mood import CORNERS
from improv.music.primer import Primer
from tests.fakes import without_ids
from tests.listening.test_primer_analysis import midi
from tests.planned import Untaught

CONFIG = load(None, ["mood.glide_s=0"], {})


def controls(mood: str = "happy") -> ControlState:
    return adapters.initial_controls(CONFIG, CORNERS[mood])


def improviser(model: Model, seed: int = 5) -> Improviser:
    return Improviser(model, adapters.improviser_settings(CONFIG), controls(), seed)


def played(subject: Improviser, bars: int, under: ControlState | None = None) -> list[PlannedStep]:
    """Until so many bars have begun and the last of them is over."""
    under, steps, begun = under or controls(), [], 0
    while True:
        begun += subject.position.ticks_to_bar_line == 0
        if begun > bars:
            return steps
        steps.append(subject.plan_step(under))


@pytest.fixture
def primer() -> Primer:
    return of_midi("theme.mid", midi(bars=4, numerator=3, bpm=104))


def test_the_plan_begins_with_the_bars_and_refers_to_them(primer: Primer) -> None:
    subject = improviser(Untaught())
    subject.apply(Prime(primer))
    steps = played(subject, 8)
    plan = subject.snapshot.plan
    assert plan is not None
    assert steps[0].position.beats_per_bar == 3
    assert steps[0].position.tempo_bpm * plan.piece.character.tempo_factor == pytest.approx(104)
    assert [bar.chords[0].key for bar in plan.bars[:4]] == [primer.key] * 4
    assert plan.piece.home == primer.key
    assert plan.phrases[0].bars == 4
    assert any(bar.far is not None and bar.far.bar < 4 for bar in plan.bars[4:12])
    # What the network is told of such a bar are the primer's own notes.
    theirs = subject._composer._memory.onsets(0)
    assert theirs is not None
    assert set(theirs.right[0]) | set(theirs.left[0]) == {note.pitch for note in primer.notes if note.tick == 0}


def test_it_waits_for_the_bar_line_and_what_is_taken_back_is_begun_again(primer: Primer) -> None:
    subject = improviser(Untaught())
    played(subject, 2)
    subject.plan_step(controls())
    subject.apply(Prime(primer))
    middle = subject.position
    assert middle.ticks_to_bar_line
    assert subject.snapshot.begun_from == 0
    first = [subject.plan_step(controls()) for _ in range(60)]
    assert subject.snapshot.begun_from == 1
    subject.apply(Rewind(middle.tick))
    assert subject.snapshot.begun_from == 0
    again = [subject.plan_step(controls()) for _ in range(60)]
    assert without_ids(first) == without_ids(again)
    begun = next(step for step in first if step.position.beats_per_bar == 3)
    assert begun.position.tick == begun.position.bar_tick


def test_it_is_begun_from_once_also_after_an_end(primer: Primer) -> None:
    subject = improviser(Untaught())
    subject.apply(Prime(primer))
    played(subject, 2)
    subject.apply(Begin(controls()))
    played(subject, 2)
    plan = subject.snapshot.plan
    assert plan is not None
    assert plan.bars[0].tick >= 0
    subject.apply(Prime(dataclasses.replace(primer, key=0)))
    played(subject, 2)
    assert subject.snapshot.begun_from == 2


def test_a_network_is_told_the_bars_and_another_one_is_not(tiny: OnnxModel, primer: Primer) -> None:
    subject, told = improviser(tiny), tell(tiny, primer)
    name = controls().model
    subject.apply(Prime(primer, name, told))
    bare = improviser(tiny)
    bare.apply(Prime(primer))
    assert without_ids(played(subject, 6)) != without_ids(played(bare, 6))
    same = improviser(tiny)
    same.apply(Prime(primer, name))  # told in the improviser, as where a take is made again
    assert without_ids(played(improviser_after(tiny, Prime(primer, name, told)), 6)) == without_ids(played(same, 6))
    other = improviser(tiny)
    other.apply(Prime(primer, "a model that does not play", told))
    again = improviser(tiny)
    again.apply(Prime(primer))
    assert without_ids(played(other, 6)) == without_ids(played(again, 6))


def improviser_after(model: Model, operation: Prime) -> Improviser:
    subject = improviser(model)
    subject.apply(operation)
    return subject


def test_an_engine_that_takes_over_goes_on_in_the_piece_that_was_begun(primer: Primer) -> None:
    model = Untaught()
    subject = improviser_after(model, Prime(primer))
    played(subject, 3)
    memory = packed(memory_of(subject))
    other = improviser(model)
    go_on(other, unpacked(memory, memory_of(other).models))
    other.apply(memory_of(subject).resumption)
    assert without_ids(played(subject, 6)) == without_ids(played(other, 6))
