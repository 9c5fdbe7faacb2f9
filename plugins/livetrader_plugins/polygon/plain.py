"""The plain ticks of one symbol, as few numbers in one place: the limits they keep to, and what they change.

A run says within which limits a tick is plain (`arm`), and gives what plain ticks have changed to gate and
bar when somebody else is to look at them (`settle`). The loop that takes ticks in, and why things are as they
are here, is in runs.py. One owner, the runs of the connection.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from livetrader_engine.data.quality import VenueClock
from livetrader_plugins.polygon.conditions import effect_of
from livetrader_plugins.polygon.protocol import Quote, Trade
from livetrader_plugins.sdk.barstream import NO_QUOTES, NO_TRADES
from livetrader_plugins.sdk.quotetapes import QuoteTape
from livetrader_plugins.sdk.tapes import MS, TradeTape

Moment = tuple[float, int]  # a time of the tape (ms), and when what is of it arrived (UTC ns)
NEVER: Final[Moment] = (0.0, 0)
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
        self.newest: Moment = NEVER
        self.at: Moment = NEVER
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
        self.at = NEVER

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
            if self.at is not NEVER:
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
        self.newest: Moment = NEVER
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


def renew(run: TradeRun | QuoteRun) -> None:
    """Have a run take the times from the clock as it is now; harmless where it is not armed."""
    if not run.is_armed:
        return
    clock = run.tape.clock
    if run.newest[0] * MS < clock.earliest_ns:
        run.settle()
        run.arm()
    else:
        run.until = _until(clock, run._made.end_ns)
