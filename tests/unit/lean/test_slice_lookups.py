"""What is in a slice, asked for by symbol and by ticker: of one point, of many, of none but an action."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.corporate_actions import CorporateAction, Dividend
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.slices import Slice
from livetrader_lean.symbols import Symbol

NEW_YORK = ZoneInfo("America/New_York")
ONE = CoreSymbol.create("ONE R735QTJ8XC9X", "ONE", SecurityType.EQUITY, "usa")
TWO = CoreSymbol.create("TWO R735QTJ8XC9X", "TWO", SecurityType.EQUITY, "usa")
TRADE = TradeBar(ONE, 0, NS_PER_MINUTE, 1.0, 2.0, 0.5, 1.5, 100.0)
QUOTE = QuoteBar(ONE, 0, NS_PER_MINUTE, 1.0, 1.0, 1.0, 1.0, 5.0, 3.0, 3.0, 3.0, 3.0, 5.0)
TICK = Tick(ONE, NS_PER_MINUTE, price=1.25, quantity=10.0)
OTHER = TradeBar(TWO, 0, NS_PER_MINUTE, 7.0, 7.0, 7.0, 7.0, 100.0)
PAID = Dividend(ONE, NS_PER_MINUTE, Decimal("0.5"), Decimal(100))


def _slice(points: tuple[MarketPoint, ...], actions: tuple[CorporateAction, ...] = ()) -> Slice:
    return Slice(NS_PER_MINUTE, points, NEW_YORK, lambda symbol: NEW_YORK, actions)


@pytest.mark.parametrize(
    "points", [(TRADE,), (QUOTE,), (TICK,), (OTHER, TRADE), (OTHER, QUOTE), (OTHER, TICK), (TICK, TICK)]
)
def test_a_slice_holds_a_symbol_whatever_kind_of_point_it_has(points: tuple[MarketPoint, ...]) -> None:
    data = _slice(points)
    assert Symbol(ONE) in data
    assert data.contains_key(Symbol(ONE))
    assert "one" in data
    assert ONE.id in data
    assert (Symbol(TWO) in data) is ("TWO" in data) is (OTHER in points)
    assert data[Symbol(ONE)] is not None
    assert data.get(Symbol(ONE)) is not None
    assert data["ONE"] is not None


def test_a_symbol_that_has_no_point_is_missing() -> None:
    data = _slice((TICK,))
    assert data.get(Symbol(TWO)) is None
    assert data.get(Symbol(TWO), "nothing") == "nothing"
    for key in (Symbol(TWO), "TWO"):
        with pytest.raises(KeyError, match="there are: ONE"):
            data[key]


def test_a_symbol_that_has_an_action_only_is_there_without_data() -> None:
    for points in ((), (OTHER,)):
        data = _slice(points, (PAID,))
        assert Symbol(ONE) in data
        assert "ONE" in data
        assert data[Symbol(ONE)] is None
        assert data["ONE"] is None


def test_the_ticks_of_a_symbol_are_a_list_however_many_there_are() -> None:
    second = Tick(ONE, NS_PER_MINUTE, price=1.5, quantity=5.0)
    quote = Tick(ONE, NS_PER_MINUTE, bid_price=2.0, bid_size=1.0, ask_price=4.0, ask_size=1.0)
    assert [tick.price for tick in _slice((TICK,)).ticks[Symbol(ONE)]] == [1.25]
    assert [tick.price for tick in _slice((quote,)).ticks[Symbol(ONE)]] == [3.0]
    assert [tick.price for tick in _slice((TICK, second, quote))[Symbol(ONE)]] == [1.25, 1.5, 3.0]
