"""The venue of the paper account: takes orders and fills them on the market it is shown. No I/O, no clock.

Every method returns an Outcome: what must be written down, and what may be told once it is. The matching
is the engine's own (`livetrader_engine.simulation`), the same that a backtest uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.money import from_float
from livetrader_engine.orders.fills import WorkingOrder
from livetrader_engine.orders.order import (
    ClientOrderId,
    ExecutionId,
    Fill,
    OrderChange,
    OrderSpec,
    OrderType,
)
from livetrader_engine.orders.states import CLOSED, FILLS, OrderStatus
from livetrader_engine.ports import ReferenceData
from livetrader_engine.simulation.brokerage import (
    SimulatedBrokerage,
    SimulatedReport,
    SimulationModels,
    WorkingEntry,
)
from livetrader_engine.spi import AccountSnapshot, ExecutionReport, StopMoved
from livetrader_plugins.paper.account import Account, Outcome
from livetrader_plugins.paper.checks import refusal
from livetrader_plugins.paper.config import PaperConfig
from livetrader_plugins.paper.models import fee_model, slippage_model
from livetrader_plugins.paper.orderbook import OrderBook, brokerage_order_id, changed_spec
from livetrader_plugins.paper.store import (
    StoredAccount,
    StoredOrder,
    add_fill,
    note_closing,
    set_order,
    take_off_wire,
)

# What the rest of a partly filled order works as: its condition has been met.
REMAINDER_TYPES: Final[dict[OrderType, OrderType]] = {
    OrderType.MARKET: OrderType.MARKET,
    OrderType.LIMIT: OrderType.LIMIT,
    OrderType.STOP_MARKET: OrderType.MARKET,
    OrderType.STOP_LIMIT: OrderType.LIMIT,
    OrderType.MARKET_ON_OPEN: OrderType.MARKET,
    OrderType.MARKET_ON_CLOSE: OrderType.MARKET,
    OrderType.LIMIT_IF_TOUCHED: OrderType.LIMIT,
    OrderType.TRAILING_STOP: OrderType.MARKET,
}


FEE_STEP: Final = Decimal("0.0001")  # what a part of a fee is rounded to


class Venue:
    """One account and the orders in it. Owned by the plugin's loop; nothing else mutates it.

    It believes the market it is shown, and its time is the account's.
    """

    def __init__(self, config: PaperConfig, reference: ReferenceData, stored: StoredAccount) -> None:
        """Rebuild the account. Looks symbols up, which may read files: call it in a thread."""
        self.account = Account(config.currency, reference, stored)
        self.book = OrderBook(stored, config.remembered_orders)
        self.actions = set(stored.actions)  # corporate actions that were booked
        self._config = config
        self._largest = from_float(config.largest_fill)
        self._by_key: dict[str, StoredOrder] = {}  # the simulation's key → open order
        self._keys: dict[ClientOrderId, str] = {}  # open order → its key, where it is not its own id
        self.stepwise = False  # the engine has working orders tried, one after the other
        self._round: Iterator[SimulatedReport] | None = None  # those left of a round of tries
        self._remainders: list[StoredOrder] = []  # go back to work when the market moves next
        self._simulation = SimulatedBrokerage(
            self.account.securities,
            self.account.portfolio,
            models=SimulationModels(fee_model(config), slippage_model(config)),
        )
        self._restore()

    def _restore(self) -> None:
        for order in self.book.open.values():
            if not self.account.knows(order.spec.symbol):
                self.account.learn(order.spec.symbol)
            if order.remainder:
                self._remainders.append(order)
            else:
                self._by_key[order.client_order_id] = order
                working = order.working or WorkingOrder.of(order.spec, self._time_of(order))
                entry = WorkingEntry(order.client_order_id, working, brokerage_order_id(order), order.status)
                self._simulation.restore(entry)

    # What the daemon asks for.

    def arrive(self, client_order_id: ClientOrderId, spec: OrderSpec) -> Outcome:
        """Make an order of what was sent, and try to fill it at once.

        While the engine leads, its own orders wait for `try_next`; one of the kill switch waits for nobody.
        """
        outcome = Outcome()
        outcome.statements.append(take_off_wire(client_order_id))
        if self.account.market_ns:
            # an order cannot be younger than the market it meets: a stale clock would make every mark stale
            spec = msgspec.structs.replace(spec, created_ns=min(spec.created_ns, self.account.market_ns))
        order = self.book.add(client_order_id, spec)
        self.account.note_mark(spec.symbol, outcome)
        reason = refusal(spec, self.account.securities.get(spec.symbol), self._config)
        if reason is not None:
            self._close(order, OrderStatus.INVALID, reason, outcome)
        else:
            self._by_key[client_order_id] = order
            now_ns = self._time_of(order)
            self._take(self._simulation.accept(client_order_id, spec, now_ns), outcome)
            if not self.stepwise:
                self._take(self._simulation.scan(now_ns), outcome)
            elif not spec.id:
                self._take(self._simulation.attempt(client_order_id, now_ns), outcome)
        return outcome

    def cancel(self, client_order_id: ClientOrderId) -> Outcome:
        """Cancel a working order; anything else is no news."""
        outcome = Outcome()
        order = self.book.open.get(client_order_id)
        if order is None:
            return outcome
        if order in self._remainders:
            self._remainders.remove(order)
            self._close(order, OrderStatus.CANCELED, "", outcome)
        else:
            key = self._key_of(order)
            self._take(self._simulation.cancel(key, self._time_of(order)), outcome)
        return outcome

    def update(self, client_order_id: ClientOrderId, change: OrderChange) -> Outcome:
        """Change a working order; anything else is no news. Quantities are of the whole order."""
        outcome = Outcome()
        order = self.book.open.get(client_order_id)
        if order is None:
            return outcome
        if change.quantity is not None and abs(change.quantity) <= abs(order.filled):
            return self.cancel(client_order_id)  # all that is wanted has traded
        if order in self._remainders:
            order.spec = changed_spec(order.spec, change)
            self._tell(order, OrderStatus.UPDATE_SUBMITTED, outcome)
            return outcome
        quantity = None if change.quantity is None else change.quantity - order.filled
        change = msgspec.structs.replace(change, quantity=quantity)
        self._take(self._simulation.update(self._key_of(order), change, self._time_of(order)), outcome)
        if not self.stepwise:
            self._take(self._simulation.scan(self._time_of(order)), outcome)
        return outcome

    def try_next(self, *, anew: bool) -> Outcome | None:
        """Try working orders, in their order, up to one that has news; None where none has.

        Goes on behind the one that had news last; `anew` begins with the first when those are through.
        """
        while True:
            if self._round is None:
                if not anew:
                    return None
                anew = False
                self._round = self._simulation.scan(self.account.market_ns)
            report = next(self._round, None)
            if report is not None:
                outcome = Outcome()
                self._take((report,), outcome)
                return outcome
            self._round = None

    def observe(self, points: Sequence[MarketPoint], now_ns: int, *, fill: bool = True) -> Outcome:
        """Take in the market of this instant and fill what it fills; without `fill`, `try_next` does."""
        outcome = Outcome()
        self.stepwise = not fill
        self._round = None
        self.account.observe(points, now_ns)
        if not self.book.open:
            return outcome
        if self._remainders:
            self._put_remainders_to_work(outcome)
        if fill:
            # lazily: each fill is booked before the next order is looked at, which may need its cash
            self._take(self._simulation.scan(self.account.market_ns), outcome)
        return outcome

    def lazy(self) -> Outcome:
        """Return what may be written once in a while: marks, the market's time, moved and armed stops."""
        outcome = Outcome()
        self.account.note_marks(outcome)
        for entry in self._simulation.working():
            order = self._by_key[entry.key]
            if not order.remainder and order.working is not entry.order:
                order.working = entry.order
                outcome.statements.append(set_order(order))
        return outcome

    # Inside.

    def _time_of(self, order: StoredOrder) -> int:
        return self.account.market_ns or order.spec.created_ns

    def _key_of(self, order: StoredOrder) -> str:
        return self._keys.get(order.client_order_id, order.client_order_id)

    def _take(self, reports: Iterable[SimulatedReport], outcome: Outcome) -> None:
        for report in reports:
            order = self._by_key[report.key]
            if report.fill is not None:
                order.message = report.message
                self._book(order, report.fill, outcome)
            elif report.quiet:
                self._note_stop(order, report, outcome)
            elif report.status in CLOSED:
                self._close(order, report.status, report.message, outcome)
            elif not order.remainder or report.status is not OrderStatus.SUBMITTED:
                quantity = report.spec.quantity + order.filled
                order.spec = msgspec.structs.replace(
                    report.spec, id=order.spec.id, type=order.spec.type, quantity=quantity
                )
                self._tell(order, report.status, outcome)

    def _book(self, order: StoredOrder, fill: Fill, outcome: Outcome) -> None:
        """Book a fill of the simulation, or as much of it as one step may fill."""
        number = self.book.fill_count(order) + 1
        execution_id = ExecutionId(f"{brokerage_order_id(order)}.{number}")
        booked = part_of(msgspec.structs.replace(fill, execution_id=execution_id), self._largest)
        symbol = order.spec.symbol
        self.book.add_fill(order, booked)
        outcome.statements.append(add_fill(order.client_order_id, symbol, booked))
        self.account.book(symbol, booked, outcome)
        if order.filled == order.spec.quantity:
            self._close(order, OrderStatus.FILLED, order.message, outcome, booked)
        else:
            order.remainder = True
            self._remainders.append(order)
            self._tell(order, OrderStatus.PARTIALLY_FILLED, outcome, booked)

    def _note_stop(self, order: StoredOrder, report: SimulatedReport, outcome: Outcome) -> None:
        """Keep and tell where a stop stands; the remainder of an order has none any more."""
        if order.remainder or report.stop is None:
            return
        entries = (item for item in self._simulation.working() if item.key == report.key)
        order.working = next((item.order for item in entries), None)
        outcome.statements.append(set_order(order))
        outcome.reports.append(StopMoved(order.client_order_id, self._time_of(order), report.stop))

    def _put_remainders_to_work(self, outcome: Outcome) -> None:
        waiting, self._remainders = self._remainders, []
        for order in waiting:
            spec = msgspec.structs.replace(
                order.spec,
                type=REMAINDER_TYPES[order.spec.type],
                quantity=order.spec.quantity - order.filled,
            )
            self._by_key.pop(self._key_of(order), None)
            key = self._keys[order.client_order_id] = f"{order.client_order_id}#{order.filled}"
            self._by_key[key] = order
            self._take(self._simulation.accept(key, spec, self.account.market_ns), outcome)

    def _close(
        self,
        order: StoredOrder,
        status: OrderStatus,
        message: str,
        outcome: Outcome,
        fill: Fill | None = None,
    ) -> None:
        order.message = message
        self._by_key.pop(self._key_of(order), None)
        self._keys.pop(order.client_order_id, None)
        self._tell(order, status, outcome, fill)
        self.book.close(order)
        outcome.statements.append(note_closing(order))

    def _tell(
        self, order: StoredOrder, status: OrderStatus, outcome: Outcome, fill: Fill | None = None
    ) -> None:
        assert (fill is not None) is (status in FILLS), "a fill and its status go together"
        order.status = status
        if status in (OrderStatus.SUBMITTED, OrderStatus.UPDATE_SUBMITTED) and not order.remainder:
            entries = (item for item in self._simulation.working() if item.key == order.client_order_id)
            order.working = next((item.order for item in entries), None)
        outcome.statements.append(set_order(order))
        outcome.reports.append(
            ExecutionReport(
                client_order_id=order.client_order_id,
                status=status,
                time_ns=self._time_of(order),
                brokerage_order_id=brokerage_order_id(order),
                fill=fill,
                message=order.message,
            )
        )


def snapshot_of(venue: Venue, account_id: str, session_id: str, now_ns: int) -> AccountSnapshot:
    """Return the account and its orders under these ids; `now_ns` where no market was ever shown."""
    return AccountSnapshot(
        account_id=account_id,
        session_id=session_id,
        time_ns=venue.account.market_ns or now_ns,
        cash=venue.account.cash(),
        positions=venue.account.positions(),
        open_orders=venue.book.open_orders(),
        closed_orders=venue.book.closed_orders(),
        fills=venue.book.fills(),
    )


def part_of(fill: Fill, largest: Decimal) -> Fill:
    """Return as much of a fill as one step may fill, with its part of the fee; `largest` 0: all of it."""
    if not largest or abs(fill.quantity) <= largest:
        return fill
    part = largest.copy_sign(fill.quantity)
    fee = (fill.fee * part / fill.quantity).quantize(FEE_STEP)
    return msgspec.structs.replace(fill, quantity=part, fee=fee)
