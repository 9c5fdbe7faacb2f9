"""The life of orders inside the engine: check, number, hand over, take news in, tell the algorithm.

Nothing here knows who executes. `OrderSink` takes commands one way; what became of them arrives as
`OrderEventArrived`, through `take` (one event of the feed) or through the sink's `drain`.

Source of the checks and their order: LEAN's QCAlgorithm.Trading.cs (PreOrderChecks) and
BrokerageTransactionHandler.cs (HandleSubmitOrderRequest).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.events import OpenOrderRecord, OrderEventArrived
from livetrader_engine.money import ZERO, toward_zero
from livetrader_engine.orders.checks import (
    MARKET_ON_CLOSE_BUFFER_NS,
    check_request,
    make_spec,
    rounded_price,
)
from livetrader_engine.orders.fees import DefaultFees, FeeModel
from livetrader_engine.orders.order import (
    ExecutionId,
    Fill,
    OrderChange,
    OrderId,
    OrderSpec,
    OrderType,
)
from livetrader_engine.orders.quotes import STALE_AFTER_NS
from livetrader_engine.orders.request import OrderRequest, Response, ResponseCode
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import OrderRecord, Outcome, SubmissionData
from livetrader_engine.portfolio.margin import buying_power_problem
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import Clock, OrderSink
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.symbols import Symbol

NO_ORDER: Final = OrderId(-1)  # number of requests that were refused before they became orders
KEPT_CLOSED_ORDERS: Final = (
    10_000  # closed records kept where max_orders is None; the oldest is dropped first
)
MAX_WAIT_ROUNDS: Final = 64  # pieces of news a synchronous market order waits through before it returns

_WORKING_CHANGE: Final = frozenset(
    {OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.UPDATE_SUBMITTED}
)

OrderListener = Callable[[OrderEventArrived, OrderRecord], None]


class TradingPolicy(msgspec.Struct, frozen=True):
    """Decisions about trading that the composition root makes.

    `convert_daily_market_orders`: a market order in a symbol with daily data only, made while the exchange is
    open, becomes market-on-close (LEAN does so in backtests). `order_wait_s`: how long a synchronous market
    order waits for its fill (real seconds; a simulated brokerage never waits). `max_orders`: orders of one
    run, None for no limit. `free_portfolio_value`: part of the equity that targets leave alone.
    `minimum_order_margin`: targets that move less than this part of the equity are not traded.
    """

    convert_daily_market_orders: bool = False
    order_wait_s: float = 5.0
    wait_on_stale_prices: bool = True
    max_orders: int | None = None
    market_on_close_buffer_ns: int = MARKET_ON_CLOSE_BUFFER_NS
    free_portfolio_value: Decimal = Decimal("0.0025")
    minimum_order_margin: Decimal = Decimal("0.001")
    fees: FeeModel = DefaultFees()


class Transactions:
    """Owns every OrderRecord. Called from the engine's thread only.

    `warming_up` is set by the engine. `listen` names who hears of news; `report` gets one line for each thing
    that an operator should know and that concerns no order of ours.
    """

    def __init__(
        self,
        clock: Clock,
        securities: SecurityManager,
        portfolio: Portfolio,
        sink: OrderSink,
        policy: TradingPolicy,
        report: Callable[[str], None],
    ) -> None:
        self.policy = policy
        self.warming_up = False
        self.submitted = 0  # orders that got a number: LEAN's "Total Orders"
        self._clock = clock
        self._securities = securities
        self._portfolio = portfolio
        self._sink = sink
        self._report = report
        self._listener: OrderListener | None = None
        self._next_id = 1
        self._records: dict[OrderId, OrderRecord] = {}
        self._open: dict[Symbol, dict[OrderId, OrderRecord]] = {}
        self._closed: deque[OrderId] = deque()

    def listen(self, listener: OrderListener) -> None:
        """Call `listener` with every piece of news that changed a record."""
        self._listener = listener

    # -- reading -------------------------------------------------------------------------------------

    def get(self, order_id: OrderId) -> OrderRecord | None:
        """Return the record of an order, None where it is not known (any more)."""
        return self._records.get(order_id)

    def records(self) -> Iterable[OrderRecord]:
        """Return every record that is kept, oldest first."""
        return self._records.values()

    def open_orders(self, symbol: Symbol | None = None) -> list[OrderRecord]:
        """Return the open orders of a symbol, or of all, oldest first."""
        if symbol is not None:
            return list(self._open.get(symbol, {}).values())
        found = [record for by_id in self._open.values() for record in by_id.values()]
        return sorted(found, key=_id_of)

    def open_quantity(self, symbol: Symbol, types: frozenset[OrderType] | None = None) -> Decimal:
        """Return the signed quantity still to be filled by open orders of these types (None: all)."""
        orders = self._open.get(symbol)
        if not orders:
            return ZERO
        wanted = (item for item in orders.values() if types is None or item.spec.type in types)
        return sum((item.remaining for item in wanted), ZERO)

    # -- asking --------------------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> OrderRecord:
        """Check a request and hand it over; return its record, INVALID where it was refused.

        A refusal by the pre-order checks makes no order: its record has the number NO_ORDER, no news are
        given and it does not count. Raises AlgorithmError for a symbol without a closing time on
        market-on-open and market-on-close orders.
        """
        security = self._securities.get(request.symbol)
        response = self._pre_check(request, security)
        if security is None or not response.accepted:
            return _refused(request, response, self._clock.now_ns)
        spec = make_spec(OrderId(self._next_id), request, security, self._clock.now_ns)
        self._next_id += 1
        self.submitted += 1
        record = self._register(spec, security)
        refusal = self._handler_check(record, security)
        if refusal is not None:
            record.response = refusal
            self.take(self._event(record, OrderStatus.INVALID, refusal.message))
            return record
        self._sink.submit(SubmitOrder(record.spec))
        self.collect()
        if request.type is OrderType.MARKET and request.synchronous:
            self._wait(record, security)
        return record

    def update(self, order_id: OrderId, change: OrderChange) -> Response:
        """Ask for a change of a working order."""
        record = self._records.get(order_id)
        if record is None:
            return Response(ResponseCode.UNABLE_TO_FIND_ORDER, f"there is no order {order_id}")
        if self.warming_up:
            return Response(ResponseCode.ALGORITHM_WARMING_UP, "Algorithm warming up.")
        if record.status not in _WORKING_CHANGE:
            return Response(
                ResponseCode.INVALID_ORDER_STATUS,
                f"order {order_id} cannot be changed, it is {record.status.name}",
                order_id,
            )
        security = self._securities[record.symbol]
        change = _rounded_change(change, security)
        if change.quantity == 0:
            return Response(
                ResponseCode.ORDER_QUANTITY_ZERO, "an order cannot be changed to nothing", order_id
            )
        record.change(change, self._clock.now_ns)
        self._sink.update(UpdateOrder(order_id, change))
        self.collect()
        return Response(order_id=order_id)

    def cancel(self, order_id: OrderId, tag: str = "") -> Response:
        """Ask for a cancel. The order may still fill until the brokerage confirms."""
        record = self._records.get(order_id)
        if record is None:
            return Response(ResponseCode.UNABLE_TO_FIND_ORDER, f"there is no order {order_id}")
        if record.closed or record.status is OrderStatus.CANCEL_PENDING:
            return Response(
                ResponseCode.INVALID_ORDER_STATUS, f"order {order_id} is {record.status.name}", order_id
            )
        if tag:
            record.retag(tag)
        record.request_cancel()
        self._sink.cancel(CancelOrder(order_id))
        self.collect()
        return Response(order_id=order_id)

    def cancel_open(self, symbol: Symbol | None = None, tag: str = "") -> list[OrderRecord]:
        """Ask for a cancel of every open order of a symbol, or of all; return their records."""
        orders = self.open_orders(symbol)
        for record in orders:
            self.cancel(record.id, tag)
        return orders

    def close_out(self, symbol: Symbol, quantity: Decimal, price: Decimal, tag: str) -> OrderRecord:
        """Book a market order of this quantity as filled at this price, without a fee or a check.

        For positions that end without being traded: a delisting. Source: LEAN's
        BrokerageTransactionHandler.HandleDelistingNotification.
        """
        security = self._securities[symbol]
        request = OrderRequest(symbol, OrderType.MARKET, quantity, tag=tag)
        spec = make_spec(OrderId(self._next_id), request, security, self._clock.now_ns)
        self._next_id += 1
        self.submitted += 1
        record = self._register(spec, security)
        execution = ExecutionId(f"{spec.id}-closed-out")
        fill = Fill(execution, quantity, price, self._clock.now_ns)
        self.take(OrderEventArrived(spec.id, OrderStatus.FILLED, self._clock.now_ns, fill, message=tag))
        return record

    # -- news ----------------------------------------------------------------------------------------

    def work(self, now_ns: int) -> None:
        """Say that the prices of this instant are in place and take in what that causes.

        Without an open order there is nothing to try; late news of closed ones come through the feed.
        """
        if self._open:
            self._sink.advance(now_ns)
            self.collect()

    def collect(self, wait_s: float = 0.0) -> bool:
        """Take in all news that have arrived; return whether there were any."""
        heard = False
        while events := self._sink.drain(wait_s):
            heard = True
            wait_s = 0.0
            for event in events:
                self.take(event)
        return heard

    def take(self, event: OrderEventArrived) -> None:
        """Apply one piece of news: record, portfolio, then the algorithm's `on_order_event`."""
        record = self._records.get(event.order_id)
        if record is None:
            self._report(
                f"news of order {event.order_id} ({event.status.name}) are ignored: no such order here"
            )
            return
        outcome = record.apply(event)
        if outcome in (Outcome.REPEATED, Outcome.STALE):
            return
        if event.fill is not None:
            self._portfolio.apply_fill(record.symbol, event.fill)
        if outcome is Outcome.LATE:
            self._report(f"order {record.id} was filled after it had been closed; the fill counts")
        if record.closed:
            self._close(record)
        if self._listener is not None:
            self._listener(event, record)

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
                record = self._records[item.spec.id] = OrderRecord(item.spec)
            record.restore(item.spec, item.status, item.filled_quantity, item.brokerage_order_id)
            self._open.setdefault(record.symbol, {})[record.id] = record
        for record in self.open_orders():
            if record.id not in listed and record.id < next_order_id:
                self.take(self._event(record, OrderStatus.CANCELED, "the brokerage does not know this order"))
        self._next_id = max(self._next_id, next_order_id)

    # -- inside --------------------------------------------------------------------------------------

    def _pre_check(self, request: OrderRequest, security: Security | None) -> Response:
        if self.warming_up:
            return Response(ResponseCode.ALGORITHM_WARMING_UP, "Algorithm warming up.")
        if security is None:
            return Response(
                ResponseCode.MISSING_SECURITY,
                f"{request.symbol.value} is not among the securities; add it first",
            )
        limit = self.policy.max_orders
        if limit is not None and self.submitted >= limit:
            return Response(ResponseCode.EXCEEDED_MAXIMUM_ORDERS, f"the limit of {limit} orders is reached")
        return check_request(
            request, security, self._clock.now_ns, self.policy.market_on_close_buffer_ns,
            self._portfolio.cash.rate(security.properties.quote_currency),
        )  # fmt: skip

    def _register(self, spec: OrderSpec, security: Security) -> OrderRecord:
        submission = SubmissionData(security.exact_bid(), security.exact_ask(), security.exact_price())
        record = OrderRecord(spec, submission, Response(order_id=spec.id))
        self._records[spec.id] = record
        self._open.setdefault(spec.symbol, {})[spec.id] = record
        return record

    def _handler_check(self, record: OrderRecord, security: Security) -> Response | None:
        fee = self.policy.fees.fee(security, record.spec)
        problem = buying_power_problem(self._portfolio, security, record.spec, record.remaining, fee)
        if problem is None:
            return None
        return Response(ResponseCode.INSUFFICIENT_BUYING_POWER, problem, record.id)

    def _wait(self, record: OrderRecord, security: Security) -> None:
        stale = security.last_time_ns < self._clock.now_ns - STALE_AFTER_NS
        if stale and not self.policy.wait_on_stale_prices:
            return
        for _ in range(MAX_WAIT_ROUNDS):
            if record.closed or not self.collect(self.policy.order_wait_s):
                return

    def _event(self, record: OrderRecord, status: OrderStatus, message: str) -> OrderEventArrived:
        return OrderEventArrived(record.id, status, self._clock.now_ns, message=message)

    def _close(self, record: OrderRecord) -> None:
        working = self._open.get(record.symbol)
        if working is None or working.pop(record.id, None) is None:
            return  # closed before: a late fill
        if not working:
            del self._open[record.symbol]
        if self.policy.max_orders is not None:
            return  # the run is bounded, all records are kept for its statistics
        self._closed.append(record.id)
        if len(self._closed) > KEPT_CLOSED_ORDERS:
            del self._records[self._closed.popleft()]


def _refused(request: OrderRequest, response: Response, now_ns: int) -> OrderRecord:
    spec = OrderSpec(NO_ORDER, request.symbol, request.type, request.quantity, now_ns, ZERO, tag=request.tag)
    record = OrderRecord(spec, response=response)
    record.apply(OrderEventArrived(NO_ORDER, OrderStatus.INVALID, now_ns, message=response.message))
    return record


def _id_of(record: OrderRecord) -> int:
    return record.id


def _rounded_change(change: OrderChange, security: Security) -> OrderChange:
    quantity = change.quantity
    return msgspec.structs.replace(
        change,
        quantity=None if quantity is None else toward_zero(quantity, security.properties.lot_size),
        limit_price=rounded_price(change.limit_price, security),
        stop_price=rounded_price(change.stop_price, security),
        trigger_price=rounded_price(change.trigger_price, security),
    )
