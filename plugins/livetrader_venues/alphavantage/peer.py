"""The peer on a port.

async with Peer(market, clock=clock, keys=(Key("demo", per_minute=5, per_day=25),)) as peer:
    peer.url   # http://127.0.0.1:PORT: /query is below it
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from random import Random

import msgspec

from livetrader_venues.alphavantage.answers import Asked, Table, answer
from livetrader_venues.alphavantage.keys import Gate, Key, Refused
from livetrader_venues.stockmarket.clocks import Clock
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.web.desk import Desk
from livetrader_venues.web.faults import Faults
from livetrader_venues.web.http import Request, Response, encoded
from livetrader_venues.web.outbox import Outbox
from livetrader_venues.web.peer import VendorPeer
from livetrader_venues.web.websocket import Message

KEPT_LOG = 10_000  # lines of what was asked
_JSON = (("Content-Type", "application/json"),)
_CSV = (("Content-Type", "application/x-download"), ("Content-Disposition", "attachment; filename=data.csv"))


class AlphaVantage:
    """The venue without I/O: a house for `web.server`. It owns its faults, its outbox and its log."""

    def __init__(self, market: Market, keys: Iterable[Key], clock: Clock, seed: int) -> None:
        self.outbox = Outbox()
        self.accepts = True
        self.faults = Faults(Random(seed))
        self.log: deque[str] = deque(maxlen=KEPT_LOG)
        self._market = market
        self._gate = Gate(keys)
        self._clock = clock
        self._desk = Desk(self._answer, self.faults, self.outbox)

    def asked(self, connection: int, request: Request, now_ns: int) -> None:
        """Answer a request."""
        query = request.query
        self.log.append(" ".join(query.get(name, "") for name in ("function", "symbol", "month")).strip())
        self._desk.asked(connection, request, now_ns)

    def _answer(self, request: Request, known_ns: int) -> Response:
        if request.path.rstrip("/") != "/query":
            return Response(404, b"<!doctype html><title>Not Found</title>", (("Content-Type", "text/html"),))
        try:
            key = self._gate.admitted(request.query.get("apikey"), self._clock())
            table = answer(Asked(self._market, key, request.query, known_ns))
        except Refused as refused:
            return Response(200, msgspec.json.encode(refused.body), _JSON)
        if request.query.get("datatype", "json").lower() == "csv":
            return Response(200, _csv(table), _CSV)
        return Response(200, msgspec.json.encode(table.body), _JSON)

    def opened(self, connection: int, request: Request, now_ns: int) -> None:
        """Refuse a WebSocket: there is none."""
        self.outbox.write(connection, encoded(Response(404, b"not here")))
        self.outbox.end(connection)

    def heard(self, connection: int, message: Message, now_ns: int) -> None:
        """Take nothing: there is no WebSocket."""

    def lost(self, connection: int, now_ns: int) -> None:
        """Do nothing: a connection owns nothing here."""

    def advance(self, now_ns: int) -> None:
        """Say what was delayed until now."""
        while (due_ns := self.outbox.due_ns()) is not None and due_ns <= now_ns:
            self.outbox.act()

    def due_ns(self) -> int | None:
        """Return when something is due next."""
        return self.outbox.due_ns()


class Peer(VendorPeer[AlphaVantage]):
    """An Alpha Vantage that listens on loopback; `url` is where the API is, without /query."""

    def __init__(
        self,
        market: Market,
        *,
        clock: Clock,
        keys: Iterable[Key] = (Key(),),
        seed: int = 1,
        port: int = 0,
    ) -> None:
        super().__init__(AlphaVantage(market, keys, clock, seed), market, clock, port)

    @property
    def log(self) -> list[str]:
        """Return what was asked, in order: "TIME_SERIES_DAILY IBM"."""
        return list(self.house.log)


def _csv(table: Table) -> bytes:
    lines = [",".join(table.columns), *(",".join(row) for row in table.rows)]
    return ("\r\n".join(lines) + "\r\n").encode()
