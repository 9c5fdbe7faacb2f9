"""Order ids from the disk: reserved before they are used, ahead of need, so that no order waits for it."""

from __future__ import annotations

import asyncio
import threading

from livetrader_engine.spi import Context, VenueError
from livetrader_plugins.ibkr.account import RawAccount
from livetrader_plugins.ibkr.identifiers import FILE_NAME, OrderIds, read_reserved, write_reserved
from livetrader_plugins.ibkr.session import TwsSession


class OrderNumbers:
    """Hands out order ids that no life of this state directory has used. Owned by the brokerage."""

    def __init__(self, context: Context) -> None:
        """Prepare; nothing is read before `begin`."""
        self._context = context
        self._path = context.state_directory / FILE_NAME
        self._ids: OrderIds | None = None
        self._reserving = False
        self._turn = threading.Lock()  # whoever stops waiting leaves its write running
        self._written = 0  # what the file says, as far as this process wrote it; guarded by _turn

    async def begin(self, session: TwsSession, raw: RawAccount) -> None:
        """Go on above every number that was reserved, that TWS says, that is in use. Raises VenueError."""
        if self._ids is None:
            self._ids = OrderIds(await asyncio.to_thread(read_reserved, self._path))
        own = session.address.client_id
        used = [item.order.orderId for item in raw.open_orders if item.order.clientId == own]
        used += [done.orderId for _, done in raw.trades if done.clientId == own]
        self._ids.raise_to(max(session.first_order_id, *(number + 1 for number in used), 1))
        await self._reserve(self._ids)

    def take(self) -> int:
        """Return a fresh id. Raises VenueError where none is reserved: nothing may be sent then."""
        if self._ids is None:
            raise VenueError("not sent: the account is being read for the first time")
        number = self._ids.take()
        if self._ids.wanted is not None and not self._reserving:
            self._reserving = True
            self._context.spawn("ibkr-order-ids", self._reserve_ahead(self._ids))
        return number

    async def _reserve(self, ids: OrderIds) -> None:
        """Reserve the next block where few are left. Raises VenueError."""
        end = ids.wanted
        if end is None:
            return
        try:
            await asyncio.to_thread(self._write, end)
        except OSError as error:
            raise VenueError(f"order ids cannot be reserved in {self._path}: {error}") from error
        ids.extend(end)

    def _write(self, end: int) -> None:
        """Write the file, from a thread. A login and an order may ask at once: it never goes back."""
        with self._turn:
            if end > self._written:
                write_reserved(self._path, end)
                self._written = end

    async def _reserve_ahead(self, ids: OrderIds) -> None:
        try:
            await self._reserve(ids)
        except VenueError as error:
            self._context.report("ibkr_order_ids_not_reserved", level="error", error=str(error))
        finally:
            self._reserving = False
