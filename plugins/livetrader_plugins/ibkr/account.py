"""The whole account with a proof that it is whole, or VenueError.

Every part is read up to its end marker (session.py). Orders and positions are read before and after the rest,
executions twice; only where both times show the same did nothing move in between, so that positions, orders
and trades are those of one instant. What TWS answers in time but not at one instant is read again.

None of it waits for market data that is asked for: after an outage a liquidation would wait with it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, cast

import msgspec

from livetrader_engine.events import PositionRecord
from livetrader_engine.orders.order import ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import AccountSnapshot, OrderRecord, VenueError
from livetrader_plugins.ibkr import orders, reports, requests
from livetrader_plugins.ibkr.library import CommissionReport, Contract, Execution, Order, OrderState
from livetrader_plugins.ibkr.numbers import number_of
from livetrader_plugins.ibkr.receiver import Message
from livetrader_plugins.ibkr.resolver import Resolver
from livetrader_plugins.ibkr.session import TwsSession

ATTEMPTS: Final = 8  # at reading an account that does not stand still
PAUSE_S: Final = 0.25  # between two of them
CASH_KEY: Final = "CashBalance"
NEVER_TOLD: Final = 0  # when an order was made: the same in every snapshot
ALL_CURRENCIES: Final = "BASE"  # the row that sums the others up


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order as `openOrder` or `completedOrder` shows it; `filled` is orderStatus's, where there is one."""

    contract: Contract
    order: Order
    state: OrderState
    filled: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RawAccount:
    """Everything TWS says about one account, each part complete and all of one instant."""

    account: str
    open_orders: tuple[ShownOrder, ...]
    completed_orders: tuple[ShownOrder, ...]
    trades: tuple[tuple[Contract, Execution], ...]
    positions: tuple[tuple[Contract, Decimal, Decimal], ...]  # contract, quantity, average cost
    cash: Mapping[str, Decimal]


async def read_account(session: TwsSession, account: str) -> RawAccount:
    """Read the account until nothing moved while it was read. Raises VenueError."""
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        raw = await _read_once(session, account)
        if raw is not None:
            return raw
    raise VenueError(f"the account did not stand still while it was read {ATTEMPTS} times")


def follows(before: RawAccount, now: RawAccount) -> bool:
    """Whether positions moved since an earlier look as the trades that are new since then say.

    TWS hears of trades first and of positions later: for a moment both stand still and do not fit together.
    Currencies are no positions. Deliveries, exercises and splits move positions without a trade.
    """
    moved: dict[int, Decimal] = defaultdict(Decimal)
    for contract, quantity, _ in now.positions:
        moved[contract.conId] += quantity
    for contract, quantity, _ in before.positions:
        moved[contract.conId] -= quantity
    known = _newest_trades(before)
    for name, (con_id, fill) in _newest_trades(now).items():
        moved[con_id] -= fill.quantity - (known[name][1].quantity if name in known else 0)
    return not any(moved.values())


def _newest_trades(raw: RawAccount) -> dict[ExecutionId, tuple[int, Fill]]:
    newest: dict[ExecutionId, tuple[int, Fill]] = {}
    for contract, execution in raw.trades:
        fill = reports.fill_of(execution)
        known = newest.get(fill.execution_id)
        if contract.secType != "CASH" and (known is None or known[1].revision < fill.revision):
            newest[fill.execution_id] = (contract.conId, fill)
    return newest


async def _read_once(session: TwsSession, account: str) -> RawAccount | None:
    open_before = await _open_orders(session, account)
    positions_before = await _positions(session, account)
    trades_before = await _trades(session, account)
    completed = await session.request(requests.COMPLETED_ORDERS, False, urgent=True)
    cash = await _cash(session, account)
    trades = await _trades(session, account)
    positions = await _positions(session, account)
    open_orders = await _open_orders(session, account)
    same = (
        open_before.keys() == open_orders.keys()
        and trades_before.keys() == trades.keys()
        and {key: held[1] for key, held in positions_before.items()}
        == {key: held[1] for key, held in positions.items()}
    )
    if not same:
        return None
    return RawAccount(
        account=account,
        open_orders=tuple(open_orders.values()),
        completed_orders=_of_account(_completed(completed), account),
        trades=tuple(trades.values()),
        positions=tuple(positions.values()),
        cash=cash,
    )


OrderKey = tuple[int, int, int]  # permId; client id and order id where there is none yet


def _key(perm_id: int, client_id: int, order_id: int) -> OrderKey:
    return (perm_id, 0, 0) if perm_id else (0, client_id, order_id)


async def _open_orders(session: TwsSession, account: str) -> dict[OrderKey, ShownOrder]:
    shown: dict[OrderKey, ShownOrder] = {}
    filled: dict[OrderKey, Decimal | None] = {}
    for message in await session.request(requests.ALL_OPEN_ORDERS, urgent=True):
        if message.name == "orderStatus":
            order_id, _, done, _, _, perm_id, _, _, client_id, *_ = message.arguments
            key = _key(cast(int, perm_id), cast(int, client_id), cast(int, order_id))
            filled[key] = number_of(done)
            continue
        contract, order, state = cast(tuple[Contract, Order, OrderState], message.arguments[1:4])
        if not order.whatIf:
            shown[_key(order.permId, order.clientId, order.orderId)] = ShownOrder(contract, order, state)
    return {
        key: ShownOrder(item.contract, item.order, item.state, filled.get(key))
        for key, item in shown.items()
        if item.order.account in {account, ""}
    }


def _completed(rows: list[Message]) -> list[ShownOrder]:
    return [ShownOrder(*cast(tuple[Contract, Order, OrderState], row.arguments)) for row in rows]


def _of_account(shown: list[ShownOrder], account: str) -> tuple[ShownOrder, ...]:
    return tuple(item for item in shown if item.order.account in {account, ""})


async def _trades(session: TwsSession, account: str) -> dict[str, tuple[Contract, Execution]]:
    wanted = session.library.execution_filter(acctCode=account)
    rows = await session.request(requests.EXECUTIONS, wanted, urgent=True)
    trades = (cast(tuple[Contract, Execution], row.arguments[1:3]) for row in rows)
    return {
        execution.execId: (contract, execution)
        for contract, execution in trades
        if contract.secType != "BAG"  # a combination: its legs are told beside it, and they are what is held
    }


async def _positions(session: TwsSession, account: str) -> dict[int, tuple[Contract, Decimal, Decimal]]:
    positions: dict[int, tuple[Contract, Decimal, Decimal]] = {}
    for row in await session.request(requests.POSITIONS, urgent=True):
        owner, contract, quantity, cost = cast(tuple[str, Contract, float, float], row.arguments)
        if owner != account:
            continue
        size = number_of(quantity)
        if size is None:
            session.end(f"a position in {contract.symbol} has no quantity")
            raise VenueError(f"TWS tells a position in {contract.symbol} without a quantity")
        positions[contract.conId] = (contract, size, number_of(cost) or Decimal(0))
    return {key: held for key, held in positions.items() if held[1]}


async def _cash(session: TwsSession, account: str) -> dict[str, Decimal]:
    cash: dict[str, Decimal] = {}
    for row in await session.request(requests.ACCOUNT_VALUES, account, "", False, urgent=True):
        _, owner, _, key, value, currency = cast(tuple[int, str, str, str, str, str], row.arguments)
        if owner == account and key == CASH_KEY and currency not in {"", ALL_CURRENCIES}:
            cash[currency] = number_of(value) or Decimal(0)
        elif key == "AccountReady" and value == "false":
            raise VenueError(f"TWS says that the values of account {account} are not ready yet")
    if not cash:
        raise VenueError(f"TWS tells no cash of account {account}")
    return cash


# In the engine's words.


@dataclass(frozen=True, slots=True)
class Login:
    """What a snapshot says about the session it comes from."""

    session_id: str
    client_id: int
    time_ns: int


async def snapshot_of(
    raw: RawAccount, resolver: Resolver, fees: Mapping[ExecutionId, CommissionReport], login: Login
) -> AccountSnapshot:
    """Return the account in the engine's words. Raises VenueError where TWS does not name a contract."""
    records = [await _record(item, resolver) for item in raw.open_orders]
    completed = [await _record(item, resolver) for item in raw.completed_orders]
    over = [_over(record) for record in completed]
    return AccountSnapshot(
        account_id=raw.account,
        session_id=login.session_id,
        time_ns=login.time_ns,
        cash=dict(raw.cash),
        positions=tuple([await _position(held, resolver) for held in raw.positions]),
        open_orders=tuple(record for record in records if record.status not in CLOSED),
        closed_orders=(*over, *(record for record in records if record.status in CLOSED)),
        fills=tuple([item async for item in _fills(raw, fees, resolver, login.client_id)]),
    )


async def _record(item: ShownOrder, resolver: Resolver) -> OrderRecord:
    symbol = await resolver.symbol_of(item.contract)
    return orders.record_of(symbol, item.order, item.state, filled=item.filled, time_ns=NEVER_TOLD)


def _over(record: OrderRecord) -> OrderRecord:
    """A completed order is over, whatever word TWS has for its end."""
    if record.status in CLOSED:
        return record
    return msgspec.structs.replace(record, status=OrderStatus.CANCELED)


async def _position(held: tuple[Contract, Decimal, Decimal], resolver: Resolver) -> PositionRecord:
    contract, quantity, cost = held
    symbol = await resolver.symbol_of(contract)
    multiplier = number_of(contract.multiplier) or Decimal(1)  # IB's average cost is that of one contract
    return PositionRecord(symbol, quantity, cost / multiplier)


async def _fills(
    raw: RawAccount, fees: Mapping[ExecutionId, CommissionReport], resolver: Resolver, own_id: int
) -> AsyncIterator[tuple[ClientOrderId, Fill]]:
    """The newest revision of each trade, with its fee where that is known, under our reference of its order.

    A correction may come without the reference; the order is then known by its permId. A trade of an order
    that this client id did not place names its symbol, since nobody here may know the order.
    """
    shown = (*raw.open_orders, *raw.completed_orders)
    references = {item.order.permId: item.order.orderRef for item in shown}
    references |= {done.permId: done.orderRef for _, done in raw.trades if done.orderRef}
    newest: dict[ExecutionId, tuple[Contract, Execution, Fill]] = {}
    for contract, done in raw.trades:
        fill = reports.fill_of(done)
        known = newest.get(fill.execution_id)
        if known is None or known[2].revision < fill.revision:
            newest[fill.execution_id] = (contract, done, fill)
    for contract, done, fill in newest.values():
        owner = ClientOrderId(done.orderRef or references.get(done.permId, ""))
        symbol = None if owner and done.clientId == own_id else await resolver.symbol_of(contract)
        yield owner, _with_fee(msgspec.structs.replace(fill, symbol=symbol), fees.get(fill.execution_id))


def _with_fee(fill: Fill, report: CommissionReport | None) -> Fill:
    fee = None if report is None else number_of(report.commission)
    if report is None or fee is None:
        return fill
    return msgspec.structs.replace(fill, fee=fee, fee_currency=report.currency or "USD")
