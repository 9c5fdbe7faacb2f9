"""A peer on a thread of its own, for tests of clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, TypeVar

P = TypeVar("P")
R = TypeVar("R")


class Threaded(Generic[P]):
    """Runs a peer while the block lasts. It owns the thread and its loop.

    with Threaded(lambda: Peer(market, clock=clock)) as served:
        served.peer.url
        served.do(lambda peer: peer.mute("AAPL"))
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[P]]) -> None:
        self._make = make
        self._thread = threading.Thread(target=self._run, name="peer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._peer: P | None = None

    @property
    def peer(self) -> P:
        """Return the peer; its attributes may be read, what changes it goes through `do`."""
        assert self._peer is not None, "only inside the block"
        return self._peer

    def __enter__(self) -> Threaded[P]:
        """Start. Raises what the peer raised."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the peer and wait for it. Raises what failed inside."""
        assert self._loop is not None
        assert self._ended is not None
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def do(self, action: Callable[[P], R]) -> R:
        """Do something with the peer, on its thread; return what it returned."""
        assert self._loop is not None

        async def act() -> R:
            return action(self.peer)

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 — boundary: it goes to the thread that owns this one
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        async with self._make() as peer:
            self._peer = peer
            self._ready.set()
            await self._ended.wait()
