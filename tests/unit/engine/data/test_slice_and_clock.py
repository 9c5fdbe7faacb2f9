"""The slice's look-ups and the engine's clock."""

from __future__ import annotations

import pytest

from livetrader_engine.clock import EventClock
from livetrader_engine.data.bars import Tick
from livetrader_engine.data.slice import Slice
from livetrader_engine.errors import InvariantError
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE
from tests.unit.engine.data.streams import IBM, SPY, bar, quote


def test_a_slice_finds_points_by_symbol_and_kind() -> None:
    trade, quoted, tick = bar(0, MINUTE), quote(0, MINUTE, 1.0, 2.0), Tick(IBM, MINUTE, 5.0)
    data = Slice(MINUTE, (trade, quoted, tick, tick))
    assert (
        data.bars == {SPY: trade} and data.quote_bars == {SPY: quoted} and data.ticks == {IBM: [tick, tick]}
    )
    assert len(data) == 4 and list(data) == [trade, quoted, tick, tick]


@pytest.mark.parametrize("first", [True, False])
def test_the_shorter_of_two_bars_wins(first: bool) -> None:
    minute, hour = bar(HOUR - MINUTE, MINUTE, 5.0), bar(0, HOUR, 6.0)
    points = (minute, hour) if first else (hour, minute)
    assert Slice(HOUR, points).bars[SPY] is minute


def test_engine_time_never_goes_back() -> None:
    clock = EventClock(100)
    clock.advance(100)
    clock.advance(150)
    with pytest.raises(InvariantError, match="went back"):
        clock.advance(149)
    assert clock.now_ns == 150
