"""What a connection reads at once, and how it puts messages together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine

from livetrader_plugins.polygon.line import Address, Ears
from livetrader_plugins.polygon.line_picows import READ_BYTES, SMALL_BYTES, PicowsLine, Sips
from tests.fuzz.stream import HostileStream, text_frame

WAITING = b"0123456789abcdef" * (READ_BYTES // 4)


class Reader(asyncio.BufferedProtocol):
    """Has room for everything. Mutable state: what came, in how many bytes a time."""

    def __init__(self) -> None:
        self.came = bytearray()
        self.sizes: list[int] = []
        self.ended = asyncio.get_running_loop().create_future()
        self._room = bytearray(2 * len(WAITING))

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._room)

    def buffer_updated(self, nbytes: int) -> None:
        self.sizes.append(nbytes)
        self.came += self._room[:nbytes]

    def eof_received(self) -> None:
        self.sizes.append(0)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(exc)


async def _read(near: socket.socket) -> Reader:
    loop = asyncio.get_running_loop()
    reader = Reader()
    transport, _ = await loop.create_connection(asyncio.BufferedProtocol, sock=near)
    transport.set_protocol(Sips(reader))
    async with asyncio.timeout(10):
        assert await reader.ended is None
    return reader


def test_what_waits_in_the_socket_is_read_a_little_at_a_time_and_whole() -> None:
    near, far = socket.socketpair()
    for each, option in ((near, socket.SO_RCVBUF), (far, socket.SO_SNDBUF)):
        each.setsockopt(socket.SOL_SOCKET, option, 2 * len(WAITING))
    with far:
        far.setblocking(False)
        waits = far.send(WAITING)
        far.shutdown(socket.SHUT_WR)
        reader = asyncio.run(_read(near))
    assert waits > READ_BYTES, "the test wants more to wait than one read takes"
    assert reader.came == WAITING[:waits]
    assert max(reader.sizes) <= READ_BYTES
    assert reader.sizes[-1] == 0, "the end is told"


class Listener:
    """Hears a line. Mutable state: what it heard, and its tasks."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.lives = 0
        self.ended = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def ears(self) -> Ears:
        return Ears(self.frames.extend, lambda: None, self._alive, lambda why: self.ended.set())

    def spawn(self, name: str, coroutine: Coroutine[object, object, None]) -> None:
        self.tasks.append(asyncio.create_task(coroutine, name=name))

    def _alive(self) -> None:
        self.lives += 1


async def _hear(*said: bytes) -> Listener:
    """Return what a line hears of bytes that its venue says, and then a close."""
    async with HostileStream() as stream:
        listener = Listener()
        line = PicowsLine(listener.ears, listener.spawn)
        await line.open(Address(f"127.0.0.1:{stream.port}", "stocks", False, "key"), 10)
        await stream.say(b"".join(said) + text_frame((1000).to_bytes(2, "big"), 8))
        async with asyncio.timeout(10):
            await listener.ended.wait()
            await asyncio.gather(*listener.tasks)
    return listener


def test_messages_come_whole_and_in_order_however_they_are_framed() -> None:
    short, long, large = b"[1]", b"[" + b"1," * 100 + b"2]", b"[" + b"1," * SMALL_BYTES + b"3]"
    listener = asyncio.run(
        _hear(
            text_frame(short),
            text_frame(long),
            text_frame(large),
            text_frame(long, 2),  # binary
            text_frame(short, 2),
            text_frame(long[:40], 1, 0)
            + text_frame(b"", 10)
            + text_frame(long[40:], 0),  # and a pong between
            text_frame(long[:180], 1, 0) + text_frame(long[180:200], 0, 0) + text_frame(long[200:], 0),
            text_frame(large[:9_000], 1, 0) + text_frame(large[9_000:], 0),
            text_frame(short),
        )
    )
    heard = [frame for frame in listener.frames if b"status" not in frame]
    assert heard == [short, long, large, long, short, long, long, large, short]
    assert listener.lives == 1
