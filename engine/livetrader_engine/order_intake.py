"""News of orders on their way in: record, portfolio, algorithm. The half of Transactions that listens.

News arrive through `take` (one event of the feed) or through the sink's `drain`. What is asked of the
brokerage, and when, is in `transactions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from livetrader_engine.afterwards import told_as
from livetrader_engine.events import OpenOrderRecord, OrderEventArrived
from livetrader_engine.orders.book import OrderBook
from livetrader_engine.orders.order import Fill, OrderId, TradeFee
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.orders.ticket import OrderRecord, Outcome
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import Clock, OrderSink
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Symbol
from livetrader_engine.trading_policy import TradingPolicy

MAX_WAIT_ROUNDS: Final = 64  # pieces of news a synchronous market order waits through before it returns

OrderListener = Callable[[OrderEventArrived, OrderRecord], None]
FillListener = Callable[[Security, OrderId, Fill], None]
CorrectionListener = Callable[[Security, OrderId, Fill, Fill], None]
FeeListener = Callable[[Symbol, OrderId, TradeFee], None]

_APPLIED: Final = Outcome.APPLIED
_LATE: Final = Outcome.LATE
_AFTERWARDS: Final = frozenset({Outcome.CORRECTED, Outcome.CHARGED})
_UNHEARD: Final = frozenset({Outcome.REPEATED, Outcome.STALE, Outcome.QUIET})


class OrderNews(OrderBook):
    """Takes news in. `listen` names who hears of them; `filled` hears of each fill once it is booked.

    `corrected` hears of a fill that the venue put another in the place of, and of that other one,
    `charged` of what a fill cost where that is told after it. `report` gets one line for each thing that an
    operator should know and that concerns no order of ours.
    """

    def __init__(
        self,
        clock: Clock,
        portfolio: Portfolio,
        sink: OrderSink,
        policy: TradingPolicy,
        report: Callable[[str], None],
    ) -> None:
        super().__init__(keeps_all=policy.max_orders is not None)
        self.policy = policy
        self.filled: FillListener | None = None
        self.corrected: CorrectionListener | None = None
        self.charged: FeeListener | None = None
        self._clock = clock
        self._portfolio = portfolio
        self._sink = sink
        self._report = report
        self._listener: OrderListener | None = None

    def listen(self, listener: OrderListener) -> None:
        """Call `listener` with every piece of news that changed a record."""
        self._listener = listener

    def report(self, line: str) -> None:
        """Tell the operator something that concerns no order."""
        self._report(line)

    def collect(self, wait_s: float = 0.0) -> bool:
        """Take in all news that have arrived; return whether there were any."""
        heard = False
        while events := self._sink.drain(wait_s):
            heard = True
            wait_s = 0.0
            for event in events:
                self._apply(event)
        return heard

    def take(self, event: OrderEventArrived) -> None:
        """Apply one piece of news: record, portfolio, then the algorithm's `on_order_event`."""
        self._apply(event)

    def _apply(self, event: OrderEventArrived) -> None:
        record = self._records.get(event.order_id)
        if record is None:
            self._take_forgotten(event)
            return
        was = record.status
        outcome = record.apply(event)
        if outcome is not _APPLIED:
            if outcome in _UNHEARD:
                return
            if outcome in _AFTERWARDS:
                self._take_afterwards(event, record, was)
                return
        fill = event.fill
        if fill is not None:
            held = self._portfolio.apply_fill(record.spec.symbol, fill)
            if self.filled is not None:
                self.filled(held.security, record.spec.id, fill)
        if outcome is _LATE:
            self._report(f"order {record.id} was filled after it had been closed; the fill counts")
        if record.status in CLOSED:
            self._close(record)
        if self._listener is not None:
            self._listener(event, record)

    def _take_forgotten(self, event: OrderEventArrived) -> None:
        """Book what is told of an order of an earlier engine, or of long ago: the account has it."""
        words = f"news of order {event.order_id} ({event.status.name})"
        if event.symbol is None or event.symbol not in self._portfolio:
            self._report(f"{words} are ignored: no such order here")
            return
        self._book_afterwards(event, event.symbol)
        self._report(f"{words} are booked; there is no such order here any more {event.message}".rstrip())

    def _take_afterwards(self, event: OrderEventArrived, record: OrderRecord, was: OrderStatus) -> None:
        """Book a correction or a fee. The algorithm hears of corrections, by what they change."""
        self._book_afterwards(event, record.symbol)
        if event.fill is None:
            return
        if record.status in CLOSED:
            self._close(record)
        elif was in CLOSED:
            self._hold(record)  # a trade was taken back: it counts as open until the account shows its end
        told = told_as(event, was, record.status)
        record.note_correction(told)
        if self._listener is not None:
            self._listener(told, record)

    def _book_afterwards(self, event: OrderEventArrived, symbol: Symbol) -> None:
        fill, old, fee = event.fill, event.replaces, event.fee
        if fee is not None:
            self._portfolio.charge(symbol, fee.amount, fee.currency)
            if self.charged is not None:
                self.charged(symbol, event.order_id, fee)
        elif fill is not None and old is not None:
            held = self._portfolio.correct(symbol, old, fill)
            if self.corrected is not None:
                self.corrected(held.security, event.order_id, old, fill)
        elif fill is not None:
            held = self._portfolio.apply_fill(symbol, fill)
            if self.filled is not None:
                self.filled(held.security, event.order_id, fill)

    def load(self, open_orders: Iterable[OpenOrderRecord], next_order_id: int) -> None:
        """Take over the working orders of the account, as reconciled.

        Orders we hold to be working that the account does not list are closed as canceled, but for those made
        after the snapshot (numbers from `next_order_id` on). Numbering never goes back.
        """
        listed: set[OrderId] = set()
        for item in open_orders:
            listed.add(item.spec.id)
            record = self._records.get(item.spec.id)
            if record is None:
                record = OrderRecord(item.spec)
            record.restore(item.spec, item.status, item.filled_quantity, item.brokerage_order_id)
            self._hold(record)
        for record in self.open_orders():
            if record.id not in listed and record.id < next_order_id:
                self.take(self._event(record, OrderStatus.CANCELED, "the brokerage does not know this order"))
        self._next_id = max(self._next_id, next_order_id)

    def _event(self, record: OrderRecord, status: OrderStatus, message: str) -> OrderEventArrived:
        return OrderEventArrived(record.id, status, self._clock.now_ns, message=message)
