"""Renko, range and volume bars: prices worked out by hand, after LEAN's rules."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from livetrader_engine.data.bars import Tick, TradeBar
from livetrader_engine.data.brick_consolidators import ClassicRenkoConsolidator, RenkoConsolidator
from livetrader_engine.data.bricks import Direction, RangeBar, RenkoBar, VolumeRenkoBar
from livetrader_engine.data.range_consolidators import RangeConsolidator, VolumeRenkoConsolidator
from livetrader_engine.errors import AlgorithmError
from tests.unit.engine.calendar.hours_of import HOUR
from tests.unit.engine.data.streams import SPY, quote

CENT = Decimal("0.01")


def _tick(number: int, price: float, quantity: float = 1.0) -> Tick:
    return Tick(SPY, number * HOUR, price, quantity)


def _renko(prices: Sequence[float], size: str = "1") -> list[tuple[float, float, float, float]]:
    bricks: list[RenkoBar] = []
    consolidator = RenkoConsolidator(Decimal(size))
    consolidator.handlers.append(bricks.append)
    for number, price in enumerate(prices):
        consolidator.update(_tick(number, price))
    return [(one.open, one.high, one.low, one.close) for one in bricks]


@pytest.mark.parametrize(
    ("prices", "bricks"),
    [
        # reaching a limit is not passing it
        ((10.0, 9.1), []),
        ((10.0, 9.0), []),
        ((10.0, 11.0), []),
        ((10.0, 8.9), [(10.0, 10.0, 9.0, 9.0)]),
        ((9.0, 10.1), [(9.0, 10.0, 9.0, 10.0)]),
        # wicks: the extremes since the brick before
        ((10.0, 9.6, 10.5, 11.1), [(10.0, 11.0, 9.6, 11.0)]),
        # a gap makes as many bricks as it spans
        ((10.0, 13.1), [(10.0, 11.0, 10.0, 11.0), (11.0, 12.0, 11.0, 12.0), (12.0, 13.0, 12.0, 13.0)]),
        # after a rise from 10 to 11 a fall begins one brick below 10, and its brick opens at 10
        ((10.0, 11.1, 9.5), [(10.0, 11.0, 10.0, 11.0)]),
        ((10.0, 11.1, 8.9), [(10.0, 11.0, 10.0, 11.0), (10.0, 11.1, 9.0, 9.0)]),
        # the first price is taken to the nearest multiple
        ((10.4, 11.2), [(10.0, 11.0, 10.0, 11.0)]),
    ],
)
def test_renko_bricks_with_wicks(
    prices: Sequence[float], bricks: list[tuple[float, float, float, float]]
) -> None:
    assert _renko(prices) == bricks


def test_two_falls_and_a_rise_keep_the_wicks_of_both() -> None:
    prices = (10.0, 10.5, 9.5, 8.9, 9.1, 9.2, 8.5, 7.8, 7.6, 8.5, 9.2, 10.1)
    assert _renko(prices) == [(10.0, 10.5, 9.0, 9.0), (9.0, 9.2, 8.0, 8.0), (9.0, 10.0, 7.6, 10.0)]


def test_a_size_that_floats_cannot_hold_makes_exact_bricks() -> None:
    # in floats 0.1 + 0.1 + 0.1 exceeds 0.3, and 0.3 would not stay inside the third brick
    bricks = _renko((0.1, 0.15, 0.3, 0.31), "0.1")
    assert bricks == [(0.1, 0.2, 0.1, 0.2), (0.2, 0.3, 0.2, 0.3)]


def test_a_renko_bar_tells_its_way_and_its_time() -> None:
    bricks: list[RenkoBar] = []
    consolidator = RenkoConsolidator(Decimal(1))
    consolidator.own_handlers.append(bricks.append)
    for number, price in enumerate((10.0, 10.5, 11.5)):
        consolidator.update(_tick(number, price))
    [only] = bricks
    assert (only.direction, only.spread, only.time_ns, only.end_time_ns) == (
        Direction.RISING,
        1.0,
        0,
        2 * HOUR,
    )
    assert consolidator.working is consolidator.consolidated is only
    consolidator.reset()
    assert consolidator.working is None
    consolidator.update(_tick(3, 20.4))
    consolidator.update(_tick(4, 18.9))
    assert [(one.open, one.close) for one in bricks] == [(10.0, 11.0), (20.0, 19.0)]


@pytest.mark.parametrize(
    ("prices", "even", "bricks"),
    [
        ((0.0, 5.0, 10.0), True, [(0.0, 10.0)]),
        ((10.0, 2.0, 0.0), True, [(10.0, 0.0)]),
        # the first open is the next multiple above, unless bars need not be even
        ((1.0, 5.0, 20.0), True, [(10.0, 20.0)]),
        ((1.0, 5.0, 10.9), False, []),
        ((1.0, 5.0, 11.0), False, [(1.0, 11.0)]),
        # one brick per price, however far it went
        ((0.0, 35.0, 36.0), True, [(0.0, 10.0), (10.0, 20.0)]),
    ],
)
def test_classic_renko_closes_at_its_limit(
    prices: Sequence[float], even: bool, bricks: list[tuple[float, float]]
) -> None:
    made: list[RenkoBar] = []
    consolidator = ClassicRenkoConsolidator(Decimal(10), even_bars=even)
    consolidator.handlers.append(made.append)
    for number, price in enumerate(prices):
        consolidator.update(_tick(number, price))
    assert [(one.open, one.close) for one in made] == bricks


def test_classic_renko_looks_at_what_its_selectors_pick() -> None:
    made: list[RenkoBar] = []
    consolidator = ClassicRenkoConsolidator(
        Decimal("2.5"), lambda point: point.high, lambda point: point.volume * 2
    )
    consolidator.handlers.append(made.append)
    for number in range(3):
        point = TradeBar(SPY, number * HOUR, (number + 1) * HOUR, 1.0, 10.0 + 1.3 * number, 1.0, 1.0, 5.0)
        consolidator.update(point)
    [only] = made
    assert (only.open, only.close, only.volume) == (10.0, 12.5, 30.0)
    assert consolidator.working.open == 12.5


def _range(
    prices: Sequence[float], *, classic: bool = False
) -> list[tuple[float, float, float, float, float]]:
    made: list[RangeBar] = []
    consolidator = RangeConsolidator(
        100, lambda symbol: CENT, volume_selector=lambda point: 10.0, classic=classic
    )
    consolidator.own_handlers.append(made.append)
    for number, price in enumerate(prices):
        consolidator.update(_tick(number, price))
    return [(one.open, one.low, one.high, one.close, one.volume) for one in made]


def test_a_jump_is_filled_with_range_bars_without_volume() -> None:
    assert _range((90.0, 94.5)) == [
        (90.0, 90.0, 91.0, 91.0, 10.0),
        (91.01, 91.01, 92.01, 92.01, 0.0),
        (92.02, 92.02, 93.02, 93.02, 0.0),
        (93.03, 93.03, 94.03, 94.03, 0.0),
    ]
    assert _range((94.0, 89.5)) == [
        (94.0, 93.0, 94.0, 93.0, 10.0),
        (92.99, 91.99, 92.99, 91.99, 0.0),
        (91.98, 90.98, 91.98, 90.98, 0.0),
        (90.97, 89.97, 90.97, 89.97, 0.0),
    ]


def test_the_first_range_bar_opens_on_a_multiple_of_its_size() -> None:
    assert _range((94.5, 93.9)) == [(95.0, 94.0, 95.0, 94.0, 10.0)]


def test_a_range_bar_widens_before_it_closes() -> None:
    prices = (94.0, 93.9, 94.1, 93.8, 94.2, 93.7, 94.3, 93.6, 94.4, 93.5, 94.5, 93.4)
    assert _range(prices) == [(94.0, 93.5, 94.5, 93.5, 110.0)]
    assert _range((94.0, 94.0, 94.0, 94.0, 94.0, 95.1)) == [(94.0, 94.0, 95.0, 95.0, 50.0)]


def test_classic_range_bars_do_not_fill_jumps() -> None:
    prices = (90.0, 94.5, 94.0, 89.5, 89.0, 90.5, 90.0, 91.5, 90.0, 90.5, 92.5)
    assert _range(prices, classic=True) == [
        (90.0, 90.0, 91.0, 91.0, 10.0),
        (94.5, 93.5, 94.5, 93.5, 20.0),
        (89.5, 89.0, 90.0, 90.0, 20.0),
        (90.5, 90.0, 91.0, 91.0, 20.0),
        (91.5, 90.5, 91.5, 90.5, 10.0),
        (90.0, 90.0, 91.0, 91.0, 20.0),
    ]


def test_volume_bars_hold_exactly_their_size() -> None:
    made: list[VolumeRenkoBar] = []
    consolidator = VolumeRenkoConsolidator(10.0)
    consolidator.handlers.append(made.append)
    for number, (price, quantity) in enumerate(((1.0, 2.0), (2.0, 3.0), (3.0, 3.0), (2.0, 2.0))):
        consolidator.update(_tick(number, price, quantity))
    [only] = made
    assert (only.open, only.high, only.low, only.close, only.volume) == (1.0, 3.0, 1.0, 2.0, 10.0)
    assert (only.time_ns, only.end_time_ns) == (0, 3 * HOUR)
    consolidator.update(TradeBar(SPY, 4 * HOUR, 5 * HOUR, 4.0, 6.0, 3.0, 5.0, 25.0))
    assert [one.volume for one in made] == [10.0, 10.0, 10.0] and consolidator.working.volume == 5.0
    assert made[2].open == made[1].close == 5.0


def test_volume_bars_may_count_money() -> None:
    made: list[VolumeRenkoBar] = []
    consolidator = VolumeRenkoConsolidator(100.0, dollars=True)
    consolidator.handlers.append(made.append)
    consolidator.update(_tick(0, 20.0, 4.0))
    assert made == []
    consolidator.update(_tick(1, 10.0, 2.0))
    assert [one.close for one in made] == [10.0]


def test_volume_bars_are_made_of_trades() -> None:
    consolidator = VolumeRenkoConsolidator(10.0)
    consolidator.update(Tick(SPY, 0, bid_price=1.0, ask_price=2.0))
    assert consolidator.working is None
    with pytest.raises(AlgorithmError, match="trade bars or ticks"):
        consolidator.update(quote(0, HOUR, 1.0, 2.0))


def test_sizes_of_nothing_are_refused() -> None:
    for make in (
        lambda: RenkoConsolidator(Decimal(0)),
        lambda: ClassicRenkoConsolidator(Decimal(0)),
        lambda: VolumeRenkoConsolidator(0.0),
    ):
        with pytest.raises(AlgorithmError, match="greater than zero"):
            make()
    with pytest.raises(AlgorithmError, match="size greater than zero"):
        RangeConsolidator(0, lambda symbol: CENT).update(_tick(0, 1.0))
