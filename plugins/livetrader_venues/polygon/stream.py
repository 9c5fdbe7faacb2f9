"""The WebSockets: who is connected, who may see what, and what is told to whom when."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable

from livetrader_venues.polygon.access import EVENTS, MARKETS, Access, delay_of
from livetrader_venues.polygon.aggregates import LAG_NS, STEPS, Aggregates
from livetrader_venues.polygon.clients import Client
from livetrader_venues.polygon.events import Event, event_of, status
from livetrader_venues.polygon.tellers import Teller
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.tape import SECOND_NS, Tick
from livetrader_venues.web import websocket
from livetrader_venues.web.faults import Faults, Kind
from livetrader_venues.web.http import Request, Response, encoded
from livetrader_venues.web.outbox import Outbox
from livetrader_venues.web.websocket import Message

NO_REAL_TIME = (
    "You don't have access real-time data. If your plan only includes delayed data, you can connect to the "
    "delayed websocket."
)
TOO_MANY = (
    "Maximum number of websocket connections exceeded. "
    "You have reached the connection limit for your account."
)
OFFERED = {
    "stocks": ("T", "Q", "A", "AM"),
    "options": ("T", "Q", "A", "AM"),
    "indices": ("V", "A", "AM"),
}
AUTH_LIMIT_NS = 30 * SECOND_NS  # a client that has not said its key by then is told so and closed
POLICY_VIOLATION = 1008
KEPT_LOG = 10_000  # lines of what was asked


class Stream:
    """Owns the clients and how far the market was told. One delay of data for each kind of key."""

    def __init__(
        self, market: Market, access: Iterable[Access], faults: Faults, outbox: Outbox, per_frame: int
    ) -> None:
        self.clients: dict[int, Client] = {}
        self.log: deque[str] = deque(maxlen=KEPT_LOG)
        self.muted: set[str] = set()
        self.is_mute = False
        self._market = market
        self._keys = {each.key: each for each in access}
        self._faults = faults
        self._outbox = outbox
        self._per_frame = per_frame
        self._aggregates = Aggregates(market)
        self._tellers = {
            delay: Teller(market, delay) for delay in {delay_of(each) for each in self._keys.values()}
        }

    # ---- connections

    def opened(self, connection: int, request: Request, now_ns: int) -> None:
        """Accept a WebSocket of /stocks, /options or /indices; others are not found."""
        name = request.path.strip("/")
        self.log.append(f"connect {request.path}")
        fault = self._faults.strike("connect", name)
        if fault is not None and fault.kind is Kind.MUTE:
            return
        if fault is not None or name not in MARKETS:
            self._outbox.write(connection, encoded(Response(fault.code if fault else 404, b"not here")))
            self._outbox.end(connection)
            return
        client = Client(connection, name, self._outbox, self._faults, self._per_frame)
        self.clients[connection] = client
        self._outbox.write(connection, websocket.accepted(request))
        client.tell([status("connected", "Connected Successfully")], now_ns)
        self._outbox.later(now_ns + AUTH_LIMIT_NS, lambda late_ns: self._expire(client, late_ns))

    def _expire(self, client: Client, now_ns: int) -> None:
        if client.access is None and not client.is_ended:
            client.tell([status("auth_timeout", "No authentication request received.")], now_ns)
            client.close(POLICY_VIOLATION)

    def lost(self, connection: int) -> None:
        """Forget a client."""
        client = self.clients.pop(connection, None)
        if client is not None:
            client.is_ended = True
            self._changed()

    def heard(self, connection: int, message: Message, now_ns: int) -> None:
        """Take what a client asks. What is no request is answered with an error, and nothing else happens."""
        client = self.clients.get(connection)
        if client is None or client.is_frozen or client.is_ended:
            return
        try:
            said = json.loads(message.payload)
            action, params = str(said["action"]), str(said.get("params", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            client.refuse("invalid message", now_ns)
            return
        self.log.append(action if action == "auth" else f"{action} {params}")
        fault = self._faults.strike(action, params)
        if fault is not None and fault.kind is Kind.DELAY:
            due_ns = now_ns + int(fault.by_s * SECOND_NS)
            self._outbox.later(due_ns, lambda late_ns: self._act(client, action, params, late_ns))
        elif fault is not None and fault.kind is Kind.REFUSE:
            word = "auth_failed" if action == "auth" else "error"
            client.tell([status(word, fault.text or "not authorized")], now_ns)
        elif fault is not None and fault.kind is Kind.CLOSE:
            client.close(fault.code, fault.text)
        elif fault is None:
            self._act(client, action, params, now_ns)

    def _act(self, client: Client, action: str, params: str, now_ns: int) -> None:
        if client.is_ended:
            return
        if action == "auth":
            self._authorize(client, params, now_ns)
        elif action not in ("subscribe", "unsubscribe"):
            client.refuse(f"unknown action: {action}", now_ns)
        elif client.access is None:
            client.refuse("not authenticated", now_ns)
        else:
            topics = [topic.strip() for topic in params.split(",") if topic.strip()]
            if action == "subscribe":
                client.tell([self._subscribe(client, topic) for topic in topics], now_ns)
            else:
                client.topics.difference_update(topics)
                client.tell([status("success", f"unsubscribed to: {topic}") for topic in topics], now_ns)
            self._changed()
            self._watch(now_ns)

    def _authorize(self, client: Client, key: str, now_ns: int) -> None:
        access = self._keys.get(key)
        if access is None:
            client.tell([status("auth_failed", "authentication failed")], now_ns)
            client.close(POLICY_VIOLATION)
            return
        if not access.websocket or client.market not in access.markets:
            client.tell([status("auth_failed", "Your plan doesn't include websocket access.")], now_ns)
            client.close(POLICY_VIOLATION)
            return
        client.access = access
        client.tell([status("auth_success", "authenticated")], now_ns)
        if not access.real_time:
            client.refuse(NO_REAL_TIME, now_ns)
            client.close(POLICY_VIOLATION)
            return
        same = [
            each for each in self.clients.values() if each.access is access and each.market == client.market
        ]
        same = [each for each in same if not each.is_ended]
        if len(same) > access.connections:
            leaving = same[0] if access.evicts == "oldest" else client
            leaving.tell([status("max_connections", TOO_MANY)], now_ns)
            leaving.close(POLICY_VIOLATION)

    def _subscribe(self, client: Client, topic: str) -> Event:
        assert client.access is not None
        kind, _, ticker = topic.partition(".")
        if kind not in EVENTS or not ticker:
            return status("error", f"unknown topic: {topic}")
        if kind not in client.access.streams or kind not in OFFERED[client.market]:
            return status("error", client.access.refusal)
        client.topics.add(topic)
        return status("success", f"subscribed to: {topic}")

    # ---- data

    def fill(self, now_ns: int) -> None:
        """Read the tape up to a time, or to the next tick."""
        for teller in self._tellers.values():
            teller.fill(now_ns)

    def due_ns(self) -> int | None:
        """Return when the next tick is told or the tape is to be read on, None where nobody listens."""
        due = [at for teller in self._tellers.values() if (at := teller.due_ns()) is not None]
        return min(due, default=None)

    def tell_next(self) -> None:
        """Tell the next tick to those who want it."""
        due = [(at, delay) for delay, teller in self._tellers.items() if (at := teller.due_ns()) is not None]
        now_ns, delay_ns = min(due)
        tick = self._tellers[delay_ns].take()
        if tick is not None:
            self.tell(tick, now_ns, delay_ns)

    def tell(self, tick: Tick, now_ns: int, delay_ns: int = 0) -> None:
        """Tell a tick to everybody with this delay who subscribed to it."""
        if self.is_mute or tick.ticker in self.muted:
            return
        self._say(event_of(tick), now_ns, delay_ns)

    def _say(self, event: Event, now_ns: int, delay_ns: int) -> None:
        kind = self._market.securities[event.ticker].kind
        for client in list(self.clients.values()):
            access = client.access
            if (
                client.market == kind
                and access is not None
                and delay_of(access) == delay_ns
                and client.wants(event)
            ):
                client.say(event, now_ns)

    def move_to(self, now_ns: int) -> None:
        """Note that everything told up to now was told."""
        for teller in self._tellers.values():
            teller.move_to(now_ns)

    def flush(self) -> None:
        """Write what waits."""
        for client in self.clients.values():
            client.flush()

    def _changed(self) -> None:
        """Tell the tellers which tickers anybody wants."""
        for teller in self._tellers.values():
            wanted: set[str] | None = set()
            for client in self.clients.values():
                if client.access is None or delay_of(client.access) != teller.delay_ns:
                    continue
                for topic in client.topics:
                    kind, _, ticker = topic.partition(".")
                    if kind in STEPS:
                        continue
                    if ticker == "*":
                        wanted = None
                    elif wanted is not None:
                        wanted.add(ticker)
            teller.want(wanted)

    # ---- aggregates

    def _watch(self, now_ns: int) -> None:
        """Begin to make bars of the kinds that somebody wants."""
        for kind, step_ns in STEPS.items():
            if self._wanting(kind) and self._aggregates.begin(kind):
                self._plan(kind, now_ns - now_ns % step_ns)

    def _wanting(self, kind: str) -> list[Client]:
        return [
            each
            for each in self.clients.values()
            if each.access is not None and any(topic.startswith(f"{kind}.") for topic in each.topics)
        ]

    def _plan(self, kind: str, start_ns: int) -> None:
        due_ns = start_ns + STEPS[kind] + LAG_NS[kind]
        self._outbox.later(due_ns, lambda late_ns: self._aggregate(kind, start_ns, late_ns))

    def _aggregate(self, kind: str, start_ns: int, now_ns: int) -> None:
        """Tell the bars of a period that ended, and plan the next."""
        wanting = self._wanting(kind)
        if not wanting:
            self._aggregates.end(kind)
            return
        for client in wanting:
            assert client.access is not None
            delay = delay_of(client.access)
            known_ns, step_ns = now_ns - delay, STEPS[kind]
            period_ns = start_ns - (delay - delay % step_ns)
            for ticker in self._tickers(client, kind):
                if self.is_mute or ticker in self.muted:
                    continue
                event = self._aggregates.event(kind, ticker, period_ns, known_ns)
                if event is not None:
                    client.say(event, now_ns)
        self._plan(kind, start_ns + STEPS[kind])

    def _tickers(self, client: Client, kind: str) -> list[str]:
        mine = {ticker for ticker, each in self._market.securities.items() if each.kind == client.market}
        if f"{kind}.*" in client.topics:
            return sorted(mine)
        return sorted(
            mine & {topic.partition(".")[2] for topic in client.topics if topic.startswith(f"{kind}.")}
        )
