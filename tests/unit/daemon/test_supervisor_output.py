"""What the engine process prints and what the operator reads of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from livetrader.control.operations import LogWritten
from livetrader.control.queries import LogQuery
from livetrader.control.stream import EventHub
from livetrader.supervisor import child_output as child_output_module
from livetrader.supervisor.child_output import LINE_LENGTH, ChildOutput
from livetrader.supervisor.log_book import LogBook

LIMIT_S = 10.0


def shown(
    write: Callable[[int], None], enough: Callable[[list[str]], bool], *, endless: bool = False
) -> list[str]:
    """Return the lines that a child's writes become; an endless writer ends with the reader."""

    async def scene() -> list[str]:
        read_end, write_end = os.pipe()
        lines: list[str] = []
        arrived = asyncio.Event()

        def line(text: str) -> None:
            lines.append(text)
            arrived.set()

        def child() -> None:
            try:
                write(write_end)
            finally:
                os.close(write_end)

        output = ChildOutput(os.fdopen(read_end, "rb", buffering=0), line)
        writer = asyncio.create_task(asyncio.to_thread(child))
        async with asyncio.timeout(LIMIT_S):
            while not enough(lines):
                arrived.clear()
                await arrived.wait()
            if not endless:
                await writer
        output.close()
        output.close()  # twice is harmless
        await writer
        return lines

    return asyncio.run(scene())


def test_lines_arrive_whole_however_they_were_written() -> None:
    def write(descriptor: int) -> None:
        for piece in (b"one", b" line\nan", b"other\n", b"\n", "größe\n".encode(), b"\xff\n", b"unfinished"):
            os.write(descriptor, piece)

    lines = shown(write, lambda lines: len(lines) >= 4)
    assert lines == ["one line", "another", "größe", "\ufffd", "unfinished"]


def test_a_line_without_end_is_cut() -> None:
    def write(descriptor: int) -> None:
        os.write(descriptor, b"x" * 10_000)

    lines = shown(write, lambda lines: len(lines) >= 2)
    assert [len(line) for line in lines] == [LINE_LENGTH, LINE_LENGTH, 10_000 - 2 * LINE_LENGTH]


def test_beyond_the_budget_lines_are_dropped_and_the_writer_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_output_module, "READ_BUDGET", 200_000)
    written = 0

    def write(descriptor: int) -> None:
        nonlocal written
        line = b"la" * 50 + b"\n"
        try:
            for _ in range(1_000_000):
                written += os.write(descriptor, line)
        except OSError:
            return  # the reader has closed: that was enough

    lines = shown(write, lambda lines: any("dropped" in line for line in lines), endless=True)
    assert sum(len(line) for line in lines) < 3 * 64 * 1024
    assert written < 3_000_000, "an endless print is slowed down, not read"


def test_the_newest_lines_are_paged_and_lost_ones_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = EventHub()
    book = LogBook(lambda: 7, hub)
    book.algorithm(1, "error", "first")
    book.engine("second")
    book.daemon("third", level="warning", reason="x")
    page = book.page(LogQuery(limit=10))
    assert [(line.sequence, line.source, line.level, line.message) for line in page.lines] == [
        (1, "algorithm", "error", "first"),
        (2, "engine", "info", "second"),
        (3, "daemon", "warning", "third reason=x"),
    ]
    assert book.page(LogQuery(after=page.next_sequence)).lines == ()
    assert [line.sequence for line in book.page(LogQuery(limit=2)).lines] == [2, 3]
    for number in range(6_000):
        book.engine(str(number))
    assert book.page(LogQuery(after=3, limit=10)).lost == 6_003 - 5_000 - 3


def test_lines_reach_those_who_follow() -> None:
    async def scene() -> None:
        hub = EventHub()
        book = LogBook(lambda: 7, hub)
        reader = hub.subscribe()
        book.engine("hello")
        async with asyncio.timeout(LIMIT_S):
            event = await anext(aiter(reader))
        assert isinstance(event, LogWritten)
        assert event.line.message == "hello"

    asyncio.run(scene())
