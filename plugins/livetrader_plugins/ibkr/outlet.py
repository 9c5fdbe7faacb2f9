"""What lines bring becomes steps: trades and quotes go to who subscribed to them, or into their bars."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final, cast

import msgspec

from livetrader_engine.data.bars import MarketPoint, Tick, TradeBar
from livetrader_engine.data.merge import slice_key
from livetrader_engine.data.pointgate import is_bar, is_price
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType, Symbol
from livetrader_plugins.ibkr.datalines import DataLine, Kind
from livetrader_plugins.ibkr.marketdata import Heard, Quoted, Traded
from livetrader_plugins.ibkr.receiver import Message
from livetrader_plugins.ibkr.seeds import Seed
from livetrader_plugins.sdk.livebars import (
    PIECE_NS,
    BarStream,
    LiveBars,
    Missing,
    Period,
    Periods,
    Source,
    Step,
)

LINE_LOST: Final = "TWS had lost its line to Interactive Brokers"
TICKS_LIMIT: Final = 50_000  # that wait for a reader; the oldest go first, and are counted


class Outlet:
    """Owns the bars in the making and the ticks that wait. Sends nothing, asks no clock."""

    def __init__(self, grace_ns: int) -> None:
        self._streams: dict[Subscription, BarStream] = {}
        self._bars = LiveBars(grace_ns)
        self._ticks: deque[tuple[Subscription, Tick]] = deque()
        self._tick_ns = 0  # of the newest tick
        self._ticks_dropped = 0
        self._bad_bars = 0

    def join(self, line: DataLine, subscription: Subscription, periods: Periods, now_ns: int) -> None:
        """Deliver what a line brings to a subscription, from now on."""
        if subscription.resolution is Resolution.TICK:
            return
        source = Source.PIECES if line.kind is Kind.BARS else Source.ARRIVING
        stream = BarStream(subscription, periods, now_ns, source=source, seeded=True)
        if subscription.tick_type is TickType.QUOTE and line.book.quote is not None:
            stream.tick(_quote_tick(line.symbol, now_ns, line.book.quote))  # the book that stands
        self._streams[subscription] = stream
        self._bars.add(stream)

    def running(self, subscription: Subscription) -> Period | None:
        """Return the period that a stream is in or comes to next, None where it has none."""
        stream = self._streams.get(subscription)
        return None if stream is None else stream.due

    def seed(self, seed: Seed) -> bool:
        """Put the past of a period below what came since; return False where the period is over."""
        stream = self._streams.get(seed.subscription)
        return stream is not None and stream.seed(seed.period, seed.pieces)

    def leave(self, subscription: Subscription) -> None:
        """Deliver nothing more to a subscription."""
        self._bars.remove(subscription)
        self._streams.pop(subscription, None)
        self._ticks = deque(each for each in self._ticks if each[0] != subscription)

    # ---- doubt

    def doubt(self) -> None:
        """Drop the bars in the making and make none until `resume`: IB cannot be heard."""
        if not self._bars.is_doubted:
            self._bars.doubt()

    def resume(self, lines: Iterable[DataLine], now_ns: int) -> bool:
        """Make bars again, quotes from the books that stand; return whether none were made before."""
        if not self._bars.is_doubted:
            return False
        self._bars.resume(now_ns, LINE_LOST)
        for line in lines:
            for subscription in line.users:
                stream = self._streams.get(subscription)
                if (
                    stream is not None
                    and subscription.tick_type is TickType.QUOTE
                    and line.book.quote is not None
                ):
                    stream.tick(_quote_tick(line.symbol, now_ns, line.book.quote))
        return True

    def take_missing(self) -> list[Missing]:
        """Hand over the stretches that will not come, each once."""
        return self._bars.take_missing()

    # ---- what is heard; called within `data_received`

    def hear(self, line: DataLine, message: Message, now_ns: int) -> bool:
        """Take a message of a line; return whether it was data."""
        arguments = message.arguments
        match message.name:
            case "priceSizeTick":
                kind, price, size = cast(tuple[int, float, float], arguments[1:4])
                self._heard(line, now_ns, line.book.price(now_ns, kind, price, size))
            case "tickSize":
                kind, size = cast(tuple[int, float], arguments[1:3])
                self._heard(line, now_ns, line.book.size(now_ns, kind, float(size)))
            case "realtimeBar":
                self._hear_piece(line, cast(tuple[float, ...], arguments[1:]))
            case "tickByTickAllLast":
                price, size = cast(tuple[float, float], arguments[3:5])
                if is_price(price) and size > 0:
                    self._heard(line, now_ns, Traded(price, size))
                else:
                    line.book.refused["not a price"] += 1
            case _:
                return False
        return True

    def _heard(self, line: DataLine, now_ns: int, heard: Heard | None) -> None:
        """Give a trade or a quote to those who subscribed to its kind."""
        if heard is None:
            return
        if isinstance(heard, Traded):
            wanted = TickType.TRADE
            tick = Tick(line.symbol, now_ns, price=heard.price, quantity=heard.size)
        else:
            wanted = TickType.QUOTE
            tick = _quote_tick(line.symbol, now_ns, heard)
        for subscription in line.users:
            if subscription.tick_type is not wanted:
                continue
            stream = self._streams.get(subscription)
            if stream is not None:
                stream.tick(tick)
            else:
                self._queue(subscription, msgspec.structs.replace(tick))

    def _queue(self, subscription: Subscription, tick: Tick) -> None:
        if len(self._ticks) >= TICKS_LIMIT:
            self._ticks.popleft()
            self._ticks_dropped += 1
        tick.time_ns = self._tick_ns = max(tick.time_ns, self._tick_ns + 1)  # no two at one instant
        self._ticks.append((subscription, tick))

    def _hear_piece(self, line: DataLine, told: tuple[float, ...]) -> None:
        start_s, opening, high, low, close, volume, _, count = told
        prices = (float(opening), float(high), float(low), float(close))
        counts = line.symbol.security_type is SecurityType.INDEX or (volume > 0 and count != 0)
        if counts and not is_bar(prices, float(volume)):
            self._bad_bars += 1
            counts = False
        start_ns = int(start_s) * NS_PER_SECOND
        volume = max(float(volume), 0.0)
        piece = TradeBar(line.symbol, start_ns, start_ns + PIECE_NS, *prices, volume)
        for subscription in line.users:
            self._streams[subscription].piece(piece, has_trades=counts)

    # ---- what comes out

    def take(self, lines: Iterable[DataLine], now_ns: int) -> list[Step]:
        """Return what is complete, the earliest first: ticks in one step, then the bars that close."""
        for line in lines:
            if line.kind is Kind.QUOTES:
                self._heard_late(line, now_ns)
        steps = [self._tick_step(now_ns)] if self._ticks else []
        return steps + self._bars.collect(now_ns)

    def _heard_late(self, line: DataLine, now_ns: int) -> None:
        quote = line.book.settle(now_ns)
        if quote is not None:
            self._heard(line, now_ns, quote)

    def _tick_step(self, now_ns: int) -> Step:
        """Return all trades and the newest quote of each stream: of IB's samples the newest is the book."""
        newest = {subscription: tick for subscription, tick in self._ticks if not tick.price}
        waiting = [each for each in self._ticks if each[1].price or newest[each[0]] is each[1]]
        self._ticks.clear()
        waiting.sort(key=lambda each: slice_key(each[0]))  # stable: time stays in order
        shown: list[MarketPoint] = [tick for subscription, tick in waiting if not subscription.internal]
        internal: list[MarketPoint] = [tick for subscription, tick in waiting if subscription.internal]
        return Step(max(now_ns, self._tick_ns), tuple(shown), tuple(internal))

    def next_ns(self, now_ns: int) -> int | None:
        """Return when to look again though nothing arrives."""
        return self._bars.next_ns(now_ns)

    def quality(self, refused: Counter[str]) -> dict[str, int]:
        """Return what was refused, came late, not at all, or was no bar, since the connection began."""
        found = {f"refused: {reason}": number for reason, number in sorted(refused.items())}
        counts = {
            "refused: not a bar": self._bad_bars,
            "late": self._bars.late,
            "missing five-second bars": self._bars.gaps,
            "periods skipped": self._bars.skipped,
            "ticks dropped": self._ticks_dropped,
        }
        return {name: number for name, number in (found | counts).items() if number}


def _quote_tick(symbol: Symbol, now_ns: int, quote: Quoted) -> Tick:
    return Tick(symbol, now_ns, 0.0, 0.0, quote.bid, quote.bid_size, quote.ask, quote.ask_size)
