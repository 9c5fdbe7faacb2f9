"""What is believed of a finished bar, and of ticks without numbers."""

from __future__ import annotations

import math

import pytest

from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.pointgate import PointGate
from livetrader_engine.data.quality import (
    AHEAD,
    CROSSED,
    NO_SIDE,
    NOT_A_BAR,
    NOT_A_PRICE,
    NOT_A_SIZE,
    OFF_MARKET,
    QualityLimits,
    Quarantine,
)
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType, Symbol, equity_identifier

SPY = Symbol.create(equity_identifier("SPY", None), "SPY", SecurityType.EQUITY, "usa")
NOW_NS = 1_750_080_600_000_000_000


def bar(close: float, minute: int = 0, opening: float | None = None, volume: float = 1.0) -> TradeBar:
    start_ns = NOW_NS + minute * NS_PER_MINUTE
    opening = close if opening is None else opening
    high, low = max(opening, close), min(opening, close)
    return TradeBar(SPY, start_ns, start_ns + NS_PER_MINUTE, opening, high, low, close, volume)


def quotes(bid: float, ask: float, bid_size: float = 1.0) -> QuoteBar:
    end_ns = NOW_NS + NS_PER_MINUTE
    return QuoteBar(SPY, NOW_NS, end_ns, bid, bid, bid, bid, bid_size, ask, ask, ask, ask, 1.0)


def gate() -> PointGate:
    return PointGate(QualityLimits(), Quarantine())


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (TradeBar(SPY, NOW_NS, NOW_NS + 1, 100.0, 99.0, 98.0, 99.0, 1.0), NOT_A_BAR),
        (TradeBar(SPY, NOW_NS, NOW_NS + 1, 100.0, 101.0, 100.5, 101.0, 1.0), NOT_A_BAR),
        (TradeBar(SPY, NOW_NS, NOW_NS, 100.0, 100.0, 100.0, 100.0, 1.0), NOT_A_BAR),
        (TradeBar(SPY, NOW_NS, NOW_NS + 1, 100.0, math.nan, 100.0, 100.0, 1.0), NOT_A_PRICE),
        (TradeBar(SPY, NOW_NS, NOW_NS + 1, 100.0, 100.0, 0.0, 100.0, 1.0), NOT_A_PRICE),
        (bar(100.0, volume=-1.0), NOT_A_SIZE),
        (bar(100.0, volume=math.inf), NOT_A_SIZE),
        (bar(100.0, minute=60), AHEAD),
        (quotes(101.0, 100.0), CROSSED),
        (quotes(0.0, 0.0, 0.0), NO_SIDE),
        (quotes(99.0, 100.0, math.nan), NOT_A_SIZE),
        (Tick(SPY, NOW_NS, -1.0, 1.0), NOT_A_PRICE),
        (Tick(SPY, NOW_NS, 1.0, math.nan), NOT_A_SIZE),
        (Tick(SPY, NOW_NS, bid_price=2.0, ask_price=1.0), CROSSED),
        (Tick(SPY, NOW_NS), NO_SIDE),
    ],
)
def test_what_cannot_be_is_refused_counted_and_explained(
    point: TradeBar | QuoteBar | Tick, reason: str
) -> None:
    quarantine = Quarantine()
    judge = PointGate(QualityLimits(), quarantine)
    assert judge.check(point, NOW_NS + NS_PER_MINUTE) == reason
    assert quarantine.counts == {reason: 1} and quarantine.newest[0].what


def test_what_can_be_passes() -> None:
    judge = gate()
    for point in (bar(100.0), quotes(99.0, 100.0), quotes(0.0, 100.0, 0.0), Tick(SPY, NOW_NS, 100.0, 5.0)):
        assert judge.check(point, NOW_NS + NS_PER_MINUTE) is None


def test_a_bar_that_leaves_the_band_is_believed_with_the_next_that_agrees() -> None:
    judge = gate()
    told = [
        judge.check(bar(close, number), NOW_NS * 2)
        for number, close in enumerate((100.0, 150.0, 151.0, 100.0))
    ]
    assert told == [None, OFF_MARKET, None, OFF_MARKET]


def test_a_market_that_falls_within_a_bar_is_believed_at_once() -> None:
    judge = gate()
    assert judge.check(bar(100.0), NOW_NS * 2) is None
    assert judge.check(bar(60.0, 1, opening=99.0), NOW_NS * 2) is None
    assert judge.check(bar(59.0, 2), NOW_NS * 2) is None


def test_after_a_halt_every_price_is_believed() -> None:
    judge = gate()
    assert judge.check(bar(100.0), NOW_NS * 2) is None
    assert judge.check(bar(60.0, 6), NOW_NS * 2) is None


def test_what_is_forgotten_holds_nothing_back() -> None:
    judge = gate()
    judge.check(bar(100.0), NOW_NS * 2)
    judge.forget(SPY)
    assert judge.check(bar(25.0, 1), NOW_NS * 2) is None  # it was split


def test_bars_of_the_past_are_no_reference_for_older_ones() -> None:
    judge = gate()
    judge.check(bar(100.0, 10), NOW_NS * 2)
    assert judge.check(bar(50.0, 0), NOW_NS * 2) is None
    assert judge.check(bar(100.5, 11), NOW_NS * 2) is None
