"""On a journey of a model that is told a plan the mood leads."""

from __future__ import annotations

import numpy as np

from improv.config import adapters, load
from improv.control.journey import Course, Journey, Waypoint
from improv.control.state import ControlState
from improv.improviser.composer import JOURNEY_VARIETY, Composer
from improv.improviser.improviser import Improviser
from improv.music.mood import CORNERS
from tests.fakes import controls
from tests.planned import Untaught

SEEDS = 12
CALM = CORNERS["calm"]


def on_journey() -> ControlState:
    """One that stays where it is."""
    journey = Journey("staying", (Waypoint(0.0, CALM), Waypoint(600.0, CALM)))
    return controls("calm", course=Course.begin(journey, CALM, 0.0, 0.0))


def begun(seed: int, state: ControlState) -> tuple[float, float, float]:
    """What a piece begins with: how much quicker and higher than its mood, and how much louder."""
    settings = adapters.improviser_settings(load(None, (), {}))
    music, composer = Improviser(Untaught(), settings, state, seed), Composer(seed)
    snapshot = composer.planned(music.snapshot, state, settings, music.around)
    place = composer.place(snapshot, state)
    assert snapshot.plan is not None
    assert place is not None
    character = snapshot.plan.piece.character
    return character.speed, character.height, place.phrase_loudness


def test_pieces_differ_less() -> None:
    at_home = np.array([begun(seed, controls("calm")) for seed in range(SEEDS)])
    away = np.array([begun(seed, on_journey()) for seed in range(SEEDS)])
    assert at_home.std(axis=0).min() > 0.1
    assert np.allclose(away, JOURNEY_VARIETY * at_home, atol=1e-3)


def test_what_does_not_arrive_is_made_up_for() -> None:
    settings = adapters.improviser_settings(load(None, (), {}))
    assert settings.for_planned(journey=False).key_pull == 0
    assert settings.for_planned(journey=True) == settings
    assert settings.key_pull > 0
