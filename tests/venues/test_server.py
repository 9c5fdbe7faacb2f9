"""The gateway on a socket: the port comes and goes with it, timers run alone, faults come to light."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any

import pytest

from livetrader_venues.tws import peer
from livetrader_venues.tws.server import Server
from livetrader_venues.tws.settings import Settings
from tests.venues.peers import LIMIT_S, library, running, until


def test_a_gateway_that_restarts_refuses_clients_and_takes_them_again_on_the_same_port() -> None:
    module = library("ib_insync")

    async def day() -> None:
        async with running() as peer:
            ib, port = module.IB(), peer.port
            await ib.connectAsync("127.0.0.1", port, clientId=1, timeout=5)
            spy = module.Stock("SPY", "SMART", "USD", conId=756733)
            trade = ib.placeOrder(spy, module.LimitOrder("BUY", 1, 90.0, orderRef="stays", tif="GTC"))
            await until(ib, lambda: trade.orderStatus.status == "Submitted")
            gone = asyncio.Event()
            ib.disconnectedEvent += gone.set
            peer.do("restart", down_s=30, rollback=1)
            await asyncio.wait_for(gone.wait(), LIMIT_S)
            await refused(port)
            peer.move(30)
            await taken(port)
            again = module.IB()
            await again.connectAsync("127.0.0.1", port, clientId=1, timeout=5)
            assert [t.order.orderRef for t in again.openTrades()] == ["stays"]
            again.disconnect()

    asyncio.run(day())


async def refused(port: int) -> None:
    """Wait until nobody listens: the listener ends in a task of its own."""
    async with asyncio.timeout(LIMIT_S):
        while await _connects(port):
            pass


async def taken(port: int) -> None:
    """Wait until somebody listens."""
    async with asyncio.timeout(LIMIT_S):
        while not await _connects(port):
            pass


async def _connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


def test_timers_run_by_themselves() -> None:
    module = library("ib_async")

    async def day() -> None:
        gateway = peer.gateway(settings=Settings(commission_delay_ns=50_000_000), now_ns=time.time_ns())
        async with Server(gateway, clock=time.time_ns) as server:
            ib = module.IB()
            await ib.connectAsync("127.0.0.1", server.port, clientId=1, timeout=5)
            trade = ib.placeOrder(
                module.Stock("SPY", "SMART", "USD", conId=756733), module.MarketOrder("BUY", 1)
            )
            await until(ib, lambda: trade.fills and trade.fills[0].commissionReport.execId)
            ib.disconnect()

    asyncio.run(day())


def test_a_fault_of_the_peer_does_not_look_like_one_of_the_network(caplog: Any) -> None:
    async def day() -> None:
        async with running() as peer:
            peer.gateway.observers.append(lambda session, request: 1 / 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
            offer = b"v100..176"
            writer.write(b"API\0" + struct.pack(">I", len(offer)) + offer + b"\0\0\0\x0871\x002\x001\0\0")
            while await asyncio.wait_for(reader.read(1000), LIMIT_S):
                pass
            writer.close()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(day())


def test_what_is_no_client_is_thrown_out() -> None:
    async def day() -> None:
        async with running() as peer:
            reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""
            writer.close()

    asyncio.run(day())
