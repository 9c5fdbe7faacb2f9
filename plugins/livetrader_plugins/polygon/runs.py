"""The plain ticks of one symbol in a row, as few numbers in one place: what the hot loop reads and writes.

Nearly every tick is plain: of its symbol's newest time or later, numbered above the newest, priced near the
believed price, of the period in the making. A run says within which limits a tick is plain (`arm`), takes in
what plain ticks change (`take_in`, in place), and gives it to gate and bar when somebody else is
to look at them (`settle`). Every other tick goes the tape's way, behind what the run has settled.

With many symbols the time goes into memory that has left the processor's cache. So a tick touches little of
it: nearly every price lies within the range that the bar has already, and asks for no other limit; what is
equal in many runs (a moment, a small size) is one object in all of them; no event outlives its read; numbers
of trades are not noted, but read again where they are asked for (untold.py). Whether a time is one that all
runs take is found once for all that is of it, and only where it is not each run is asked. What a tick
needs of its run is fetched in one go, before anything is decided by it: the processor waits for all of it
together. The loop is written for the interpreter: a comparison or an assignment for each thing, as chains
and tuples are turned round on the stack first. Tried, and slower: a call of the tape for each tick (twice the
time); ticks that wait to be worked off together by symbol; the newest event in place of its fields; numbers
of trades in one row for all symbols, handed to the gates in bulk. Times are milliseconds here, as the stream
has them. One owner, the outlet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from operator import length_hint
from typing import Any, Final

from livetrader_engine.data.quality import VenueClock
from livetrader_plugins.polygon.conditions import SETS_PRICE, effect_of
from livetrader_plugins.polygon.protocol import Event, MinuteBar, Quote, SecondBar, Status, Trade, Value
from livetrader_plugins.polygon.untold import Untold
from livetrader_plugins.sdk.barstream import NO_QUOTES, NO_TRADES
from livetrader_plugins.sdk.quotetapes import QuoteTape
from livetrader_plugins.sdk.tapes import MS, TradeTape

Other = SecondBar | MinuteBar | Value | Status
Moment = tuple[float, int]  # a time of the tape (ms), and when what is of it arrived (UTC ns)
PLAIN_SIZE: Final = 2**30 - 1  # the largest of a plain tick: whole numbers up to it are compared quickest
_NEVER: Final[Moment] = (0.0, 0)
_NO_TIME: Final = -math.inf  # of no event: what is next asks anew which times are due
RENEWED_NS: Final = 1_000_000_000  # between two looks of all runs at the clock: far less than it allows ahead
_NOTHING: Final = math.inf  # the least price of a run that is not armed: none is plain
_SIZES_END: Final = 1e300  # of what a float may be


@lru_cache(maxsize=64)
def _one(time: float) -> float:
    """Return one object for equal times: what many runs have in common stays in the processor's cache."""
    return time


def _size(size: float) -> float:
    """Return a size, which may be a whole number of any length, as a float."""
    return float(min(size, _SIZES_END))


def _until(clock: VenueClock, end_ns: int) -> float:
    """Return the latest time (ms) of a plain tick of a bar that ends so."""
    return _one(float(min(clock.latest_ns, end_ns - 1) // MS))


class TradeRun:
    """Trades of one symbol. `newest`, `until`, `number`: a plain one is of these times, and above the number.

    `bottom`, `top`: the range of the bar as far as the gate believes it now: a price within changes nothing
    of it. `price`, `at`, `at_number`, `volume`: the bar, as plain trades have made it. `odd_ns`: when the
    newest trade arrived that is not plain; 0 for never.
    """

    __slots__ = (
        "_least", "_made", "_most", "_number", "at", "at_number", "bottom", "newest", "number", "odd_ns",
        "price", "tape", "top", "until", "volume",
    )  # fmt: skip

    def __init__(self, tape: TradeTape) -> None:
        self.tape = tape
        self.odd_ns = self.number = self._number = self.at_number = 0
        self.until = self.price = 0.0
        self.newest: Moment = _NEVER
        self.at: Moment = _NEVER
        self.volume: float = 0  # a whole number until a part of a share is traded
        self._made = NO_TRADES
        self.disarm()

    @property
    def is_armed(self) -> bool:
        """Whether a trade may be plain."""
        return self._made is not NO_TRADES

    @property
    def heard_ns(self) -> int:
        """When the newest trade arrived, plain or not (UTC ns); 0 for never."""
        return max(self.odd_ns, self.newest[1])

    def disarm(self) -> None:
        """Have no trade be plain until `arm`. What was taken in must be settled before."""
        self._made = NO_TRADES
        self._least = self.bottom = _NOTHING
        self._most = self.top = -_NOTHING

    def arm(self) -> None:
        """Take the limits from gate and bar as they are now."""
        tape = self.tape
        stream, gate, clock = tape.stream, tape.gate, tape.clock
        if stream is None or (made := stream.trades) is NO_TRADES:
            self.disarm()
            return
        self._made = made
        newest = float(-(-max(gate.last_ns, made.close_ns, clock.earliest_ns) // MS))
        self.newest = (newest, self.heard_ns)
        self.until = _until(clock, made.end_ns)
        self.number = self._number = gate.sequence
        self._least, self._most = gate.low, gate.high
        self.bottom, self.top = max(made.low, gate.low), min(made.high, gate.high)
        self.volume = int(made.volume) if made.volume.is_integer() else made.volume
        self.at = _NEVER

    def renew(self) -> None:
        """Take the times from the clock as it is now; harmless where it is not armed."""
        if not self.is_armed:
            return
        clock = self.tape.clock
        if self.newest[0] * MS < clock.earliest_ns:
            self.settle()
            self.arm()
        else:
            self.until = _until(clock, self._made.end_ns)

    def widens(self, price: float, sets_price: bool) -> bool:
        """Return whether a price out of the bar's range is plain all the same; the range reaches it now."""
        if price < self._least or price > self._most:
            return False
        if sets_price:
            if price < self.bottom:
                self.bottom = price
            if price > self.top:
                self.top = price
        return True

    def settle(self) -> None:
        """Give gate and bar what was taken in. The run goes on, unless the bar has another in its place."""
        made, gate = self._made, self.tape.gate
        if self.number > self._number:
            self._number = gate.sequence = self.number
            gate.last_ns = int(self.newest[0]) * MS
            self.tape.clock.newest_ns = max(self.tape.clock.newest_ns, gate.last_ns)
            made.volume = float(self.volume)
            if self.at is not _NEVER:
                gate.last = made.close = self.price
                made.close_ns, made.close_number = int(self.at[0]) * MS, self.at_number
                made.low, made.high = min(made.low, self.bottom), max(made.high, self.top)

    def check(self) -> None:
        """Have no trade be plain where the bar that the run is of is closed."""
        stream = self.tape.stream
        if self._made is not NO_TRADES and (stream is None or stream.trades is not self._made):
            self.disarm()

    def odd(self, event: Trade) -> None:
        """Take a trade in that is not plain."""
        self.settle()
        self.tape.trade(int(event.t) * MS, event.q, event.p, _size(event.s), effect_of(event.c))
        self.arm()


class QuoteRun:
    """Quotes of one symbol; as TradeRun. `bid`, `ask` and their sizes: the newest quote."""

    __slots__ = (
        "_least", "_made", "_most", "_number", "ask", "ask_bottom", "ask_size", "ask_top", "bid",
        "bid_bottom", "bid_size", "bid_top", "newest", "number", "odd_ns", "tape", "until",
    )  # fmt: skip

    def __init__(self, tape: QuoteTape) -> None:
        self.tape = tape
        self.odd_ns = self.number = self._number = 0
        self.until = self.bid = self.ask = 0.0
        self.newest: Moment = _NEVER
        self.bid_size: float = 0  # whole numbers most often
        self.ask_size: float = 0
        self._made = NO_QUOTES
        self.disarm()

    @property
    def is_armed(self) -> bool:
        """Whether a quote may be plain."""
        return self._made is not NO_QUOTES

    @property
    def heard_ns(self) -> int:
        """When the newest quote arrived, plain or not (UTC ns); 0 for never."""
        return max(self.odd_ns, self.newest[1])

    def disarm(self) -> None:
        """Have no quote be plain until `arm`. What was taken in must be settled before."""
        self._made = NO_QUOTES
        self._least = self.bid_bottom = self.ask_bottom = _NOTHING
        self._most = self.bid_top = self.ask_top = -_NOTHING

    def arm(self) -> None:
        """Take the limits from gate and bar as they are now."""
        tape = self.tape
        stream, gate, clock = tape.stream, tape.gate, tape.clock
        if stream is None or not (made := stream.quotes).bid.high or not made.ask.high:
            self.disarm()
            return
        self._made = made
        bids, asks = made.bid, made.ask
        newest = float(-(-max(gate.last_ns, bids.close_ns, asks.close_ns, clock.earliest_ns) // MS))
        self.newest = (newest, self.heard_ns)
        self.until = _until(clock, made.end_ns)
        self.number = self._number = gate.sequence
        self._least, self._most = gate.low, gate.high
        self.bid_bottom, self.bid_top = max(bids.low, gate.low), bids.high
        self.ask_bottom, self.ask_top = asks.low, min(asks.high, gate.high)

    def renew(self) -> None:
        """Take the times from the clock as it is now; harmless where it is not armed."""
        if not self.is_armed:
            return
        clock = self.tape.clock
        if self.newest[0] * MS < clock.earliest_ns:
            self.settle()
            self.arm()
        else:
            self.until = _until(clock, self._made.end_ns)

    def widens(self, bid: float, ask: float) -> bool:
        """Return whether a quote out of the bar's ranges is plain all the same; the ranges reach it now."""
        if bid < self._least or ask > self._most:
            return False
        if bid < self.bid_bottom:
            self.bid_bottom = bid
        if bid > self.bid_top:
            self.bid_top = bid
        if ask < self.ask_bottom:
            self.ask_bottom = ask
        if ask > self.ask_top:
            self.ask_top = ask
        return True

    def settle(self) -> None:
        """Give gate and bar what was taken in. The run goes on, unless the bar has another in its place."""
        gate, made = self.tape.gate, self._made
        if self.number <= self._number:
            return
        bids, asks = made.bid, made.ask
        time_ns = gate.last_ns = bids.close_ns = asks.close_ns = int(self.newest[0]) * MS
        self.tape.clock.newest_ns = max(self.tape.clock.newest_ns, time_ns)
        self._number = gate.sequence = bids.close_number = asks.close_number = self.number
        gate.last = (self.bid + self.ask) / 2
        bids.close, bids.size = self.bid, float(self.bid_size)
        asks.close, asks.size = self.ask, float(self.ask_size)
        bids.low, bids.high = min(bids.low, self.bid_bottom), max(bids.high, self.bid_top)
        asks.low, asks.high = min(asks.low, self.ask_bottom), max(asks.high, self.ask_top)

    def check(self) -> None:
        """Have no quote be plain where the bar that the run is of is closed."""
        stream = self.tape.stream
        if self._made is not NO_QUOTES and (stream is None or stream.quotes is not self._made):
            self.disarm()

    def odd(self, event: Quote) -> None:
        """Take a quote in that is not plain."""
        self.settle()
        bid_size, ask_size = _size(event.bs), _size(event.ask_size)
        self.tape.quote(int(event.t) * MS, event.q, event.bp, bid_size, event.ap, ask_size)
        self.arm()


class Runs:
    """The runs of one connection, by ticker. Mutable state: they, the times that all of them take, and the
    reads whose numbers are untold.

    No plain tick is of later than `_early`, and no armed run begins later; the first of them ends at `_until`
    and the last at `_end`. So a tick between `_early` and `_until` is in time, of whichever run it is.
    """

    def __init__(self, clock: VenueClock) -> None:
        self.trades: dict[str, TradeRun] = {}
        self.quotes: dict[str, QuoteRun] = {}
        self._untold = Untold(clock)
        self._early = 0.0
        self._until, self._end = math.inf, -math.inf
        self._renewed_ns = 0

    def __iter__(self) -> Iterator[TradeRun | QuoteRun]:
        return chain(self.trades.values(), self.quotes.values())

    def settle(self) -> None:
        """Give gates and bars what was taken in, but the numbers of trades: told when they matter."""
        for run in self:
            run.settle()

    def check(self) -> None:
        """Have nothing be plain of a bar that is closed."""
        for run in self:
            run.check()
        self._bound_all()

    def _renew(self, now_ns: int) -> None:
        """Have all runs take the times that the clock allows now, before they run out one by one."""
        self._renewed_ns = now_ns
        for run in self:
            run.renew()
        self._bound_all()

    def _bound_all(self) -> None:
        """Know the times of all runs anew."""
        self._until, self._end = math.inf, -math.inf
        for run in self:
            self._bound(run)

    def disarm(self) -> None:
        """Have no tick be plain until its run is armed, and no number untold. Settled before."""
        self._tell([], 0)
        self._early, self._until, self._end = 0.0, math.inf, -math.inf
        for run in self:
            run.disarm()

    def _bound(self, run: TradeRun | QuoteRun) -> None:
        """Know the times of a run that may have been armed."""
        if run.is_armed:
            self._early = max(self._early, run.newest[0])
            self._until = min(self._until, run.until)
            self._end = max(self._end, run.until)

    def _is_due(self, time: float) -> bool:
        """Return whether all armed runs take a plain tick of this time (ms).

        To be asked before anything of a time is taken in, and anew when a run was armed: from now on it is
        taken for the newest, unless it is beyond what any run takes.
        """
        early = self._early
        if early < time <= self._end:
            self._early = time
        return early <= time <= self._until

    def _tell(self, events: list[Event], until: int) -> None:
        """Have gates know of all plain trades, and of those of the read up to a place in it."""
        for ticker, numbers in self._untold.take(events, until).items():
            if (run := self.trades.get(ticker)) is not None:
                run.tape.gate.recall(numbers)

    def _odd(self, event: Trade, now_ns: int, events: list[Event], rest: Iterator[Any]) -> None:
        """Take a trade in that is not plain. `rest`: the events of the read that come after it."""
        run = self.trades.get(event.sym)
        if run is None:
            return  # it was on its way when its stream was left
        at = len(events) - length_hint(rest) - 1
        run.odd_ns = now_ns
        if event.q < run.number:
            self._tell(events, at)
        self._untold.odd(at)
        run.odd(event)
        self._bound(run)

    def _odd_quote(self, run: QuoteRun, event: Quote, now_ns: int) -> None:
        """Take a quote in that is not plain."""
        run.odd_ns = now_ns
        run.odd(event)
        self._bound(run)

    def take_in(  # noqa: C901, PLR0915 — one loop: a call for a tick costs as much again
        self, events: list[Event], now_ns: int, text: bytes = b""
    ) -> tuple[list[Other], float]:
        """Take trades and quotes in; return the other events, and the time of the last tick in milliseconds.

        `text`: the frame that the events were read from, b"" where they were not read as one.
        """
        if abs(now_ns - self._renewed_ns) >= RENEWED_NS:
            self._renew(now_ns)
        trades, quotes, priced, trade, quote = self.trades, self.quotes, SETS_PRICE, Trade, Quote
        others: list[Other] = []
        time, moment, due, most = _NO_TIME, _NEVER, False, PLAIN_SIZE
        rest: Iterator[Any] = iter(events)  # `kind` tells what each is
        for event in rest:
            kind = type(event)
            if kind is trade:
                try:
                    run = trades[event.sym]
                    sets_price = priced[event.c]
                except KeyError:
                    self._odd(event, now_ns, events, rest)
                    time, due = _NO_TIME, False
                    continue
                seen = run.number  # all that is needed of it in a row: it is cold
                bottom = run.bottom
                top = run.top
                volume = run.volume
                if time != event.t:
                    time = event.t
                    moment = (time, now_ns)  # one object for all that are of one millisecond
                    due = self._is_due(time)
                price = event.p
                number = event.q
                size = event.s
                if (
                    (due or (run.newest[0] <= time and time <= run.until))
                    and number > seen
                    and size >= 0
                    and size <= most
                    and ((bottom <= price and price <= top) or run.widens(price, sets_price))
                ):
                    run.newest = moment
                    run.number = number
                    run.volume = volume + size
                    if sets_price:
                        run.price = price
                        run.at = moment
                        run.at_number = number
                else:
                    self._odd(event, now_ns, events, rest)
                    time, due = _NO_TIME, False
            elif kind is quote:
                try:
                    book = quotes[event.sym]
                except KeyError:
                    continue
                seen = book.number
                bid_bottom = book.bid_bottom
                bid_top = book.bid_top
                ask_bottom = book.ask_bottom
                ask_top = book.ask_top
                if time != event.t:
                    time = event.t
                    moment = (time, now_ns)
                    due = self._is_due(time)
                bid = event.bp
                ask = event.ap
                number = event.q
                bid_size = event.bs
                ask_size = event.ask_size
                if (
                    (due or (book.newest[0] <= time and time <= book.until))
                    and number > seen
                    and bid <= ask
                    and bid_size > 0
                    and bid_size <= most
                    and ask_size > 0
                    and ask_size <= most
                    and (
                        (bid_bottom <= bid and bid <= bid_top and ask_bottom <= ask and ask <= ask_top)
                        or book.widens(bid, ask)
                    )
                ):
                    book.newest = moment
                    book.number = number
                    book.bid = bid
                    book.bid_size = bid_size
                    book.ask = ask
                    book.ask_size = ask_size
                else:
                    self._odd_quote(book, event, now_ns)
                    time, due = _NO_TIME, False
            elif isinstance(event, SecondBar | MinuteBar | Value | Status):
                others.append(event)
        if not text:
            self._tell(events, len(events))  # it cannot be read again
        self._untold.keep(text, len(events), int(self._early) * MS)
        return others, moment[0]
