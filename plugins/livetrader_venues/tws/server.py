"""The gateway on a socket: the only part of the peer that does I/O.

    async with Server(gateway, clock=clock) as server:
        ... server.port ...

The clock says UTC nanoseconds. With a clock that tests move by hand, `is_paced=False` starts no timers, and
the test calls `wake` after each move. While the gateway accepts nobody, the port is closed, so clients are
refused as by a TWS that is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from livetrader_venues.closing import close_all, close_port
from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.settings import SECOND_NS
from livetrader_venues.tws.switchboard import Close

LOOPBACK = "127.0.0.1"


class Server:
    """Owns the port and the connections. It belongs to the loop that entered it."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        clock: Callable[[], int],
        host: str = LOOPBACK,
        port: int = 0,
        is_paced: bool = True,
    ) -> None:
        self.gateway = gateway
        self.host = host
        self.port = port
        self._clock = clock
        self._is_paced = is_paced
        self._connections: dict[int, _Connection] = {}
        self._next_connection = 1
        self._listener: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._watch: asyncio.Task[None] | None = None
        self._fault: Exception | None = None

    async def __aenter__(self) -> Server:
        """Listen. Raises OSError where the port is taken."""
        await self._listen()
        await self._tasks.__aenter__()
        self._watch = self._tasks.create_task(self._follow(), name="tws-peer-port")
        self.wake()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port and every connection. Raises what failed inside the peer meanwhile."""
        if self._watch is not None:
            self._watch.cancel()
        await self._tasks.__aexit__(None, None, None)  # what the body raised goes on as it is
        await self._stop_listening()
        await close_all(self._connections)
        if self._timer is not None:
            self._timer.cancel()
        if self._fault is not None:
            raise self._fault

    def wake(self) -> None:
        """Let the gateway go on to the clock's time, and write what it has to say."""
        self.gateway.advance(self._clock())
        self.pump()

    def pump(self) -> None:
        """Write what waits, set the next timer, open or close the port as the gateway wants."""
        for output in self.gateway.take():
            connection = self._connections.get(output.connection)
            if connection is None:
                continue
            if isinstance(output, Close):
                connection.end()
            else:
                connection.write(output.data)
        if self.gateway.accepts != (self._listener is not None):
            self._changed.set()
        self._set_timer()

    def _set_timer(self) -> None:
        due_ns = self.gateway.due_ns()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_ns is not None and self._is_paced:
            delay_s = max(due_ns - self._clock(), 0) / SECOND_NS
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.wake)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            await close_port(self._listener)
            self._listener = None

    async def _follow(self) -> None:
        """Open and close the port as the gateway comes and goes."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self.gateway.accepts and self._listener is None:
                await self._listen()
            elif not self.gateway.accepts:
                await self._stop_listening()

    # ---- what connections call

    def _take(self, connection: _Connection) -> int:
        number = self._next_connection
        self._next_connection += 1
        self._connections[number] = connection
        self.gateway.opened(number, self._clock())
        self.pump()
        return number

    def _hear(self, number: int, data: bytes) -> None:
        try:
            self.gateway.received(number, data, self._clock())
        except Exception as error:  # boundary: a fault of the peer must not look like one of the network
            self._fault = self._fault or error
            raise
        self.pump()

    def _lose(self, number: int) -> None:
        if self._connections.pop(number, None) is not None:
            self.gateway.lost(number, self._clock())
            self.pump()


class _Connection(asyncio.Protocol):
    """One client's socket. What a slow client does not read is kept by the transport; the peer is for
    tests.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._number = self._server._take(self)

    def data_received(self, data: bytes) -> None:
        self._server._hear(self._number, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._server._lose(self._number)

    def write(self, data: bytes) -> None:
        """Write to the client."""
        if self._transport is not None:
            self._transport.write(data)

    def end(self) -> None:
        """Close after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
