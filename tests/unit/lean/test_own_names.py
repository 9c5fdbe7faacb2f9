"""What livetrader adds to LEAN's algorithm must not take names from algorithms that were written for LEAN."""

from __future__ import annotations

import pytest

from livetrader_lean.algorithm import QCAlgorithm


@pytest.mark.parametrize("name", ["models", "training"])
def test_an_algorithms_own_attribute_takes_the_place_of_ours(name: str) -> None:
    class Own(QCAlgorithm):
        pass

    algorithm = Own.__new__(Own)
    setattr(algorithm, name, {"mine": 1})
    assert getattr(algorithm, name) == {"mine": 1}
