"""What one connection brings becomes ticks and bars: every event goes to the tape of its symbol.

The loop of `hear` is the hot path, some hundred thousand events a second: it looks up, and calls.
What events mean is the tapes' to say (gate, bars); times are made nanoseconds here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.pointgate import PointGate
from livetrader_engine.data.quality import QualityLimits, Quarantine, VenueClock
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_plugins.polygon.conditions import effect_of
from livetrader_plugins.polygon.ladder import MINUTE, QUOTE, SECOND, TRADE, VALUE
from livetrader_plugins.polygon.protocol import Event, Lost, MinuteBar, Quote, SecondBar, Status, Trade, Value
from livetrader_plugins.polygon.ticks import TickQueue
from livetrader_plugins.sdk.barstream import BarStream, Missing, Source
from livetrader_plugins.sdk.livebars import LiveBars, Step
from livetrader_plugins.sdk.periods import Periods
from livetrader_plugins.sdk.tapes import QuoteTape, TickStream, TradeTape

NS_PER_MS: Final = 1_000_000
UNREAD: Final = "something of it could not be read"
STEPS_LIMIT: Final = 20_000  # that wait for a reader: hours of minutes; more means that nobody reads


class Joined(NamedTuple):
    """A stream and what it is made of."""

    kind: str
    ticker: str
    stream: BarStream | TickStream


class Outlet:
    """Owns the tapes, the bars in the making and the ticks that wait. Sends nothing, asks no clock.

    Times that come in are the venue's: our clock less what the plan delays.
    """

    def __init__(self, limits: QualityLimits, grace_ns: int) -> None:
        self.quarantine = Quarantine()
        self.ticks = TickQueue()
        self._limits = limits
        self._clock = VenueClock(limits)
        self._bars = LiveBars(grace_ns, clock=self._clock)
        self._points = PointGate(limits, self.quarantine)
        self._trade_tapes: dict[str, TradeTape] = {}  # of trades, and of index values
        self._quote_tapes: dict[str, QuoteTape] = {}
        self._pieces: dict[tuple[str, str], list[BarStream]] = {}  # by kind and ticker
        self._joined: dict[Subscription, Joined] = {}
        self._heard: dict[str, dict[str, int]] = {each: {} for each in (TRADE, QUOTE, SECOND, MINUTE, VALUE)}
        self._values = 0  # index values have no numbers: they are counted
        self._steps: list[Step] = []

    # ---- streams

    def join(self, subscription: Subscription, kind: str, ticker: str, periods: Periods, now_ns: int) -> None:
        """Make a stream of events of one kind, from now on."""
        symbol = subscription.symbol
        if subscription.resolution is Resolution.TICK:
            self.ticks.add(subscription)
            ticks = TickStream(subscription, self.ticks.put)
            self._joined[subscription] = Joined(kind, ticker, ticks)
            self._tape(kind, ticker, symbol).add(ticks)
            return
        source = Source.PIECES if kind in (SECOND, MINUTE) else Source.STAMPED
        stream = BarStream(subscription, periods, now_ns, source=source)
        self._joined[subscription] = Joined(kind, ticker, stream)
        if source is Source.PIECES:
            self._pieces.setdefault((kind, ticker), []).append(stream)
        else:
            self._tape(kind, ticker, symbol).add(stream)
        self._bars.add(stream)

    def _tape(self, kind: str, ticker: str, symbol: Symbol) -> TradeTape | QuoteTape:
        if kind == QUOTE:
            quotes = self._quote_tapes.get(ticker)
            if quotes is None:
                quotes = QuoteTape(symbol, self._limits, self._clock, self.quarantine)
                self._quote_tapes[ticker] = quotes
            return quotes
        trades = self._trade_tapes.get(ticker)
        if trades is None:
            trades = TradeTape(symbol, self._limits, self._clock, self.quarantine)
            self._trade_tapes[ticker] = trades
        return trades

    def leave(self, subscription: Subscription) -> None:
        """Make it no longer; harmless where it is not made."""
        joined = self._joined.pop(subscription, None)
        if joined is None:
            return
        kind, ticker, stream = joined
        self._bars.remove(subscription)
        self.ticks.remove(subscription)
        if kind in (SECOND, MINUTE):
            self._pieces[kind, ticker] = [each for each in self._pieces[kind, ticker] if each is not stream]
        else:
            self._tape(kind, ticker, subscription.symbol).remove(stream)
        if not any(each.kind == kind and each.ticker == ticker for each in self._joined.values()):
            tapes = self._quote_tapes if kind == QUOTE else self._trade_tapes
            tapes.pop(ticker, None)
            self._pieces.pop((kind, ticker), None)
            self._heard[kind].pop(ticker, None)

    def heard_ns(self, kind: str, ticker: str) -> int | None:
        """Return when an event of this kind and ticker came last (venue's time), None for never."""
        return self._heard[kind].get(ticker)

    # ---- what is heard

    def hear(self, events: list[Event], now_ns: int) -> list[Status]:
        """Take the events of one read, in order; return the statuses among them, which are not its own."""
        self._bars.look(now_ns)
        statuses: list[Status] = []
        trade_tapes, quote_tapes = self._trade_tapes, self._quote_tapes
        trades_heard, quotes_heard = self._heard[TRADE], self._heard[QUOTE]
        for event in events:
            if isinstance(event, Trade):
                ticker = event.sym
                if ticker in trade_tapes:
                    trades_heard[ticker] = now_ns
                    trade_tapes[ticker].trade(
                        event.t * NS_PER_MS, event.q, event.p, event.s, effect_of(event.c)
                    )
            elif isinstance(event, Quote):
                ticker = event.sym
                if ticker in quote_tapes:
                    quotes_heard[ticker] = now_ns
                    quote_tapes[ticker].quote(
                        event.t * NS_PER_MS, event.q, event.bp, event.bs, event.ap, event.ask_size
                    )
            elif isinstance(event, Status):
                statuses.append(event)
            else:
                self._hear_rarer(event, now_ns)
        return statuses

    def _hear_rarer(self, event: Event, now_ns: int) -> None:
        if isinstance(event, Value):
            tape = self._trade_tapes.get(event.T)
            if tape is not None:
                self._heard[VALUE][event.T] = now_ns
                self._values += 1
                tape.trade(event.t * NS_PER_MS, self._values, event.val, 0.0)
        elif isinstance(event, SecondBar | MinuteBar):
            kind = SECOND if isinstance(event, SecondBar) else MINUTE
            streams = self._pieces.get((kind, event.sym))
            if streams:
                self._heard[kind][event.sym] = now_ns
                symbol = streams[0].subscription.symbol
                bar = TradeBar(
                    symbol,
                    event.s * NS_PER_MS,
                    event.e * NS_PER_MS,
                    event.o,
                    event.h,
                    event.l,
                    event.c,
                    event.v,
                )
                if self._points.check(bar, now_ns) is None:
                    for stream in streams:
                        stream.piece(bar)

    def lost(self, losses: list[Lost], now_ns: int) -> None:
        """Doubt the bars of which an event could not be read: they would lack it."""
        for loss in losses:
            if not loss.ticker:
                self._bars.doubt()
                self._bars.resume(now_ns, UNREAD)
                return
            for joined in self._joined.values():
                if joined.ticker == loss.ticker and isinstance(joined.stream, BarStream):
                    joined.stream.doubt_period(loss.time_ms * NS_PER_MS or now_ns, UNREAD)

    def alive(self, now_ns: int) -> None:
        """Take note that the connection lives."""
        self._bars.look(now_ns)

    def doubt(self) -> None:
        """Drop what is unfinished: the connection has ended."""
        self._bars.doubt()

    # ---- what comes out

    def collect(self, now_ns: int) -> bool:
        """Close what can be closed; return whether something waits to be taken."""
        steps = self._bars.collect(now_ns)
        if steps:
            self._steps.extend(steps)
        return bool(self._steps or len(self.ticks))

    def take(self, now_ns: int) -> list[Step]:
        """Return what waits, ticks in one step first."""
        steps, self._steps = self._steps, []
        if len(self.ticks):
            shown, internal = self.ticks.take()
            steps.insert(0, Step(max(now_ns, self.ticks.newest_ns), shown, internal))
        return steps

    def take_missing(self) -> list[Missing]:
        """Return the periods that will not come, and forget them."""
        return self._bars.take_missing()

    def next_ns(self, now_ns: int) -> int | None:
        """Return when to look again though nothing arrives."""
        return self._bars.next_ns(now_ns)

    @property
    def is_overrun(self) -> bool:
        """Whether more waits than a reader that lives would leave."""
        return self.ticks.is_overrun or len(self._steps) > STEPS_LIMIT

    @property
    def counts(self) -> dict[str, int]:
        """What was refused, by reason, late, or gave way; since the connection began."""
        found = {f"refused: {reason}": number for reason, number in self.quarantine.counts.items()}
        late = sum(each.stream.late for each in self._joined.values() if isinstance(each.stream, BarStream))
        return {**found, "late": late, "quotes conflated": self.ticks.conflated}
