"""Executions: the record of what was traded, its corrections and its busts.

An execId has four parts; the first three name the trade and the last its revision,
`0000e0d5.65a1b2c3.01.01`. A correction comes as an execution with the same trade and a higher revision that
replaces the one before; a bust is told here as a correction to zero shares. Commission is reported per
execId, later than the trade.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.ledger import Account, commission
from livetrader_venues.tws.orders import Order


@dataclass(frozen=True, slots=True)
class Execution:
    """One trade, or one revision of it."""

    exec_id: str
    perm_id: int
    client_id: int
    order_id: int
    contract: Contract
    account: str
    side: str
    quantity: Decimal
    price: Decimal
    time_ns: int
    cumulative: Decimal
    average: Decimal
    order_ref: str
    commission: Decimal
    realized: Decimal | None  # None for a trade that only opens

    @property
    def trade_id(self) -> str:
        """The execId without its revision."""
        return self.exec_id.rpartition(".")[0]

    @property
    def signed(self) -> Decimal:
        """The quantity, negative for a sale."""
        return self.quantity if self.side == "BOT" else -self.quantity


class Tape:
    """All executions of a venue, oldest first. The exchange owns it."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._executions: list[Execution] = []
        self._trades = 0

    def __iter__(self) -> Iterator[Execution]:
        return iter(self._executions)

    def book(
        self, order: Order, account: Account, quantity: Decimal, price: Decimal, now_ns: int
    ) -> Execution:
        """Book a fill of an order into its account. Return the execution."""
        return self.book_leg(order, order.contract, account, order.terms.sign * quantity, price, now_ns)

    def book_leg(
        self, order: Order, contract: Contract, account: Account, signed: Decimal, price: Decimal, now_ns: int
    ) -> Execution:
        """Book a signed quantity of a contract that an order traded: itself or one leg of it."""
        self._trades += 1
        is_combination = contract.security_type == "BAG"  # only its legs are held
        before = Decimal(0) if is_combination else account.position(contract).quantity
        profit = Decimal(0) if is_combination else account.book(contract, signed, price)
        fee = Decimal(0) if is_combination else commission(contract, abs(signed), price)
        account.pay(contract.currency, -fee)
        execution = Execution(
            f"{self._prefix}.{self._trades:02x}.01",
            order.perm_id,
            order.client_id,
            order.order_id,
            contract,
            account.name,
            "BOT" if signed > 0 else "SLD",
            abs(signed),
            price,
            now_ns,
            order.filled,
            order.average_price,
            order.terms.order_ref,
            fee,
            profit - fee if before * signed < 0 else None,
        )
        self._executions.append(execution)
        return execution

    def latest(self) -> list[Execution]:
        """Return the newest revision of every trade, in the order of trades: what reqExecutions tells."""
        newest: dict[str, Execution] = {}
        for execution in self._executions:
            newest[execution.trade_id] = execution
        return list(newest.values())

    def revise(
        self, exec_id: str, account: Account, *, price: Decimal | None = None, quantity: Decimal | None = None
    ) -> Execution:
        """Correct a trade, to zero shares for a bust: reverse the old booking, book the new. Raises
        KeyError.
        """
        trade_id = exec_id.rpartition(".")[0]
        old = next((e for e in reversed(self._executions) if e.trade_id == trade_id), None)
        if old is None:
            raise KeyError(exec_id)
        revision = int(old.exec_id.rpartition(".")[2]) + 1
        new = replace(
            old,
            exec_id=f"{trade_id}.{revision:02d}",
            price=old.price if price is None else price,
            quantity=old.quantity if quantity is None else quantity,
        )
        account.book(old.contract, -old.signed, old.price)
        if new.quantity:
            account.book(new.contract, new.signed, new.price)
        self._executions.append(new)
        return new
