"""One market: what was traded, when it was told, and what the bars of it are.

    market = Market.generated(stocks(100), seed=7)
    market = Market.recorded(ticks, stocks(100))

A peer that streams ticks and answers questions about the past asks the same market, so the two agree. What
the market is told later (ticks of a test's own, cancellations, corrections) is in its history from then on.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from datetime import date
from heapq import heapify, heappop
from typing import TypeVar

import msgspec

from livetrader_venues.stockmarket.bars import bar_of, bars_of, value_bar_of, value_bars_of
from livetrader_venues.stockmarket.clocks import day_of, days, midnight_ns
from livetrader_venues.stockmarket.generator import Generator, Habits
from livetrader_venues.stockmarket.securities import Security
from livetrader_venues.stockmarket.sessions import session
from livetrader_venues.stockmarket.tape import (
    MINUTE_NS,
    Bar,
    Quote,
    Tick,
    Trade,
    Value,
    tape_order,
)

KEPT_DAYS = 50_000  # daily bars that are remembered
LATEST_NS = MINUTE_NS  # no tick is told later than this after its time
T = TypeVar("T", Trade, Quote, Value)
CORRECTED, CANCELLED, CANCEL_RECORD, CORRECTION_RECORD = 1, 8, 10, 12


class Market:
    """Owns the ticks that were added, cancelled and corrected; the rest is a function of the seed."""

    def __init__(self, securities: Iterable[Security], generator: Generator | None) -> None:
        self.securities = {security.ticker: security for security in securities}
        self._generator = generator
        self._trades: dict[str, list[Trade]] = {}
        self._quotes: dict[str, list[Quote]] = {}
        self._values: dict[str, list[Value]] = {}
        self._amended: dict[tuple[str, str], Trade] = {}
        self._days: dict[tuple[str, int], Bar | None] = {}

    @classmethod
    def generated(
        cls, securities: Iterable[Security], *, seed: int = 1, habits: Habits | None = None
    ) -> Market:
        """Return a market whose ticks come from a seed, on any day."""
        return cls(securities, Generator(seed, habits))

    @classmethod
    def recorded(cls, ticks: Iterable[Tick], securities: Iterable[Security] = ()) -> Market:
        """Return a market of these ticks and no others. Tickers without a security become stocks."""
        market = cls(securities, None)
        market.add(ticks)
        return market

    # ---- ticks

    def trades(self, ticker: str, start_ns: int, end_ns: int) -> list[Trade]:
        """Return trades of [start, end) by the tape's time, in the tape's order."""
        found = _between(self._trades.get(ticker, []), start_ns, end_ns)
        if self._generator is not None and ticker in self.securities:
            security = self.securities[ticker]
            for number in _open_minutes(security, start_ns, end_ns):
                found += self._generator.trades(security, number)
        if self._amended:
            found = [self._amended.get((ticker, trade.id), trade) for trade in found]
        return sorted((each for each in found if start_ns <= each.sip_ns < end_ns), key=tape_order)

    def quotes(self, ticker: str, start_ns: int, end_ns: int) -> list[Quote]:
        """Return quotes of [start, end), in the tape's order."""
        found = _between(self._quotes.get(ticker, []), start_ns, end_ns)
        if self._generator is not None and ticker in self.securities:
            security = self.securities[ticker]
            for number in _open_minutes(security, start_ns, end_ns):
                found += self._generator.quotes(security, number)
        found = [each for each in found if start_ns <= each.sip_ns < end_ns]
        return sorted(found, key=lambda quote: (quote.sip_ns, quote.sequence))

    def values(self, ticker: str, start_ns: int, end_ns: int) -> list[Value]:
        """Return an index's values of [start, end), ascending."""
        found = _between(self._values.get(ticker, []), start_ns, end_ns)
        if self._generator is not None and ticker in self.securities:
            security = self.securities[ticker]
            for number in _open_minutes(security, start_ns, end_ns):
                found += self._generator.values(security, number)
        found = [each for each in found if start_ns <= each.sip_ns < end_ns]
        return sorted(found, key=lambda value: value.sip_ns)

    def stream(self, start_ns: int, end_ns: int, tickers: Iterable[str] | None = None) -> Iterator[Tick]:
        """Yield the ticks that are told in [start, end), of all or some tickers, in that order."""
        names = sorted(self.securities) if tickers is None else sorted(set(tickers) & set(self.securities))
        waiting: list[tuple[int, int, Tick]] = []
        count = 0
        first = (start_ns - LATEST_NS) // MINUTE_NS
        for number in range(first, -(-end_ns // MINUTE_NS)):
            begin = number * MINUTE_NS
            for ticker in names:
                for tick in self._told(ticker, begin):
                    if start_ns <= tick.told_ns < end_ns:
                        count += 1
                        waiting.append((tick.told_ns, count, tick))
            heapify(waiting)
            while waiting and waiting[0][0] < begin + MINUTE_NS:  # nothing later can be told before
                yield heappop(waiting)[2]
        while waiting:
            yield heappop(waiting)[2]

    def _told(self, ticker: str, begin_ns: int) -> list[Tick]:
        end_ns = begin_ns + MINUTE_NS
        found: list[Tick] = []
        found += self.trades(ticker, begin_ns, end_ns)
        found += self.quotes(ticker, begin_ns, end_ns)
        found += self.values(ticker, begin_ns, end_ns)
        return [tick for tick in found if not isinstance(tick, Trade) or not tick.correction]

    def add(self, ticks: Iterable[Tick]) -> None:
        """Put ticks of one's own into the market. Raises ValueError for one told long after its time."""
        self._days.clear()
        for tick in ticks:
            if not 0 <= tick.told_ns - tick.sip_ns <= LATEST_NS:
                raise ValueError(f"{tick} must be told within {LATEST_NS // 10**9} s of its time")
            if tick.ticker not in self.securities:
                self.securities[tick.ticker] = Security(tick.ticker)
            if isinstance(tick, Trade):
                insort(self._trades.setdefault(tick.ticker, []), tick, key=lambda each: each.sip_ns)
            elif isinstance(tick, Quote):
                insort(self._quotes.setdefault(tick.ticker, []), tick, key=lambda each: each.sip_ns)
            else:
                insort(self._values.setdefault(tick.ticker, []), tick, key=lambda each: each.sip_ns)

    # ---- bars

    def bars(self, ticker: str, start_ns: int, end_ns: int, step_ns: int = MINUTE_NS) -> list[Bar]:
        """Return the bars that begin in [start, end), by the rules of `bars`; periods are steps of UTC."""
        begin = start_ns - start_ns % step_ns + (step_ns if start_ns % step_ns else 0)
        end = end_ns + (-end_ns) % step_ns
        if self.is_index(ticker):
            return value_bars_of(ticker, self.values(ticker, begin, end), step_ns)
        return bars_of(ticker, self.trades(ticker, begin, end), step_ns)

    def daily(self, ticker: str, first: date, last: date, *, until_ns: int | None = None) -> list[Bar]:
        """Return daily bars from midnight to midnight in New York, of what was told before `until_ns`."""
        is_own = bool(self._trades.get(ticker) or self._values.get(ticker))  # which may be of any day
        dates = (day for day in days(first, last) if is_own or session(day) is not None)
        found = (self._day(ticker, day, until_ns) for day in dates)
        return [bar for bar in found if bar is not None]

    def _day(self, ticker: str, day: date, until_ns: int | None) -> Bar | None:
        start, end = midnight_ns(day), midnight_ns(date.fromordinal(day.toordinal() + 1))
        if until_ns is not None and until_ns <= start:
            return None
        if until_ns is not None and until_ns >= end + LATEST_NS:
            until_ns = None
        if until_ns is None and (ticker, start) in self._days:
            return self._days[ticker, start]
        if self.is_index(ticker):
            bar = value_bar_of(ticker, start, told(self.values(ticker, start, end), until_ns))
        else:
            bar = bar_of(ticker, start, told(self.trades(ticker, start, end), until_ns), extended=False)
        if until_ns is None:
            if len(self._days) >= KEPT_DAYS:
                self._days.clear()
            self._days[ticker, start] = bar
        return bar

    def reference_bars(
        self, start_ns: int, end_ns: int, step_ns: int = MINUTE_NS
    ) -> dict[tuple[str, int], Bar]:
        """Return the bars of every ticker and period, by ticker and beginning."""
        return {
            (bar.ticker, bar.start_ns): bar
            for ticker in sorted(self.securities)
            for bar in self.bars(ticker, start_ns, end_ns, step_ns)
        }

    def is_index(self, ticker: str) -> bool:
        """Return whether a ticker has values instead of trades."""
        return ticker in self.securities and self.securities[ticker].kind == "indices"

    # ---- what is taken back

    def bust(self, ticker: str, trade_id: str, near_ns: int, told_ns: int) -> None:
        """Cancel a trade of the minute around `near_ns`. Raises KeyError where there is none."""
        trade = self._find(ticker, trade_id, near_ns)
        self._amended[ticker, trade_id] = msgspec.structs.replace(trade, correction=CANCELLED)
        self._record(trade, CANCEL_RECORD, told_ns)

    def correct(
        self, ticker: str, trade_id: str, near_ns: int, told_ns: int, *, price: float, size: int
    ) -> None:
        """Correct a trade of the minute around `near_ns`: it keeps its place, with other data. Raises
        KeyError where there is none.
        """
        trade = self._find(ticker, trade_id, near_ns)
        self._amended[ticker, trade_id] = msgspec.structs.replace(
            trade, correction=CORRECTED, price=price, size=size
        )
        self._record(trade, CORRECTION_RECORD, told_ns)

    def _find(self, ticker: str, trade_id: str, near_ns: int) -> Trade:
        begin = near_ns - near_ns % MINUTE_NS
        for trade in self.trades(ticker, begin, begin + MINUTE_NS):
            if trade.id == trade_id and not trade.correction:
                return trade
        raise KeyError(f"{ticker} has no trade {trade_id} in that minute that could be taken back")

    def _record(self, trade: Trade, correction: int, told_ns: int) -> None:
        """Note the message that told so: it has the old data and its own time."""
        self.add(
            [
                msgspec.structs.replace(
                    trade,
                    sip_ns=told_ns,
                    told_ns=told_ns,
                    correction=correction,
                    id=f"{trade.id}c{correction}",
                )
            ]
        )


def _open_minutes(security: Security, start_ns: int, end_ns: int) -> Iterator[int]:
    """Yield the minutes, counted since 1970, in which a security may trade within [start, end)."""
    start_ns = max(start_ns, midnight_ns(security.listed))
    if start_ns >= end_ns:
        return
    for day in days(day_of(start_ns), day_of(end_ns - 1)):
        hours = session(day)
        if hours is not None:
            begin_ns, stop_ns = max(start_ns, hours.extended_open_ns), min(end_ns, hours.extended_close_ns)
            yield from range(begin_ns // MINUTE_NS, -(-stop_ns // MINUTE_NS))


def _between(ticks: list[T], start_ns: int, end_ns: int) -> list[T]:
    return ticks[
        bisect_left(ticks, start_ns, key=lambda each: each.sip_ns) : bisect_left(
            ticks, end_ns, key=lambda each: each.sip_ns
        )
    ]


def told(ticks: Iterable[T], until_ns: int | None) -> list[T]:
    """Return the ticks that were told before a time."""
    return [tick for tick in ticks if until_ns is None or tick.told_ns < until_ns]
