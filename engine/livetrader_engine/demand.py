"""What an algorithm demands before it takes risk: without it, orders that add risk are refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from livetrader_engine.orders import messages
from livetrader_engine.orders.book import OrderBook
from livetrader_engine.orders.order import OrderChange, OrderId, OrderType
from livetrader_engine.orders.request import ACCEPTED, NO_ORDER, Response, ResponseCode
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.symbols import Symbol


class Demand:
    """Answers for orders. `problem` says what is missing, empty where nothing is. Changes nothing."""

    def __init__(self, problem: Callable[[], str], portfolio: Portfolio, orders: OrderBook) -> None:
        self._problem = problem
        self._portfolio = portfolio
        self._orders = orders

    def answer(self, symbol: Symbol, quantity: Decimal, order_id: OrderId = NO_ORDER) -> Response:
        """Return ACCEPTED, or the refusal of an order that would add risk now."""
        reason = self._problem()
        if not reason or not self._adds_risk(symbol, quantity):
            return ACCEPTED
        text = messages.risk_refused(symbol.value, quantity, reason)
        return Response(ResponseCode.PRE_ORDER_CHECKS_ERROR, text, order_id)

    def answer_change(self, record: OrderRecord, change: OrderChange) -> Response:
        """Return ACCEPTED, or the refusal of a change that makes an order larger and would add risk now."""
        if change.quantity is None or (change.quantity - record.quantity) * record.quantity <= 0:
            return ACCEPTED
        return self.answer(record.symbol, change.quantity - record.filled_quantity, record.id)

    def _adds_risk(self, symbol: Symbol, quantity: Decimal) -> bool:
        """Return whether an order does anything but make the position smaller without turning it over.

        Market orders that are still to fill count. Stops and limits that protect the position do not: they
        may never fill, and must not stand in the way of getting out.
        """
        held = self._portfolio.quantity(symbol)
        if held * quantity >= 0:
            return True
        coming = sum(
            abs(order.remaining)
            for order in self._orders.open_orders(symbol)
            if order.spec.type is OrderType.MARKET and order.quantity * quantity > 0
        )
        return abs(quantity) + coming > abs(held)
