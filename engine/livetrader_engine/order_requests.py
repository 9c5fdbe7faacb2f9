"""Requests of orders on their way out, in one queue. The half of Transactions that asks the brokerage.

A submission empties the queue at once. Changes and cancels wait for the next submission or for `work`, as
LEAN's backtests have it, where the policy says so (`defer_requests`); else they empty the queue too.

Source of the checks and their order: LEAN's BrokerageTransactionHandler.cs; of the queue,
OrderRequestProcessingPool.cs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.order_gate import OrderGate
from livetrader_engine.order_intake import OrderNews
from livetrader_engine.orders import messages
from livetrader_engine.orders.checks import rounded_change
from livetrader_engine.orders.order import OrderChange
from livetrader_engine.orders.request import Asked, RequestStatus, Response, ResponseCode
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.margin import order_problem, told_problem
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import Clock, OrderSink
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.trading_policy import TradingPolicy

_PROCESSING: Final = RequestStatus.PROCESSING
_PROCESSED: Final = RequestStatus.PROCESSED

Problem = tuple[ResponseCode, str]


def status_problem(record: OrderRecord) -> Problem | None:
    """Return why an order can be neither changed nor canceled: it has not left us, or it is over.

    LEAN refuses as long as nobody has confirmed the order, and waits for that before it lets an algorithm go
    on. Nobody waits here, so what is on its way may be asked for a cancel: the brokerage gets both in order.
    """
    if record.status is OrderStatus.NEW and not record.handed_over:
        code = ResponseCode.INVALID_NEW_ORDER_STATUS
        return code, messages.invalid_new_status(record.id, record.status)
    if record.closed:
        return ResponseCode.INVALID_ORDER_STATUS, messages.invalid_status(record.id, record.status)
    return None


def update_problem(record: OrderRecord, change: OrderChange) -> Problem | None:
    """Return why an order cannot be changed so; a tag may change when it is over."""
    return None if record.closed and change.only_tag else status_problem(record)


class OrderRequests(OrderNews):
    """Handles what was asked: has it checked, and hands it to the brokerage. `requests` waits for `work`."""

    def __init__(
        self,
        clock: Clock,
        securities: SecurityManager,
        portfolio: Portfolio,
        sink: OrderSink,
        policy: TradingPolicy,
        report: Callable[[str], None],
    ) -> None:
        super().__init__(clock, portfolio, sink, policy, report)
        self.gate: OrderGate | None = None  # a say in orders that the account could carry
        self._securities = securities
        self._queue: deque[tuple[OrderRecord, Asked]] = deque()
        self.requests: Sequence[object] = self._queue

    def _ask(self, record: OrderRecord, asked: Asked) -> Response:
        self._queue.append((record, asked))
        return asked.answer(Response(order_id=asked.order_id), _PROCESSING)

    def _drain_unless_deferred(self) -> None:
        if not self.policy.defer_requests:
            self._drain()

    def _drain(self) -> None:
        """Handle every request that waits, each with all news it causes. Callbacks may come back here."""
        while self._queue:
            record, asked = self._queue.popleft()
            self._settle(record, asked, self._securities[record.spec.symbol])

    def _settle(self, record: OrderRecord, asked: Asked, security: Security) -> None:
        """Handle one request, and have working orders tried."""
        if asked.request is not None:
            response = self._handle_submit(record, asked.response, security)
        else:
            response = self._handle(record, asked)
        asked.answer(response, _PROCESSED)
        self._sink.advance(self._clock.now_ns)
        self.collect()

    def _handle(self, record: OrderRecord, asked: Asked) -> Response:
        if asked.change is not None:
            return self._handle_update(record, asked.change)
        if (problem := status_problem(record)) is not None:
            return Response(*problem, record.id)
        self._sink.cancel(CancelOrder(record.id))
        self.collect()
        return Response(order_id=record.id)

    def _handle_submit(self, record: OrderRecord, response: Response, security: Security) -> Response:
        spec = record.spec
        if not spec.quantity:
            text = messages.zero_quantity("submit", record.id)
            response = Response(ResponseCode.ORDER_QUANTITY_ZERO, text, record.id)
        elif (reason := order_problem(self._portfolio, security, spec)) is not None:
            text = told_problem(self._portfolio, security, spec, reason)
            response = Response(ResponseCode.INSUFFICIENT_BUYING_POWER, text, record.id)
        elif self.gate is not None and (reason := self.gate.submit_problem(record)) is not None:
            response = Response(ResponseCode.BROKERAGE_MODEL_REFUSED_TO_SUBMIT_ORDER, reason, record.id)
        else:
            record.handed_over = True
            self._sink.submit(SubmitOrder(spec))
            self.collect()
            return response
        self._report(response.message)
        record.submitted.answer(response, RequestStatus.ERROR)
        self._apply(self._event(record, OrderStatus.INVALID, response.message))
        return response

    def _handle_update(self, record: OrderRecord, change: OrderChange) -> Response:
        problem = update_problem(record, change)
        if problem is not None:
            return Response(*problem, record.id)
        if record.closed:  # its tag only
            record.retag(change.tag or "")
            return Response(order_id=record.id)
        if self.gate is not None and (reason := self.gate.update_problem(record, change)) is not None:
            self._report(reason)
            text = "BrokerageModel declared unable to update order"
            self._apply(self._event(record, record.status, text))
            return Response(ResponseCode.BROKERAGE_MODEL_REFUSED_TO_UPDATE_ORDER, reason, record.id)
        security = self._securities[record.symbol]
        change = rounded_change(change, security)
        wanted = change.applied(record.spec)
        reason = order_problem(self._portfolio, security, wanted, record.filled_quantity)
        if reason is not None:
            text = messages.insufficient_for_update(record.id, record.symbol.value, reason)
            self._report(text)
            self._apply(self._event(record, record.status, text))
            return Response(ResponseCode.BROKERAGE_FAILED_TO_UPDATE_ORDER, text, record.id)
        record.change(change)
        self._sink.update(UpdateOrder(record.id, change))
        self.collect()
        return Response(order_id=record.id)
