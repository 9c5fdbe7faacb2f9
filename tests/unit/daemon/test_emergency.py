"""What a process that liquidates in place of a dead daemon knows of the orders that one had on their way."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from livetrader import emergency
from livetrader.emergency import Predecessor, _beside
from livetrader.journal.identifiers import order_client_id
from livetrader.journal.journal import Journal
from livetrader.journal.records import OrderIntended, OrderSent, Record, ReportReceived
from livetrader_engine.orders.order import ClientOrderId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport

from .money import START_NS, resting

SENT = "sent"
ANSWERED = "answered"


def told(name: ClientOrderId, how_far: str) -> list[Record]:
    records: list[Record] = [OrderIntended(START_NS, 1, name, resting(1)), OrderSent(START_NS, name)]
    if how_far == ANSWERED:
        records.append(ReportReceived(START_NS, ExecutionReport(name, OrderStatus.SUBMITTED, START_NS)))
    return records


def look(path: Path, how_far: str = "") -> bool:
    """Write a journal whose order came so far; return whether it counts as unanswered."""

    async def body() -> bool:
        if how_far:
            journal = Journal(path, "test", lambda: START_NS)
            await journal.open()
            for record in told(order_client_id(journal.state.instance, 1), how_far):
                await journal.append(record)
            await journal.close()
        before = Predecessor(path)
        assert before.unanswered, "before anybody has looked"
        await before.read()
        return before.unanswered

    return asyncio.run(body())


@pytest.mark.parametrize(("how_far", "unanswered"), [(SENT, True), (ANSWERED, False)])
def test_an_order_that_the_venue_has_answered_is_not_waited_for(
    tmp_path: Path, how_far: str, unanswered: bool
) -> None:
    assert look(tmp_path / "journal.sqlite3", how_far) is unanswered


def test_without_a_sound_journal_every_order_may_still_be_on_its_way(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    assert look(path) is True
    path.write_bytes(b"not a journal" * 1000)
    assert look(path) is True


def test_a_task_of_a_plugin_that_fails_does_not_end_the_liquidation() -> None:
    async def failing() -> None:
        raise ValueError("a heartbeat that cannot be read")

    async def body() -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(_beside("heartbeat", failing()), name="heartbeat")
            await asyncio.sleep(0.01)  # a group whose task fails cancels its body here
            return "liquidated"

    assert asyncio.run(body()) == "liquidated"


def test_the_end_of_a_liquidation_does_not_wait_for_a_journal_on_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, read = threading.Event(), threading.Event()

    def hanging(journal: Path) -> bool:
        disk.wait(3)
        read.set()
        return False

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(Predecessor(tmp_path / "journal.sqlite3").read(), name="reading")
            await asyncio.sleep(0.01)
            reading.cancel()

    monkeypatch.setattr(emergency, "_unanswered", hanging)
    asyncio.run(body())
    waited = read.is_set()
    disk.set()
    assert not waited
