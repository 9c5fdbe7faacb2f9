"""What one connection brings becomes ticks and bars: every event goes to the tape of its symbol.

A plain trade or quote is taken into the run of its symbol (runs.py has the hot loop), everything else goes to
its tape or stream. Runs are settled before anybody looks at bars: when a period is over, when streams come
and go, when the connection is doubted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.pointgate import PointGate
from livetrader_engine.data.quality import QualityLimits, Quarantine, VenueClock
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_plugins.polygon.ladder import MINUTE, QUOTE, SECOND, TRADE, VALUE
from livetrader_plugins.polygon.plain import QuoteRun, TradeRun
from livetrader_plugins.polygon.protocol import (
    LATEST_MS,
    Event,
    Lost,
    MinuteBar,
    SecondBar,
    Status,
    Value,
)
from livetrader_plugins.polygon.runs import Runs
from livetrader_plugins.polygon.ticks import TickQueue
from livetrader_plugins.sdk.barstream import BarStream, Missing, Source
from livetrader_plugins.sdk.livebars import ORDER_NS, LiveBars, Step
from livetrader_plugins.sdk.periods import Periods
from livetrader_plugins.sdk.quotetapes import QuoteTape
from livetrader_plugins.sdk.tapes import TradeTape
from livetrader_plugins.sdk.tickstream import TickStream

NS_PER_MS: Final = 1_000_000
UNREAD: Final = "something of it could not be read"
STEPS_LIMIT: Final = 20_000  # that wait for a reader: hours of minutes; more means that nobody reads
SETTLE_NS: Final = 5_000_000  # between two looks whether a period that is over can be closed
LULL_NS: Final = 100_000_000  # after so long without a read, what came before it is settled at its own time


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
        self._value_tapes: dict[str, TradeTape] = {}  # of indices
        self._pieces: dict[tuple[str, str], list[BarStream]] = {}  # by kind and ticker
        self._joined: dict[Subscription, Joined] = {}
        self._unbegun: dict[Subscription, str] = {}  # by their topic, until Polygon says that it delivers it
        self._heard: dict[tuple[str, str], int] = {}  # by kind and ticker, of the rarer kinds
        self._runs = Runs(self._clock)
        self._unsettled = False  # events came since the runs were settled
        self._looked_ns = 0  # when the newest came
        self._told_ns = 0  # the exchange's time of the last tick of a read, believed or not
        self._settled_ns = 0
        self._values = 0  # index values have no numbers: they are counted
        self._steps: list[Step] = []

    # ---- streams

    def join(self, subscription: Subscription, kind: str, ticker: str, periods: Periods, now_ns: int) -> None:
        """Make a stream of events of one kind, from now on."""
        self._stop()
        stream: BarStream | TickStream
        if subscription.resolution is Resolution.TICK:
            self.ticks.add(subscription)
            stream = TickStream(subscription, self.ticks.put)
        else:
            source = Source.PIECES if kind in (SECOND, MINUTE) else Source.STAMPED
            stream = BarStream(subscription, periods, now_ns, source=source)
            self._bars.add(stream)
            self._unbegun[subscription] = f"{kind}.{ticker}"
        self._joined[subscription] = Joined(kind, ticker, stream)
        if kind == QUOTE:
            self._quote_run(ticker, subscription.symbol).tape.add(stream)
        elif kind == TRADE:
            self._trade_run(ticker, subscription.symbol).tape.add(stream)
        elif kind == VALUE:
            self._value_tape(ticker, subscription.symbol).add(stream)
        else:
            assert isinstance(stream, BarStream), "no tick is made of bars"
            self._pieces.setdefault((kind, ticker), []).append(stream)

    def _trade_run(self, ticker: str, symbol: Symbol) -> TradeRun:
        if (found := self._runs.trades.get(ticker)) is None:
            tape = TradeTape(symbol, self._limits, self._clock, self.quarantine)
            found = self._runs.trades[ticker] = TradeRun(tape)
        return found

    def _quote_run(self, ticker: str, symbol: Symbol) -> QuoteRun:
        if (found := self._runs.quotes.get(ticker)) is None:
            tape = QuoteTape(symbol, self._limits, self._clock, self.quarantine)
            found = self._runs.quotes[ticker] = QuoteRun(tape)
        return found

    def _value_tape(self, ticker: str, symbol: Symbol) -> TradeTape:
        if (found := self._value_tapes.get(ticker)) is None:
            found = TradeTape(symbol, self._limits, self._clock, self.quarantine)
            self._value_tapes[ticker] = found
        return found

    def begun(self, topics: Iterable[str], now_ns: int) -> None:
        """Know that topics are delivered from now on: what began before was not heard whole.

        A stream that is asked for anew keeps what it has.
        """
        self._stop()
        asked = set(topics)
        for subscription in [each for each in self._unbegun if self._unbegun[each] in asked]:
            del self._unbegun[subscription]
            self._bars.begun(subscription, now_ns)

    def leave(self, subscription: Subscription) -> None:
        """Make it no longer; harmless where it is not made."""
        joined = self._joined.pop(subscription, None)
        if joined is None:
            return
        self._stop()
        self._unbegun.pop(subscription, None)
        kind, ticker, stream = joined
        self._bars.remove(subscription)
        self.ticks.remove(subscription)
        if kind == QUOTE:
            self._runs.quotes[ticker].tape.remove(stream)
        elif kind == TRADE:
            self._runs.trades[ticker].tape.remove(stream)
        elif kind == VALUE:
            self._value_tapes[ticker].remove(stream)
        else:
            self._pieces[kind, ticker] = [each for each in self._pieces[kind, ticker] if each is not stream]
        if any(each.kind == kind and each.ticker == ticker for each in self._joined.values()):
            return
        self._heard.pop((kind, ticker), None)
        self._pieces.pop((kind, ticker), None)
        owners: dict[str, dict[str, Any]] = {
            QUOTE: self._runs.quotes, TRADE: self._runs.trades, VALUE: self._value_tapes,
        }  # fmt: skip
        owners.get(kind, {}).pop(ticker, None)

    def heard_ns(self, kind: str, ticker: str) -> int | None:
        """Return when an event of this kind and ticker came last (venue's time), None for never."""
        mine = self._runs
        runs: dict[str, TradeRun] | dict[str, QuoteRun] = mine.quotes if kind == QUOTE else mine.trades
        run = runs.get(ticker) if kind in (QUOTE, TRADE) else None
        return self._heard.get((kind, ticker)) if run is None else run.heard_ns or None

    # ---- what is heard

    def hear(self, events: list[Event], now_ns: int, text: bytes = b"") -> list[Status]:
        """Take the events of one read, in order; return the statuses among them, which are not its own.

        `text`: the frame that they were read from, b"" where they were not read as one.
        """
        if now_ns != self._looked_ns:
            if self._unsettled and now_ns - self._looked_ns >= LULL_NS:
                self.settle()
            self._bars.look(now_ns)
            self._looked_ns = now_ns
        self._unsettled = True
        others, time = self._runs.take_in(events, now_ns, text)
        if time < LATEST_MS:
            self._told_ns = max(self._told_ns, int(time) * NS_PER_MS)
        statuses: list[Status] = []
        for event in others:
            if isinstance(event, Status):
                statuses.append(event)
            else:
                self._hear_rarer(event, now_ns)
        return statuses

    def _hear_rarer(self, event: SecondBar | MinuteBar | Value, now_ns: int) -> None:
        if isinstance(event, Value):
            tape = self._value_tapes.get(event.sym)
            if tape is not None:
                self._heard[VALUE, event.sym] = now_ns
                self._values += 1
                tape.trade(event.t * NS_PER_MS, self._values, event.val, 0.0)
            return
        key = (SECOND if isinstance(event, SecondBar) else MINUTE, event.sym)
        streams = self._pieces.get(key)
        if not streams:
            return
        self._heard[key] = now_ns
        bar = TradeBar(
            streams[0].subscription.symbol, event.s * NS_PER_MS, event.e * NS_PER_MS,
            event.o, event.h, event.l, event.c, event.v,
        )  # fmt: skip
        if self._points.check(bar, now_ns) is None:
            for stream in streams:
                stream.piece(bar)

    def settle(self) -> None:
        """Let bars have what runs took in, and close what can be closed at the time of the newest event."""
        if not self._unsettled:
            return
        self._unsettled = False
        self._runs.settle()
        self._collect(self._looked_ns)

    def _collect(self, now_ns: int) -> None:
        steps = self._bars.collect(now_ns)
        if steps:
            self._steps += steps
            self._runs.check()

    def _stop(self) -> None:
        """Settle, and have the runs begin anew: streams or their bars are about to change."""
        self.settle()
        self._runs.disarm()

    def lost(self, losses: list[Lost], now_ns: int) -> None:
        """Doubt the bars of which an event could not be read: they would lack it."""
        self._stop()
        if any(not loss.ticker for loss in losses):
            self._bars.doubt()
            self._bars.resume(now_ns, UNREAD)
            return
        for loss in losses:
            for joined in self._joined.values():
                if joined.ticker == loss.ticker and isinstance(joined.stream, BarStream):
                    joined.stream.doubt_period(loss.time_ms * NS_PER_MS or now_ns, UNREAD)

    def alive(self, now_ns: int) -> None:
        """Take note that the connection lives."""
        self.settle()
        self._bars.look(now_ns)
        self._looked_ns = now_ns

    def doubt(self) -> None:
        """Drop what is unfinished: the connection has ended."""
        self._stop()
        self._bars.doubt()

    # ---- what comes out

    def collect(self, now_ns: int) -> bool:
        """Close what can be closed; return whether something waits to be taken."""
        end_ns = self._bars.next_ns(0)  # of the first period that is open
        if end_ns is not None and end_ns <= now_ns:
            is_proven = self._told_ns >= end_ns + ORDER_NS
            if is_proven or self._pieces or now_ns - self._settled_ns >= SETTLE_NS:
                self._settled_ns = now_ns
                self.settle()
                self._collect(now_ns)
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
