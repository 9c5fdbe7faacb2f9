"""What IB says about orders and trades, in the engine's words. Pure."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal

from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport, FeeReported
from livetrader_plugins.ibkr.library import CommissionReport, Execution


def status_of(status: str, *, filled: Decimal, remaining: Decimal) -> OrderStatus:
    """Return the engine's status for IB's word; NONE for a word that proves nothing (Inactive, unknown)."""
    raise NotImplementedError


def execution_id_of(exec_id: str) -> tuple[ExecutionId, int]:
    """Return the trade's id and its revision: `0000e0d5.65a1b2c3.01.02` is revision 2 of what stands before."""
    raise NotImplementedError


def fill_of(execution: Execution) -> Fill:
    """Return a trade; quantity 0 takes one back. Its fee is told later (see `fee_of`)."""
    raise NotImplementedError


def fill_report(client_order_id: ClientOrderId, execution: Execution, *, time_ns: int) -> ExecutionReport:
    """Return the news of a trade."""
    raise NotImplementedError


def status_report(
    client_order_id: ClientOrderId, status: OrderStatus, *, perm_id: int, time_ns: int, message: str = ""
) -> ExecutionReport:
    """Return the news of an order's state; a perm_id of 0 is none yet."""
    raise NotImplementedError


def fee_of(client_order_id: ClientOrderId, commission: CommissionReport, time_ns: int) -> FeeReported | None:
    """Return what a trade cost, None where IB has not said it (unset is no fee of zero)."""
    raise NotImplementedError


def instant_ns(value: datetime | date | str | int, zone: tzinfo) -> int:
    """Return UTC nanoseconds of any of IB's spellings of a time; `zone` where it names none."""
    raise NotImplementedError
