"""Interactive Brokers: a TWS peer in a process of its own, which delays, repeats and loses what it says.

The judge asks the peer for its books (a signal, a file), never the API that the daemon uses.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import IO, Any

from livetrader.journal.records import OrderIntended, Record
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol
from tests.campaign.daemon import wait_until
from tests.campaign.facts import Account, AccountFill, AccountOrder
from tests.campaign.workload import LIVE_TICKERS, Workload, prepare_ibkr

START_LIMIT_S = 30.0
STATEMENT_LIMIT_S = 10.0
ORDER_DELAY_S = 5.0  # the longest way of an order from TWS to IB
LONG_DELAY_S = 20.0  # longer than any restart, on any machine
FENCE_MARGIN_S = 3.0  # the fence of absence is so much longer
LINK_LOST_EVERY_S = 60.0
LINK_LOST_S = 3.0
WATCH_S = 0.005  # between looks for the next order

STATUSES = {
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "Inactive": OrderStatus.INVALID,
}
TYPES = {"MKT": OrderType.MARKET, "LMT": OrderType.LIMIT}

FAULTS = """
[walk]
every_s = 0.2

[[fault]]
kind = "stall"
message = "execDetails"
probability = 0.02
by_s = 2.0
count = 0

[[fault]]
kind = "stall"
message = "orderStatus"
probability = 0.01
by_s = 5.0
count = 0

[[fault]]
kind = "duplicate"
message = "execDetails"
probability = 0.1
count = 0

[[fault]]
kind = "duplicate"
message = "openOrder"
probability = 0.1
count = 0

[[fault]]
kind = "mute"
message = "commissionReport"
probability = 0.1
count = 0

[[fault]]
kind = "close"
message = "orderStatus"
probability = 0.002
count = 0
"""


class IbkrVenue:
    """One account at a peer of its own. The peer is started by `prepare` and outlives every daemon."""

    sent_is_there = False  # a killed client's socket may take its last words with it

    def __init__(self, root: Path, seed: int, order_delay_s: float = ORDER_DELAY_S) -> None:
        self._root = root
        self._seed = seed
        self._order_delay_s = order_delay_s
        self._statement = root / "statement.json"
        self._log_path = root / "peer.log"
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self, seconds: float) -> Workload:
        """See Venue."""
        script = self._root / "hostile.toml"
        script.write_text(self.script(seconds), encoding="utf-8")
        self._log = self._log_path.open("ab")
        command = [
            sys.executable, "-m", "livetrader_venues.tws.cli", "--port", "0", "--still", "--json",
            "--cash", "1000000000", "--seed", str(self._seed), "--script", str(script),
            "--order-delay", str(self._order_delay_s), "--statement", str(self._statement),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        wait_until(lambda: b"listening" in self._log_path.read_bytes(), START_LIMIT_S, "the TWS peer")
        greeting = json.loads(self._log_path.read_text(encoding="utf-8").splitlines()[0])
        return self.workload(int(greeting["port"]))

    def script(self, seconds: float) -> str:
        """Return what the peer is told at its start; it must last so long."""
        return hostile(seconds, Random(self._seed))

    def workload(self, port: int) -> Workload:
        """Return the daemon's files for a peer on this port."""
        parameters = {"tickers": ",".join(LIVE_TICKERS)}
        algorithm = Path(__file__).with_name("live_algorithm.py")
        fence_s = self._order_delay_s + FENCE_MARGIN_S
        return prepare_ibkr(self._root, port, algorithm, parameters, fence_s=fence_s)

    def signal(self, number: signal.Signals) -> None:
        """Send the peer a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def close(self) -> None:
        """See Venue."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STATEMENT_LIMIT_S)
            self._process = None
        if self._log is not None:
            self._log.close()

    def account(self, records: Sequence[Record]) -> Account:
        """See Venue: names symbols as the journal does, and gives orders the tags of their intents."""
        said = self.statement()
        intents = {
            record.client_order_id: record.spec for record in records if isinstance(record, OrderIntended)
        }
        symbols = {spec.symbol.value: spec.symbol for spec in intents.values()}

        def symbol_of(ticker: str) -> Symbol:
            known = symbols.get(ticker)
            return known or Symbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa")

        def order_of(row: dict[str, Any], status: OrderStatus, *, on_wire: bool) -> AccountOrder:
            intent = intents.get(row["reference"])
            spec = OrderSpec(
                id=OrderId(0),
                symbol=symbol_of(row["symbol"]),
                type=TYPES[row["type"]],
                quantity=Decimal(row["quantity"]),
                created_ns=0,
                reference_price=Decimal(0),
                tag="" if intent is None else intent.tag,
            )
            filled = Decimal(row.get("filled", 0))
            return AccountOrder(row["reference"], spec, status, filled, on_wire=on_wire)

        account = Account()
        for row in said["orders"]:
            status = STATUSES.get(row["status"], OrderStatus.SUBMITTED)
            account.orders.append(order_of(row, status, on_wire=False))
        account.orders += [order_of(row, OrderStatus.NEW, on_wire=True) for row in said["travelling"]]
        for row in said["executions"]:
            account.fills.append(
                AccountFill(
                    row["exec_id"].rpartition(".")[0],
                    row["reference"],
                    symbol_of(row["symbol"]).text,
                    Decimal(row["quantity"]),
                    Decimal(row["price"]),
                )
            )
        account.positions = {
            symbol_of(row["symbol"]).text: Decimal(row["quantity"]) for row in said["positions"]
        }
        return account

    def statement(self) -> dict[str, Any]:
        """Ask the peer for its books."""
        assert self._process is not None
        self._statement.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR1)
        wait_until(
            lambda: self._statement.exists() or self._process is None or self._process.poll() is not None,
            STATEMENT_LIMIT_S,
            "the peer's statement",
        )
        if self._process.poll() is not None:
            raise RuntimeError(f"the TWS peer has died:\n{self._log_path.read_text()[-4000:]}")
        said: dict[str, Any] = json.loads(self._statement.read_bytes())
        return said

    def await_order(self, limit_s: float) -> bool:
        """See Venue: the peer writes a line when TWS has the order, which then travels on."""
        deadline = time.monotonic() + limit_s
        with self._log_path.open("rb") as log:
            log.seek(0, os.SEEK_END)
            while time.monotonic() < deadline:
                if b'"placeOrder"' in log.read():
                    return True
                time.sleep(WATCH_S)
        return False


def hostile(seconds: float, random: Random) -> str:
    """Return the peer's script: stocks, faults by chance, and a line to IB that is lost now and then."""
    stocks = "".join(f'[[stock]]\nsymbol = "{ticker}"\nprice = 100.0\n' for ticker in LIVE_TICKERS)
    steps, at_s = "", LINK_LOST_EVERY_S * random.uniform(0.5, 1.5)
    while at_s < seconds:
        data_lost = "true" if random.random() < 0.5 else "false"
        steps += f'[[step]]\nat_s = {at_s:.1f}\ndo = "lose_link"\n'
        steps += f'[[step]]\nat_s = {at_s + LINK_LOST_S:.1f}\ndo = "restore_link"\ndata_lost = {data_lost}\n'
        at_s += LINK_LOST_EVERY_S * random.uniform(0.5, 1.5)
    return stocks + FAULTS + steps
