"""Margin calls: when the account runs out of margin, the algorithm is warned, then positions are reduced.

Looked at every five minutes of engine time. Losers go first, only while every exchange concerned is open, and
the algorithm may change the orders before they are made. Source: LEAN's DefaultMarginCallModel.cs and
AlgorithmManager.cs.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

from livetrader_engine.money import ONE, ZERO
from livetrader_engine.orders.messages import MARGIN_CALL
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.estimate import surely_at_ease
from livetrader_engine.portfolio.holdings import Holding
from livetrader_engine.portfolio.margin import (
    maintenance_margin,
    margin_remaining,
    margin_used,
    quantity_for_margin,
)
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.symbols import NS_PER_MINUTE
from livetrader_engine.transactions import Transactions

LOOK_EVERY_NS: Final = 5 * NS_PER_MINUTE
WARN_BELOW: Final = Decimal("0.05")  # of the equity: less margin than this left is a warning
CALL_ABOVE: Final = Decimal("1.1")  # of the equity: more margin used than this is a call


class MarginListener(Protocol):
    """Who is told of margin calls: the algorithm."""

    def on_margin_call(self, requests: Sequence[OrderRequest]) -> Sequence[OrderRequest]:
        """These orders are about to be made; return those that shall be."""
        ...

    def on_margin_call_warning(self) -> None:
        """Little margin is left."""
        ...


def margin_call_orders(
    portfolio: Portfolio, call_above: Decimal = CALL_ABOVE
) -> tuple[list[OrderRequest], bool]:
    """Return the orders that bring the margin used down to the equity, and whether to warn. Pure."""
    used = margin_used(portfolio)
    if used <= 0:
        return [], False
    equity, remaining = portfolio.total_value, margin_remaining(portfolio)
    if remaining > 0:
        return [], remaining <= equity * WARN_BELOW
    if used <= equity * call_above:
        return [], False
    found = [_reduction(portfolio, held, used - equity) for held in portfolio.holdings()]
    requests = [request for request in found if request is not None]
    return requests, bool(requests)


def _reduction(portfolio: Portfolio, held: Holding, excess: Decimal) -> OrderRequest | None:
    """Return the order that takes `excess` of margin out of one position, or closes it."""
    security, equity = held.security, portfolio.total_value
    if not portfolio.cash.rate(security.properties.quote_currency) or not equity:
        return None
    bound = maintenance_margin(portfolio, held)
    sign = ONE.copy_sign(held.quantity)
    kept = max(ZERO, bound - excess)
    change = quantity_for_margin(portfolio, security, sign * kept / equity, ZERO)
    if not change:
        return None
    return OrderRequest(held.symbol, OrderType.MARKET, abs(change) * -sign, tag=MARGIN_CALL)


class MarginCalls:
    """Looks at the margin now and then. `due_ns` is when next, `endangered` whether little was left.

    Both are attributes, because every time step reads them.
    """

    def __init__(self, portfolio: Portfolio, transactions: Transactions) -> None:
        self.due_ns = 0
        self.endangered = False
        self.call_above: Decimal | None = CALL_ABOVE  # of the equity; None: nobody is warned or called
        self._portfolio = portfolio
        self._transactions = transactions

    def look(self, now_ns: int, listener: MarginListener) -> None:
        """Warn or call where margin runs out."""
        self.due_ns = now_ns + LOOK_EVERY_NS
        portfolio = self._portfolio
        self.endangered = not surely_at_ease(portfolio)
        if not self.endangered or self.call_above is None:
            return
        requests, warned = margin_call_orders(portfolio, self.call_above)
        executed: list[OrderRecord] = []
        if requests and all(self._is_open(request, now_ns) for request in requests):
            executed = self._execute(listener.on_margin_call(requests))
        if warned and not executed:
            listener.on_margin_call_warning()

    def _is_open(self, request: OrderRequest, now_ns: int) -> bool:
        return self._portfolio.securities[request.symbol].hours.is_open(now_ns)

    def _execute(self, requests: Sequence[OrderRequest]) -> list[OrderRecord]:
        portfolio, done = self._portfolio, list[OrderRecord]()
        for request in sorted(requests, key=lambda item: portfolio[item.symbol].unrealized_profit):
            if margin_remaining(portfolio) >= 0:
                break
            record = self._transactions.add(request)
            self._transactions.await_fill(record)
            done.append(record)
            self._transactions.report(
                f"margin call: {record.symbol.value} {record.quantity} @ {record.average_fill_price}"
            )
        return done
