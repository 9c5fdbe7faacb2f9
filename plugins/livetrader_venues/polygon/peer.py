"""The peer: one market, WebSockets and REST on one port, and what tests do to it.

    clock = ManualClock(new_york("2025-06-16 09:30"))
    async with Peer(Market.generated(stocks(100)), clock=clock) as peer:
        ... WebSocketClient("test-key", feed=peer.host, secure=False) ...
        peer.move(60.0)

With a ManualClock nothing happens but in `move`: all that became due is written, in order, before it returns.
With a ScaledClock the peer runs by itself.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable
from random import Random

import msgspec

from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.replay import Replay
from livetrader_venues.polygon.rest import Rest
from livetrader_venues.polygon.stream import Stream
from livetrader_venues.stockmarket.clocks import Clock
from livetrader_venues.stockmarket.market import LATEST_NS, Market
from livetrader_venues.stockmarket.tape import Tick
from livetrader_venues.web import websocket
from livetrader_venues.web.desk import Desk
from livetrader_venues.web.faults import WEATHER, Faults
from livetrader_venues.web.http import Request
from livetrader_venues.web.outbox import Outbox
from livetrader_venues.web.peer import VendorPeer
from livetrader_venues.web.websocket import Message

EVENTS_PER_FRAME = 16  # at most; the venue joins what comes together
PACE_S = 0.01  # between two bursts of a paced replay


class Polygon:
    """The venue without I/O: a house for `web.server`. It owns its streams, its desk, its faults and its
    outbox.
    """

    def __init__(
        self, market: Market, access: Iterable[Access], clock: Clock, *, seed: int, events_per_frame: int
    ) -> None:
        self.market = market
        self.outbox = Outbox()
        self.accepts = True
        self.faults = Faults(Random(seed))
        keys = tuple(access)
        self.stream = Stream(market, keys, self.faults, self.outbox, events_per_frame)
        self.desk = Desk(Rest(market, keys, clock).answer, self.faults, self.outbox)

    def asked(self, connection: int, request: Request, now_ns: int) -> None:
        """Answer a REST request."""
        self.stream.log.append(f"{request.method} {request.path}")
        self.desk.asked(connection, request, now_ns)

    def opened(self, connection: int, request: Request, now_ns: int) -> None:
        """Take a WebSocket."""
        self.stream.opened(connection, request, now_ns)

    def heard(self, connection: int, message: Message, now_ns: int) -> None:
        """Take a message."""
        self.stream.heard(connection, message, now_ns)

    def lost(self, connection: int, now_ns: int) -> None:
        """Take the end of a connection."""
        self.stream.lost(connection)

    def advance(self, now_ns: int) -> None:
        """Do all that is due, in the order of time."""
        while True:
            self.stream.fill(now_ns)
            later, tick = self.outbox.due_ns(), self.stream.due_ns()
            if later is not None and later <= now_ns and (tick is None or later <= tick):
                self.outbox.act()
            elif tick is not None and tick <= now_ns:
                self.stream.tell_next()
            else:
                break
        self.stream.move_to(now_ns)
        self.stream.flush()

    def due_ns(self) -> int | None:
        """Return when something is due next."""
        due = [each for each in (self.outbox.due_ns(), self.stream.due_ns()) if each is not None]
        return min(due, default=None)


class Peer(VendorPeer[Polygon]):
    """A Polygon that listens on loopback; `host` is `feed` of WebSocket clients, `url` the base of REST."""

    def __init__(
        self,
        market: Market,
        *,
        clock: Clock,
        access: Iterable[Access] = (Access(),),
        seed: int = 1,
        port: int = 0,
        events_per_frame: int = EVENTS_PER_FRAME,
    ) -> None:
        house = Polygon(market, access, clock, seed=seed, events_per_frame=events_per_frame)
        super().__init__(house, market, clock, port)

    @property
    def ws_url(self) -> str:
        """Return the base of the WebSockets: a market's name follows, like /stocks."""
        return f"ws://{self.host}"

    # ---- what clients did

    @property
    def connections(self) -> int:
        """Return how many WebSockets are open and authorized."""
        clients = self.house.stream.clients.values()
        return sum(client.access is not None and not client.is_ended for client in clients)

    @property
    def log(self) -> list[str]:
        """Return what was asked, in order: "connect /stocks", "auth", "subscribe T.AAPL", "GET /v2/..."."""
        return list(self.house.stream.log)

    def subscriptions(self) -> set[str]:
        """Return the topics that anybody is subscribed to now."""
        return {
            topic
            for client in self.house.stream.clients.values()
            if not client.is_ended
            for topic in client.topics
        }

    # ---- what goes wrong

    def mute(self, ticker: str | None = None) -> None:
        """Say nothing of a ticker, or of any; sockets stay open and answer pings. REST goes on."""
        if ticker is None:
            self.house.stream.is_mute = True
        else:
            self.house.stream.muted.add(ticker)

    def unmute(self, ticker: str | None = None) -> None:
        """Speak of a ticker again, or of all. What was not said stays unsaid."""
        if ticker is None:
            self.house.stream.is_mute = False
            self.house.stream.muted.clear()
        else:
            self.house.stream.muted.discard(ticker)

    def freeze(self) -> None:
        """Let every open WebSocket fall silent: no data, no pong, nothing read. New ones are not frozen."""
        for client in self.house.stream.clients.values():
            client.freeze(True)
        self._server.pump()

    def thaw(self) -> None:
        """Let the frozen WebSockets go on."""
        for client in self.house.stream.clients.values():
            client.freeze(False)
        self._server.pump()

    def stop_history(self) -> None:
        """Let REST answer as if nothing were traded any more, with all that it had until now."""
        self.house.desk.stands_ns = self.clock()

    def resume_history(self) -> None:
        """Let REST know everything again, what was traded meanwhile, too."""
        self.house.desk.stands_ns = None

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close every WebSocket with a code; 1006 resets them without a close frame."""
        for client in list(self.house.stream.clients.values()):
            client.close(code, reason)
        self._server.pump()

    async def refuse_connections(self, is_refused: bool = True) -> None:
        """Close the port, so that clients are refused as by a host that is not there, or open it again."""
        self.house.accepts = not is_refused
        await self._server.open_or_close()

    def weather(self, share: float) -> None:
        """Arm faults of every kind by seeded chance; `share` scales how many events they strike."""
        for fault, rate in WEATHER:
            self.faults.add(dataclasses.replace(fault, probability=min(share * rate, 1.0)))

    # ---- data of one's own

    def stream_now(self, ticks: Iterable[Tick]) -> None:
        """Put ticks into the market and tell them now, whatever they say of when they are told.

        Raises ValueError for a tick of the future.
        """
        now_ns = self.clock()
        self.house.advance(now_ns)
        for tick in ticks:
            told_ns = min(now_ns, tick.sip_ns + LATEST_NS)
            self.market.add([msgspec.structs.replace(tick, told_ns=told_ns)])
            self.house.stream.tell(tick, now_ns)
        self.house.stream.flush()
        self._server.pump()

    def say(self, text: bytes | str) -> None:
        """Send a frame of one's own to every authorized client."""
        data = websocket.frame(text.encode() if isinstance(text, str) else text)
        for client in self._authorized():
            self.house.outbox.write(client, data)
        self._server.pump()

    async def blast(self, replay: Replay, *, per_second: float | None = None) -> None:
        """Write a replay to every authorized client, as fast as they take it, or so many frames a second."""
        clients = self._authorized()
        if per_second is None:
            await self._server.pour(clients, replay.chunks())
            return
        loop = asyncio.get_running_loop()
        began, written = loop.time(), 0
        while written < len(replay.frames):
            due = min(int((loop.time() - began) * per_second) + 1, len(replay.frames))
            if due > written:
                await self._server.pour(clients, (b"".join(replay.frames[written:due]),))
                written = due
            await asyncio.sleep(PACE_S)

    def _authorized(self) -> list[int]:
        clients = self.house.stream.clients.items()
        return [number for number, client in clients if client.access is not None and not client.is_ended]
