"""A brokerage made of arithmetic: takes orders, watches prices, fills by the rules of `orders.fills`.

One class for backtest and paper. What differs is whose securities and whose portfolio it looks at: in a
backtest the engine's own, behind `simulation.sink.SimulatedOrderSink`; on paper those of the account that the
plugin keeps, which stands on its own feet when the engine process is gone. Whoever owns them brings them up
to date: prices before orders are tried, and each fill before the next order is tried.

No clock and no chance: every method takes the time, execution ids count up.
Source of the order of work: LEAN's Brokerages/Backtesting/BacktestingBrokerage.cs (Scan).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.fees import NO_FEE, DefaultFees, FeeModel, OrderFee
from livetrader_engine.orders.fills import WorkingOrder
from livetrader_engine.orders.order import (
    GOOD_TIL_CANCELED,
    BrokerageOrderId,
    ExecutionId,
    Fill,
    OrderChange,
    OrderSpec,
    OrderType,
    StopState,
)
from livetrader_engine.orders.part import Part
from livetrader_engine.orders.slippage import NoSlippage, SlippageModel
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.portfolio.estimate import free_margin_estimate, surely_affordable
from livetrader_engine.portfolio.margin import order_problem, told_problem
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.simulation.matching import EXPIRED_MESSAGE, expiry_ns, tries_now
from livetrader_engine.simulation.watch import Watch, watch_of

# Members by name of their own: looking one up in its enumeration costs several times as much.
_MARKET: Final = OrderType.MARKET
_MARKET_ON_OPEN: Final = OrderType.MARKET_ON_OPEN
_SUBMITTED: Final = OrderStatus.SUBMITTED
_FILLED: Final = OrderStatus.FILLED
REMEMBERED_KEYS: Final = 100_000  # closed orders whose key is still refused; the oldest is forgotten first


class SimulatedReport(msgspec.Struct, frozen=True, gc=False):
    """News of one order under the key it was submitted with. `spec` is the order as it stands."""

    key: str
    spec: OrderSpec
    status: OrderStatus
    time_ns: int
    brokerage_order_id: BrokerageOrderId
    fill: Fill | None = None
    message: str = ""
    stop: StopState | None = None
    quiet: bool = False  # the order works on; only its stop has moved or was touched

    def to_event(self) -> OrderEventArrived:
        """Return what the engine reads, by order id."""
        return OrderEventArrived(
            self.spec.id,
            self.status,
            self.time_ns,
            self.fill,
            self.brokerage_order_id,
            self.message,
            self.stop,
            self.quiet,
        )


class SimulationModels(msgspec.Struct, frozen=True):
    """What a fill costs and how far it is from the price seen, where a security has no models of its own."""

    fees: FeeModel = DefaultFees()
    slippage: SlippageModel = NoSlippage()


class WorkingEntry(msgspec.Struct, frozen=True, gc=False):
    """One working order: its key, its state before the market, its number at this brokerage."""

    key: str
    order: WorkingOrder
    brokerage_order_id: BrokerageOrderId
    status: OrderStatus = OrderStatus.SUBMITTED


class SimulatedBrokerage:
    """Holds working orders and fills them, each in one piece. Not thread-safe; deterministic.

    Fees, slippage and fills are those of the portfolio's models; `models` replaces the account's defaults.
    Orders in symbols that `securities` does not hold are INVALID.
    """

    def __init__(
        self,
        securities: SecurityManager,
        portfolio: Portfolio,
        *,
        models: SimulationModels | None = None,
    ) -> None:
        self.securities = securities
        self.portfolio = portfolio
        if models is not None:
            portfolio.models.default.fees = models.fees
            portfolio.models.default.slippage = models.slippage
        self._number = 0  # of the newest id
        self._working: dict[str, WorkingEntry] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._expiries: dict[str, int] = {}  # of those that expire
        self._watches: dict[str, Watch] = {}
        self._free: float | None = None  # margin left, while a scan lasts and nothing fills

    # -- what a brokerage is asked --------------------------------------------------------------------

    def accept(self, key: str, spec: OrderSpec, now_ns: int) -> list[SimulatedReport]:
        """Take an order without trying it; a key that was seen before gives no news."""
        if key in self._working or key in self._closed:
            return []
        self._number += 1
        entry = WorkingEntry(key, WorkingOrder.of(spec, now_ns), BrokerageOrderId(f"SO{self._number}"))
        security = self.securities.get(spec.symbol)
        if security is None:
            self._remember(key)
            message = f"{spec.symbol.value} is not known to the simulated brokerage"
            return [_report(entry, OrderStatus.INVALID, now_ns, message=message)]
        self._work(entry, security)
        return [_report(entry, _SUBMITTED, now_ns)]

    def update(self, key: str, change: OrderChange, now_ns: int) -> list[SimulatedReport]:
        """Change a working order; unknown and closed keys give no news. It keeps its place in time."""
        entry = self._working.get(key)
        if entry is None:
            return []
        spec = change.applied(entry.order.spec)
        order = msgspec.structs.replace(entry.order, spec=spec)
        if change.stop_price is not None and spec.stop_price is not None:
            order = msgspec.structs.replace(order, stop_price=change.stop_price)
        changed = msgspec.structs.replace(entry, order=order, status=OrderStatus.UPDATE_SUBMITTED)
        self._work(changed, self.securities[spec.symbol])
        return [_report(changed, OrderStatus.UPDATE_SUBMITTED, now_ns)]

    def cancel(self, key: str, now_ns: int) -> list[SimulatedReport]:
        """Cancel a working order; unknown and closed keys give no news."""
        entry = self._working.get(key)
        if entry is None:
            return []
        return [self._end(entry, OrderStatus.CANCELED, now_ns)]

    def scan(self, now_ns: int) -> Iterator[SimulatedReport]:
        """Try every working order, oldest first, lazily: each sees what was done after the last news."""
        self._free = None
        portfolio, watches = self.portfolio, self._watches
        for key in tuple(self._working):
            watch = watches.get(key) if watches else None
            if watch is not None and watch.idle(portfolio, now_ns, self._free_margin):
                continue
            entry = self._working.get(key)  # it may have been canceled meanwhile
            if entry is not None:
                report = self._try(entry, now_ns)
                if report is not None:
                    yield report
                    self._free = None  # whoever heard of it may have traded

    def attempt(self, key: str, now_ns: int) -> list[SimulatedReport]:
        """Try one working order; unknown and closed keys give no news."""
        self._free = None
        entry = self._working.get(key)
        report = None if entry is None else self._try(entry, now_ns)
        return [] if report is None else [report]

    # -- the account ----------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether no order is working."""
        return not self._working

    def working(self) -> list[WorkingEntry]:
        """Return the working orders, oldest first."""
        return list(self._working.values())

    def restore(self, entry: WorkingEntry) -> None:
        """Put an order of an earlier life back to work, silently. Its symbol is known."""
        self._work(entry, self.securities[entry.order.spec.symbol])

    # -- inside ---------------------------------------------------------------------------------------

    def _try(self, entry: WorkingEntry, now_ns: int) -> SimulatedReport | None:
        order = entry.order
        spec = order.spec
        market = spec.type is _MARKET
        if not market and not tries_now(order, now_ns):
            return None
        security = self.securities.get(spec.symbol) or self.securities[spec.symbol]
        if spec.type is _MARKET_ON_OPEN and security.last_time_ns <= order.time_ns:
            return None  # no data since: LEAN does not look any further either
        if self._expiries and self._expired(entry, now_ns):
            return self._end(entry, OrderStatus.CANCELED, now_ns, message=EXPIRED_MESSAGE)
        # a market order will most likely fill, and its check is exact
        if market or not surely_affordable(self.portfolio, security, spec, self._free_margin()):
            problem = order_problem(self.portfolio, security, spec, order.done)
            if problem is not None:
                text = told_problem(self.portfolio, security, spec, problem)
                return self._end(entry, OrderStatus.INVALID, now_ns, message=text)
        models = self.portfolio.models.of(spec.symbol)
        seen = models.fills.match(order, security, now_ns, models.slippage)
        if seen.part is not None:
            return self._fill_part(entry, seen, seen.part, now_ns)
        if seen.price is not None:
            return self._fill(entry, seen, seen.price, models.fees.fee(security, seen.spec), now_ns)
        if seen is order:
            return None
        moved = msgspec.structs.replace(entry, order=seen)
        self._work(moved, security)
        return _report(moved, entry.status, now_ns, quiet=True)

    def _fill(
        self, entry: WorkingEntry, seen: WorkingOrder, price: Decimal, fee: OrderFee, now_ns: int
    ) -> SimulatedReport:
        self._number += 1
        execution_id = ExecutionId(f"SE{self._number}")
        fill = Fill(execution_id, seen.spec.quantity, price, now_ns, fee.amount, fee.currency)
        entry = WorkingEntry(entry.key, seen, entry.brokerage_order_id, entry.status)
        return self._end(entry, _FILLED, now_ns, fill=fill, message=seen.message)

    def _fill_part(
        self, entry: WorkingEntry, seen: WorkingOrder, part: Part, now_ns: int
    ) -> SimulatedReport | None:
        """Do what a fill model of the algorithm's own says: fees come with the order's last fill."""
        spec, closes, fill = seen.spec, part.status in CLOSED, None
        fee = part.fee
        if fee is None and part.status is _FILLED:
            security = self.securities[spec.symbol]
            fee = self.portfolio.models.of(spec.symbol).fees.fee(security, spec)
        if part.quantity and seen.price is not None:
            charged = NO_FEE if fee is None else fee
            self._number += 1
            execution = ExecutionId(f"SE{self._number}")
            fill = Fill(execution, part.quantity, seen.price, now_ns, charged.amount, charged.currency)
        done = seen.done + part.quantity
        order = msgspec.structs.replace(seen, part=None, price=None, message="", done=done)
        if fill is None and part.status is entry.status and not closes:
            if order is not entry.order:
                self._work(msgspec.structs.replace(entry, order=order), self.securities[spec.symbol])
            return None
        left = msgspec.structs.replace(entry, order=order, status=part.status)
        if closes:
            return self._end(left, part.status, now_ns, fill=fill, message=seen.message)
        self._work(left, self.securities[spec.symbol])
        return _report(left, part.status, now_ns, fill=fill, message=seen.message)

    def _expired(self, entry: WorkingEntry, now_ns: int) -> bool:
        end_ns = self._expiries.get(entry.key)
        return end_ns is not None and now_ns >= end_ns

    def _free_margin(self) -> float:
        if self._free is None:
            self._free = free_margin_estimate(self.portfolio)
        return self._free

    def _work(self, entry: WorkingEntry, security: Security) -> None:
        """Keep a working order as it stands now, with what can be left to its watch."""
        key, order = entry.key, entry.order
        self._working[key] = entry
        spec = order.spec
        expiry = None if spec.time_in_force is GOOD_TIL_CANCELED else expiry_ns(spec, security)
        if expiry is not None:
            self._expiries[key] = expiry
        elif self._expiries:
            self._expiries.pop(key, None)
        if spec.type is _MARKET:
            return  # it is never left to rest
        watch = watch_of(order, security, self.portfolio, expiry)
        if watch is None:
            self._watches.pop(key, None)
        else:
            self._watches[key] = watch

    def _end(
        self,
        entry: WorkingEntry,
        status: OrderStatus,
        now_ns: int,
        *,
        fill: Fill | None = None,
        message: str = "",
    ) -> SimulatedReport:
        key = entry.key
        del self._working[key]
        if self._expiries:
            self._expiries.pop(key, None)
        if self._watches:
            self._watches.pop(key, None)
        self._remember(key)
        return _report(entry, status, now_ns, fill=fill, message=message)

    def _remember(self, key: str) -> None:
        self._closed[key] = None
        if len(self._closed) > REMEMBERED_KEYS:
            self._closed.popitem(last=False)


def _report(
    entry: WorkingEntry,
    status: OrderStatus,
    now_ns: int,
    *,
    fill: Fill | None = None,
    message: str = "",
    quiet: bool = False,
) -> SimulatedReport:
    order = entry.order
    stop = StopState(order.stop_price, order.armed) if order.spec.type in _WATCHED else None
    return SimulatedReport(
        entry.key, order.spec, status, now_ns, entry.brokerage_order_id, fill, message, stop, quiet
    )


_WATCHED: Final = frozenset({OrderType.TRAILING_STOP, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED})
