"""A peer that closes leaves no socket behind, not even of a client that knocks at that moment."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import pytest

from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import stocks
from tests.fuzz.stream import HostileStream
from tests.venues.peers import running

MARKET = Market.generated(stocks(1))


def polygon() -> AbstractAsyncContextManager[Any]:
    return Peer(MARKET, clock=ManualClock(new_york("2025-06-16 09:30")))


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("peer", [polygon, running, HostileStream])
def test_a_client_that_knocks_while_the_peer_closes_leaves_no_socket_behind(peer: Any, turns: int) -> None:
    """It is a client, being accepted, or in the queue of the kernel when the port closes."""
    gc.collect()  # what is found below is ours

    async def day() -> list[socket.socket]:
        async with peer() as served:
            clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0)
        return clients

    for client in asyncio.run(day()):
        client.settimeout(5.0)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b"", "closed, or reset"
        client.close()
    gc.collect()  # a socket without an owner is an error of the test that is running
