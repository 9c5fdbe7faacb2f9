"""What the journal says and what the account says, read while nobody writes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from livetrader.journal.records import Record, decode
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.states import OrderStatus

JOURNAL_FILE = "journal.sqlite3"


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
    """What really happened."""

    orders: list[AccountOrder] = field(default_factory=list)
    fills: list[AccountFill] = field(default_factory=list)
    positions: dict[str, Decimal] = field(default_factory=dict)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database and close it."""
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
    with reading(path) as connection:
        try:
            return [decode(row[0]) for row in connection.execute("SELECT body FROM record ORDER BY seq")]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before the file had its tables
                return []
            raise
