"""The plain ticks of one symbol in a row, as few numbers in one place: what the hot loop reads and writes.

Nearly every tick is plain: of its symbol's newest time or later, numbered above the newest, priced near the
believed price, of the period in the making. A run says within which limits a tick is plain (`arm`), takes in
what plain ticks change (`take_in`, in place), and gives it to gate and bar when somebody else is
to look at them (`settle`). Every other tick goes the tape's way, behind what the run has settled.

With many symbols the time goes into memory that has left the processor's cache, so a tick touches little of
it: nearly every price lies within the range that the bar has already and asks for no other limit, and no
event outlives its read. Two things were tried before: a call of the tape for each tick costs twice as much;
ticks that wait to be worked off together by symbol grow cold, and cost more than one by one. Times are
milliseconds here, as the stream has them. One owner, the outlet.
"""

from __future__ import annotations

import math
from typing import Final

from livetrader_engine.data.quality import ALL, SIZE_LIMIT, VOLUME
from livetrader_plugins.polygon.conditions import EFFECTS, effect_of
from livetrader_plugins.polygon.protocol import Event, MinuteBar, Quote, SecondBar, Status, Trade, Value
from livetrader_plugins.sdk.barstream import NO_QUOTES, NO_TRADES
from livetrader_plugins.sdk.quotetapes import QuoteTape
from livetrader_plugins.sdk.tapes import MS, TradeTape

Other = SecondBar | MinuteBar | Value | Status
_NOTHING: Final = math.inf  # the least price of a run that is not armed: none is plain


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
        self.heard_ns = 0
        self.price = self.volume = 0.0
        self.newest = self.until = self.number = self._number = self.at = self.at_number = 0
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
        self.newest = -(-max(gate.last_ns, made.close_ns, clock.earliest_ns) // MS)
        self.until = min(clock.latest_ns, made.end_ns - 1) // MS
        self.number = self._number = gate.sequence
        self._least, self._most = gate.low, gate.high
        self.bottom, self.top = max(made.low, gate.low), min(made.high, gate.high)
        self.volume, self.at = made.volume, 0

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
            gate.last_ns = self.newest * MS
            self.tape.clock.newest_ns = max(self.tape.clock.newest_ns, gate.last_ns)
            made.volume = self.volume
            if self.at:
                gate.last = made.close = self.price
                made.close_ns, made.close_number = self.at * MS, self.at_number
                made.low, made.high = min(made.low, self.bottom), max(made.high, self.top)

    def check(self) -> None:
        """Have no trade be plain where the bar that the run is of is closed."""
        stream = self.tape.stream
        if self._made is not NO_TRADES and (stream is None or stream.trades is not self._made):
            self.disarm()

    def odd(self, event: Trade) -> None:
        """Take a trade in that is not plain."""
        self.settle()
        self.tape.trade(event.t * MS, event.q, event.p, event.s, effect_of(event.c))
        self.arm()


class QuoteRun:
    """Quotes of one symbol; as TradeRun. `bid`, `ask` and their sizes: the newest plain quote."""

    __slots__ = (
        "_least", "_made", "_most", "_number", "ask", "ask_bottom", "ask_size", "ask_top", "bid",
        "bid_bottom", "bid_size", "bid_top", "heard_ns", "newest", "number", "tape", "until",
    )  # fmt: skip

    def __init__(self, tape: QuoteTape) -> None:
        self.tape = tape
        self.heard_ns = 0
        self.bid = self.bid_size = self.ask = self.ask_size = 0.0
        self.newest = self.until = self.number = self._number = 0
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
        self.newest = -(-max(gate.last_ns, bids.close_ns, asks.close_ns, clock.earliest_ns) // MS)
        self.until = min(clock.latest_ns, made.end_ns - 1) // MS
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
        time_ns = gate.last_ns = bids.close_ns = asks.close_ns = self.newest * MS
        self.tape.clock.newest_ns = max(self.tape.clock.newest_ns, time_ns)
        self._number = gate.sequence = bids.close_number = asks.close_number = self.number
        gate.last = (self.bid + self.ask) / 2
        bids.close, bids.size, asks.close, asks.size = self.bid, self.bid_size, self.ask, self.ask_size
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
        self.tape.quote(event.t * MS, event.q, event.bp, event.bs, event.ap, event.ask_size)
        self.arm()


def take_in(
    events: list[Event], trades: dict[str, TradeRun], quotes: dict[str, QuoteRun], now_ns: int
) -> tuple[list[Other], int]:
    """Take trades and quotes in; return the other events, and the time of the last tick in milliseconds."""
    others: list[Other] = []
    time, effects = 0, EFFECTS.get
    for event in events:
        if type(event) is Trade:
            if (run := trades.get(event.sym)) is None:
                continue  # it was on its way when its stream was left
            run.heard_ns, time = now_ns, event.t
            price, size, number = event.p, event.s, event.q
            if (
                run.newest <= time <= run.until
                and number > run.number
                and 0.0 <= size <= SIZE_LIMIT
                and ((effect := effects(event.c)) == ALL or effect == VOLUME)
                and (run.bottom <= price <= run.top or run.widens(price, effect))
            ):
                run.newest, run.number = time, number
                run.volume += size
                run.numbers.append(number)
                if effect == ALL:
                    run.price, run.at, run.at_number = price, time, number
            else:
                run.odd(event)
        elif type(event) is Quote:
            if (book := quotes.get(event.sym)) is None:
                continue
            book.heard_ns, time = now_ns, event.t
            bid, ask, number = event.bp, event.ap, event.q
            if (
                book.newest <= time <= book.until
                and number > book.number
                and 0.0 < (bid_size := event.bs) <= SIZE_LIMIT
                and 0.0 < (ask_size := event.ask_size) <= SIZE_LIMIT
                and bid <= ask
                and (
                    (book.bid_bottom <= bid <= book.bid_top and book.ask_bottom <= ask <= book.ask_top)
                    or book.widens(bid, ask)
                )
            ):
                book.newest, book.number = time, number
                book.bid, book.bid_size = bid, bid_size
                book.ask, book.ask_size = ask, ask_size
            else:
                book.odd(event)
        elif isinstance(event, SecondBar | MinuteBar | Value | Status):
            others.append(event)
    return others, time
