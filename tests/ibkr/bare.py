"""The client library by itself, to show the traps that the plugin goes around."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from livetrader_venues.tws.facts import Refused
from tests.venues.peers import Peer
from tests.venues.peers import library as module_of

CLIENT_ID = 10  # that of the plugin's default settings


@asynccontextmanager
async def bare(peer: Peer, library: str, timeout_s: float = 1.0) -> AsyncIterator[Any]:
    """Connect the library's own IB, as its documentation says."""
    ib = module_of(library).IB()
    await ib.connectAsync("127.0.0.1", peer.port, clientId=CLIENT_ID, timeout=timeout_s)
    try:
        yield ib
    finally:
        ib.disconnect()


def spy(library: str) -> Any:
    return module_of(library).Stock("SPY", "SMART", "USD", conId=756733)


def limit(library: str, action: str = "BUY", quantity: int = 10, price: float = 50.0, name: str = "") -> Any:
    return module_of(library).LimitOrder(action, quantity, price, orderRef=name, tif="GTC")


def market(library: str, action: str = "BUY", quantity: int = 10, name: str = "") -> Any:
    return module_of(library).MarketOrder(action, quantity, orderRef=name)


def tell_error(peer: Peer, order_id: int, code: int, text: str, client_id: int = CLIENT_ID) -> None:
    """Have TWS say something about an order that goes on working."""
    peer.gateway.orders.heard(Refused(client_id, order_id, code, text))
    peer.server.wake()
