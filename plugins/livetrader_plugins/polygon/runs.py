"""The plain ticks of one symbol in a row, as few numbers in one place: what the hot loop reads and writes.

Nearly every tick is plain: of its symbol's newest time or later, numbered above the newest, priced near the
believed price, of the period in the making. A run says within which limits a tick is plain (`arm`), takes in
what plain ticks change (`take_in`, in place), and gives it to gate and bar when somebody else is
to look at them (`settle`). Every other tick goes the tape's way, behind what the run has settled.

With many symbols the time goes into memory that has left the processor's cache. So a tick touches little of
it: nearly every price lies within the range that the bar has already, and asks for no other limit; what is
equal in many runs (a time, a small size) is one object in all of them; no event outlives its read. And what
a tick needs of its run is fetched in one go, before anything is decided by it: the processor waits for all
of it together. Tried, and slower: a call of the tape for each tick (twice the time); ticks that wait to be
worked off together by symbol; the newest event in place of its fields; numbers of trades in one row for all
symbols, handed to the gates in bulk. Times are milliseconds here, as the stream has them. One owner, the
outlet.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from livetrader_engine.data.quality import ALL, VOLUME
from livetrader_plugins.polygon.conditions import EFFECTS, effect_of
from livetrader_plugins.polygon.protocol import Event, MinuteBar, Quote, SecondBar, Status, Trade, Value
from livetrader_plugins.sdk.barstream import NO_QUOTES, NO_TRADES
from livetrader_plugins.sdk.quotetapes import QuoteTape
from livetrader_plugins.sdk.tapes import MS, TradeTape

Other = SecondBar | MinuteBar | Value | Status
PLAIN_SIZE: Final = 2**30 - 1  # the largest of a plain tick: whole numbers up to it are compared quickest
_NOTHING: Final = math.inf  # the least price of a run that is not armed: none is plain
_SIZES_END: Final = 1e300  # of what a float may be


@lru_cache(maxsize=64)
def _one(time: float) -> float:
    """Return one object for equal times: what many runs have in common stays in the processor's cache."""
    return time


def _size(size: float) -> float:
    """Return a size, which may be a whole number of any length, as a float."""
    return float(min(size, _SIZES_END))


class TradeRun:
    """Trades of one symbol. `newest`, `until`, `number`: a plain one is of these times, and above the number.

    `bottom`, `top`: the range of the bar as far as the gate believes it now: a price within changes nothing
    of it. `price`, `at`, `at_number`, `volume`: the bar, as plain trades have made it. `heard_ns`: when the
    newest trade arrived, plain or not; 0 for never.
    """

    __slots__ = (
        "_least", "_made", "_most", "_number", "at", "at_number", "bottom", "heard_ns", "newest", "number",
        "numbers", "price", "tape", "top", "until", "volume",
    )  # fmt: skip

    def __init__(self, tape: TradeTape) -> None:
        self.tape = tape
        self.numbers = tape.gate.remember
        self.heard_ns = self.number = self._number = self.at_number = 0
        self.newest = self.until = self.at = self.price = 0.0
        self.volume: float = 0  # a whole number until a part of a share is traded
        self._made = NO_TRADES
        self.disarm()

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
        self.newest = float(-(-max(gate.last_ns, made.close_ns, clock.earliest_ns) // MS))
        self.until = _one(float(min(clock.latest_ns, made.end_ns - 1) // MS))
        self.number = self._number = gate.sequence
        self._least, self._most = gate.low, gate.high
        self.bottom, self.top = max(made.low, gate.low), min(made.high, gate.high)
        self.volume = int(made.volume) if made.volume.is_integer() else made.volume
        self.at = 0.0

    def widens(self, price: float, effect: int) -> bool:
        """Return whether a price out of the bar's range is plain all the same; the range reaches it now."""
        if not self._least <= price <= self._most:
            return False
        if effect == ALL:
            self.bottom, self.top = min(self.bottom, price), max(self.top, price)
        return True

    def settle(self) -> None:
        """Give gate and bar what was taken in. The run goes on, unless the bar has another in its place."""
        made, gate = self._made, self.tape.gate
        if self.number > self._number:
            self._number = gate.sequence = self.number
            gate.last_ns = int(self.newest) * MS
            self.tape.clock.newest_ns = max(self.tape.clock.newest_ns, gate.last_ns)
            made.volume = float(self.volume)
            if self.at:
                gate.last = made.close = self.price
                made.close_ns, made.close_number = int(self.at) * MS, self.at_number
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
        "bid_bottom", "bid_size", "bid_top", "heard_ns", "newest", "number", "tape", "until",
    )  # fmt: skip

    def __init__(self, tape: QuoteTape) -> None:
        self.tape = tape
        self.heard_ns = 0
        self.number = self._number = 0
        self.newest = self.until = self.bid = self.ask = 0.0
        self.bid_size: float = 0  # whole numbers most often
        self.ask_size: float = 0
        self._made = NO_QUOTES
        self.disarm()

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
        self.newest = float(-(-max(gate.last_ns, bids.close_ns, asks.close_ns, clock.earliest_ns) // MS))
        self.until = _one(float(min(clock.latest_ns, made.end_ns - 1) // MS))
        self.number = self._number = gate.sequence
        self._least, self._most = gate.low, gate.high
        self.bid_bottom, self.bid_top = max(bids.low, gate.low), bids.high
        self.ask_bottom, self.ask_top = asks.low, min(asks.high, gate.high)

    def widens(self, bid: float, ask: float) -> bool:
        """Return whether a quote out of the bar's ranges is plain all the same; the ranges reach it now."""
        if not (self._least <= bid and ask <= self._most):
            return False
        self.bid_bottom, self.bid_top = min(self.bid_bottom, bid), max(self.bid_top, bid)
        self.ask_bottom, self.ask_top = min(self.ask_bottom, ask), max(self.ask_top, ask)
        return True

    def settle(self) -> None:
        """Give gate and bar what was taken in. The run goes on, unless the bar has another in its place."""
        gate, made = self.tape.gate, self._made
        if self.number <= self._number:
            return
        bids, asks = made.bid, made.ask
        time_ns = gate.last_ns = bids.close_ns = asks.close_ns = int(self.newest) * MS
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


def take_in(  # noqa: C901, PLR0915 — one loop: a call for a tick costs as much again
    events: list[Event], trades: dict[str, TradeRun], quotes: dict[str, QuoteRun], now_ns: int
) -> tuple[list[Other], float]:
    """Take trades and quotes in; return the other events, and the time of the last tick in milliseconds."""
    others: list[Other] = []
    time, effects, plain = 0.0, EFFECTS, (ALL, VOLUME)
    for event in events:
        if type(event) is Trade:
            try:
                run, effect = trades[event.sym], effects[event.c]
            except KeyError:
                if event.sym not in trades:
                    continue  # it was on its way when its stream was left
                run, effect = trades[event.sym], effect_of(event.c)
            newest = run.newest  # all that is needed of it in a row: it is cold
            seen = run.number
            bottom = run.bottom
            top = run.top
            volume = run.volume
            numbers = run.numbers
            run.heard_ns = now_ns
            if time != event.t:
                time = event.t  # one object for all that are of one millisecond
            price, size, number = event.p, event.s, event.q
            if (
                newest <= time <= run.until
                and number > seen
                and 0 <= size <= PLAIN_SIZE
                and effect in plain
                and (bottom <= price <= top or run.widens(price, effect))
            ):
                run.newest, run.number = time, number
                run.volume = volume + size
                numbers.append(number)
                if effect == ALL:
                    run.price, run.at, run.at_number = price, time, number
            else:
                run.odd(event)
        elif type(event) is Quote:
            try:
                book = quotes[event.sym]
            except KeyError:
                continue
            newest = book.newest
            seen = book.number
            bid_bottom = book.bid_bottom
            bid_top = book.bid_top
            ask_bottom = book.ask_bottom
            ask_top = book.ask_top
            book.heard_ns = now_ns
            if time != event.t:
                time = event.t
            bid, ask, number = event.bp, event.ap, event.q
            if (
                newest <= time <= book.until
                and number > seen
                and 0 < (bid_size := event.bs) <= PLAIN_SIZE
                and 0 < (ask_size := event.ask_size) <= PLAIN_SIZE
                and bid <= ask
                and ((bid_bottom <= bid <= bid_top and ask_bottom <= ask <= ask_top) or book.widens(bid, ask))
            ):
                book.newest, book.number = time, number
                book.bid, book.bid_size = bid, bid_size
                book.ask, book.ask_size = ask, ask_size
            else:
                book.odd(event)
        elif isinstance(event, SecondBar | MinuteBar | Value | Status):
            others.append(event)
    return others, time
