"""`self.transactions`: orders by number and symbol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livetrader_engine.orders.order import OrderId
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.tickets import Order, OrderTicket
from livetrader_lean.views import Face


class Transactions(Face):
    """`self.transactions`: look orders up and cancel them."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def _ticket(self, record: OrderRecord) -> OrderTicket:
        return OrderTicket(self._binding, record)

    def _open(self, symbol: object = None) -> list[OrderRecord]:
        core: CoreSymbol | None = None if symbol is None else self._binding.resolve(symbol)
        return self._binding.engine.orders.open_orders(core)

    def get_open_orders(self, selection: Any = None) -> list[Order]:
        """Return the open orders: all, those of a symbol, or those a function(order) picks."""
        picks = callable(selection)
        orders = [Order(self._binding, r) for r in self._open(None if picks else selection)]
        return [order for order in orders if selection(order)] if picks else orders

    def get_open_order_tickets(self, selection: Any = None) -> list[OrderTicket]:
        """Return the tickets of open orders: all, those of a symbol, or those a function(ticket) picks."""
        picks = callable(selection)
        tickets = [self._ticket(r) for r in self._open(None if picks else selection)]
        return [ticket for ticket in tickets if selection(ticket)] if picks else tickets

    def get_open_orders_remaining_quantity(self, symbol: object = None) -> float:
        """Return the signed quantity still open."""
        return float(sum(record.remaining for record in self._open(symbol)))

    def get_order_by_id(self, order_id: int) -> Order | None:
        """Return an order, None where there is none of this number."""
        record = self._binding.engine.orders.get(OrderId(order_id))
        return None if record is None else Order(self._binding, record)

    def get_order_ticket(self, order_id: int) -> OrderTicket | None:
        """Return an order's ticket, None where there is none of this number."""
        record = self._binding.engine.orders.get(OrderId(order_id))
        return None if record is None else self._ticket(record)

    def get_order_tickets(self, selection: Callable[[OrderTicket], bool] | None = None) -> list[OrderTicket]:
        """Return every ticket, or those a function(ticket) picks."""
        tickets = [self._ticket(record) for record in self._binding.engine.orders.records()]
        return [t for t in tickets if selection is None or selection(t)]

    def get_orders(self, selection: Callable[[Order], bool] | None = None) -> list[Order]:
        """Return every order, or those a function(order) picks."""
        orders = [Order(self._binding, record) for record in self._binding.engine.orders.records()]
        return [order for order in orders if selection is None or selection(order)]

    def cancel_open_orders(self, symbol: object = None, tag: str | None = None) -> list[OrderTicket]:
        """Ask for a cancel of every open order, or of a symbol's; return their tickets."""
        core = None if symbol is None else self._binding.resolve(symbol)
        return [self._ticket(r) for r in self._binding.engine.orders.cancel_open(core, tag or "")]

    def cancel_order(self, order_id: int, tag: str | None = None) -> OrderTicket | None:
        """Ask for a cancel of one order."""
        self._binding.engine.orders.cancel(OrderId(order_id), tag or "")
        return self.get_order_ticket(order_id)

    @property
    def orders_count(self) -> int:
        """How many orders were made."""
        return self._binding.engine.orders.submitted

    @property
    def last_order_id(self) -> int:
        """Number of the newest order."""
        return max((int(record.id) for record in self._binding.engine.orders.records()), default=0)
