"""The plain ticks of one symbol in a row, as few numbers in one place: what the hot loop reads and writes.

Nearly every tick is plain: of its symbol's newest time or later, numbered above the newest, priced near the
believed price, of the period in the making. A run says within which limits a tick is plain (`arm`), takes in
what plain ticks change (`take_in`, in place), and gives it to gate and bar when somebody else is
to look at them (`settle`). Every other tick goes the tape's way, behind what the run has settled.

Two things were tried before: a call of the tape for each tick costs twice as much; ticks that wait to be
worked off together by symbol grow cold in memory, and cost more than one by one. Times are milliseconds here,
as the stream has them. One owner, the outlet.
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
    """Trades of one symbol. `least`, `most`, `newest`, `until`, `number`: a plain one lies within, or above.

    `price`, `at`, `at_number`, `top`, `bottom`, `volume`: the bar, as plain trades have made it. `heard_ns`:
    when the newest trade arrived, plain or not; 0 for never.
    """

    __slots__ = (
        "_made", "_number", "at", "at_number", "bottom", "heard_ns", "least", "most", "newest", "number",
        "price", "remember", "tape", "top", "until", "volume",
    )  # fmt: skip

    def __init__(self, tape: TradeTape) -> None:
        self.tape = tape
        self.remember = tape.gate.remember.append
        self.heard_ns = 0
        self.price = self.top = self.bottom = self.volume = 0.0
        self.newest = self.until = self.number = self._number = self.at = self.at_number = 0
        self._made = NO_TRADES
        self.disarm()

    def disarm(self) -> None:
        """Have no trade be plain until `arm`. What was taken in must be settled before."""
        self.least, self.most, self._made = _NOTHING, -_NOTHING, NO_TRADES

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
        self.least, self.most = gate.low, gate.high
        self.top, self.bottom, self.volume, self.at = made.high, made.low, made.volume, 0

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
                made.high, made.low = self.top, self.bottom

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
    """Quotes of one symbol; as TradeRun. `last` is the newest plain quote."""

    __slots__ = (
        "_made", "_number", "ask_bottom", "ask_top", "bid_bottom", "bid_top", "heard_ns", "last", "least",
        "most", "newest", "number", "tape", "until",
    )  # fmt: skip

    def __init__(self, tape: QuoteTape) -> None:
        self.tape = tape
        self.heard_ns = 0
        self.bid_top = self.bid_bottom = self.ask_top = self.ask_bottom = 0.0
        self.newest = self.until = self.number = self._number = 0
        self.last: Quote | None = None
        self._made = NO_QUOTES
        self.disarm()

    def disarm(self) -> None:
        """Have no quote be plain until `arm`. What was taken in must be settled before."""
        self.least, self.most, self._made, self.last = _NOTHING, -_NOTHING, NO_QUOTES, None

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
        self.least, self.most = gate.low, gate.high
        self.bid_top, self.bid_bottom, self.ask_top, self.ask_bottom = (
            bids.high,
            bids.low,
            asks.high,
            asks.low,
        )

    def settle(self) -> None:
        """Give gate and bar what was taken in. The run goes on, unless the bar has another in its place."""
        last, gate, made = self.last, self.tape.gate, self._made
        if self.number <= self._number or last is None:
            return
        bids, asks = made.bid, made.ask
        time_ns = gate.last_ns = bids.close_ns = asks.close_ns = self.newest * MS
        self.tape.clock.newest_ns = max(self.tape.clock.newest_ns, time_ns)
        self._number = gate.sequence = bids.close_number = asks.close_number = self.number
        gate.last = (last.bp + last.ap) / 2
        bids.close, bids.size, asks.close, asks.size = last.bp, last.bs, last.ap, last.ask_size
        bids.high, bids.low, asks.high, asks.low = (
            self.bid_top,
            self.bid_bottom,
            self.ask_top,
            self.ask_bottom,
        )

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


def take_in(  # noqa: C901 — one loop, in place: a call for each tick doubles what it costs
    events: list[Event], trades: dict[str, TradeRun], quotes: dict[str, QuoteRun], now_ns: int
) -> tuple[list[Other], int]:
    """Take trades and quotes in; return the other events, and the time of the last tick in milliseconds."""
    others: list[Other] = []
    time, effects = 0, EFFECTS.get
    for event in events:
        if type(event) is Trade:
            if (run := trades.get(event.sym)) is None:
                continue  # it was on its way when its stream was left
            run.heard_ns = now_ns
            time, price, number, size = event.t, event.p, event.q, event.s
            if (
                run.newest <= time <= run.until
                and run.least <= price <= run.most
                and number > run.number
                and 0.0 <= size <= SIZE_LIMIT
                and ((effect := effects(event.c)) == ALL or effect == VOLUME)
            ):
                run.newest, run.number = time, number
                run.volume += size
                run.remember(number)
                if effect == ALL:
                    run.price, run.at, run.at_number = price, time, number
                    if price > run.top:
                        run.top = price
                    elif price < run.bottom:
                        run.bottom = price
            else:
                run.odd(event)
        elif type(event) is Quote:
            if (book := quotes.get(event.sym)) is not None:
                book.heard_ns, time = now_ns, event.t
                bid, ask, number = event.bp, event.ap, event.q
                if (
                    book.newest <= time <= book.until
                    and book.least <= bid <= ask <= book.most
                    and number > book.number
                    and 0.0 < event.bs <= SIZE_LIMIT
                    and 0.0 < event.ask_size <= SIZE_LIMIT
                ):
                    book.newest, book.number, book.last = time, number, event
                    if bid > book.bid_top:
                        book.bid_top = bid
                    elif bid < book.bid_bottom:
                        book.bid_bottom = bid
                    if ask > book.ask_top:
                        book.ask_top = ask
                    elif ask < book.ask_bottom:
                        book.ask_bottom = ask
                else:
                    book.odd(event)
        elif isinstance(event, SecondBar | MinuteBar | Value | Status):
            others.append(event)
    return others, time
