"""Which number of a bar a Field picks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from livetrader_lean.fields import Field, Selector
from livetrader_lean.namespace import lookup

BAR = SimpleNamespace(open=1.0, high=8.0, low=2.0, close=4.0, volume=100.0, value=4.0)


@pytest.mark.parametrize(
    ("selector", "picked"),
    [
        (Field.OPEN, 1.0),
        (Field.High, 8.0),
        (Field.LOW, 2.0),
        (Field.Close, 4.0),
        (Field.AVERAGE, 15 / 4),
        (Field.MEDIAN, 5.0),
        (Field.TYPICAL, 14 / 3),
        (Field.WEIGHTED, 18 / 4),
        (Field.SevenBar, 24 / 7),
        (Field.VOLUME, 100.0),
    ],
)
def test_each_field_is_its_mean(selector: Selector, picked: float) -> None:
    assert selector(BAR) == pytest.approx(picked)


def test_what_is_no_bar_gives_its_value() -> None:
    assert Field.TYPICAL(SimpleNamespace(value=7.5)) == 7.5
    assert Field.VOLUME(SimpleNamespace(value=7.5)) == 7.5
    assert Field.VOLUME(SimpleNamespace(value=7.5, quantity=3.0)) == 3.0


def test_algorithms_get_it_by_name() -> None:
    assert lookup("Field") is Field
