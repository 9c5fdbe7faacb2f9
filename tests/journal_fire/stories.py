"""A sound journal with a story, and how tests come by a damaged one."""

from __future__ import annotations

import asyncio
import shutil
from decimal import Decimal
from pathlib import Path

from livetrader.journal.identifiers import order_client_id
from livetrader.journal.journal import Journal
from livetrader.journal.records import Halted, OrderIntended, Record, ReportReceived, Resumed, encode, kind_of
from livetrader.journal.replay import JournalState
from livetrader.journal.store import Row, Store
from livetrader_engine.orders.order import ExecutionId, Fill
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport
from tests.journal_fire.cuts import JOURNAL, fast_folder
from tests.unit.daemon.money import START_NS, spec

ORDERS = 40
LOGGED = 15  # of the orders, the newest: in the write-ahead log only
WAL = JOURNAL + "-wal"


def story(instance: str) -> list[Record]:
    """Return what a journal of some orders says: each intended, most of them filled, one halt."""
    told: list[Record] = []
    for number in range(1, ORDERS + 1):
        name = order_client_id(instance, number)
        told.append(OrderIntended(START_NS + number, number, name, spec(number, number)))
        fill = Fill(ExecutionId(f"X{number}"), Decimal(number), Decimal("100.25"), START_NS + number)
        report = ExecutionReport(name, OrderStatus.FILLED, START_NS + number, fill=fill)
        told.append(ReportReceived(START_NS + number, report))
        if number == ORDERS // 2:
            told += [Halted(START_NS, "lunch", "operator"), Resumed(START_NS, "operator")]
    return told


def make(folder: Path) -> list[Record]:
    """Write a journal as a killed daemon leaves it, in part in the log only; return its story."""
    with fast_folder() as workplace:
        store = Store(workplace / JOURNAL, "account", 1)
        told = story(store.open().instance)
        rows = [Row(record.time_ns, kind_of(record), None, encode(record)) for record in told]
        store.write(rows[: -2 * LOGGED])
        store._since_checkpoint = 10**6
        store.tidy()
        for row in rows[-2 * LOGGED :]:
            store.write([row])
        for name in (JOURNAL, WAL):
            shutil.copy(workplace / name, folder / name)
        store.close()
    return told


def says(state: JournalState) -> tuple[object, ...]:
    """Return what trading depends on."""
    orders = {
        name: (order.status, order.filled, order.spec, frozenset(order.executions))
        for name, order in state.orders.items()
    }
    return state.positions, orders, state.next_number, state.next_order_id, state.halted, state.restricted


class Sound:
    """A journal that is well, and what it says. No dataclass: its repr would be the whole story."""

    def __init__(self, folder: Path, told: list[Record]) -> None:
        self.folder = folder
        self.told = told


def damaged(sound: Sound, folder: Path) -> Path:
    """Copy the sound journal and change one letter of a row that is in the file."""
    for name in (JOURNAL, WAL):
        shutil.copy(sound.folder / name, folder / name)
    content = bytearray((folder / JOURNAL).read_bytes())
    at = content.index(b'"lunch"')
    content[at + 1 : at + 6] = b"lunge"
    (folder / JOURNAL).write_bytes(bytes(content))
    return folder / JOURNAL


def opened(path: Path) -> JournalState:
    async def once() -> JournalState:
        journal = Journal(path, "account", lambda: START_NS)
        try:
            await journal.open()
            return journal.state
        finally:
            await journal.close()

    return asyncio.run(once())
