"""A brokerage made of arithmetic: takes orders, watches prices, fills by the rules of `orders.fills`.

One class for backtest and paper. What differs is whose securities and whose portfolio it looks at:

* backtest: the engine's own, behind `simulation.sink.SimulatedOrderSink`; the engine books the fills;
* paper: its own, fed by `observe`; it books the fills itself (`books=True`), so that its account stands
  on its own feet when the engine process is gone.

No clock and no chance: every method takes the time, execution ids count up.
Source of the order of work: LEAN's Brokerages/Backtesting/BacktestingBrokerage.cs (Scan).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.errors import DataError
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.fees import DefaultFees, FeeModel
from livetrader_engine.orders.fills import WorkingOrder, match
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ClientOrderId,
    ExecutionId,
    Fill,
    OrderChange,
    OrderSpec,
)
from livetrader_engine.orders.slippage import NoSlippage, SlippageModel
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.portfolio.margin import buying_power_problem
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import ReferenceData
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.simulation.matching import EXPIRED_MESSAGE, expired, tries_now
from livetrader_engine.spi import ExecutionReport
from livetrader_engine.symbols import Symbol

REMEMBERED_KEYS: Final = 100_000  # closed orders whose key is still refused; the oldest is forgotten first


class SimulatedReport(msgspec.Struct, frozen=True):
    """News of one order under the key it was submitted with. `spec` is the order as it stands."""

    key: str
    spec: OrderSpec
    status: OrderStatus
    time_ns: int
    brokerage_order_id: BrokerageOrderId
    fill: Fill | None = None
    message: str = ""

    def to_event(self) -> OrderEventArrived:
        """Return what the engine reads, by order id."""
        return OrderEventArrived(
            self.spec.id, self.status, self.time_ns, self.fill, self.brokerage_order_id, self.message
        )

    def to_report(self) -> ExecutionReport:
        """Return what a brokerage plugin yields; the key is the client order id."""
        return ExecutionReport(
            ClientOrderId(self.key),
            self.status,
            self.time_ns,
            self.brokerage_order_id,
            self.fill,
            self.message,
        )


class SimulationModels(msgspec.Struct, frozen=True):
    """What a fill costs and how far it is from the price seen."""

    fees: FeeModel = DefaultFees()
    slippage: SlippageModel = NoSlippage()


class Numbers:
    """Makes ids. An account that outlives a process stores `next` and hands it in again."""

    __slots__ = ("next", "prefix")

    def __init__(self, prefix: str = "S", first: int = 1) -> None:
        self.prefix = prefix
        self.next = first

    def take(self, kind: str) -> str:
        """Return an id that was never returned before: prefix, kind, number."""
        number = self.next
        self.next += 1
        return f"{self.prefix}{kind}{number}"


class WorkingEntry(msgspec.Struct, frozen=True):
    """One working order: its key, its state before the market, its number at this brokerage."""

    key: str
    order: WorkingOrder
    brokerage_order_id: BrokerageOrderId
    status: OrderStatus = OrderStatus.SUBMITTED


class SimulatedBrokerage:
    """Holds working orders and fills them, each in one piece. Not thread-safe; deterministic.

    `books`: apply fills to `portfolio` here. `reference` makes securities of symbols that `securities` does
    not hold; without it such orders are INVALID. `numbers` makes order and execution ids.
    """

    def __init__(
        self,
        securities: SecurityManager,
        portfolio: Portfolio,
        *,
        books: bool,
        models: SimulationModels | None = None,
        reference: ReferenceData | None = None,
        numbers: Numbers | None = None,
    ) -> None:
        self.securities = securities
        self.portfolio = portfolio
        self.models = models or SimulationModels()
        self.numbers = numbers or Numbers()
        self._books = books
        self._reference = reference
        self._working: dict[str, WorkingEntry] = {}
        self._closed: dict[str, None] = {}

    # -- what a brokerage is asked --------------------------------------------------------------------

    def observe(self, points: Iterable[MarketPoint], now_ns: int) -> list[SimulatedReport]:
        """Take in prices of this instant, try every working order, return the news in order."""
        for point in points:
            security = self.securities.get(point.symbol) or self.ensure(point.symbol)
            security.update(point)
        self.portfolio.settle(now_ns)
        return list(self.scan(now_ns))

    def submit(self, key: str, spec: OrderSpec, now_ns: int) -> list[SimulatedReport]:
        """Take an order and try every working order at once; a key that was seen before gives no news."""
        return self.accept(key, spec, now_ns) + list(self.scan(now_ns))

    def accept(self, key: str, spec: OrderSpec, now_ns: int) -> list[SimulatedReport]:
        """Take an order without trying it; a key that was seen before gives no news."""
        if key in self._working or key in self._closed:
            return []
        entry = WorkingEntry(key, WorkingOrder.of(spec, now_ns), BrokerageOrderId(self.numbers.take("O")))
        try:
            self.ensure(spec.symbol)
        except DataError as error:
            self._remember(key)
            return [_report(entry, OrderStatus.INVALID, now_ns, message=str(error))]
        self._working[key] = entry
        return [_report(entry, OrderStatus.SUBMITTED, now_ns)]

    def update(self, key: str, change: OrderChange, now_ns: int) -> list[SimulatedReport]:
        """Change a working order; unknown and closed keys give no news. It keeps its place in time."""
        entry = self._working.get(key)
        if entry is None:
            return []
        wanted = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
        order = msgspec.structs.replace(entry.order, spec=msgspec.structs.replace(entry.order.spec, **wanted))
        if change.stop_price is not None:
            order = msgspec.structs.replace(order, stop_price=change.stop_price)
        changed = self._working[key] = msgspec.structs.replace(
            entry, order=order, status=OrderStatus.UPDATE_SUBMITTED
        )
        return [_report(changed, OrderStatus.UPDATE_SUBMITTED, now_ns)]

    def cancel(self, key: str, now_ns: int) -> list[SimulatedReport]:
        """Cancel a working order; unknown and closed keys give no news."""
        entry = self._working.get(key)
        if entry is None:
            return []
        return [self._end(entry, OrderStatus.CANCELED, now_ns)]

    def scan(self, now_ns: int) -> Iterator[SimulatedReport]:
        """Try every working order, oldest first, lazily: each sees what was done after the last news."""
        for key in tuple(self._working):
            entry = self._working.get(key)  # it may have been canceled meanwhile
            if entry is not None:
                report = self._try(entry, now_ns)
                if report is not None:
                    yield report

    # -- the account ----------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether no order is working."""
        return not self._working

    def working(self) -> list[WorkingEntry]:
        """Return the working orders, oldest first."""
        return list(self._working.values())

    def restore(self, entry: WorkingEntry) -> None:
        """Put an order of an earlier life back to work, silently."""
        self.ensure(entry.order.spec.symbol)
        self._working[entry.key] = entry

    def remember_closed(self, key: str) -> None:
        """Refuse this key from now on: an order of an earlier life that has ended."""
        self._remember(key)

    def ensure(self, symbol: Symbol) -> Security:
        """Return the security of a symbol, making one from the reference data.

        Raises DataError where there is none and no reference data that knows it.
        """
        held = self.securities.get(symbol)
        if held is not None:
            return held
        if self._reference is None:
            raise DataError(f"{symbol.value} is not known to the simulated brokerage")
        made = Security(symbol, self._reference.properties(symbol), self._reference.hours(symbol))
        return self.securities.add(made)

    # -- inside ---------------------------------------------------------------------------------------

    def _try(self, entry: WorkingEntry, now_ns: int) -> SimulatedReport | None:
        order = entry.order
        if not tries_now(order, now_ns):
            return None
        security = self.securities[order.spec.symbol]
        if expired(order.spec, security, now_ns):
            return self._end(entry, OrderStatus.CANCELED, now_ns, message=EXPIRED_MESSAGE)
        fee = self.models.fees.fee(security, order.spec)
        problem = buying_power_problem(self.portfolio, security, order.spec, order.spec.quantity, fee)
        if problem is not None:
            return self._end(entry, OrderStatus.INVALID, now_ns, message=problem)
        seen = match(order, security, now_ns, self.models.slippage)
        if seen.price is None:
            if seen is not order:
                self._working[entry.key] = msgspec.structs.replace(entry, order=seen)
            return None
        execution_id = ExecutionId(self.numbers.take("E"))
        fill = Fill(execution_id, order.spec.quantity, seen.price, now_ns, fee.amount, fee.currency)
        if self._books:
            self.portfolio.apply_fill(order.spec.symbol, fill)
        return self._end(entry, OrderStatus.FILLED, now_ns, fill=fill)

    def _end(
        self,
        entry: WorkingEntry,
        status: OrderStatus,
        now_ns: int,
        *,
        fill: Fill | None = None,
        message: str = "",
    ) -> SimulatedReport:
        del self._working[entry.key]
        self._remember(entry.key)
        return _report(entry, status, now_ns, fill=fill, message=message)

    def _remember(self, key: str) -> None:
        self._closed[key] = None
        if len(self._closed) > REMEMBERED_KEYS:
            del self._closed[next(iter(self._closed))]


def _report(
    entry: WorkingEntry, status: OrderStatus, now_ns: int, *, fill: Fill | None = None, message: str = ""
) -> SimulatedReport:
    return SimulatedReport(
        entry.key, entry.order.spec, status, now_ns, entry.brokerage_order_id, fill, message
    )
