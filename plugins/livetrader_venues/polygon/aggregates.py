"""Aggregates of seconds and minutes, as the venue tells them a little after each period.

They are made of what was told by then: a trade that is told later is in the venue's history and not in them.
What they say of the day so far begins with the first of them that was asked for.
"""

from __future__ import annotations

from livetrader_venues.polygon.events import Day, Event, aggregate
from livetrader_venues.stockmarket.bars import bar_of, value_bar_of
from livetrader_venues.stockmarket.clocks import day_of
from livetrader_venues.stockmarket.conditions import OFFICIAL_OPEN
from livetrader_venues.stockmarket.market import Market, told
from livetrader_venues.stockmarket.sessions import session
from livetrader_venues.stockmarket.tape import MILLISECOND_NS, MINUTE_NS, SECOND_NS

STEPS = {"A": SECOND_NS, "AM": MINUTE_NS}
LAG_NS = {"A": 400 * MILLISECOND_NS, "AM": 1500 * MILLISECOND_NS}  # from the end of a period to its telling
KEPT_DAYS = 10_000  # sums of days that are remembered, one for each kind and ticker


class Aggregates:
    """Owns the kinds that are being made, and the sums of the day."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._running: set[str] = set()
        self._days: dict[tuple[str, str], tuple[int, Day]] = {}

    def begin(self, kind: str) -> bool:
        """Note that a kind is made from now on; return whether it was not before."""
        if kind in self._running:
            return False
        self._running.add(kind)
        return True

    def end(self, kind: str) -> None:
        """Note that a kind is not made any more."""
        self._running.discard(kind)

    def event(self, kind: str, ticker: str, start_ns: int, known_ns: int) -> Event | None:
        """Return the aggregate of a period, None where it has no bar."""
        step_ns = STEPS[kind]
        end_ns = start_ns + step_ns
        is_index = self._market.is_index(ticker)
        if is_index:
            values = told(self._market.values(ticker, start_ns, end_ns), known_ns + 1)
            bar = value_bar_of(ticker, start_ns, values)
        else:
            bar = bar_of(ticker, start_ns, told(self._market.trades(ticker, start_ns, end_ns), known_ns + 1))
        if bar is None:
            return None
        day = day_of(start_ns).toordinal()
        began, so_far = self._days.get((kind, ticker), (day, None))
        if so_far is None or began != day:
            so_far = Day(0, 0.0, self._opening(ticker, start_ns))
        so_far = Day(so_far.volume + bar.volume, so_far.turnover + bar.volume * bar.vwap, so_far.open)
        if len(self._days) >= KEPT_DAYS:
            self._days.clear()
        self._days[kind, ticker] = day, so_far
        return aggregate(kind, bar, step_ns, so_far, is_index=is_index)

    def _opening(self, ticker: str, start_ns: int) -> float:
        """Return the official price of the day's opening auction, 0 before it."""
        hours = session(day_of(start_ns))
        if hours is None or start_ns < hours.open_ns:
            return 0.0
        for trade in self._market.trades(ticker, hours.open_ns, hours.open_ns + MINUTE_NS):
            if OFFICIAL_OPEN in trade.conditions:
                return trade.price
        return 0.0
