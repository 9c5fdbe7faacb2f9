"""A peer for tests: a clock moved by hand, a director, and clients that wait for news, not for time."""

from __future__ import annotations

import asyncio
import importlib
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from livetrader_venues.tws import peer
from livetrader_venues.tws.director import Director
from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.ledger import Account
from livetrader_venues.tws.server import Server
from livetrader_venues.tws.settings import SECOND_NS, Settings

START_NS = 1_750_075_200 * SECOND_NS  # Monday 2025-06-16 12:00 UTC
TICK_NS = 1_000
LIMIT_S = 5.0


class Clock:
    """Moves a microsecond each time it is read, and as far as a test says."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        self.now_ns += TICK_NS
        return self.now_ns


@dataclass(slots=True)
class Peer:
    """A peer that listens on a free port."""

    gateway: Gateway
    server: Server
    clock: Clock

    @property
    def port(self) -> int:
        return self.server.port

    def do(self, action: str, **keywords: object) -> None:
        """Play one action of a script."""
        Director(self.gateway).perform(action, keywords)
        self.server.wake()

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now_ns += int(seconds * SECOND_NS)
        self.server.wake()


@asynccontextmanager
async def running(
    settings: Settings | None = None, accounts: Iterable[Account] = (), seed: int = 1
) -> AsyncIterator[Peer]:
    """Run a peer whose time stands still."""
    gateway = peer.gateway(
        settings=settings or Settings(messages_per_second=0), accounts=accounts, seed=seed, now_ns=START_NS
    )
    clock = Clock()
    async with Server(gateway, clock=clock, is_paced=False) as server:
        yield Peer(gateway, server, clock)


def library(name: str) -> ModuleType:
    """Return ib_insync or ib_async.

    Both import a package `eventkit`: eventkit 1.0 or aeventkit, whichever was installed last. The former
    asks for the thread's loop when it is imported, and there is none after `asyncio.run`; so it gets one
    that never runs.
    """
    if name in sys.modules:
        return sys.modules[name]
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module(name)
    finally:
        asyncio.set_event_loop(running)  # which ib_insync asks for, where one runs already
        loop.close()


async def until(ib: Any, probe: Callable[[], Any], what: str = "") -> None:
    """Wait for the client's news until a probe is true."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not probe():
                await ib.updateEvent
    except TimeoutError:
        raise AssertionError(f"waited {LIMIT_S} s in vain for {what or probe}") from None
