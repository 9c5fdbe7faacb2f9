"""What ours is compared with: the official client's stream, and bare loops over three WebSocket libraries.

    python -m feed.loops CLIENT PORT EVENTS SYMBOLS

A bare loop decodes each frame into typed structs with msgspec, all fields of Polygon's trades and quotes, and
adds up a price of each event, as any handler has to touch it. Prints one JSON line: when the last event was
handled (CLOCK_MONOTONIC), and the processor seconds since the first.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec

from feed.frames import topics


class Trade(msgspec.Struct, tag_field="ev", tag="T", gc=False):
    """A trade as Polygon sends it."""

    sym: str
    p: float
    t: int
    s: float = 0.0
    x: int = 0
    i: str = ""
    z: int = 0
    c: list[int] = []
    q: int = 0
    trfi: int = 0
    trft: int = 0


class Quote(msgspec.Struct, tag_field="ev", tag="Q", gc=False):
    """A quote as Polygon sends it."""

    sym: str
    t: int
    bp: float = 0.0
    ap: float = 0.0
    bs: float = 0.0
    ask_size: float = msgspec.field(default=0.0, name="as")
    bx: int = 0
    ax: int = 0
    c: int = 0
    i: list[int] = []
    q: int = 0
    z: int = 0


class Status(msgspec.Struct, tag_field="ev", tag="status", gc=False):
    """A word of the server."""

    status: str = ""
    message: str = ""


class Done(Exception):
    """Everything has come."""


class Count:
    """Counts events; knows when the last has come."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.seen = 0
        self.total = 0.0
        self.done_ns = 0
        self.cpu_s = time.process_time()
        self._decode = msgspec.json.Decoder(list[Trade | Quote | Status]).decode

    def frame(self, payload: Any) -> bool:
        """Take one frame of data; return whether it was the last."""
        total, events = 0.0, self._decode(payload)
        for event in events:
            if type(event) is Trade:
                total += event.p
            elif type(event) is Quote:
                total += event.bp
            else:
                self.seen -= 1
        self.total += total
        return self.count(len(events))

    def count(self, more: int) -> bool:
        """Count events; return whether the last was among them."""
        if not self.seen:
            self.cpu_s = time.process_time()
        self.seen += more
        if self.seen < self.expected:
            return False
        self.done_ns = time.monotonic_ns()
        self.cpu_s = time.process_time() - self.cpu_s
        return True

    def report(self) -> str:
        """Return the line of the result."""
        return json.dumps({"done_ns": self.done_ns, "cpu_s": self.cpu_s, "events": self.seen})


AUTH = '{"action":"auth","params":"key"}'


def subscribe(symbols: int) -> str:
    """Return the word that subscribes to everything."""
    return json.dumps({"action": "subscribe", "params": ",".join(topics(symbols))})


async def websockets(url: str, symbols: int, count: Count) -> None:
    """Bare loop over websockets."""
    from websockets.asyncio.client import connect

    async with connect(url, compression=None, max_size=None, close_timeout=1) as socket:
        await socket.send(AUTH)
        await socket.send(subscribe(symbols))
        while not count.frame(await socket.recv(decode=False)):
            pass


async def aiohttp(url: str, symbols: int, count: Count) -> None:
    """Bare loop over aiohttp."""
    from aiohttp import ClientSession

    async with ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
        await socket.send_str(AUTH)
        await socket.send_str(subscribe(symbols))
        async for message in socket:
            if count.frame(message.data):
                return


async def picows(url: str, symbols: int, count: Count) -> None:
    """Bare loop over picows."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

    class Listener(WSListener):  # type: ignore[misc]  # a compiled class
        def on_ws_connected(self, transport: WSTransport) -> None:
            transport.send(WSMsgType.TEXT, AUTH.encode())
            transport.send(WSMsgType.TEXT, subscribe(symbols).encode())

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type == WSMsgType.TEXT and count.frame(frame.get_payload_as_memoryview()):
                transport.disconnect()

    transport, _ = await ws_connect(Listener, url)
    await transport.wait_disconnected()


async def official(url: str, symbols: int, count: Count) -> None:
    """The stream of polygon-api-client, as its documentation uses it."""
    from polygon import WebSocketClient

    base, _, market = url.removeprefix("ws://").partition("/")
    client = WebSocketClient("key", feed=base, market=market, secure=False, subscriptions=topics(symbols))

    async def handle(messages: list[Any]) -> None:
        for message in messages:
            count.total += message.price if message.event_type == "T" else message.bid_price
        if count.count(len(messages)):
            raise Done

    with suppress(Done):
        await client.connect(handle)


CLIENTS = {"official": official, "websockets": websockets, "aiohttp": aiohttp, "picows": picows}


def main() -> None:
    """Run one client once."""
    name, port, events, symbols = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    count = Count(events)
    asyncio.run(CLIENTS[name](f"ws://127.0.0.1:{port}/stocks", symbols, count))
    print(count.report(), flush=True)


if __name__ == "__main__":
    main()
