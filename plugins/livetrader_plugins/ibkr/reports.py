"""What IB says about orders and trades, in the engine's words. Pure."""

from __future__ import annotations

from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport, FeeReported
from livetrader_plugins.ibkr.identifiers import execution_name
from livetrader_plugins.ibkr.library import CommissionReport, Execution, OrderState
from livetrader_plugins.ibkr.numbers import number_of
from livetrader_plugins.ibkr.times import instant_ns

# IB's words for an order that works, or will. PreSubmitted: IB holds it (a stop, a child, a closed market).
_WORKING: Final = frozenset({"PreSubmitted", "Submitted"})
# Sent, and not taken by IB yet; nothing is known but that TWS has it.
_ON_ITS_WAY: Final = frozenset({"ApiPending", "PendingSubmit"})
_OVER: Final = frozenset({"Cancelled", "ApiCancelled"})


def status_of(status: str, *, filled: Decimal, quantity: Decimal) -> OrderStatus:
    """Return the engine's status for IB's word.

    NONE for a word that proves nothing: Inactive is an order that IB refused, or holds back, or will look at
    again (a short sale that waits for shares); the client libraries take it for an end.
    """
    if status == "Filled":
        return OrderStatus.FILLED
    if status in _OVER:
        return OrderStatus.CANCELED
    if status == "PendingCancel":
        return OrderStatus.CANCEL_PENDING
    if status in _WORKING:
        return OrderStatus.PARTIALLY_FILLED if 0 < abs(filled) < abs(quantity) else OrderStatus.SUBMITTED
    return OrderStatus.NEW if status in _ON_ITS_WAY else OrderStatus.NONE


def is_over(status: str) -> bool:
    """Return whether IB's word says that an order is over."""
    return status == "Filled" or status in _OVER


def completed_status_of(status: str) -> OrderStatus:
    """Return the status of an order that IB lists as completed: there Inactive is an end, a refusal."""
    if status == "Inactive":
        return OrderStatus.INVALID
    found = status_of(status, filled=Decimal(0), quantity=Decimal(0))
    return found if found in (OrderStatus.FILLED, OrderStatus.CANCELED) else OrderStatus.NONE


def fill_of(execution: Execution, zone: tzinfo = UTC) -> Fill:
    """Return a trade; quantity 0 takes one back. Its fee is told later, see `fee_of`.

    Raises ValueError for a trade without quantity or price: the session that said it cannot be trusted.
    """
    name = execution_name(execution.execId)
    shares, price = number_of(execution.shares), number_of(execution.price)
    side = execution.side.upper()
    if shares is None or price is None or side not in ("BOT", "SLD", "BUY", "SELL") or not name.base:
        raise ValueError(
            f"execution {execution.execId!r} is {side} {execution.shares!r} at {execution.price!r}"
        )
    return Fill(
        execution_id=ExecutionId(name.base),
        quantity=shares if side in ("BOT", "BUY") else -shares,
        price=price,
        time_ns=instant_ns(execution.time, zone),
        revision=name.revision,
    )


def fill_report(
    client_order_id: ClientOrderId, execution: Execution, *, time_ns: int, quantity: Decimal | None = None
) -> ExecutionReport:
    """Return the news of a trade; `quantity` is that of its order, where it is known, and tells the end."""
    fill = fill_of(execution)
    total = number_of(execution.cumQty) or Decimal(0)
    is_last = quantity is not None and total >= abs(quantity)
    return ExecutionReport(
        client_order_id=client_order_id,
        status=OrderStatus.FILLED if is_last else OrderStatus.PARTIALLY_FILLED,
        time_ns=time_ns,
        brokerage_order_id=brokerage_order_id(execution.permId),
        fill=fill,
        message="" if execution.liquidation == 0 else "liquidated by Interactive Brokers",
    )


def status_report(
    client_order_id: ClientOrderId, status: OrderStatus, *, perm_id: int, time_ns: int, message: str = ""
) -> ExecutionReport:
    """Return the news of an order's state; a perm_id of 0 is none yet."""
    return ExecutionReport(
        client_order_id=client_order_id,
        status=status,
        time_ns=time_ns,
        brokerage_order_id=brokerage_order_id(perm_id),
        message=message,
    )


def brokerage_order_id(perm_id: int) -> BrokerageOrderId | None:
    """Return IB's permanent number of an order as ours, None before IB has given one."""
    return BrokerageOrderId(str(perm_id)) if perm_id else None


def fee_of(client_order_id: ClientOrderId, commission: CommissionReport, time_ns: int) -> FeeReported | None:
    """Return what a trade cost, None where IB has not said it (unset is no fee of zero).

    It names the trade without its revision; a correction's own report replaces it.
    """
    fee = number_of(commission.commission)
    if fee is None or not commission.execId:
        return None
    return FeeReported(
        client_order_id=client_order_id,
        execution_id=ExecutionId(execution_name(commission.execId).base),
        time_ns=time_ns,
        fee=fee,
        fee_currency=commission.currency or "USD",
    )


class MarginPreview(msgspec.Struct, frozen=True):
    """What IB would ask for an order (what-if); None where it does not say. In the account's currency."""

    initial_before: Decimal | None
    initial_after: Decimal | None
    maintenance_after: Decimal | None
    equity_with_loan_after: Decimal | None
    commission: Decimal | None
    warning: str

    @property
    def problem(self) -> str | None:
        """Why the account could not carry the order, None where it could or IB does not say."""
        if self.initial_after is None or self.equity_with_loan_after is None:
            return None
        if self.initial_after <= self.equity_with_loan_after:
            return None
        return (
            f"the account would need an initial margin of {self.initial_after} and has "
            f"{self.equity_with_loan_after}"
        )


def margin_of(state: OrderState) -> MarginPreview:
    """Return the answer to a what-if order: the state that its openOrder carries."""
    commission = number_of(state.commission)
    return MarginPreview(
        initial_before=number_of(state.initMarginBefore),
        initial_after=number_of(state.initMarginAfter),
        maintenance_after=number_of(state.maintMarginAfter),
        equity_with_loan_after=number_of(state.equityWithLoanAfter),
        commission=commission if commission is not None else number_of(state.maxCommission),
        warning=state.warningText,
    )
