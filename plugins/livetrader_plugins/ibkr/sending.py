"""What goes out to TWS: at once or not at all, orders ahead of everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from livetrader_engine.spi import OutcomeUnknownError
from livetrader_plugins.ibkr.throttle import Throttle
from livetrader_plugins.ibkr.wire import WireClient

FLUSH_WAIT_S: Final = 5.0  # what TWS does not take off the socket for so long may be lost
FLUSH_LOOK_S: Final = 0.01  # between two looks whether it has


class Sender:
    """Writes to one socket within the message limit. Keeps no queue: who waits, waits in its own coroutine.

    `check_alive` raises VenueError once the session has ended; `end` ends it.
    """

    def __init__(
        self,
        client: WireClient,
        throttle: Throttle,
        check_alive: Callable[[], None],
        end: Callable[[str], None],
    ) -> None:
        self._client = client
        self._throttle = throttle
        self._check_alive = check_alive
        self._end = end
        self._order_turn = asyncio.Lock()  # fair: whoever waits longer goes first
        self._data_turn = asyncio.Lock()  # likewise: one that asks all the time must not take every turn

    async def send(self, method: str, arguments: tuple[object, ...], *, urgent: bool = False) -> None:
        """Call a method of the library's Client when the message limit allows; never orders.

        `urgent`: it has the room that orders have, not only that of data.
        """
        await self.allowed(order=urgent)
        self.write(method, arguments)

    async def send_order(self, method: str, arguments: tuple[object, ...]) -> None:
        """See TwsSession.send_order."""
        async with self._order_turn:
            await self.allowed(order=True)
            self.write(method, arguments)
        await self._flushed()

    async def allowed(self, *, order: bool) -> None:
        """Wait for the message limit, with nothing handed over yet: what waits here was surely not sent."""
        if order:
            await self._room(order=True)
            return
        async with self._data_turn:
            await self._room(order=False)

    async def _room(self, *, order: bool) -> None:
        self._check_alive()
        while (wait_s := self._throttle.wait_s(order=order)) > 0:
            await asyncio.sleep(wait_s)
            self._check_alive()

    def write(self, method: str, arguments: tuple[object, ...]) -> None:
        """Call a method of the library's Client now. Raises VenueError where the socket is closed."""
        transport = self._client.conn.transport
        if transport is None or transport.is_closing():
            self._end("the socket to TWS is closed")
            self._check_alive()
        self._throttle.count()
        getattr(self._client, method)(*arguments)

    async def _flushed(self) -> None:
        """Return when the operating system has everything that was written."""
        waited_s = 0.0
        while (transport := self._client.conn.transport) is not None:
            if transport.is_closing():
                break  # a socket that fails forgets what was written to it
            if transport.get_write_buffer_size() == 0:
                return
            if waited_s >= FLUSH_WAIT_S:
                self._end(f"TWS has taken nothing off its socket for {FLUSH_WAIT_S:g} s")
                break
            await asyncio.sleep(FLUSH_LOOK_S)
            waited_s += FLUSH_LOOK_S
        raise OutcomeUnknownError("the connection ended while the order was being sent")
