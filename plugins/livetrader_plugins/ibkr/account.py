"""The whole account with a proof that it is whole, or VenueError."""

from __future__ import annotations

from dataclasses import dataclass

from livetrader_plugins.ibkr.library import CommissionReport, Contract, Execution, Order, OrderState
from livetrader_plugins.ibkr.session import TwsSession


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order as `openOrder` or `completedOrder` shows it."""

    contract: Contract
    order: Order
    state: OrderState


@dataclass(frozen=True, slots=True)
class Trade:
    """An execution with its commission, where that is known."""

    contract: Contract
    execution: Execution
    commission: CommissionReport | None = None


@dataclass(frozen=True, slots=True)
class RawAccount:
    """Everything TWS says about one account, each part complete."""

    account: str
    open_orders: tuple[OpenOrder, ...]
    completed_orders: tuple[OpenOrder, ...]
    trades: tuple[Trade, ...]
    positions: tuple[tuple[Contract, float, float], ...]  # contract, quantity, average cost
    cash: tuple[tuple[str, str], ...]  # currency, balance


async def read_account(session: TwsSession, account: str) -> RawAccount:
    """Read the account: orders and positions twice, until nothing moved between. Raises VenueError."""
    raise NotImplementedError
