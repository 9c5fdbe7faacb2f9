"""One running TWS without I/O: bytes in, bytes out, at times that it is told.

    gateway.opened(1, now_ns)
    gateway.received(1, data, now_ns)
    gateway.advance(now_ns)
    outputs = gateway.take()

The gateway comes and goes (`outages`); the exchange behind it stays, with the orders that live there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random  # noqa: TID251 — only the type; a seeded one is passed in

from livetrader_venues.tws import requests, wire
from livetrader_venues.tws.accountdesk import AccountDesk
from livetrader_venues.tws.datadesk import DataDesk
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.faults import Faults, Kind, Rule
from livetrader_venues.tws.orderdesk import OrderDesk
from livetrader_venues.tws.outages import Outages
from livetrader_venues.tws.referencedesk import ReferenceDesk
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.settings import SECOND_NS, Settings
from livetrader_venues.tws.switchboard import Output, Session, Switchboard
from livetrader_venues.tws.wire import ProtocolError

VIOLATIONS_LIMIT = 3  # of the message rate, then TWS ends the connection

Handler = Callable[[Session, Request], None]
Observer = Callable[[Session, Request], None]


class Gateway:
    """Clients in front, an exchange behind. One owner calls it; it starts nothing and waits for nothing."""

    def __init__(self, exchange: Exchange, settings: Settings, random: Random, now_ns: int = 0) -> None:
        self.exchange = exchange
        self.settings = settings
        self.faults = Faults(random)
        self.board = Switchboard(self.faults)
        self.board.now_ns = now_ns
        exchange.pass_time(now_ns)
        self.orders = OrderDesk(self.board, exchange, settings, random)
        self.accounts = AccountDesk(self.board, exchange)
        self.data = DataDesk(self.board, exchange, settings)
        self.outages = Outages(self.board, exchange, self.orders, self.accounts, self.data)
        reference = ReferenceDesk(self.board, exchange)
        self.observers: list[Observer] = []  # called after each request of a client
        self._handlers: dict[str, Handler] = {
            **self.orders.handlers,
            **self.accounts.handlers,
            **self.data.handlers,
            **reference.handlers,
            "startApi": self._start,
        }

    # ---- what a server calls

    @property
    def accepts(self) -> bool:
        """Whether a port is open at all; where it is not, clients are refused (their error 502)."""
        return self.outages.accepts

    def opened(self, connection: int, now_ns: int) -> None:
        """A client has connected."""
        self.advance(now_ns)
        session = self.board.open(connection)
        if not self.accepts:
            self.board.close(session)

    def received(self, connection: int, data: bytes, now_ns: int) -> None:
        """Bytes came from a client."""
        self.advance(now_ns)
        session = self.board.session(connection)
        if session is None:
            return
        try:
            for body in session.frames.feed(data):
                if session.version is None:
                    self._greet(session, body)
                else:
                    self._read(session, body)
        except ProtocolError:
            self.board.close(session)
        self.publish()

    def lost(self, connection: int, now_ns: int) -> None:
        """A client has gone."""
        self.board.forget(connection)
        self.advance(now_ns)

    def advance(self, now_ns: int) -> None:
        """Let time pass: timers that end by now run in their order, each at its own time."""
        while self.board.run_due(now_ns):
            self.publish()
        self.publish()

    def due_ns(self) -> int | None:
        """Return when `advance` has something to do, None where nothing waits."""
        return self.board.due_ns()

    def take(self) -> list[Output]:
        """Return what is to be written now."""
        return self.board.take()

    def publish(self) -> None:
        """Tell clients what has happened at the exchange since the last time."""
        self.exchange.pass_time(self.board.now_ns)
        while facts := self.exchange.take():
            for fact in facts:
                self.orders.heard(fact)
                self.accounts.heard(fact)
                self.data.heard(fact)

    # ---- requests

    def _greet(self, session: Session, body: bytes) -> None:
        version = wire.negotiated(wire.greeting(body), self.settings.highest_version)
        if version is None:
            self.board.close(session)
            return
        session.version = version
        moment = datetime.fromtimestamp(self.board.now_ns // SECOND_NS, UTC)
        rule = self.faults.strike("connectAck", None, is_request=True)
        if rule is None or rule.kind is not Kind.MUTE:
            self.board.write(session, wire.encode([version, f"{moment:%Y%m%d %H:%M:%S} UTC"]))

    def _read(self, session: Session, body: bytes) -> None:
        if self._is_too_fast(session):
            return
        try:
            request = requests.parsed(wire.decode(body), session.speaks)
        except ProtocolError as error:
            self.board.tell(session, 320, f"Error reading request. {error}")
            return
        rule = self.faults.strike(request.name, session.client_id, is_request=True)
        if rule is None:
            self._serve(session, request)
        else:
            self._suffer(session, request, rule)

    def _is_too_fast(self, session: Session) -> bool:
        limit, times = self.settings.messages_per_second, session.request_times_ns
        times.append(self.board.now_ns)
        while times[0] <= self.board.now_ns - SECOND_NS:
            times.popleft()
        if not 0 < limit < len(times):
            return False
        session.rate_violations += 1
        self.board.tell(session, 100, "Max rate of messages per second has been exceeded")
        if session.rate_violations >= VIOLATIONS_LIMIT:
            self.board.close(session)
        return True

    def _suffer(self, session: Session, request: Request, rule: Rule) -> None:
        if rule.kind is Kind.DELAY:
            self.board.later(rule.by_ns, lambda: self._serve(session, request))
        elif rule.kind is Kind.DUPLICATE:
            self._serve(session, request)
            self._serve(session, request)
        elif rule.kind is Kind.CLOSE:
            self.board.close(session)
        elif rule.kind is Kind.ERROR:
            self.board.tell(session, rule.code, rule.text, request.request_id)
        for observer in self.observers:
            observer(session, request)

    def _serve(self, session: Session, request: Request) -> None:
        if self.board.session(session.connection) is None:
            return  # it ended while the request was on its way
        handler = self._handlers.get(request.name)
        if handler is None:
            self.board.tell(session, 320, f"Error reading request. Unknown message {request.number}")
        elif not session.is_started and request.name != "startApi":
            self.board.tell(session, 507, "Bad Message Length")
        else:
            handler(session, request)
        self.publish()
        for observer in self.observers:
            observer(session, request)

    def _start(self, session: Session, request: Request) -> None:
        client_id = request.values.whole("clientId")
        if any(other.client_id == client_id for other in self.board.sessions() if other is not session):
            self.board.tell(
                session, 326, "Unable to connect as the client id is already in use. Retry with a unique id."
            )
            self.board.close(session)
            return
        session.client_id, session.is_started = client_id, True
        self.accounts.tell_accounts(session)
        self.orders.tell_next_id(session)
        self.outages.tell_farms(session)
