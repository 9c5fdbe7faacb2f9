"""What a caller without rights may cost: no faults of ours, no journal full of refusals, no threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from livetrader.control import budgets
from livetrader.control.auth import Scope, TokenRecord, TokenStore
from livetrader.control.gate import Gate, Peer
from livetrader.control.refusals import Refusal
from livetrader.control.sessions import Limits, Sessions, cookie_name

Serve = Callable[[], AbstractAsyncContextManager]


async def _raw(port: int, request: bytes) -> bytes:
    """Send bytes that no client would make and return the status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return line


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_a_flood_from_elsewhere_does_not_fill_the_journal(serve: Serve, headers: dict[str, str]) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            for _ in range(3 * int(budgets.FAILURES_BURST)):
                async with session.post("/v1/halt", json={}, headers=headers) as answer:
                    assert answer.status in (403, 429)
            assert len(running.audit) == int(budgets.FAILURES_BURST), "what is beyond is not written"
            operator = await running.token(Scope.OPERATE)
            async with session.post("/v1/halt", json={}, headers=operator) as answer:
                assert answer.status == 202, "the one who may is not kept out"

    asyncio.run(scenario())


def test_bytes_that_are_no_text_are_a_wrong_secret_and_no_fault(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            port = running.port
            host = b"Host: 127.0.0.1:%d\r\n" % port
            cookie = b"Cookie: %s=\xff\xfe\r\n" % cookie_name(port, secure=False).encode()
            line = await _raw(port, b"GET /v1/status HTTP/1.1\r\n" + host + cookie + b"\r\n")
            assert b" 401 " in line
            path = b"POST /v1/training/%ff\xff/cancel HTTP/1.1\r\n"
            line = await _raw(port, path + host + b"Content-Length: 0\r\n\r\n")
            assert b" 401 " in line or b" 400 " in line

    asyncio.run(scenario())


def test_a_tokens_file_that_hangs_takes_one_thread_and_no_more(tmp_path: Path) -> None:
    class Hanging(TokenStore):
        """A store on a disk that does not answer."""

        asked = 0
        answered = threading.Event()

        def refresh(self) -> tuple[TokenRecord, ...]:
            self.asked += 1
            self.answered.wait(10)
            return ()

    async def scenario() -> None:
        clock_s = 0.0
        store = Hanging(tmp_path / "tokens.json")
        sessions = Sessions(Limits(60.0, 60.0), lambda: 0, lambda: clock_s)
        gate = Gate(
            store, sessions, frozenset({"localhost"}), 0, wall_ns=lambda: 0, monotonic_s=lambda: clock_s
        )
        for _ in range(3):
            clock_s += 1.0
            with pytest.raises(Refusal):
                await gate.identify({"Authorization": "Bearer lt_wrong"}, Peer("ip:127.0.0.1", None))
        assert store.asked == 1
        store.answered.set()

    asyncio.run(scenario())
