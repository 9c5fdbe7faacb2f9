"""The plain ticks of all symbols of a connection, taken in one loop.

Nearly every tick is plain: of its symbol's newest time or later, numbered above the newest, priced near the
believed price, of the period in the making. A run (plain.py) says within which limits a tick is plain, takes
in what plain ticks change (`take_in`, in place), and gives it to gate and bar when somebody else is
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
from itertools import chain
from operator import length_hint
from typing import Any, Final

from livetrader_engine.data.quality import VenueClock
from livetrader_plugins.polygon.conditions import SETS_PRICE
from livetrader_plugins.polygon.plain import NEVER, QuoteRun, TradeRun, renew
from livetrader_plugins.polygon.protocol import Event, MinuteBar, Quote, SecondBar, Status, Trade, Value
from livetrader_plugins.polygon.untold import Untold
from livetrader_plugins.sdk.tapes import MS

Other = SecondBar | MinuteBar | Value | Status
PLAIN_SIZE: Final = 2**30 - 1  # the largest of a plain tick: whole numbers up to it are compared quickest
_NO_TIME: Final = -math.inf  # of no event: what is next asks anew which times are due
RENEWED_NS: Final = 1_000_000_000  # between two looks of all runs at the clock: far less than it allows ahead


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
            renew(run)
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
        time, moment, due, most = _NO_TIME, NEVER, False, PLAIN_SIZE
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
