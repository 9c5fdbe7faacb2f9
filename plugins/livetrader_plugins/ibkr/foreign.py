"""Cancels orders that other clients and people placed, one by one and only when somebody asks for it.

TWS lets a client cancel only its own orders, and offers to cancel all orders of the login at once, protective
stops included. So this connects for a moment under the client id that placed the order; orders that people
typed into TWS belong to client id 0, which gets numbers for them when it asks.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from livetrader_engine.spi import Context, VenueError
from livetrader_plugins.ibkr import requests
from livetrader_plugins.ibkr.library import Order
from livetrader_plugins.ibkr.session import Address, Patience, TwsSession

ANSWER_WAIT_S: Final = 5.0  # for TWS to take the cancel before the borrowed connection ends


class ForeignOrders:
    """Borrows client ids, one at a time. Its own state is the lock."""

    def __init__(self, context: Context, patience: Patience) -> None:
        self._context = context
        self._patience = patience
        self._lock = asyncio.Lock()

    async def cancel(self, session: TwsSession, client_id: int, perm_id: int) -> None:
        """Ask for the cancel of one order as the client that placed it; return when TWS has it.

        Raises VenueError where that client is connected itself, or has no such order any more.
        """
        address = Address(session.address.host, session.address.port, client_id)
        async with self._lock:
            borrowed = TwsSession(session.library, address, self._context, self._patience)
            try:
                await borrowed.open()
                await self._cancel(borrowed, perm_id)
            except VenueError as error:
                raise VenueError(
                    f"order {perm_id} of client id {client_id} is not cancelled: {error}; cancel it in TWS"
                ) from error
            finally:
                await borrowed.close()
        self._context.report(
            "ibkr_foreign_order_cancelled", level="warning", order=perm_id, client_id=client_id
        )

    async def _cancel(self, borrowed: TwsSession, perm_id: int) -> None:
        rows = await borrowed.request(requests.OWN_OPEN_ORDERS)
        shown = [cast(Order, row.arguments[2]) for row in rows if row.name == "openOrder"]
        numbers = [order.orderId for order in shown if order.permId == perm_id and order.orderId]
        if not numbers:
            raise VenueError("that client has no such order open")
        await borrowed.send_order("cancelOrder", numbers[-1], "")
        await borrowed.request(requests.CURRENT_TIME, wait_s=ANSWER_WAIT_S)  # TWS has read what came before
