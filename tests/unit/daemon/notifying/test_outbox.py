"""The outbox on disk: what survives, what is set aside, and that a sick disk holds nobody up."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from pathlib import Path

import msgspec
import pytest

from livetrader.control.notification_views import NotificationState
from livetrader.notifying.entries import Delivery, Entry
from livetrader.notifying.file import OutboxFile
from livetrader.notifying.writer import OutboxWriter
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.outgoing import FileUpload, WebRequest

NOW_NS = 1_750_000_000_000_000_000


def entry(number: int, **more: object) -> Entry:
    made = Entry(id=number, time_ns=NOW_NS, urgency=Urgency.ALARM, source="daemon", title="t", message="m")
    return msgspec.structs.replace(made, **more)


def run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(work)


async def until_written(writer: OutboxWriter, *, problem: bool = False) -> None:
    async with asyncio.timeout(15):
        while writer.pending and not (problem and writer.problem):  # noqa: ASYNC110 — a thread says nothing
            await asyncio.sleep(0)


def test_what_was_written_is_there_again_whole(tmp_path: Path) -> None:
    path = tmp_path / "notifications.sqlite3"
    upload = FileUpload("host", 22, "me", "/a", b"\x00\xff", secure=True, private_key="the-k3y")
    entries = [
        entry(
            1,
            state=NotificationState.SENT,
            deliveries=(Delivery("mail", 2, NOW_NS, "no"),),
            reached=("mail",),
        ),
        entry(2, outgoing=upload),
        entry(3, outgoing=WebRequest("http://x", "{}", headers=(("A", "b"),))),
    ]

    async def scene() -> None:
        writer = OutboxWriter(path, lambda: NOW_NS)
        assert await writer.open() == []
        writer.put({each.id: each for each in entries})
        await writer.close()
        again = OutboxWriter(path, lambda: NOW_NS)
        assert await again.open() == entries
        again.put({2: None, 3: msgspec.structs.replace(entries[2], outgoing=None)})
        await again.close()
        last = OutboxWriter(path, lambda: NOW_NS)
        assert [each.id for each in await last.open()] == [1, 3]
        await last.close()

    run(scene())
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.damaged*"))
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"the-k3y" not in left, "a secret that is not needed any more is overwritten"


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "notifications.sqlite3"
    path.write_bytes(b"not a database, but long enough to be looked at" * 50)
    file = OutboxFile(path)
    assert file.open(NOW_NS) == []
    file.write({1: entry(1)})
    file.close()
    (aside,) = tmp_path.glob("*.damaged*")
    assert aside.read_bytes().startswith(b"not a database")
    with sqlite3.connect(path) as connection:
        connection.execute('UPDATE notification SET body = \'{"id": "x"}\'')
    connection.close()
    assert OutboxFile(path).open(NOW_NS + 1) == [], "a row that nobody can read, too"
    assert len(list(tmp_path.glob("*.damaged*"))) == 2


def test_the_file_of_a_newer_livetrader_is_left_alone_and_people_are_told_all_the_same(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notifications.sqlite3"
    file = OutboxFile(path)
    file.open(NOW_NS)
    file.write({1: entry(1)})
    file.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99'")
    connection.close()

    async def scene() -> None:
        writer = OutboxWriter(path, lambda: NOW_NS)
        assert await writer.open() == [] and "newer livetrader (schema 99" in writer.problem
        writer.put({1: None})
        assert writer.pending == 0, "nothing piles up for a file that is not written"
        await writer.close()

    run(scene())
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM notification").fetchone() == (1,)
    connection.close()


def test_what_a_sick_disk_did_not_take_is_kept_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livetrader.notifying.writer.RETRY_S", 0.02)
    monkeypatch.setattr("livetrader.notifying.file.BUSY_S", 0.02)
    path = tmp_path / "notifications.sqlite3"

    def lock() -> sqlite3.Connection:
        blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        blocker.execute("BEGIN IMMEDIATE")  # nobody else can write until it is closed
        return blocker

    async def scene() -> None:
        writer = OutboxWriter(path, lambda: NOW_NS)
        await writer.open()
        writer.put({1: entry(1)})
        await until_written(writer)
        blocker = await asyncio.to_thread(lock)
        writer.put({1: entry(1, times=2), 2: entry(2)})
        await until_written(writer, problem=True)
        assert "cannot be written" in writer.problem
        for times in range(3, 200):
            writer.put({1: entry(1, times=times)})
        assert writer.pending <= 3, "the newest of each"
        await asyncio.to_thread(blocker.close)
        await until_written(writer)
        assert writer.problem == ""
        await writer.close()

    run(scene())
    again = OutboxFile(path)
    assert [(each.id, each.times) for each in again.open(NOW_NS)] == [(1, 199), (2, 1)]
    again.close()


def test_a_folder_that_is_not_there_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    async def scene() -> None:
        writer = OutboxWriter(tmp_path / "gone" / "notifications.sqlite3", lambda: NOW_NS)
        assert await writer.open() == [] and writer.problem
        writer.put({1: entry(1)})
        async with asyncio.timeout(10):
            await writer.close()

    run(scene())


def test_a_disk_that_is_there_only_after_the_start_has_everything_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livetrader.notifying.writer.RETRY_S", 0.02)
    path = tmp_path / "later" / "notifications.sqlite3"

    async def scene() -> None:
        writer = OutboxWriter(path, lambda: NOW_NS)
        assert await writer.open() == [] and writer.problem
        writer.put({1: entry(1)})
        await until_written(writer, problem=True)
        path.parent.mkdir()
        await until_written(writer)
        assert writer.problem == ""
        await writer.close()

    run(scene())
    again = OutboxFile(path)
    assert again.open(NOW_NS) == [entry(1)]
    again.close()
