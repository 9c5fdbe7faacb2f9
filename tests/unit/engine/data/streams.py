"""Bars and a history provider that keeps them in memory, for tests of the data pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from livetrader_engine.calendar.hours import ExchangeHours, always_open_hours
from livetrader_engine.data.bars import MarketPoint, QuoteBar, TradeBar
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.subscription import HistoryRequest, Subscription
from livetrader_engine.symbols import (
    Resolution,
    SecurityType,
    Symbol,
    equity_identifier,
    plain_identifier,
)
from livetrader_engine.testing.market import SampleReference
from tests.unit.engine.calendar.hours_of import us_equities

US = us_equities()
ALWAYS = always_open_hours()
SPY = Symbol.create(equity_identifier("SPY", date(1998, 1, 2)), "SPY", SecurityType.EQUITY, "usa")
IBM = Symbol.create(equity_identifier("IBM", date(1998, 1, 2)), "IBM", SecurityType.EQUITY, "usa")
BTC = Symbol.create(
    plain_identifier("BTCUSD", SecurityType.CRYPTO, "coinbase"), "BTCUSD", SecurityType.CRYPTO, "coinbase"
)


def bar(start_ns: int, period_ns: int, price: float = 100.0, *, symbol: Symbol = SPY) -> TradeBar:
    """Return a trade bar whose prices tell it from its neighbours."""
    return TradeBar(symbol, start_ns, start_ns + period_ns, price, price + 1, price - 1, price + 0.5, 10.0)


def quote(start_ns: int, period_ns: int, bid: float, ask: float, *, symbol: Symbol = SPY) -> QuoteBar:
    """Return a quote bar; a side of 0 is missing."""
    sizes = (5.0 if bid else 0.0, 7.0 if ask else 0.0)
    return QuoteBar(
        symbol, start_ns, start_ns + period_ns, bid, bid, bid, bid, sizes[0], ask, ask, ask, ask, sizes[1]
    )


class MemoryHistory(SampleReference):
    """Implements HistoryProvider and ReferenceData over lists. Counts how often it was asked."""

    def __init__(self, points: Mapping[tuple[Symbol, Resolution, int], Iterable[MarketPoint]]) -> None:
        super().__init__()
        self._points = {key: list(values) for key, values in points.items()}
        self.requests: list[HistoryRequest] = []
        self.actions: list[CorporateAction] = []

    def add(self, key: tuple[Symbol, Resolution, int], points: Iterable[MarketPoint]) -> None:
        """Put points before those of a stream."""
        self._points[key] = [*points, *self._points.get(key, [])]

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        self.requests.append(request)
        subscription = request.subscription
        hours, extended = self.hours(subscription.symbol), subscription.extended_market_hours
        for point in self._points.get(_key(subscription), []):
            inside = request.start_ns < point.end_time_ns <= request.end_ns
            if inside and hours.is_open_during(point.time_ns, point.end_time_ns, extended):
                yield point

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        return {"SPY": SPY, "IBM": IBM, "BTCUSD": BTC}[ticker]

    def hours(self, symbol: Symbol) -> ExchangeHours:
        return ALWAYS if symbol.security_type is SecurityType.CRYPTO else US

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> tuple[CorporateAction, ...]:
        return tuple(action for action in self.actions if action.symbol is symbol)


def _key(subscription: Subscription) -> tuple[Symbol, Resolution, int]:
    return subscription.symbol, subscription.resolution, int(subscription.tick_type)
