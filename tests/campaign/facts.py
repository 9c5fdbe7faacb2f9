"""What the journal says and what the account says, read from their files while nobody writes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import msgspec

from livetrader.journal.records import Record, decode
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.wire import decode_hook

JOURNAL_FILE = "journal.sqlite3"
ACCOUNT_FILE = "brokerage/paper.sqlite3"

_spec = msgspec.json.Decoder(OrderSpec, dec_hook=decode_hook)


@dataclass(frozen=True)
class AccountOrder:
    """One order in the account; `on_wire`: sent, and not an order yet."""

    client_order_id: str
    spec: OrderSpec
    status: OrderStatus
    filled: Decimal
    on_wire: bool = False


@dataclass(frozen=True)
class AccountFill:
    """One trade in the account."""

    execution_id: str
    client_order_id: str
    symbol: str
    quantity: Decimal
    price: Decimal


@dataclass
class Account:
    """The paper account: what really happened."""

    orders: list[AccountOrder] = field(default_factory=list)
    fills: list[AccountFill] = field(default_factory=list)
    positions: dict[str, Decimal] = field(default_factory=dict)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        yield connection
    finally:
        connection.close()


def read_journal(state: Path) -> list[Record]:
    """Return every record, oldest first; none where there is no journal yet."""
    path = state / JOURNAL_FILE
    if not path.exists():
        return []
    with _reading(path) as connection:
        try:
            return [decode(row[0]) for row in connection.execute("SELECT body FROM record ORDER BY seq")]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before the file had its tables
                return []
            raise


def read_account(state: Path) -> Account:
    """Return the whole account; an empty one where there is none yet."""
    path = state / ACCOUNT_FILE
    account = Account()
    if not path.exists():
        return account
    with _reading(path) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "fills" not in tables:
            return account
        for row in connection.execute("SELECT client_order_id, spec, status, filled FROM orders"):
            spec = _spec.decode(row[1])
            account.orders.append(AccountOrder(row[0], spec, OrderStatus(row[2]), Decimal(row[3])))
        for row in connection.execute("SELECT client_order_id, spec FROM wire"):
            account.orders.append(
                AccountOrder(row[0], _spec.decode(row[1]), OrderStatus.NEW, Decimal(0), on_wire=True)
            )
        for row in connection.execute(
            "SELECT execution_id, client_order_id, symbol, quantity, price FROM fills"
        ):
            account.fills.append(AccountFill(row[0], row[1], row[2], Decimal(row[3]), Decimal(row[4])))
        for row in connection.execute("SELECT symbol, quantity FROM positions"):
            account.positions[row[0]] = Decimal(row[1])
    return account
