"""`self.transactions`: orders by number and symbol."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.messages import warming_up
from livetrader_engine.orders.order import OrderId
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_lean.binding import Binding
from livetrader_lean.names import known_as
from livetrader_lean.order_properties import MarketOnCloseOrder, OrderProperties
from livetrader_lean.order_requests import SubmitOrderRequest
from livetrader_lean.symbols import Symbol
from livetrader_lean.tickets import Order, OrderTicket
from livetrader_lean.times import utc
from livetrader_lean.views import Face


class ProjectedHoldings(NamedTuple):
    """The position of a security, and what its open orders will add to it."""

    holdings_quantity: float
    open_orders_quantity: float

    @property
    def projected_quantity(self) -> float:
        """Both together."""
        return self.holdings_quantity + self.open_orders_quantity


class _Profits(Face):
    """What closing fills earned."""

    __slots__ = ()

    _binding: Binding

    @property
    def transaction_record(self) -> dict[datetime, float]:
        """Profit of every closing fill, less both legs' fees, by time (UTC)."""
        records = self._binding.engine.portfolio.transactions
        return {utc(record.time_ns): float(record.profit) for record in records}

    @property
    def winning_transactions(self) -> dict[datetime, float]:
        """The transactions that earned something."""
        return {time: profit for time, profit in self.transaction_record.items() if profit > 0}

    @property
    def losing_transactions(self) -> dict[datetime, float]:
        """The transactions that earned nothing."""
        return {time: profit for time, profit in self.transaction_record.items() if profit <= 0}

    @property
    def win_count(self) -> int:
        """How many transactions earned something."""
        return len(self.winning_transactions)

    @property
    def loss_count(self) -> int:
        """How many transactions earned nothing."""
        return len(self.losing_transactions)


class Transactions(_Profits):
    """`self.transactions`: look orders up, add them without checks, cancel them."""

    __slots__ = ("_binding", "default_properties")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self.default_properties = OrderProperties()
        MarketOnCloseOrder.forget()

    def _ticket(self, record: OrderRecord) -> OrderTicket:
        return OrderTicket(self._binding, record)

    def _open(self, selection: Any) -> list[OrderRecord]:
        orders = self._binding.engine.orders
        if selection is None or _picks(selection):
            return orders.open_orders()
        return orders.open_orders(self._binding.resolve(selection))

    @known_as(filter="selection", symbol="selection")
    def get_open_orders(self, selection: Any = None) -> list[Order]:
        """Return the open orders: all, those of a symbol, or those a function(order) picks."""
        found = [Order(self._binding, record) for record in self._open(selection)]
        return [order for order in found if selection(order)] if _picks(selection) else found

    @known_as(filter="selection", symbol="selection")
    def get_open_order_tickets(self, selection: Any = None) -> list[OrderTicket]:
        """Return the tickets of open orders: all, those of a symbol, or those a function(ticket) picks."""
        found = [self._ticket(record) for record in self._open(selection)]
        return [ticket for ticket in found if selection(ticket)] if _picks(selection) else found

    @known_as(filter="selection", symbol="selection")
    def get_open_orders_remaining_quantity(self, selection: Any = None) -> float:
        """Return the signed quantity still open: of all, of a symbol, or of tickets that a function picks."""
        tickets = self.get_open_order_tickets(selection)
        return float(sum(ticket._record.remaining for ticket in tickets))

    def get_projected_holdings(self, security: Any) -> ProjectedHoldings:
        """Return a security's position and what its open orders will add."""
        engine, symbol = self._binding.engine, self._binding.resolve(security)
        coming = engine.orders.open_quantity(symbol)
        return ProjectedHoldings(float(engine.portfolio.quantity(symbol)), float(coming))

    def _record(self, order_id: int) -> OrderRecord | None:
        return self._binding.engine.orders.get(OrderId(int(order_id)))

    def get_order_by_id(self, order_id: int) -> Order | None:
        """Return an order, None where there is none of this number."""
        record = self._record(order_id)
        return None if record is None else Order(self._binding, record)

    def get_orders_by_brokerage_id(self, brokerage_id: str) -> list[Order]:
        """Return the orders the brokerage calls so."""
        return self.get_orders(lambda order: str(brokerage_id) in order.broker_id)

    def get_order_ticket(self, order_id: int) -> OrderTicket | None:
        """Return an order's ticket, None where there is none of this number."""
        record = self._record(order_id)
        return None if record is None else self._ticket(record)

    @known_as(filter="selection")
    def get_order_tickets(self, selection: Callable[[OrderTicket], bool] | None = None) -> list[OrderTicket]:
        """Return every ticket, or those a function(ticket) picks."""
        tickets = [self._ticket(record) for record in self._binding.engine.orders.records()]
        return [t for t in tickets if selection is None or selection(t)]

    @known_as(filter="selection")
    def get_orders(self, selection: Callable[[Order], bool] | None = None) -> list[Order]:
        """Return every order, or those a function(order) picks."""
        orders = [Order(self._binding, record) for record in self._binding.engine.orders.records()]
        return [order for order in orders if selection is None or selection(order)]

    def add_order(self, request: SubmitOrderRequest) -> OrderTicket:
        """Hand an order over without the checks that the algorithm's own methods make before."""
        record = self._binding.engine.orders.add(request.core(self._binding))
        request._asked = record.submitted
        return self._ticket(record)

    process_request = add_order

    def cancel_open_orders(self, symbol: object = None, tag: str | None = None) -> list[OrderTicket]:
        """Ask for a cancel of every open order, or of a symbol's; return their tickets."""
        orders = self._binding.engine.orders
        if orders.warming_up:
            raise AlgorithmError(warming_up("Cancel"))
        if symbol is None:
            moment = f"{utc(self._binding.engine.clock.now_ns).isoformat(timespec='microseconds')}0Z"
            return [
                self._ticket(r) for r in orders.cancel_open(tag=f"Canceled by CancelOpenOrders() at {moment}")
            ]
        return [self._ticket(r) for r in orders.cancel_open(self._binding.resolve(symbol), tag)]

    def cancel_order(self, order_id: int, order_tag: str | None = None) -> OrderTicket | None:
        """Ask for a cancel of one order; without a tag it loses its own, as in LEAN."""
        self._binding.engine.orders.cancel(OrderId(int(order_id)), order_tag or "")
        return self.get_order_ticket(order_id)

    remove_order = cancel_order

    def wait_for_order(self, order_id: int) -> bool:
        """Take in the news that are there; return whether the order is closed."""
        self._binding.engine.orders.collect()
        record = self._record(order_id)
        return record is not None and record.closed

    @property
    def market_order_fill_timeout(self) -> timedelta:
        """How long a synchronous market order waits for its fill; a backtest never waits."""
        return timedelta(seconds=self._binding.engine.orders.policy.order_wait_s)

    @market_order_fill_timeout.setter
    def market_order_fill_timeout(self, wait: timedelta) -> None:
        orders = self._binding.engine.orders
        orders.policy = msgspec.structs.replace(orders.policy, order_wait_s=wait.total_seconds())

    @property
    def orders_count(self) -> int:
        """How many orders were made."""
        return self._binding.engine.orders.submitted

    @property
    def last_order_id(self) -> int:
        """Number of the newest order."""
        return self._binding.engine.orders.last_id

    @property
    def utc_time(self) -> datetime:
        """Engine time in UTC."""
        return utc(self._binding.engine.clock.now_ns)


def _picks(selection: Any) -> bool:
    return callable(selection) and not isinstance(selection, Symbol)
