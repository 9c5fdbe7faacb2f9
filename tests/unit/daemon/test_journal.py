"""The journal: durable when awaited, refuses what it cannot promise, found out when tampered with."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livetrader.errors import JournalError
from livetrader.journal.identifiers import (
    MAX_CHARACTERS,
    kill_attempt,
    kill_client_id,
    make_instance,
    make_kill_id,
    order_client_id,
    order_number,
)
from livetrader.journal.journal import Journal
from livetrader.journal.records import (
    AuditEntry,
    BucketCharged,
    DayStarted,
    Halted,
    OrderIntended,
    Record,
    ReportReceived,
    Resumed,
    decode,
    encode,
)
from livetrader.journal.store import read_state
from livetrader_engine.orders.order import ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport

from .money import SPY, START_NS, spec


def audit(number: int) -> AuditEntry:
    return AuditEntry(START_NS + number, f"operator {number}", "/v1/halt", "0" * 64, "202")


def numbers(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        found = [decode(body) for (body,) in connection.execute("SELECT body FROM record ORDER BY seq")]
    connection.close()
    return [record.time_ns - START_NS for record in found]


def test_an_awaited_record_is_in_the_file_and_numbered_from_one(tmp_path: Path) -> None:
    async def body() -> list[int]:
        journal = Journal(tmp_path / "j.sqlite3")
        await journal.open()
        seqs = [await journal.append(audit(number)) for number in range(3)]
        assert numbers(tmp_path / "j.sqlite3") == [0, 1, 2]  # read beside the open journal
        await journal.close()
        return seqs

    assert asyncio.run(body()) == [1, 2, 3]


def test_many_producers_share_commits_and_keep_their_order(tmp_path: Path) -> None:
    async def body() -> list[int]:
        journal = Journal(tmp_path / "j.sqlite3")
        await journal.open()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(journal.append(audit(number))) for number in range(500)]
        journal.append_soon(audit(500))
        await journal.close()
        assert journal.dropped == 0
        return [task.result() for task in tasks]

    assert asyncio.run(body()) == list(range(1, 501))
    assert numbers(tmp_path / "j.sqlite3") == list(range(501))


def test_the_state_continues_where_the_last_process_stopped(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def first() -> str:
        journal = Journal(path, "paper", lambda: START_NS)
        await journal.open()
        instance = journal.state.instance
        client_id = order_client_id(instance, 7)
        fill = Fill(ExecutionId("X1"), Decimal(4), Decimal("100.10"), START_NS)
        report = ExecutionReport(client_id, OrderStatus.PARTIALLY_FILLED, START_NS, fill=fill)
        for record in (
            OrderIntended(START_NS, 7, client_id, spec(12, 10)),
            ReportReceived(START_NS, report),
            BucketCharged(START_NS, 41.5, START_NS),
            DayStarted(START_NS, 15985, Decimal("100000.00")),
            Halted(START_NS, "lunch", "operator"),
        ):
            await journal.append(record)
        await journal.close()
        return instance

    instance = asyncio.run(first())
    state = read_state(path)
    assert state.instance == instance
    assert (state.next_number, state.next_order_id) == (8, 13)
    assert state.position(SPY) == 4
    assert state.bucket is not None and state.bucket.level_minutes == 41.5
    assert state.halted is not None and state.halted.reason == "lunch"
    assert state.day is not None and state.day.equity == Decimal("100000.00")
    (order,) = state.open.values()
    assert (order.filled, order.status) == (Decimal(4), OrderStatus.PARTIALLY_FILLED)


def test_a_resume_lifts_the_halt_after_a_restart(tmp_path: Path) -> None:
    async def body() -> None:
        journal = Journal(tmp_path / "j.sqlite3")
        await journal.open()
        await journal.append(Halted(1, "x", "operator"))
        await journal.append(Resumed(2, "operator"))
        await journal.close()

    asyncio.run(body())
    assert read_state(tmp_path / "j.sqlite3").halted is None


WRITER = """
import asyncio, sys
from pathlib import Path
from livetrader.journal.journal import Journal
from livetrader.journal.records import AuditEntry

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.open()
    async def produce(lane):
        number = lane
        while True:
            seq = await journal.append(AuditEntry(number, "w", "/", "", ""))
            print(seq, number, flush=True)
            number += 8
    async with asyncio.TaskGroup() as group:
        for lane in range(8):
            group.create_task(produce(lane))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 40, 400])
def test_acknowledged_rows_survive_a_kill_of_the_writer(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "j.sqlite3"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    seen = [writer.stdout.readline() for _ in range(lines)]
    os.kill(writer.pid, signal.SIGKILL)
    seen += writer.stdout.readlines()
    writer.wait()
    writer.stdout.close()
    promised = dict(tuple(map(int, line.split())) for line in seen if line.endswith("\n"))
    with sqlite3.connect(path) as connection:
        found = dict(connection.execute("SELECT seq, time_ns FROM record"))
    connection.close()
    assert len(promised) >= lines
    assert {seq: found.get(seq) for seq in promised} == promised
    assert read_state(path).records == len(found)  # and the chain of hashes holds


@pytest.mark.slow
def test_a_full_disk_breaks_the_journal_and_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"
    program = WRITER.replace(
        'seq = await journal.append(AuditEntry(number, "w", "/", "", ""))',
        "try:\n                seq = await journal.append(AuditEntry(number, 'w', '/', '', ''))\n"
        "            except Exception as error:\n                print('broken', type(error).__name__, "
        "bool(journal.broken), flush=True)\n                return",
    )

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True, text=True, preexec_fn=bound, timeout=18, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    broken = [line for line in lines if line.startswith("broken")]
    assert broken == ["broken JournalError True"] * 8, done.stderr
    promised = dict(tuple(map(int, line.split())) for line in lines if not line.startswith("broken"))
    assert len(promised) > 100
    state = read_state(path)
    with sqlite3.connect(path) as connection:
        found = dict(connection.execute("SELECT seq, time_ns FROM record"))
    connection.close()
    assert {seq: found.get(seq) for seq in promised} == promised
    assert state.records == len(found)


def test_after_a_failed_write_appends_raise_and_the_rest_is_still_tried(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def body() -> None:
        journal = Journal(path)
        await journal.open()
        await journal.append(audit(0))
        with sqlite3.connect(path) as other:
            other.execute(
                "CREATE TRIGGER stop BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'stop'); END"
            )
        other.close()
        with pytest.raises(JournalError, match="stop"):
            await journal.append(audit(1))
        assert journal.broken is not None
        with pytest.raises(JournalError):
            await journal.append(audit(2))
        with sqlite3.connect(path) as other:
            other.execute("DROP TRIGGER stop")
        other.close()
        journal.append_soon(audit(3))
        with pytest.raises(JournalError):  # it works again, and yet nothing is promised
            await journal.append(audit(4))
        await journal.close()

    asyncio.run(body())
    assert numbers(path) == [0, 3]
    assert read_state(path).records == 2


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE record SET body = replace(body, '/v1/halt', '/v1/stop') WHERE seq = 2",
        "DELETE FROM record WHERE seq = 2",
        "UPDATE record SET time_ns = time_ns + 1 WHERE seq = 3",
    ],
)
def test_a_changed_row_is_found_at_the_next_start(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "j.sqlite3"

    async def write() -> None:
        journal = Journal(path)
        await journal.open()
        for number in range(4):
            await journal.append(audit(number))
        await journal.close()

    asyncio.run(write())
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    connection.close()

    async def reopen() -> None:
        journal = Journal(path)
        try:
            await journal.open()
        finally:
            await journal.close()

    with pytest.raises(JournalError, match=r"row [23]"):
        asyncio.run(reopen())


def test_a_journal_of_a_newer_livetrader_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def once() -> None:
        journal = Journal(path)
        try:
            await journal.open()
        finally:
            await journal.close()

    asyncio.run(once())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    connection.close()
    with pytest.raises(JournalError, match="newer livetrader"):
        asyncio.run(once())


def test_sqlite3_shows_the_story_of_one_order_at_three_in_the_morning(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def write() -> str:
        journal = Journal(path)
        await journal.open()
        client_id = order_client_id(journal.state.instance, 1)
        await journal.append(OrderIntended(START_NS, 1, client_id, spec(1, 10)))
        await journal.append(audit(1))
        await journal.close()
        return client_id

    client_id = asyncio.run(write())
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT utc, kind, body ->> '$.spec.quantity' FROM readable WHERE client_order_id = ?",
            (client_id,),
        ).fetchall()
        mode = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()
    assert rows == [("2013-10-07 14:30:00", "order_intended", "10")]
    assert mode == ("wal",)


def test_client_order_ids_are_short_plain_and_never_shared() -> None:
    instance = make_instance("a very long account name", START_NS)
    ids = [order_client_id(instance, number) for number in (1, 35, 36, 36**5, 2**40)]
    kill = make_kill_id(START_NS)
    ids += [kill_client_id(kill, SPY, attempt) for attempt in (1, 36, 36**2 - 1)]
    assert all(len(name) <= MAX_CHARACTERS and name.isascii() for name in ids)
    assert len(set(ids)) == len(ids)
    assert [order_number(instance, name) for name in ids[:3]] == [1, 35, 36]
    assert order_number(instance, ClientOrderId("LTother1-1")) is None
    assert kill_attempt(kill, SPY, ids[6]) == 36
    assert instance != make_instance("a very long account name", START_NS + 1)
    assert instance == make_instance("a very long account name", START_NS)


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quantity=decimals, price=decimals, tag=st.text(max_size=50))
def test_a_record_read_back_is_the_record_written(quantity: Decimal, price: Decimal, tag: str) -> None:
    fill = Fill(ExecutionId(tag or "x"), quantity, price, 5)
    record: Record = ReportReceived(
        1, ExecutionReport(ClientOrderId(tag), OrderStatus.FILLED, 2, None, fill, tag)
    )
    assert decode(encode(record)) == record
