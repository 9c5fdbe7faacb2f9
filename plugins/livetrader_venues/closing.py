"""How a server of ours closes its port and lets go of its clients, those too that knock at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

ACCEPTING_TURNS: Final = 3  # of the loop, from the accepted socket to `connection_made`


class Connection(Protocol):
    """A client's socket that leaves its server's mapping when it is lost."""

    def abort(self) -> None:
        """Close at once."""


async def close_port(listener: asyncio.Server) -> None:
    """Close a port once everybody who was accepted is a connection; who waits to be accepted is reset.

    A server of Python 3.11 that is closed between the two drops the socket without closing it
    (`Server._attach` asserts that there is a port); that would be reported later, in any other test.
    """
    loop = asyncio.get_running_loop()
    for plug in listener.sockets:
        loop.remove_reader(plug.fileno())
    try:
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)
    finally:
        listener.close()


async def close_all(connections: Mapping[int, Connection]) -> None:
    """Return when there is no client any more. The port is closed already."""
    while connections:
        for connection in list(connections.values()):
            connection.abort()
        await asyncio.sleep(0)
