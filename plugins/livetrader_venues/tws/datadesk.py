"""Market data: quotes, tick by tick, real-time bars, history, and what keeps them from a client.

Data that a login may not have is refused with 354, or comes delayed where the client asked for that and
error 10167 says so. While another session of the same login takes the data, subscriptions get 10197 and
nothing more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from livetrader_venues.tws import history
from livetrader_venues.tws.accountdesk import drop
from livetrader_venues.tws.contracts import Ambiguous, Contract
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.facts import Fact, Quoted
from livetrader_venues.tws.matching import Quote
from livetrader_venues.tws.orderdesk import NOT_FOUND
from livetrader_venues.tws.replies import plain, reply
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.settings import SECOND_NS, Settings
from livetrader_venues.tws.switchboard import LIVE_DATA, Bars, Session, Switchboard

DELAYED = 3
BAR_NS = 5 * SECOND_NS  # real-time bars have this length and no other
COMPETING = (10197, "No market data during competing live session")
# bid, ask, last, their sizes, high, low, volume, close, open: live and delayed
_LIVE_TICKS = (1, 2, 4, 0, 3, 5, 6, 7, 8, 9, 14)
_DELAYED_TICKS = (66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76)
_TICK_TYPES = {"Last": 1, "AllLast": 2, "BidAsk": 3, "MidPoint": 4}


@dataclass(slots=True)
class Piece:
    """What traded within five seconds: each quote brings one trade of its last price and size."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)  # price times size
    count: int = 0

    def take(self, quote: Quote) -> None:
        """Take a trade in."""
        self.high, self.low = max(self.high, quote.last), min(self.low, quote.last)
        self.close = quote.last
        self.volume += quote.last_size
        self.amount += quote.last * quote.last_size
        self.count += 1

    @property
    def average(self) -> Decimal:
        """The price by volume."""
        return round(self.amount / self.volume, 6) if self.volume else self.close


class DataDesk:
    """Answers about prices; tells subscribers of new ones."""

    def __init__(self, board: Switchboard, exchange: Exchange, settings: Settings) -> None:
        self._board = board
        self._exchange = exchange
        self._settings = settings
        self._histories_ns: deque[int] = deque()
        self._bars_run = False
        self._pieces: dict[int, Piece] = {}  # by contract, of the five seconds that run
        self.competes = False
        self.has_link = True
        self.handlers: dict[str, Callable[[Session, Request], None]] = {
            "reqMktData": self._quotes,
            "cancelMktData": lambda s, r: drop(s.quotes, r),
            "reqMarketDataType": self._type,
            "reqTickByTickData": self._ticks,
            "cancelTickByTickData": lambda s, r: drop(s.ticks, r),
            "reqRealTimeBars": self._bars,
            "cancelRealTimeBars": lambda s, r: drop(s.bars, r),
            "reqHistoricalData": self._history,
            "cancelHistoricalData": lambda s, r: drop(s.histories, r),
            "reqHeadTimestamp": self._head,
            "cancelHeadTimestamp": lambda s, r: None,
        }

    def _contract(self, session: Session, request: Request) -> Contract | None:
        """Return the contract of a request, or tell the client that there is none."""
        try:
            contract = self._exchange.catalogue.only(request.values.fields)
        except Ambiguous:
            contract = None
        if contract is None:
            self._board.tell(session, *NOT_FOUND, request.request_id)
        return contract

    # ---- requests

    def _type(self, session: Session, request: Request) -> None:
        session.data_type = request.values.whole("marketDataType")

    def _quotes(self, session: Session, request: Request) -> None:
        request_id, contract = request.request_id, self._contract(session, request)
        if contract is None:
            return
        if self.competes:
            self._board.tell(session, *COMPETING, request_id)
            return
        if self._settings.delayed_data_only and session.data_type == LIVE_DATA:
            self._board.tell(session, 354, "Requested market data is not subscribed.", request_id)
            return
        if self._settings.delayed_data_only:
            text = "Requested market data is not subscribed. Displaying delayed market data."
            self._board.tell(session, 10167, text, request_id)
        self._board.send(session, reply("marketDataType", 1, request_id, self._kind()))
        self._board.send(
            session, reply("tickReqParams", request_id, plain(contract.minimum_tick), "9c0001", 3)
        )
        self._tell_quote(session, request_id, self._exchange.quotes[contract.con_id], whole=True)
        if request.values.flag("snapshot"):
            self._board.send(session, reply("tickSnapshotEnd", 1, request_id))
        else:
            session.quotes[request_id] = contract

    def _kind(self) -> int:
        return DELAYED if self._settings.delayed_data_only else LIVE_DATA

    def _tell_quote(self, session: Session, request_id: int, quote: Quote, *, whole: bool = False) -> None:
        numbers = _DELAYED_TICKS if self._settings.delayed_data_only else _LIVE_TICKS
        bid, ask, last, bid_size, ask_size, last_size, high, low, volume, close, opening = numbers
        prices = [
            (bid, quote.bid, quote.bid_size),
            (ask, quote.ask, quote.ask_size),
            (last, quote.last, quote.last_size),
        ]
        if whole:
            rest = ((high, quote.high), (low, quote.low), (close, quote.close), (opening, quote.open))
            prices += [(tick, price, Decimal(0)) for tick, price in rest]
        for tick, price, size in prices:
            fields = (6, request_id, tick, plain(price), size, 1 if tick in (bid, ask) else 0)
            self._board.send(session, reply("tickPrice", *fields))
        for tick, size in (
            (bid_size, quote.bid_size),
            (ask_size, quote.ask_size),
            (last_size, quote.last_size),
        ):
            self._board.send(session, reply("tickSize", 6, request_id, tick, plain(size)))
        self._board.send(session, reply("tickSize", 6, request_id, volume, plain(quote.volume)))
        if last == 4:
            self._board.send(session, reply("tickString", 6, request_id, 45, self._board.now_ns // SECOND_NS))

    def _ticks(self, session: Session, request: Request) -> None:
        contract, kind = self._contract(session, request), request.values.text("tickType")
        if contract is None:
            return
        if kind not in _TICK_TYPES:
            self._board.tell(session, 321, f"Invalid tick type: {kind}", request.request_id)
        elif self.competes:
            self._board.tell(session, *COMPETING, request.request_id)
        else:
            session.ticks[request.request_id] = (contract, kind)
            self._tell_tick(session, request.request_id, kind, self._exchange.quotes[contract.con_id])

    def _tell_tick(self, session: Session, request_id: int, kind: str, quote: Quote) -> None:
        head = (request_id, _TICK_TYPES[kind], self._board.now_ns // SECOND_NS)
        if kind == "BidAsk":
            sizes = (plain(quote.bid_size), plain(quote.ask_size))
            fields: tuple[object, ...] = (plain(quote.bid), plain(quote.ask), *sizes, 0)
        elif kind == "MidPoint":
            fields = (plain((quote.bid + quote.ask) / 2),)
        else:
            fields = (plain(quote.last), plain(quote.last_size), 0, "NYSE", "")
        self._board.send(session, reply("tickByTick", *head, *fields))

    def _bars(self, session: Session, request: Request) -> None:
        contract = self._contract(session, request)
        if contract is None:
            return
        session.bars[request.request_id] = Bars(contract, request.values.text("whatToShow"), BAR_NS)
        if not self._bars_run:
            self._bars_run = True
            self._board.later(BAR_NS - self._board.now_ns % BAR_NS, self._tell_bars)

    def _tell_bars(self) -> None:
        """Tell every subscriber the bar that has just ended."""
        start_s = self._board.now_ns // SECOND_NS - 5
        subscribed = [(s, number, each) for s in self._board.sessions() for number, each in s.bars.items()]
        for session, request_id, wanted in subscribed:
            if self.has_link and not self.competes:
                last = self._exchange.quotes[wanted.contract.con_id].last
                piece = self._pieces.get(wanted.contract.con_id) or Piece(last, last, last, last)
                prices = (piece.open, piece.high, piece.low, piece.close, piece.volume, piece.average)
                fields = (3, request_id, start_s, *map(plain, prices), piece.count)
                self._board.send(session, reply("realtimeBar", *fields))
        self._pieces.clear()
        self._bars_run = bool(subscribed)
        if subscribed:
            self._board.later(BAR_NS, self._tell_bars)

    def _history(self, session: Session, request: Request) -> None:
        values, request_id = request.values, request.request_id
        contract = self._contract(session, request)
        if contract is None:
            return
        if self._paces():
            text = "Historical Market Data Service error message:API historical data query pacing violation"
            self._board.tell(session, 162, text, request_id)
            return
        try:
            size_ns = history.bar_size_ns(values.text("barSize"))
            long_ns = history.duration_ns(values.text("duration"))
            end_ns = history.instant_ns(values.text("endDateTime"), self._board.now_ns)
            if values.text("whatToShow") == history.ADJUSTED and values.text("endDateTime"):
                raise history.BadRequest("End date not supported with adjusted last")
        except history.BadRequest as error:
            self._board.tell(session, 321, f"Error validating request.-'bQ' : cause - {error}", request_id)
            return
        made = history.shown_as(
            values.text("whatToShow"),
            history.bars(contract, end_ns, long_ns, size_ns, self._settings.bar_seed),
            contract.minimum_tick,
            self._settings,
        )
        if not made:
            text = "Historical Market Data Service error message:HMDS query returned no data"
            self._board.tell(session, 162, text, request_id)
            return
        kind = values.whole("formatDate")
        old = session.speaks < 124
        fields: list[object] = [
            request_id,
            history.shown(made[0].start_ns, SECOND_NS, 1, session.speaks),
            history.shown(end_ns, SECOND_NS, 1, session.speaks),
            len(made),
        ]
        for each in made:
            fields += [history.shown(each.start_ns, size_ns, kind, session.speaks), *_prices(each)]
            fields += ["false", each.count] if old else [each.count]
        self._board.send(session, reply("historicalData", *([3] if old else []), *fields))
        if values.flag("keepUpToDate"):
            session.histories[request_id] = Bars(contract, values.text("whatToShow"), size_ns, kind)

    def _paces(self) -> bool:
        limit, window_ns = self._settings.histories_per_10_minutes, 600 * SECOND_NS
        while self._histories_ns and self._histories_ns[0] <= self._board.now_ns - window_ns:
            self._histories_ns.popleft()
        self._histories_ns.append(self._board.now_ns)
        return 0 < limit < len(self._histories_ns)

    def _head(self, session: Session, request: Request) -> None:
        if self._contract(session, request) is not None:
            first = "946900800" if request.values.whole("formatDate") == 2 else "20000103  12:00:00"
            self._board.send(session, reply("headTimestamp", request.request_id, first))

    # ---- news

    def heard(self, fact: Fact) -> None:
        """Tell subscribers of a new quote."""
        if not isinstance(fact, Quoted):
            return
        con_id, last = fact.contract.con_id, fact.quote.last
        if self._bars_run:
            self._pieces.setdefault(con_id, Piece(last, last, last, last)).take(fact.quote)
        if not self.has_link or self.competes:
            return
        for session in self._board.sessions():
            for request_id, contract in session.quotes.items():
                if contract.con_id == con_id:
                    self._tell_quote(session, request_id, fact.quote)
            for request_id, (contract, kind) in session.ticks.items():
                if contract.con_id == con_id:
                    self._tell_tick(session, request_id, kind, fact.quote)
            for request_id, wanted in session.histories.items():
                if wanted.contract.con_id == con_id:
                    self._tell_update(session, request_id, wanted, fact.quote)

    def _tell_update(self, session: Session, request_id: int, wanted: Bars, quote: Quote) -> None:
        start_ns = self._board.now_ns // wanted.every_ns * wanted.every_ns
        date = history.shown(start_ns, wanted.every_ns, wanted.format_date, session.speaks)
        last = plain(quote.last)
        fields = (request_id, 1, date, last, last, last, last, last, plain(quote.last_size))
        self._board.send(session, reply("historicalDataUpdate", *fields))

    def compete(self, active: bool) -> None:
        """Another session of the login takes the data, or gives it back."""
        self.competes = active
        if active:
            for session in self._board.sessions():
                for request_id in session.quotes:
                    self._board.tell(session, *COMPETING, request_id)


def _prices(bar: history.Bar) -> tuple[str, ...]:
    prices = (bar.open, bar.high, bar.low, bar.close)
    return (*(plain(price) for price in prices), str(bar.volume), plain(round(bar.average, 6)))
