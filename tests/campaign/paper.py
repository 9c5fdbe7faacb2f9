"""The paper brokerage: the venue lives inside the daemon's process, its account in a file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from livetrader.journal.records import Record
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.wire import decode_hook
from tests.campaign.facts import Account, AccountFill, AccountOrder, reading
from tests.campaign.workload import MINUTES, PAUSE_S, Workload, prepare_paper

ACCOUNT_FILE = "brokerage/paper.sqlite3"

_spec = msgspec.json.Decoder(OrderSpec, dec_hook=decode_hook)


class PaperVenue:
    """Trades replayed prices as fast as they come."""

    sent_is_there = True

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._seed = seed
        self._path = root / "state" / ACCOUNT_FILE

    def prepare(self, seconds: float) -> Workload:
        """See Venue."""
        return prepare_paper(self._root, days=int(seconds / PAUSE_S / MINUTES) + 2, seed=self._seed)

    def close(self) -> None:
        """See Venue."""

    def account(self, records: Sequence[Record]) -> Account:
        """Return the whole account; an empty one where there is none yet."""
        account = Account()
        if not self._path.exists():
            return account
        with reading(self._path) as connection:
            _read(connection, account)
        return account

    def await_order(self, limit_s: float) -> bool:
        """See Venue. The next instants are those in which a daemon that sends first would be caught."""
        if not self._path.exists():
            return False
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5.0)
        deadline = time.monotonic() + limit_s
        before = None
        try:
            while time.monotonic() < deadline:
                now = int(connection.execute("SELECT COUNT(*) FROM wire").fetchone()[0])
                if before is not None and now > before:
                    return True
                before = now
        except sqlite3.OperationalError:
            return False  # just being made, or locked by its owner
        finally:
            connection.close()
        return False


def _read(connection: sqlite3.Connection, account: Account) -> None:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if "fills" not in tables:
        return
    for row in connection.execute("SELECT client_order_id, spec, status, filled FROM orders"):
        spec = _spec.decode(row[1])
        account.orders.append(AccountOrder(row[0], spec, OrderStatus(row[2]), Decimal(row[3])))
    for row in connection.execute("SELECT client_order_id, spec FROM wire"):
        account.orders.append(
            AccountOrder(row[0], _spec.decode(row[1]), OrderStatus.NEW, Decimal(0), on_wire=True)
        )
    for row in connection.execute("SELECT execution_id, client_order_id, symbol, quantity, price FROM fills"):
        account.fills.append(AccountFill(row[0], row[1], row[2], Decimal(row[3]), Decimal(row[4])))
    for row in connection.execute("SELECT symbol, quantity FROM positions"):
        account.positions[row[0]] = Decimal(row[1])
