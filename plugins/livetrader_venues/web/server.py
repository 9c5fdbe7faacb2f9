"""A house on a socket: the only part of a peer that does I/O, with `threads`.

The clock says UTC nanoseconds. A clock with `speed` 0 starts no timers: whoever moves it calls `wake` after
each move. While the house accepts nobody, the port is closed, so clients are refused as by a host that is not
there.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol

from livetrader_venues.closing import close_all, close_port
from livetrader_venues.stockmarket.clocks import Clock, speed_of
from livetrader_venues.stockmarket.tape import SECOND_NS
from livetrader_venues.web.http import BadRequest, Request, Response, encoded
from livetrader_venues.web.lines import Line
from livetrader_venues.web.outbox import End, Hold, Outbox
from livetrader_venues.web.websocket import CLOSE, PING, PONG, Message, frame

LOOPBACK = "127.0.0.1"
PATIENCE_S = 5.0  # how long `until` waits
SHORTEST_S = 0.001  # between two wakes by the clock: what comes within a millisecond comes together
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, zero seconds; closing sends a reset


class House(Protocol):
    """A peer without I/O."""

    outbox: Outbox
    accepts: bool

    def asked(self, connection: int, request: Request, now_ns: int) -> None:
        """Take a request that asks for no WebSocket."""

    def opened(self, connection: int, request: Request, now_ns: int) -> None:
        """Take a client that asks for a WebSocket; accept it or not."""

    def heard(self, connection: int, message: Message, now_ns: int) -> None:
        """Take a message over a WebSocket."""

    def lost(self, connection: int, now_ns: int) -> None:
        """Take the end of a connection."""

    def advance(self, now_ns: int) -> None:
        """Do all that is due."""

    def due_ns(self) -> int | None:
        """Return when something is due next."""


class Server:
    """Owns the port and the connections. It belongs to the loop that entered it."""

    def __init__(self, house: House, *, clock: Clock, host: str = LOOPBACK, port: int = 0) -> None:
        self.host = host
        self.port = port
        self._house = house
        self._clock = clock
        self._speed = speed_of(clock)
        self._connections: dict[int, _Connection] = {}
        self._next = 1
        self._listener: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = asyncio.Event()
        self._fault: Exception | None = None

    async def __aenter__(self) -> Server:
        """Listen. Raises OSError where the port is taken."""
        await self._listen()
        self.wake()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port and every connection. Raises what failed inside the peer meanwhile."""
        await self._close_port()
        await close_all(self._connections)
        if self._timer is not None:
            self._timer.cancel()
        if self._fault is not None:
            raise self._fault

    def wake(self) -> None:
        """Let the house go on to the clock's time, and write what it has to say."""
        self._house.advance(self._clock())
        self.pump()

    def pump(self) -> None:
        """Write what waits and set the next timer."""
        for output in self._house.outbox.take():
            connection = self._connections.get(output.connection)
            if connection is None:
                continue
            if isinstance(output, End):
                connection.end(is_reset=output.is_reset)
            elif isinstance(output, Hold):
                connection.hold(output.is_held)
            else:
                connection.write(output.data)
        self._set_timer()

    async def open_or_close(self) -> None:
        """Open or close the port as the house accepts clients or not."""
        if self._house.accepts and self._listener is None:
            await self._listen()
        elif not self._house.accepts:
            await self._close_port()

    async def until(self, probe: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Wait for clients to do something until a probe is true. Raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while not probe():
                self._heard.clear()
                await self._heard.wait()

    async def pour(self, connections: Iterable[int], chunks: Iterable[bytes]) -> None:
        """Write chunks to connections, as fast as each takes them."""
        taking = [self._connections[number] for number in connections if number in self._connections]
        for chunk in chunks:
            for connection in taking:
                await connection.writable()
                connection.write(chunk)
        for connection in taking:
            await connection.writable()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ns = self._house.due_ns() if self._speed > 0 else None
        if due_ns is not None:
            delay_s = (due_ns - self._clock()) / SECOND_NS / self._speed
            self._timer = asyncio.get_running_loop().call_later(max(delay_s, SHORTEST_S), self.wake)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close_port(self) -> None:
        if self._listener is not None:
            await close_port(self._listener)
            self._listener = None

    # ---- what connections call

    def _take(self, connection: _Connection) -> int:
        number = self._next
        self._next += 1
        self._connections[number] = connection
        return number

    def _hear(self, connection: _Connection, number: int, item: Request | Message) -> None:
        now_ns = self._clock()
        try:
            if isinstance(item, Message):
                self._message(connection, number, item, now_ns)
            elif item.headers.get("upgrade", "").lower() == "websocket":
                self._house.opened(number, item, now_ns)
            else:
                self._house.asked(number, item, now_ns)
        except Exception as error:  # boundary: a fault of the peer must not look like one of the network
            self._fault = self._fault or error
            raise
        self._heard.set()
        self.pump()

    def _message(self, connection: _Connection, number: int, message: Message, now_ns: int) -> None:
        if message.opcode == PING:
            connection.write(frame(message.payload, PONG))
        elif message.opcode == CLOSE:
            connection.write(frame(message.payload[:2], CLOSE))
            connection.end(is_reset=False)
        elif message.opcode != PONG:
            self._house.heard(number, message, now_ns)

    def _lose(self, number: int) -> None:
        if self._connections.pop(number, None) is not None:
            self._house.lost(number, self._clock())
            self._heard.set()
            self.pump()


class _Connection(asyncio.Protocol):
    """One client's socket. What a slow client does not read is kept by the transport, but for `pour`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._line = Line()
        self._number = 0
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._number = self._server._take(self)

    def data_received(self, data: bytes) -> None:
        try:
            items = self._line.received(data)
        except BadRequest as error:
            self.write(encoded(Response(400, str(error).encode())))
            self.end(is_reset=False)
            return
        for item in items:
            self._server._hear(self, self._number, item)

    def connection_lost(self, error: Exception | None) -> None:
        self._writable.set()
        self._transport = None
        self._server._lose(self._number)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def writable(self) -> None:
        """Wait until the client has read enough."""
        await self._writable.wait()

    def write(self, data: bytes) -> None:
        """Write to the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def hold(self, is_held: bool) -> None:
        """Stop reading, or go on."""
        if self._transport is None or self._transport.is_closing():
            return
        if is_held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def end(self, *, is_reset: bool) -> None:
        """Close after what was written, or reset at once."""
        if self._transport is None:
            return
        if is_reset:
            plug = self._transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
        else:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
