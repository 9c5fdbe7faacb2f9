"""The event stream on the wire: server-sent events, ended where nobody reads, or may read, any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from livetrader.control.http_headers import ANSWER
from livetrader.control.operations import EventSubscription
from livetrader.telemetry.logs import event
from livetrader.telemetry.metrics import Metrics

KEEP_ALIVE_S: Final = 10.0  # a comment on an idle stream, so that both ends notice a dead connection
CHECK_S: Final = 5.0  # how long a reader whose token or session ended may go on
WRITE_S: Final = 10.0  # a reader that takes no bytes for so long is dropped

_log = logging.getLogger(__name__)


class Streams:
    """The streams that are open. Owned by the server, on its loop."""

    def __init__(self, metrics: Metrics, monotonic_s: Callable[[], float]) -> None:
        self._metrics = metrics
        self._monotonic_s = monotonic_s
        self._open: set[EventSubscription] = set()

    def __len__(self) -> int:
        """Return how many readers there are."""
        return len(self._open)

    def close(self) -> None:
        """End all of them."""
        for stream in tuple(self._open):
            stream.close()

    async def serve(
        self,
        request: web.Request,
        subscription: EventSubscription,
        content_type: str,
        allowed: Callable[[], Awaitable[bool]],
    ) -> web.StreamResponse:
        """Write events until the reader goes, is too slow, or is not `allowed` any more."""
        response = web.StreamResponse(headers=ANSWER | {"Content-Type": content_type})
        self._open.add(subscription)
        ended = False
        try:
            await response.prepare(request)
            await self._feed(response, subscription, allowed)
            ended = not subscription.dropped
        except (ConnectionResetError, TimeoutError) as error:
            # the reader went away, or took nothing for too long: either way it is over
            event(_log, logging.DEBUG, "stream_ended", detail=type(error).__name__)
        finally:
            self._open.discard(subscription)
            subscription.close()
        if subscription.dropped:
            self._metrics.stream_dropped.inc()
        if not ended and request.transport is not None:
            request.transport.abort()  # what is still in its buffer will never be read
        return response

    async def _feed(
        self,
        response: web.StreamResponse,
        subscription: EventSubscription,
        allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        events = aiter(subscription)
        number, checked_s = 0, self._monotonic_s()
        while True:
            if self._monotonic_s() - checked_s >= CHECK_S:
                checked_s = self._monotonic_s()
                if not await allowed():
                    return
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    happened = await anext(events)
            except TimeoutError:
                block = b": alive\n\n"
            except StopAsyncIteration:
                return
            else:
                number += 1
                body = msgspec.json.encode(happened)
                name = type(happened).__struct_config__.tag
                block = b"event: %s\nid: %d\ndata: %s\n\n" % (str(name).encode(), number, body)
            async with asyncio.timeout(WRITE_S):
                await response.write(block)
