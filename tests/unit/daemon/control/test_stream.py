from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest

from livetrader.control.stream import QUEUE_LIMIT

Serve = Callable[[], AbstractAsyncContextManager]


async def _next_event(answer: aiohttp.ClientResponse) -> tuple[str, dict[str, object]]:
    fields: dict[str, str] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if not line and fields:
            return fields["event"], json.loads(fields["data"])
        name, _, value = line.partition(": ")
        fields[name] = value
    raise EOFError


def test_the_event_stream_begins_with_the_state_and_goes_on_with_what_happens(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            async with session.get("/v1/events") as answer:
                assert answer.content_type == "text/event-stream"
                first = [await _next_event(answer) for _ in range(3)]
                assert [name for name, _ in first] == ["status", "portfolio", "training"]
                assert first[0][1]["status"]["equity"] == "101500.25"
                running.operations.write("hello")
                name, body = await _next_event(answer)
                assert (name, body["line"]["message"]) == ("log", "hello")
                async with session.post("/v1/cancel", json={"order": "lt-1"}):
                    pass
                name, body = await _next_event(answer)
                assert (name, body["order"]["status"]) == ("order", "canceled")
            async with asyncio.timeout(5):
                while running.operations.hub.readers:
                    running.operations.write("x")
                    await asyncio.sleep(0)

    asyncio.run(scenario())


def test_the_stream_ends_when_the_server_stops(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session, session.get("/v1/events") as answer:
            for _ in range(3):
                await _next_event(answer)
            await running.server.stop()
            with pytest.raises(EOFError):
                await _next_event(answer)
            assert not running.server.socket_path.exists()

    asyncio.run(scenario())


def test_a_reader_that_does_not_read_is_dropped_and_holds_nobody_up(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            slow = socket.socket(socket.AF_UNIX)
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(slow, str(running.server.socket_path))
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_sendall(slow, b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            async with asyncio.timeout(10):
                await loop.sock_recv(slow, 1)
                written = 0
                while running.operations.hub.readers:
                    running.operations.write("x" * 10_000)
                    written += 1
                    if written % 64 == 0:
                        await asyncio.sleep(0)
            assert written > QUEUE_LIMIT
            assert running.operations.hub.dropped == 1
            slow.close()
            async with running.unix() as session, session.get("/v1/status") as answer:
                assert answer.status == 200

    asyncio.run(scenario())
