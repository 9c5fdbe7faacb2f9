"""The life of orders inside the engine: check, number, hand over, take news in, tell the algorithm.

Nothing here knows who executes. `OrderSink` takes commands one way; what became of them arrives as
`OrderEventArrived`, through `take` (one event of the feed) or through the sink's `drain`.

What is asked stands in a queue that `order_requests` handles.

Source of the checks and their order: LEAN's QCAlgorithm.Trading.cs (PreOrderChecks).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import msgspec

from livetrader_engine.decisions import Decisions
from livetrader_engine.demand import Demand
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.money import ZERO
from livetrader_engine.order_intake import MAX_WAIT_ROUNDS
from livetrader_engine.order_requests import OrderRequests, status_problem, update_problem
from livetrader_engine.orders import messages
from livetrader_engine.orders.checks import (
    check_request,
    make_spec,
    rounded_change,
)
from livetrader_engine.orders.order import (
    ExecutionId,
    Fill,
    OrderChange,
    OrderId,
    OrderSpec,
    OrderType,
)
from livetrader_engine.orders.quotes import STALE_AFTER_NS
from livetrader_engine.orders.request import (
    ACCEPTED,
    NO_ORDER,
    Asked,
    OrderRequest,
    RequestStatus,
    Response,
    ResponseCode,
)
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.orders.ticket import OrderRecord, SubmissionData
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import Clock, OrderSink
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.symbols import Symbol
from livetrader_engine.trading_policy import TradingPolicy

__all__ = ["TradingPolicy", "Transactions"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_MARKET: Final = OrderType.MARKET
_PROCESSING: Final = RequestStatus.PROCESSING
_PROCESSED: Final = RequestStatus.PROCESSED


def in_turn(
    method: Callable[Concatenate[Transactions, _P], _T], /
) -> Callable[Concatenate[Transactions, _P], _T]:
    """Have a method called in the engine's thread, whoever calls it."""

    @wraps(method)
    def called(self: Transactions, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        if self.turn is None:
            return method(self, *arguments, **named)
        answer: _T = self.turn(lambda: method(self, *arguments, **named))
        return answer

    return called


class Transactions(OrderRequests):
    """Owns every OrderRecord. `warming_up` is set by the engine.

    Called from the engine's thread only, but for what `in_turn` marks: any thread may ask for that where
    `turn` is set. `turn(call)` lets the engine's thread make the call, and waits.
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
        super().__init__(clock, securities, portfolio, sink, policy, report)
        self.max_orders = policy.max_orders  # None for no limit; an algorithm may set it
        self.warming_up = False
        self.turn: Callable[[Callable[[], Any]], Any] | None = None
        self.demand: Demand | None = None  # of the algorithm, before it takes risk
        self.decisions: Decisions | None = None  # names them, where an engine may be started again
        portfolio.models.default.fees = policy.fees

    # -- asking --------------------------------------------------------------------------------------

    @in_turn
    def submit(self, request: OrderRequest) -> OrderRecord:
        """Check a request and hand it over; return its record, INVALID where it was refused.

        A refusal by the pre-order checks makes no order: its record has the number NO_ORDER, no news are
        given and it does not count. Raises AlgorithmError for a symbol without a closing time on
        market-on-open and market-on-close orders.
        """
        security = self._securities.get(request.symbol)
        response = self._pre_check(request, security)
        if security is None or response is not ACCEPTED:
            self._report(response.message)
            return _refused(request, response, self._clock.now_ns)
        record = self._add(request, security)
        if request.type is _MARKET and request.synchronous and record.status not in CLOSED:
            self._wait(record, security)
        return record

    @in_turn
    def add(self, request: OrderRequest) -> OrderRecord:
        """Hand a request over without the pre-order checks (but a demand's), and without waiting for a fill.

        Raises AlgorithmError during warm-up and for a symbol that is not among the securities.
        """
        self._refuse_warm_up("Submit")
        security = self._securities[request.symbol]
        if self.demand is not None:
            answer = self.demand.answer(request.symbol, request.quantity)
            if not answer.accepted:
                self._report(answer.message)
                return _refused(request, answer, self._clock.now_ns)
        return self._add(request, security)

    def _add(self, request: OrderRequest, security: Security) -> OrderRecord:
        now_ns = self._clock.now_ns
        spec = make_spec(self._number(), request, security, now_ns)
        if self.decisions is not None:
            spec = msgspec.structs.replace(spec, decision=self.decisions.stamp(spec.symbol))
        asked = Asked(now_ns, spec.id, request.tag, request=request)
        if self.gate is not None and request.quantity < 0:
            reason = self.gate.short_problem(spec.symbol, request.quantity, None)
            if reason is not None:
                return self._turn_away(OrderRecord(spec, submitted=asked), reason)
        record = self._register(spec, security, asked)
        asked.response, asked.status = Response(order_id=spec.id), _PROCESSING
        if self._queue:
            self._queue.append((record, asked))
            self._drain()
        else:  # it is its turn at once
            self._settle(record, asked, security)
        return record

    def _turn_away(self, record: OrderRecord, reason: str) -> OrderRecord:
        """Take an order down that may not be sold short: it counts, and is over."""
        self._hold(record)
        record.retag(reason)
        response = Response(ResponseCode.EXCEEDS_SHORTABLE_QUANTITY, reason, record.id)
        record.submitted.answer(response, RequestStatus.ERROR)
        self._apply(self._event(record, OrderStatus.INVALID, reason))
        return record

    @in_turn
    def update(self, order_id: OrderId, change: OrderChange) -> Response:
        """Ask for a change of an order; return the answer so far. Raises AlgorithmError during warm-up."""
        self._refuse_warm_up("Update")
        record = self._records.get(order_id)
        if record is None:
            return Response(ResponseCode.UNABLE_TO_FIND_ORDER, messages.unable_to_find(order_id), order_id)
        asked = Asked(self._clock.now_ns, order_id, change.tag, change=change)
        record.ask_change(asked)
        problem = update_problem(record, change)
        if problem is None and rounded_change(change, self._securities[record.symbol]).quantity == 0:
            problem = (ResponseCode.ORDER_QUANTITY_ZERO, messages.zero_quantity("update", order_id))
        if problem is None and self.gate is not None:
            wanted = record.quantity if change.quantity is None else change.quantity
            short = self.gate.short_problem(record.symbol, wanted, order_id) if wanted < 0 else None
            problem = None if short is None else (ResponseCode.EXCEEDS_SHORTABLE_QUANTITY, short)
        if problem is not None:
            return asked.answer(Response(*problem, order_id), RequestStatus.ERROR)
        if self.demand is not None and not (refusal := self.demand.answer_change(record, change)).accepted:
            self._report(refusal.message)
            return asked.answer(refusal, RequestStatus.ERROR)
        answer = self._ask(record, asked)
        self._drain_unless_deferred()
        return answer if self.policy.defer_requests else asked.response

    @in_turn
    def cancel(self, order_id: OrderId, tag: str | None = None) -> Response:
        """Ask for a cancel; return the answer so far. The order may fill until the brokerage confirms.

        A `tag` becomes the order's. Raises AlgorithmError during warm-up.
        """
        self._refuse_warm_up("Cancel")
        record = self._records.get(order_id)
        if record is None:
            return Response(ResponseCode.UNABLE_TO_FIND_ORDER, messages.unable_to_find(order_id), order_id)
        asked = Asked(self._clock.now_ns, order_id, tag)
        before = record.canceling
        if before is not None and before.status is not RequestStatus.ERROR:
            problem = (ResponseCode.REQUEST_CANCELED, messages.cancel_requested(order_id))
            return asked.answer(Response(*problem, order_id), RequestStatus.ERROR)
        record.canceling = asked
        if tag is not None:
            record.retag(tag)
        refused = status_problem(record)
        if refused is not None:
            return asked.answer(Response(*refused, order_id), RequestStatus.ERROR)
        self._apply(self._event(record, OrderStatus.CANCEL_PENDING, ""))
        answer = self._ask(record, asked)
        self._drain_unless_deferred()
        return answer

    @in_turn
    def cancel_open(self, symbol: Symbol | None = None, tag: str | None = None) -> list[OrderRecord]:
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
        spec = make_spec(self._number(), request, security, self._clock.now_ns)
        record = self._register(spec, security)
        execution = ExecutionId(f"{spec.id}-closed-out")
        fill = Fill(execution, quantity, price, self._clock.now_ns)
        self.take(OrderEventArrived(spec.id, OrderStatus.FILLED, self._clock.now_ns, fill, message=tag))
        return record

    def work(self, now_ns: int) -> None:
        """Say that the prices of this instant are in place and take in what that causes.

        Without an open order there is nothing to try; late news of closed ones come through the feed.
        """
        if self._queue:
            self._drain()
        if self._open:
            self._sink.advance(now_ns)
            self.collect()

    # -- inside --------------------------------------------------------------------------------------

    def _refuse_warm_up(self, request: str) -> None:
        if self.warming_up:
            raise AlgorithmError(messages.warming_up(request))

    def _pre_check(self, request: OrderRequest, security: Security | None) -> Response:
        if self.warming_up:
            return Response(ResponseCode.ALGORITHM_WARMING_UP, messages.warming_up("Submit"), NO_ORDER)
        if security is None:
            return Response(
                ResponseCode.MISSING_SECURITY,
                f"{request.symbol.value} is not among the securities; add it first",
                NO_ORDER,
            )
        response = check_request(
            request, security, self._clock.now_ns, self.policy.market_on_close_buffer_ns,
            self._portfolio.cash.rate(security.properties.quote_currency),
        )  # fmt: skip
        most = self.max_orders
        if most is not None and self.submitted > most and response is ACCEPTED:
            text = f"You have exceeded maximum number of orders ({self.max_orders})"
            return Response(ResponseCode.EXCEEDED_MAXIMUM_ORDERS, text, NO_ORDER)
        if self.demand is not None and response.accepted:
            return self.demand.answer(request.symbol, request.quantity)
        return response

    def _register(self, spec: OrderSpec, security: Security, asked: Asked | None = None) -> OrderRecord:
        bid, ask, last = security.exact_prices()
        record = OrderRecord(spec, SubmissionData(bid, ask, last), submitted=asked)
        self._hold(record)
        return record

    def await_fill(self, record: OrderRecord) -> None:
        """Wait for an order's end as long as a synchronous market order does."""
        self._wait(record, self._securities[record.symbol])

    def _wait(self, record: OrderRecord, security: Security) -> None:
        stale = security.last_time_ns < self._clock.now_ns - STALE_AFTER_NS
        if stale and not self.policy.wait_on_stale_prices:
            return
        for _ in range(MAX_WAIT_ROUNDS):
            if record.closed or not self.collect(self.policy.order_wait_s):
                return


def _refused(request: OrderRequest, response: Response, now_ns: int) -> OrderRecord:
    spec = OrderSpec(NO_ORDER, request.symbol, request.type, request.quantity, now_ns, ZERO, tag=request.tag)
    record = OrderRecord(spec, request=request)
    record.submitted.answer(response, RequestStatus.ERROR)
    record.apply(OrderEventArrived(NO_ORDER, OrderStatus.INVALID, now_ns, message=response.message))
    return record
