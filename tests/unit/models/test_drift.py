from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from livetrader.models.drift import LEAST_ROWS, drift, stability_index
from livetrader_engine.errors import AlgorithmError
from tests.unit.models.world import World

RANDOM = np.random.default_rng(7)
TRAINED = RANDOM.normal(size=(2000, 3))


def test_the_same_distribution_has_not_moved_and_three_sigma_have() -> None:
    assert drift(TRAINED, RANDOM.normal(size=(1000, 3))) < 0.1
    shifted = RANDOM.normal(size=(200, 3))
    shifted[:, 1] += 3.0
    assert drift(TRAINED, shifted) > 0.25
    wider = RANDOM.normal(scale=3.0, size=(1000, 1))
    assert drift(TRAINED[:, :1], wider) > 0.25


def test_the_index_is_that_of_the_formula() -> None:
    # two values, half and half, become one in four and three in four: (0.25 - 0.5) ln 0.5 + 0.25 ln 1.5
    before, now = np.array([0.0, 1.0] * 50), np.array([0.0, 1.0, 1.0, 1.0] * 25)
    assert stability_index(before, now) == pytest.approx(-0.25 * np.log(0.5) + 0.25 * np.log(1.5))
    assert stability_index(before, before) == 0.0


def test_a_column_of_one_value_moves_either_way() -> None:
    constant = np.full(100, 5.0)
    assert stability_index(constant, constant) == 0.0
    assert stability_index(constant, constant + 1) > 0.25
    assert stability_index(constant, constant - 1) > 0.25


def test_a_column_that_begins_to_lack_values_has_moved() -> None:
    gone = TRAINED[:500, 0].copy()
    gone[::2] = np.nan
    assert stability_index(TRAINED[:, 0], gone) > 0.25
    assert stability_index(np.full(100, np.nan), np.full(100, np.nan)) == 0.0


def test_what_cannot_be_compared_is_refused_in_words() -> None:
    frame = pd.DataFrame(TRAINED, columns=["a", "b", "c"])
    assert drift(frame, frame) == 0.0
    for reference, recent, words in [
        (TRAINED, TRAINED[:, :2], "3 columns"),
        (frame, frame[["b", "a", "c"]], "another order"),
        (TRAINED, TRAINED[: LEAST_ROWS - 1], "19 rows"),
        (TRAINED, [["x", "y", "z"]] * 30, "not numbers"),
        (np.zeros((30, 2, 2)), TRAINED, "3 dimensions"),
    ]:
        with pytest.raises(AlgorithmError, match=words):
            drift(reference, recent)


def test_the_registry_tells_the_drift_of_a_model() -> None:
    world = World()
    registry = world.registry()
    moved = registry.drift("spy", TRAINED, TRAINED + 3.0)
    assert world.drifted == [("spy", moved)]
    assert moved > 0.25
