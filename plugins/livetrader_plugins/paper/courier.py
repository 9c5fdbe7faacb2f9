"""The courier of the paper venue: what takes time arrives late, in the order it was sent."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

from livetrader_engine.spi import BrokerageEvent, Context, VenueError
from livetrader_plugins.paper.store import StoredOrder, WireItem
from livetrader_plugins.sdk.event_stream import EventStream

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000


Parcel = WireItem | BrokerageEvent


def drawn_ns(context: Context, bounds_ms: tuple[int, int]) -> int:
    """Draw a delay between these bounds, in nanoseconds; 0 draws nothing."""
    least, most = bounds_ms
    return round(context.random.uniform(least, most) * NS_PER_MS) if most else 0


def news_due_ns(orders: Iterable[StoredOrder], now_ns: int, delay_ns: int) -> int:
    """Return the wall time at which news of these orders may leave; notes it where it is their first.

    Later news wait as long as earlier ones of the same order that are not out yet.
    """
    due_ns = now_ns
    for order in orders:
        order.acknowledged_ns = order.acknowledged_ns or now_ns + delay_ns
        due_ns = max(due_ns, order.acknowledged_ns)
    return due_ns


class Courier:
    """Carries orders to the venue and news away from it, each when it is due (wall clock).

    It holds what is on its way in memory: orders are on disk as well, and news are in the account. Bounded
    by what the daemon sends within the longest delay.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._parcels: list[tuple[int, int, Parcel]] = []  # due ns, number, what
        self._count = 0
        self._wake = asyncio.Event()

    def send(self, due_ns: int, parcel: Parcel) -> None:
        """Deliver `parcel` at `due_ns`; what is due at one time goes in the order it was sent."""
        self._count += 1
        heapq.heappush(self._parcels, (due_ns, self._count, parcel))
        self._wake.set()

    def drop(self) -> None:
        """Forget what is on its way, and let `carry` see that the session is over."""
        self._parcels.clear()
        self._wake.set()

    async def carry(self, stream: EventStream, arrive: Callable[[WireItem], Awaitable[None]]) -> None:
        """Deliver until `stream` ends: news into it, orders to `arrive`."""
        while not stream.ended:
            self._wake.clear()
            wait_s = None
            if self._parcels:
                wait_s = (self._parcels[0][0] - self._now_ns()) / NS_PER_S
            if wait_s is None or wait_s > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()
                continue
            _, _, parcel = heapq.heappop(self._parcels)
            if not isinstance(parcel, WireItem):
                stream.put(parcel)
                continue
            try:
                await arrive(parcel)
            except VenueError:
                return  # the session is broken or over, which whoever waits for its events is told
