"""How much of what waits in a socket is read at once."""

from __future__ import annotations

import asyncio
import socket

from livetrader_plugins.polygon.line_picows import READ_BYTES, Sips

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
