"""Bars of trading days as they come to be: the running one and those before it.

A session is off until it is given a size. Then it takes in what a security's streams bring in regular hours.
Source: LEAN's Session.cs, SessionBar.cs, SessionConsolidator.cs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.data.wallclock import WallClock, date_of, days_of
from livetrader_engine.symbols import NS_PER_DAY, Symbol

NO_DAY: Final = -1  # of a session bar that no data has reached yet


class SessionBar:
    """One trading day: prices of trades or of quotes, volume of trades. All zero before the first point."""

    __slots__ = (
        "_by_trades",
        "_priced_ns",
        "_quotes",
        "_volume_ns",
        "close",
        "day",
        "high",
        "low",
        "open",
        "open_interest",
        "opened",
        "symbol",
        "volume",
    )  # fmt: skip

    def __init__(self, symbol: Symbol, by_trades: bool, day: int) -> None:
        self.symbol = symbol
        self.day = day  # since 1970-01-01, NO_DAY where that is not known yet
        self.open = self.high = self.low = self.close = self.volume = self.open_interest = 0.0
        self.opened = False
        self._by_trades = by_trades
        self._quotes: QuoteBar | None = None
        self._priced_ns = self._volume_ns = -(2**63)

    def take(self, point: MarketPoint, before: SessionBar | None) -> None:
        """Take in one point; what overlaps points taken before changes nothing."""
        if point.time_ns < self._priced_ns:
            return
        if isinstance(point, TradeBar):
            self._add_volume(point, point.volume)
            if self._by_trades:
                self._price(point.open, point.high, point.low, point.close)
                self._priced_ns = point.end_time_ns
        elif isinstance(point, Tick):
            self._add_volume(point, point.quantity)
            if self._by_trades and point.price:
                self._price(point.price, point.price, point.price, point.price)
                self._priced_ns = point.time_ns
            elif not self._by_trades and not point.price:
                bid, ask = point.bid_price, point.ask_price
                self._quote((bid, bid, bid, bid), (ask, ask, ask, ask), point, before)
        elif not self._by_trades:
            bids = (point.bid_open, point.bid_high, point.bid_low, point.bid_close)
            asks = (point.ask_open, point.ask_high, point.ask_low, point.ask_close)
            self._quote(bids, asks, point, before)

    def _add_volume(self, point: TradeBar | Tick, volume: float) -> None:
        if self._volume_ns <= point.time_ns:
            self._volume_ns = point.end_time_ns
            self.volume += volume

    def _price(self, opened: float, high: float, low: float, close: float) -> None:
        if not self.opened:
            self.opened = True
            self.open, self.high, self.low = opened, high, low
        self.high = max(self.high, high)
        self.low = min(self.low, low)
        self.close = close

    def _quote(
        self,
        bids: tuple[float, float, float, float],
        asks: tuple[float, float, float, float],
        point: QuoteBar | Tick,
        before: SessionBar | None,
    ) -> None:
        held = self._quotes
        if held is None:
            last = before._quotes if before is not None else None
            bid, ask = (0.0, 0.0) if last is None else (last.bid_close, last.ask_close)
            held = self._quotes = QuoteBar(
                point.symbol,
                point.time_ns,
                point.end_time_ns,
                bid,
                bid,
                bid,
                bid,
                0.0,
                ask,
                ask,
                ask,
                ask,
                0.0,
            )
        if bids[3]:
            if not held.bid_close:
                held.bid_open, held.bid_high, held.bid_low = bids[:3]
            held.bid_high, held.bid_low = max(held.bid_high, bids[1]), min(held.bid_low, bids[2])
            held.bid_close = bids[3]
        if asks[3]:
            if not held.ask_close:
                held.ask_open, held.ask_high, held.ask_low = asks[:3]
            held.ask_high, held.ask_low = max(held.ask_high, asks[1]), min(held.ask_low, asks[2])
            held.ask_close = asks[3]
        self.open = _middle(held.bid_open, held.ask_open)
        self.high = _middle(held.bid_high, held.ask_high)
        self.low = _middle(held.bid_low, held.ask_low)
        self.close = _middle(held.bid_close, held.ask_close)
        self._priced_ns = point.end_time_ns


def _middle(bid: float, ask: float) -> float:
    return (bid + ask) / 2 if bid and ask else bid or ask


class Session:
    """The sessions of one security, newest first; 0 is the running one. Owned by the engine's thread."""

    def __init__(self, symbol: Symbol, hours: ExchangeHours, kind: TickType) -> None:
        self.symbol = symbol
        self.hours = hours
        self.clock = WallClock(hours.timezone)
        self._by_trades = kind is TickType.TRADE
        self._size = 0
        self._bars: list[SessionBar] = [self._new(NO_DAY)]
        self._started = False  # the running bar has had data
        self.samples = 0

    @property
    def size(self) -> int:
        """How many sessions are kept, the running one included; 0: none are followed."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        if self._size == 0 and size > 0:
            self.samples = 1
        self._size = size
        del self._bars[max(size, 1) :]

    @property
    def count(self) -> int:
        """How many sessions there are."""
        return len(self._bars) if self._size else 0

    def bar(self, index: int, now_ns: int) -> SessionBar | None:
        """Return a session, 0 for the running one; None where there is none. Looking back keeps more."""
        self._turn(now_ns)
        if index >= self._size:
            self._size = index + 1
        return self._bars[index] if -len(self._bars) <= index < len(self._bars) else None

    def running(self, now_ns: int) -> SessionBar:
        """Return the running session."""
        self._turn(now_ns)
        return self._bars[0]

    def update(self, point: MarketPoint) -> None:
        """Take in one point of the security's, filled forward or not."""
        day = self.clock.wall(point.time_ns) // NS_PER_DAY
        if self._started and day > self._bars[0].day:
            self._push()
        running = self._bars[0]
        if not self._started:
            if day > running.day:
                running.day = day
            self._started = True
        if self.hours.is_open_during(point.time_ns, point.end_time_ns):
            running.take(point, self._bars[1] if len(self._bars) > 1 else None)

    def reset(self) -> None:
        """Forget all sessions, keep the size."""
        self._bars = [self._new(NO_DAY)]
        self._started = False
        self.samples = 1 if self._size else 0

    def _turn(self, now_ns: int) -> None:
        """Begin a new session where the date has changed since the running one's."""
        if self._started and self.clock.wall(now_ns) // NS_PER_DAY > self._bars[0].day:
            self._push()

    def _push(self) -> None:
        ended = self._bars[0]
        following = self.hours.next_trading_day(date_of(ended.day))
        self._bars.insert(0, self._new(days_of(following)))
        del self._bars[max(self._size, 1) :]
        self._started = False
        self.samples += 1

    def _new(self, day: int) -> SessionBar:
        return SessionBar(self.symbol, self._by_trades, day)


class Sessions:
    """The sessions that are followed, by symbol. Owned by the engine."""

    def __init__(self) -> None:
        self._held: dict[Symbol, Session] = {}
        self.followed: Mapping[Symbol, Session] = self._held  # read in every time step

    def follow(self, session: Session) -> None:
        """Have a session updated from now on."""
        self._held[session.symbol] = session

    def update(self, points: Iterable[MarketPoint]) -> None:
        """Hand each point to its session; suspicious ticks change nothing."""
        held = self._held
        for point in points:
            session = held.get(point.symbol)
            if session is not None and not (isinstance(point, Tick) and point.suspicious):
                session.update(point)

    def reset(self, symbol: Symbol) -> None:
        """Forget what a security's sessions held: it was removed."""
        session = self._held.get(symbol)
        if session is not None:
            session.reset()
