"""A raw WebSocket client for looking at what a peer of Polygon really sends, and waiting for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from livetrader_venues.polygon.access import TEST_KEY
from livetrader_venues.polygon.peer import Peer

LIMIT_S = 5.0


class Ear:
    """Owns what was heard on one connection: frames as they came, and events decoded."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[str | bytes] = []
        self.ended: ConnectionClosed | None = None
        self._news = asyncio.Event()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return what could be decoded, without statuses."""
        return [event for event in self._decoded() if event["ev"] != "status"]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        """Return the statuses: word and message."""
        return [(event["status"], event["message"]) for event in self._decoded() if event["ev"] == "status"]

    def _decoded(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for frame in self.frames:
            try:
                found += json.loads(frame)
            except ValueError:
                continue
        return found

    async def listen(self) -> None:
        """Hear until the connection ends."""
        try:
            async for frame in self.socket:
                self.frames.append(frame)
                self._news.set()
            await self.socket.recv()
        except ConnectionClosed as end:
            self.ended = end
            self._news.set()

    async def until(self, probe: Callable[[], object]) -> None:
        """Wait for news until a probe is true."""
        async with asyncio.timeout(LIMIT_S):
            while not probe():
                self._news.clear()
                await self._news.wait()

    async def ask(self, action: str, params: str) -> None:
        """Send a request."""
        await self.socket.send(json.dumps({"action": action, "params": params}))

    async def settled(self) -> None:
        """Wait until everything that the peer wrote before was heard: a ping's answer comes after it."""
        async with asyncio.timeout(LIMIT_S):
            await (await self.socket.ping())


@asynccontextmanager
async def ear(
    peer: Peer, *topics: str, market: str = "stocks", key: str | None = TEST_KEY
) -> AsyncIterator[Ear]:
    """Connect, authenticate and subscribe; nothing of it with a key of None."""
    async with asyncio.TaskGroup() as tasks, connect(f"{peer.ws_url}/{market}", ping_interval=None) as socket:
        heard = Ear(socket)
        listening = tasks.create_task(heard.listen())
        await heard.until(lambda: heard.statuses)
        if key is not None:
            await heard.ask("auth", key)
            await heard.until(lambda: len(heard.statuses) > 1)
        if topics:
            before = len(heard.statuses)
            await heard.ask("subscribe", ",".join(topics))
            await heard.until(lambda: len(heard.statuses) >= before + len(topics))
        try:
            yield heard
        finally:
            listening.cancel()
