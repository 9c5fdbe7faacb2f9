"""A journal of an earlier version is traded on, a copy of it is kept, and there is no silent way back."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader.errors import JournalError, NewerJournalError
from livetrader.journal import migration
from livetrader.journal.examination import examine
from livetrader.journal.identifiers import make_instance, order_client_id
from livetrader.journal.journal import Journal
from livetrader.journal.records import SCHEMA_VERSION
from livetrader.journal.replay import JournalState
from livetrader_engine.orders.states import OrderStatus

from .money import SPY
from .old_journals import ACCOUNT, CREATED_NS, INSTANCE, SCHEMAS, write_journal

JOURNAL = "journal.sqlite3"


def opened(path: Path) -> JournalState:
    async def body() -> JournalState:
        journal = Journal(path, ACCOUNT)
        await journal.open()
        await journal.close()
        return journal.state

    return asyncio.run(body())


def rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM record ORDER BY seq").fetchall()
    finally:
        connection.close()


def schema_of(path: Path) -> int:
    return int(examine(path).schema)


def test_every_earlier_schema_is_kept_as_a_fixture() -> None:
    assert tuple(range(1, SCHEMA_VERSION)) == SCHEMAS
    assert set(range(SCHEMA_VERSION)) == set(migration.STEPS)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_older_journal_says_what_it_said_and_its_copy_is_whole(tmp_path: Path, schema: int) -> None:
    path = tmp_path / JOURNAL
    write_journal(path, schema)
    before = rows(path)
    state = opened(path)
    assert state.instance == INSTANCE == make_instance(ACCOUNT, CREATED_NS)
    assert state.positions[SPY].quantity == 100
    assert state.positions[SPY].average_price == Decimal("320.55")
    first, second = (state.orders[order_client_id(INSTANCE, number)] for number in (1, 2))
    assert (first.status, second.status) == (OrderStatus.FILLED, OrderStatus.SUBMITTED)
    assert state.halted is not None
    assert state.halted.reason == "lunch"
    assert state.bucket is not None
    assert state.bucket.level_minutes == 90.0
    assert schema_of(path) == SCHEMA_VERSION
    assert rows(path) == before
    kept = tmp_path / f"{JOURNAL}.schema-{schema}"
    assert (schema_of(kept), rows(kept)) == (schema, before)
    assert examine(kept).intact
    assert sorted(each.name for each in tmp_path.iterdir() if ".part" in each.name) == []


def test_the_copy_is_made_once_and_is_that_of_before(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    write_journal(path, 1)
    opened(path)
    kept = tmp_path / f"{JOURNAL}.schema-1"
    before = kept.stat().st_mtime_ns
    opened(path)
    assert kept.stat().st_mtime_ns == before
    assert not (tmp_path / f"{JOURNAL}.schema-{SCHEMA_VERSION}").exists()


def test_where_the_copy_cannot_be_made_nothing_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    write_journal(path, 2)
    blocked = tmp_path / f"{JOURNAL}.schema-2"
    blocked.mkdir()
    (blocked / "x").touch()
    with pytest.raises(JournalError, match="cannot be opened"):
        opened(path)
    assert schema_of(path) == 2
    (blocked / "x").unlink()
    blocked.rmdir()
    assert opened(path).positions[SPY].quantity == 100


def test_a_step_that_fails_leaves_the_old_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: migration.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES ('half', 'done')")
        raise sqlite3.OperationalError("disk I/O error")

    path = tmp_path / JOURNAL
    write_journal(path, 1)
    monkeypatch.setattr(migration, "STEPS", {**migration.STEPS, 2: fail})
    with pytest.raises(JournalError, match="disk I/O error"):
        opened(path)
    monkeypatch.undo()
    assert schema_of(path) == 1
    assert opened(path).positions[SPY].quantity == 100
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM meta WHERE key = 'half'").fetchone() == (0,)
    connection.close()


def test_a_crash_between_copy_and_upgrade_is_gone_over_again(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    write_journal(path, 2)
    (tmp_path / f"{JOURNAL}.schema-2").write_bytes(b"an older try")
    (tmp_path / f"{JOURNAL}.schema-2.part").write_bytes(b"half a copy")
    opened(path)
    assert examine(tmp_path / f"{JOURNAL}.schema-2").intact
    assert schema_of(path) == SCHEMA_VERSION


def test_a_newer_journal_is_refused_with_a_code_that_nothing_restarts_or_liquidates(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    write_journal(path, 2)
    opened(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(SCHEMA_VERSION + 1),))
    connection.commit()
    connection.close()
    before = rows(path)
    with pytest.raises(NewerJournalError, match=r"newer livetrader .*install that version again") as raised:
        opened(path)
    assert raised.value.exit_code == 2
    assert rows(path) == before
