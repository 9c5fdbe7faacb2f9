"""The ticks of one symbol, from a venue's messages into bars: through the gate, then to who wants them.

This is the hot path: most ticks are plain, and a plain tick makes no object and few calls. What the gates
(livetrader_engine.data.quality) and the bars (making.py) say in words is done here in place for plain ticks;
every other tick goes their way. Both ways make the same bars: a test plays each against the other.

A plain trade is of the newest time or later, has a number above the newest, a price near the believed one,
and belongs to the bar that is in the making. One owner, the feed's connection; nothing is asked or awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from livetrader_engine.data.bars import Tick
from livetrader_engine.data.quality import (
    ALL,
    FORM_T,
    OPEN_CLOSE,
    SIZE_LIMIT,
    UNREADABLE,
    VOLUME,
    HeldQuote,
    HeldTrade,
    QualityLimits,
    Quarantine,
    QuoteGate,
    TradeGate,
    VenueClock,
)
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import Symbol
from livetrader_plugins.sdk.barstream import NO_TRADES, BarStream

UNREAD: Final = "a trade of it could not be read"
FEW: Final = 3  # so many at once are taken one by one as quickly
MS: Final = 1_000_000  # nanoseconds of a millisecond


class TradeWatcher(Protocol):
    """Who wants the trades of a tape."""

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int = ALL) -> None:
        """Take a trade that passed the gate."""
        ...


class QuoteWatcher(Protocol):
    """Who wants the quotes of a tape."""

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> None:
        """Take a quote that passed the gate."""
        ...


class Print(Protocol):
    """A trade as a venue's message has it, so that no other object is made of it.

    `t` is the exchange's time in milliseconds, `q` its number, `p` and `s` are price and size, `c` its
    conditions.
    """

    @property
    def t(self) -> int: ...
    @property
    def q(self) -> int: ...
    @property
    def p(self) -> float: ...
    @property
    def s(self) -> float: ...
    @property
    def c(self) -> tuple[int, ...]: ...


class Book(Protocol):
    """A quote as a venue's message has it: `t` and `q` as those of a print; a side not there is zero."""

    @property
    def t(self) -> int: ...
    @property
    def q(self) -> int: ...
    @property
    def bp(self) -> float: ...
    @property
    def bs(self) -> float: ...
    @property
    def ap(self) -> float: ...
    @property
    def ask_size(self) -> float: ...


class TickStream:
    """A subscription to single ticks: each that passes the gate is handed on as one, with its own time.

    A trade that may not set a price is `suspicious`, as in the data of the past. Quotes that are older than
    one handed on already are left out, and counted.
    """

    def __init__(self, subscription: Subscription, sink: Callable[[Subscription, Tick], None]) -> None:
        self.subscription = subscription
        self.overtaken = 0
        self._sink = sink
        self._newest = (0, 0)

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int = ALL) -> None:
        """Hand a trade on."""
        tick = Tick(self.subscription.symbol, time_ns, price, size)
        tick.suspicious = not updates & (OPEN_CLOSE | FORM_T)
        self._sink(self.subscription, tick)

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> None:
        """Hand a quote on, unless a newer one was."""
        if (time_ns, number) < self._newest:
            self.overtaken += 1
            return
        self._newest = (time_ns, number)
        self._sink(
            self.subscription, Tick(self.subscription.symbol, time_ns, 0.0, 0.0, bid, bid_size, ask, ask_size)
        )


class TradeTape:
    """The trades of one symbol. Mutable state: its gate, and who wants them."""

    __slots__ = ("_clock", "_gate", "_remember", "_stream", "_watchers")

    def __init__(
        self, symbol: Symbol, limits: QualityLimits, clock: VenueClock, quarantine: Quarantine
    ) -> None:
        self._clock = clock
        self._gate = TradeGate(symbol, limits, clock, quarantine)
        self._remember = self._gate.remember.append
        self._watchers: tuple[TradeWatcher, ...] = ()
        self._stream: BarStream | None = None  # the only watcher, where that is a stream of bars

    def add(self, watcher: TradeWatcher) -> None:
        """Hand trades to somebody from now on."""
        self._watch((*self._watchers, watcher))

    def remove(self, watcher: TradeWatcher) -> None:
        """Hand it no more; harmless where it has none."""
        self._watch(tuple(each for each in self._watchers if each is not watcher))

    def _watch(self, watchers: tuple[TradeWatcher, ...]) -> None:
        self._watchers = watchers
        only = watchers[0] if len(watchers) == 1 else None
        self._stream = only if isinstance(only, BarStream) else None

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants the trades."""
        return bool(self._watchers)

    def trade(self, time_ns: int, number: int, price: float, size: float, updates: int = ALL) -> bool:
        """Take a trade in; return whether it passed the gate.

        `number` is the venue's, ascending within a day; where it has none the caller counts.
        """
        gate, clock = self._gate, self._clock
        if (
            gate.low <= price <= gate.high
            and gate.last_ns <= time_ns <= clock.latest_ns
            and number > gate.sequence
            and 0.0 <= size <= SIZE_LIMIT
            and time_ns >= clock.earliest_ns
        ):
            gate.last_ns = time_ns
            if time_ns > clock.newest_ns:
                clock.newest_ns = time_ns
            gate.sequence = number
            self._remember(number)
            if updates & OPEN_CLOSE:
                gate.last = price
            stream = self._stream
            if stream is None:
                for watcher in self._watchers:
                    watcher.trade(time_ns, number, price, size, updates)
                return True
            made = stream.trades
            if updates != ALL or not made.close_ns <= time_ns < made.end_ns:
                stream.trade(time_ns, number, price, size, updates)
                return True
            made.close = price
            made.close_ns = time_ns
            made.close_number = number
            made.volume += size
            if price > made.high:
                made.high = price
            elif price < made.low:
                made.low = price
            return True
        passing = gate.admit(time_ns, number, price, size, updates)
        if passing is None:
            if updates and gate.refused in UNREADABLE:
                self._spoil(time_ns)
            return False
        self._hand_on(passing)
        return True

    def _spoil(self, time_ns: int) -> None:
        """Have no bar of the period in which a trade could not be read; now, where its time could not be."""
        if self._clock.fault(time_ns) is not None:
            time_ns = self._clock.looked_ns
        for watcher in self._watchers:
            if isinstance(watcher, BarStream):
                watcher.doubt_period(time_ns, UNREAD)

    def _hand_on(self, passing: Sequence[HeldTrade]) -> None:
        for trade in passing:
            for watcher in self._watchers:
                watcher.trade(*trade)

    def trades(self, prints: Sequence[Print], effect_of: Callable[[tuple[int, ...]], int]) -> None:
        """Take trades in, in order; `effect_of` tells what conditions let one update."""
        if len(prints) < FEW:
            for each in prints:
                self.trade(each.t * MS, each.q, each.p, each.s, effect_of(each.c))
            return
        waiting = iter(prints)
        while (odd := self._plain(waiting, effect_of)) is not None:
            self.trade(odd.t * MS, odd.q, odd.p, odd.s, effect_of(odd.c))

    def _plain(self, prints: Iterator[Print], effect_of: Callable[[tuple[int, ...]], int]) -> Print | None:
        """Take plain trades in, and those that add volume only; return the first other one, None for none."""
        stream = self._stream
        if stream is None or (made := stream.trades) is NO_TRADES:
            return next(prints, None)
        gate, clock, remember = self._gate, self._clock, self._remember
        newest = -(-max(gate.last_ns, made.close_ns, clock.earliest_ns) // MS)
        until = min(clock.latest_ns, made.end_ns - 1) // MS
        number, low, high = gate.sequence, gate.low, gate.high
        last_number, price, last, top, bottom, volume = -1, 0.0, 0, made.high, made.low, made.volume
        odd: Print | None = None
        for each in prints:
            time, next_price, size = each.t, each.p, each.s
            if (
                newest <= time <= until
                and low <= next_price <= high
                and each.q > number
                and 0.0 <= size <= SIZE_LIMIT
            ):
                effect = effect_of(each.c) if each.c else ALL
                if effect == ALL:
                    price, last, last_number = next_price, time, each.q
                    if price > top:
                        top = price
                    elif price < bottom:
                        bottom = price
                elif effect != VOLUME:
                    odd = each
                    break
                newest, number = time, each.q
                volume += size
                remember(number)
            else:
                odd = each
                break
        if number > gate.sequence:
            gate.last_ns = newest * MS
            clock.newest_ns = max(clock.newest_ns, gate.last_ns)
            gate.sequence = number
            made.volume = volume
        if last:
            gate.last = made.close = price
            made.close_ns, made.close_number = last * MS, last_number
            made.high, made.low = top, bottom
        return odd


class QuoteTape:
    """The quotes of one symbol. Mutable state: its gate, and who wants them."""

    __slots__ = ("_clock", "_gate", "_stream", "_watchers")

    def __init__(
        self, symbol: Symbol, limits: QualityLimits, clock: VenueClock, quarantine: Quarantine
    ) -> None:
        self._clock = clock
        self._gate = QuoteGate(symbol, limits, clock, quarantine)
        self._watchers: tuple[QuoteWatcher, ...] = ()
        self._stream: BarStream | None = None  # the only watcher, where that is a stream of bars

    def add(self, watcher: QuoteWatcher) -> None:
        """Hand quotes to somebody from now on."""
        self._watch((*self._watchers, watcher))

    def remove(self, watcher: QuoteWatcher) -> None:
        """Hand it no more; harmless where it has none."""
        self._watch(tuple(each for each in self._watchers if each is not watcher))

    def _watch(self, watchers: tuple[QuoteWatcher, ...]) -> None:
        self._watchers = watchers
        only = watchers[0] if len(watchers) == 1 else None
        self._stream = only if isinstance(only, BarStream) else None

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants the quotes."""
        return bool(self._watchers)

    def quote(
        self, time_ns: int, number: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> bool:
        """Take a quote in; return whether it passed the gate. A side that is zero is not there."""
        gate, clock = self._gate, self._clock
        if not (
            gate.low <= bid <= ask <= gate.high
            and gate.last_ns <= time_ns <= clock.latest_ns
            and number > gate.sequence
            and 0.0 < bid_size <= SIZE_LIMIT
            and 0.0 < ask_size <= SIZE_LIMIT
            and time_ns >= clock.earliest_ns
        ):
            passing = gate.admit(time_ns, number, bid, bid_size, ask, ask_size)
            self._hand_on(passing or ())
            return passing is not None
        gate.last_ns = time_ns
        if time_ns > clock.newest_ns:
            clock.newest_ns = time_ns
        gate.sequence = number
        gate.last = (bid + ask) / 2
        stream = self._stream
        if stream is None:
            for watcher in self._watchers:
                watcher.quote(time_ns, number, bid, bid_size, ask, ask_size)
            return True
        made = stream.quotes
        bids, asks = made.bid, made.ask
        if not (
            bids.close_ns <= time_ns < made.end_ns and asks.close_ns <= time_ns and bids.high and asks.high
        ):
            stream.quote(time_ns, number, bid, bid_size, ask, ask_size)
            return True
        bids.close, bids.close_ns, bids.close_number, bids.size = bid, time_ns, number, bid_size
        asks.close, asks.close_ns, asks.close_number, asks.size = ask, time_ns, number, ask_size
        if bid > bids.high:
            bids.high = bid
        elif bid < bids.low:
            bids.low = bid
        if ask > asks.high:
            asks.high = ask
        elif ask < asks.low:
            asks.low = ask
        return True

    def quotes(self, books: Sequence[Book]) -> None:
        """Take quotes in, in order."""
        if len(books) < FEW:
            for each in books:
                self.quote(each.t * MS, each.q, each.bp, each.bs, each.ap, each.ask_size)
            return
        waiting = iter(books)
        while (odd := self._plain(waiting)) is not None:
            self.quote(odd.t * MS, odd.q, odd.bp, odd.bs, odd.ap, odd.ask_size)

    def _plain(self, books: Iterator[Book]) -> Book | None:
        """Take plain quotes in; return the first other one, None for none."""
        stream = self._stream
        if stream is None or not (made := stream.quotes).bid.high or not made.ask.high:
            return next(books, None)
        gate, clock, bids, asks = self._gate, self._clock, made.bid, made.ask
        newest = -(-max(gate.last_ns, bids.close_ns, asks.close_ns, clock.earliest_ns) // MS)
        until = min(clock.latest_ns, made.end_ns - 1) // MS
        number, least, most = gate.sequence, gate.low, gate.high
        bid_top, bid_low, ask_top, ask_low = bids.high, bids.low, asks.high, asks.low
        last: Book | None = None
        odd: Book | None = None
        for each in books:
            bid, ask = each.bp, each.ap
            if not (
                newest <= each.t <= until
                and least <= bid <= ask <= most
                and each.q > number
                and 0.0 < each.bs <= SIZE_LIMIT
                and 0.0 < each.ask_size <= SIZE_LIMIT
            ):
                odd = each
                break
            newest, number, last = each.t, each.q, each
            if bid > bid_top:
                bid_top = bid
            elif bid < bid_low:
                bid_low = bid
            if ask > ask_top:
                ask_top = ask
            elif ask < ask_low:
                ask_low = ask
        if last is not None:
            time_ns = gate.last_ns = bids.close_ns = asks.close_ns = newest * MS
            clock.newest_ns = max(clock.newest_ns, time_ns)
            gate.sequence = bids.close_number = asks.close_number = number
            gate.last = (last.bp + last.ap) / 2
            bids.close, bids.size, asks.close, asks.size = last.bp, last.bs, last.ap, last.ask_size
            bids.high, bids.low, asks.high, asks.low = bid_top, bid_low, ask_top, ask_low
        return odd

    def _hand_on(self, passing: Sequence[HeldQuote]) -> None:
        for time_ns, number, _, bid, bid_size, ask, ask_size in passing:
            for watcher in self._watchers:
                watcher.quote(time_ns, number, bid, bid_size, ask, ask_size)
