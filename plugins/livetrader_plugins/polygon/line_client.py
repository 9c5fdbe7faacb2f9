"""A line through the official package, polygon-api-client or its successor massive: a fallback.

The package logs in, subscribes and reads frames; what else it says or keeps to itself is not relied on.
It is run for one connection only (`max_reconnects=0`): that it returned is an end, whatever the
reason, and a connection that it tries to make in silence is given up when the time for it is over.
It waits with `asyncio.wait_for`, which before Python 3.12 forgets a cancel that comes with a message: the
message is then what ends it.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from websockets.exceptions import WebSocketException

from livetrader_engine.spi import PluginError, VenueError
from livetrader_plugins.polygon import words
from livetrader_plugins.polygon.line import Address, Ears, Spawn
from livetrader_plugins.polygon.protocol import FRAME_LIMIT

PACKAGES: Final = ("polygon", "massive")  # the first that is installed
_THEIR_LOGGER: Final = "WebSocketClient"


class _Json:
    """The package's `custom_json`: hears what the login is answered, which the package does not hand on."""

    dumps = staticmethod(json.dumps)

    def __init__(self, hear: Callable[[str | bytes], None]) -> None:
        self._hear = hear

    def loads(self, text: str | bytes) -> Any:  # the package's own signature
        """Read, and tell."""
        self._hear(text)
        return json.loads(text)


class ClientLine:
    """One connection. Mutable state: the package's client and its task."""

    def __init__(self, package: ModuleType, ears: Ears, spawn: Spawn) -> None:
        self._package = package
        self._ears = ears
        self._spawn = spawn
        self._client: Any = None  # the package is not typed
        self._refusal: type[Exception] = package.exceptions.AuthError
        self._task: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()  # the login
        self._host = ""
        self._ended = ""
        self._closed = False

    async def open(self, address: Address, timeout_s: float) -> None:
        """Connect and log in. Raises VenueError with the remedy."""
        self._host = address.host
        self._client = self._package.WebSocketClient(
            api_key=address.key, feed=address.host, market=address.market, raw=True, secure=address.tls,
            max_reconnects=0, custom_json=_Json(self._hear_login),
        )  # fmt: skip
        self._spawn("polygon client", self._run())
        try:
            async with asyncio.timeout(timeout_s):
                await self._answered.wait()
        except TimeoutError as error:
            self.close()
            raise VenueError(
                f"{address.url} did not let us in within {timeout_s:g} s; the package does not say why: look "
                "at host, tls, and the way to the internet"
            ) from error
        if self._ended:
            raise VenueError(self._ended)

    def send(self, action: str, topics: list[str]) -> None:
        """Subscribe to topics, or unsubscribe; the package sends it within a second."""
        if self._client is not None:
            (self._client.subscribe if action == "subscribe" else self._client.unsubscribe)(*topics)

    def ping(self) -> None:
        """Send a ping."""
        self._spawn("polygon client ping", self._ping())

    async def _ping(self) -> None:
        socket = None if self._client is None else self._client.websocket
        if socket is None:
            return
        try:
            await (await socket.ping())
        except (OSError, WebSocketException):
            return  # it has ended, and `_run` says why
        if not self._closed:
            self._ears.alive()

    def close(self) -> None:
        """End it at once, and say nothing more; idempotent."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        self._client = None

    async def _run(self) -> None:
        """Let the package run until its connection ends."""
        self._task = asyncio.current_task()
        if self._closed:
            return
        client = self._client
        try:
            await client.connect(self._take, ping_interval=None, max_size=FRAME_LIMIT)
            why = f"{self._host} closed the connection, and the package says no more than that"
        except asyncio.CancelledError:
            if not self._closed:
                raise
            return
        except (OSError, WebSocketException, ValueError, LookupError, TypeError, self._refusal) as error:
            why = _words(self._host, error)
        self._ended = why
        self._answered.set()
        if not self._closed:
            self._closed = True
            self._ears.ended(why)

    async def _take(self, message: str | bytes) -> None:
        self._hear(message)

    def _hear_login(self, answer: str | bytes) -> None:
        self._answered.set()
        self._hear(answer)

    def _hear(self, message: str | bytes) -> None:
        if self._closed:
            raise asyncio.CancelledError  # a cancel that met this message in the package's wait_for was lost
        self._ears.frames([message.encode() if isinstance(message, str) else message])
        self._ears.turn()


def package() -> ModuleType:
    """Load the package. Raises PluginError where there is none."""
    for name in PACKAGES:
        try:
            found = importlib.import_module(name)
        except ImportError:
            continue
        logging.getLogger(_THEIR_LOGGER).handlers.clear()  # it writes to standard output by itself
        return found
    raise PluginError('transport = "client" needs the official package: pip install polygon-api-client')


def _words(host: str, error: Exception) -> str:
    received = getattr(error, "rcvd", None)  # of websockets' ConnectionClosed
    if received is not None:
        return words.closed(host, int(received.code), str(received.reason))
    if type(error).__name__ == "AuthError":
        return words.ends_the_session("auth_failed", str(error), host)
    return f"the connection to {host} broke off: {error or type(error).__name__}"
