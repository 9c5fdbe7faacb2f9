"""What one connection brings becomes ticks and bars: every event goes to the tape of its symbol.

The loop of `hear` is the hot path, some hundred thousand events a second. It only sorts: an event is put to
those of its symbol that wait, and worked off together with them, which costs half of one by one. They wait
until a bar may be due, at most WAIT_NS or WAITING_LIMIT events, and not at all where single ticks are
subscribed. What events mean is the tapes' to say (gate, bars).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

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
WAIT_NS: Final = 100_000_000  # an event waits no longer for others of its symbol
WAITING_LIMIT: Final = 16_384  # events; working them off takes the loop five milliseconds

Take = Callable[[Any], None]  # takes an event of the one kind that it is registered for


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
        self._unbegun: dict[Subscription, str] = {}  # by their topic, until Polygon says that it delivers it
        self._heard: dict[str, dict[str, int]] = {each: {} for each in (TRADE, QUOTE, SECOND, MINUTE, VALUE)}
        self._trades: dict[str, list[Trade]] = {}  # that wait, by ticker
        self._quotes: dict[str, list[Quote]] = {}
        self._statuses: list[Status] = []
        self._takes: dict[type[Event], dict[str, Take]] = {
            Trade: {}, Quote: {}, SecondBar: {}, MinuteBar: {}, Value: {},
            Status: {"": self._statuses.append},
        }  # fmt: skip
        self._waiting = 0  # events
        self._since_ns = 0  # when the first of them came
        self._looked_ns = 0  # when the newest came
        self._values = 0  # index values have no numbers: they are counted
        self._unwanted = 0  # events that were on their way when their stream was left
        self._steps: list[Step] = []

    # ---- streams

    def join(self, subscription: Subscription, kind: str, ticker: str, periods: Periods, now_ns: int) -> None:
        """Make a stream of events of one kind, from now on."""
        self.work_off()
        if subscription.resolution is Resolution.TICK:
            self.ticks.add(subscription)
            ticks = TickStream(subscription, self.ticks.put)
            self._joined[subscription] = Joined(kind, ticker, ticks)
            self._watch(kind, ticker, subscription.symbol, ticks)
            return
        source = Source.PIECES if kind in (SECOND, MINUTE) else Source.STAMPED
        stream = BarStream(subscription, periods, now_ns, source=source)
        self._joined[subscription] = Joined(kind, ticker, stream)
        self._watch(kind, ticker, subscription.symbol, stream)
        self._bars.add(stream)
        self._unbegun[subscription] = f"{kind}.{ticker}"

    def _watch(self, kind: str, ticker: str, symbol: Symbol, stream: BarStream | TickStream) -> None:
        """Have events of a kind and ticker go to a stream."""
        if kind == TRADE:
            self._trade_tape(ticker, symbol).add(stream)
            self._takes[Trade][ticker] = self._trades.setdefault(ticker, []).append
        elif kind == QUOTE:
            self._quote_tape(ticker, symbol).add(stream)
            self._takes[Quote][ticker] = self._quotes.setdefault(ticker, []).append
        elif kind == VALUE:
            self._trade_tape(ticker, symbol).add(stream)
            self._takes[Value][ticker] = self._take_value
        else:
            assert isinstance(stream, BarStream), "no tick is made of bars"
            self._pieces.setdefault((kind, ticker), []).append(stream)
            self._takes[SecondBar if kind == SECOND else MinuteBar][ticker] = self._take_bar

    def _trade_tape(self, ticker: str, symbol: Symbol) -> TradeTape:
        found = self._trade_tapes.get(ticker)
        if found is None:
            found = TradeTape(symbol, self._limits, self._clock, self.quarantine)
            self._trade_tapes[ticker] = found
        return found

    def _quote_tape(self, ticker: str, symbol: Symbol) -> QuoteTape:
        found = self._quote_tapes.get(ticker)
        if found is None:
            found = QuoteTape(symbol, self._limits, self._clock, self.quarantine)
            self._quote_tapes[ticker] = found
        return found

    def begun(self, topics: Iterable[str], now_ns: int) -> None:
        """Know that topics are delivered from now on: what began before was not heard whole.

        A stream that is asked for anew keeps what it has.
        """
        self.work_off()
        asked = set(topics)
        for subscription in [each for each in self._unbegun if self._unbegun[each] in asked]:
            del self._unbegun[subscription]
            self._bars.begun(subscription, now_ns)

    def leave(self, subscription: Subscription) -> None:
        """Make it no longer; harmless where it is not made."""
        self.work_off()
        joined = self._joined.pop(subscription, None)
        if joined is None:
            return
        kind, ticker, stream = joined
        self._unbegun.pop(subscription, None)
        self._bars.remove(subscription)
        self.ticks.remove(subscription)
        tapes = self._quote_tapes if kind == QUOTE else self._trade_tapes
        if kind in (SECOND, MINUTE):
            self._pieces[kind, ticker] = [each for each in self._pieces[kind, ticker] if each is not stream]
        else:
            tapes[ticker].remove(stream)
        if any(each.kind == kind and each.ticker == ticker for each in self._joined.values()):
            return
        tapes.pop(ticker, None)
        self._pieces.pop((kind, ticker), None)
        (self._quotes if kind == QUOTE else self._trades).pop(ticker, None)
        self._takes[_EVENTS[kind]].pop(ticker, None)
        self._heard[kind].pop(ticker, None)

    def heard_ns(self, kind: str, ticker: str) -> int | None:
        """Return when an event of this kind and ticker came last (venue's time), None for never."""
        self.work_off()
        return self._heard[kind].get(ticker)

    # ---- what is heard

    def hear(self, events: list[Event], now_ns: int) -> list[Status]:
        """Take the events of one read, in order; return the statuses among them, which are not its own."""
        if self._waiting and now_ns - self._since_ns >= WAIT_NS:
            self.work_off()
        self._bars.look(now_ns)
        self._looked_ns = now_ns
        if not self._waiting:
            self._since_ns = now_ns
        self._waiting += len(events)
        takes = self._takes
        for event in events:
            try:
                takes[event.__class__][event.sym](event)
            except KeyError:
                self._unwanted += 1
        if self._waiting >= WAITING_LIMIT or self.ticks.has_streams:
            self.work_off()
        if not self._statuses:
            return []
        statuses = list(self._statuses)
        self._statuses.clear()
        return statuses

    def work_off(self) -> None:
        """Let what waits have its effect."""
        if not self._waiting:
            return
        self._waiting = 0
        now_ns = self._looked_ns
        heard = self._heard[TRADE]
        for ticker, trades in self._trades.items():
            if trades:
                heard[ticker] = now_ns
                self._trade_tapes[ticker].trades(trades, effect_of)
                trades.clear()
        heard = self._heard[QUOTE]
        for ticker, quotes in self._quotes.items():
            if quotes:
                heard[ticker] = now_ns
                self._quote_tapes[ticker].quotes(quotes)
                quotes.clear()
        self._steps += self._bars.collect(now_ns)

    def _take_value(self, event: Value) -> None:
        self._heard[VALUE][event.sym] = self._looked_ns
        self._values += 1
        self._trade_tapes[event.sym].trade(event.t * NS_PER_MS, self._values, event.val, 0.0)

    def _take_bar(self, event: SecondBar | MinuteBar) -> None:
        kind = SECOND if isinstance(event, SecondBar) else MINUTE
        streams = self._pieces[kind, event.sym]
        self._heard[kind][event.sym] = self._looked_ns
        bar = TradeBar(
            streams[0].subscription.symbol, event.s * NS_PER_MS, event.e * NS_PER_MS,
            event.o, event.h, event.l, event.c, event.v,
        )  # fmt: skip
        if self._points.check(bar, self._looked_ns) is None:
            for stream in streams:
                stream.piece(bar)

    def lost(self, losses: list[Lost], now_ns: int) -> None:
        """Doubt the bars of which an event could not be read: they would lack it."""
        self.work_off()
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
        self.work_off()
        self._bars.look(now_ns)
        self._looked_ns = now_ns

    def doubt(self) -> None:
        """Drop what is unfinished: the connection has ended."""
        self.work_off()
        self._bars.doubt()

    # ---- what comes out

    def collect(self, now_ns: int) -> bool:
        """Close what can be closed; return whether something waits to be taken."""
        end_ns = self._bars.next_ns(0)  # of the first period that is open
        is_over = end_ns is not None and end_ns <= now_ns
        if self._waiting and (is_over or now_ns - self._since_ns >= WAIT_NS):
            self.work_off()
        if is_over:
            self._steps += self._bars.collect(now_ns)
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
        self.work_off()
        found = {f"refused: {reason}": number for reason, number in self.quarantine.counts.items()}
        late = sum(each.stream.late for each in self._joined.values() if isinstance(each.stream, BarStream))
        return {**found, "late": late, "quotes conflated": self.ticks.conflated}


_EVENTS: Final[dict[str, type[Event]]] = {
    TRADE: Trade, QUOTE: Quote, SECOND: SecondBar, MINUTE: MinuteBar, VALUE: Value,
}  # fmt: skip
