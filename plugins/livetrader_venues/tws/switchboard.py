"""Connections and timers of a TWS without I/O: what is to be written, to whom, and when to wake up.

Everything that leaves passes `send`, where faults strike. The server writes what `take` returns and calls
back at `due_ns`; tests do the same with a clock of their own.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.faults import Faults, Kind, Rule
from livetrader_venues.tws.replies import Reply, error
from livetrader_venues.tws.wire import Frames

LIVE_DATA = 1


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for a connection."""

    connection: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection, after what was sent before."""

    connection: int


Output = Send | Close


@dataclass(slots=True)
class Bars:
    """A subscription to bars that goes on."""

    contract: Contract
    what: str
    every_ns: int
    format_date: int = 1


@dataclass(slots=True)
class Session:
    """One connected client and what it subscribed to. The switchboard owns it."""

    connection: int
    frames: Frames = field(default_factory=Frames)
    version: int | None = None
    client_id: int | None = None
    is_started: bool = False
    binds_manual_orders: bool = False
    data_type: int = LIVE_DATA
    stalled_until_ns: int = 0
    rate_violations: int = 0
    request_times_ns: deque[int] = field(default_factory=deque)
    held_back: list[bytes] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)  # with account updates
    sees_positions: bool = False
    positions: dict[int, str] = field(default_factory=dict)  # request -> account
    updates: dict[int, tuple[str, bool]] = field(default_factory=dict)  # request -> account, only the ledger
    summaries: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    profits: dict[int, tuple[str, int | None]] = field(default_factory=dict)  # request -> account, contract
    quotes: dict[int, Contract] = field(default_factory=dict)
    ticks: dict[int, tuple[Contract, str]] = field(default_factory=dict)
    bars: dict[int, Bars] = field(default_factory=dict)  # real-time bars
    histories: dict[int, Bars] = field(default_factory=dict)  # history kept up to date

    @property
    def speaks(self) -> int:
        """The server version of a client that has been greeted."""
        assert self.version is not None
        return self.version


class Switchboard:
    """Sessions by connection, what leaves them, and timers."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.now_ns = 0
        self._sessions: dict[int, Session] = {}
        self._outputs: list[Output] = []
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0

    def open(self, connection: int) -> Session:
        """Take a new connection."""
        session = Session(connection)
        self._sessions[connection] = session
        return session

    def session(self, connection: int) -> Session | None:
        """Return the session of a connection, None where it is over."""
        return self._sessions.get(connection)

    def sessions(self) -> Iterator[Session]:
        """Yield the sessions that have started, the oldest first."""
        return iter([session for session in self._sessions.values() if session.is_started])

    def everyone(self) -> list[Session]:
        """Return all sessions, greeted or not."""
        return list(self._sessions.values())

    def forget(self, connection: int) -> None:
        """A client has gone."""
        self._sessions.pop(connection, None)

    def close(self, session: Session) -> None:
        """End a session."""
        if self._sessions.pop(session.connection, None) is not None:
            self._outputs.append(Close(session.connection))

    def close_all(self) -> None:
        """End every session, as a gateway that stops."""
        for session in self.everyone():
            self.close(session)

    def later(self, delay_ns: int, action: Callable[[], None]) -> None:
        """Do something after a delay, at once where there is none."""
        if delay_ns <= 0:
            action()
            return
        self._sequence += 1
        heapq.heappush(self._timers, (self.now_ns + delay_ns, self._sequence, action))

    def due_ns(self) -> int | None:
        """Return when the next timer ends, None where none runs."""
        return self._timers[0][0] if self._timers else None

    def run_due(self, now_ns: int) -> bool:
        """Run the next timer that has ended by now. Return whether there was one."""
        if self._timers and self._timers[0][0] <= now_ns:
            due_ns, _, action = heapq.heappop(self._timers)
            self.now_ns = max(self.now_ns, due_ns)
            action()
            return True
        self.now_ns = max(self.now_ns, now_ns)
        return False

    def take(self) -> list[Output]:
        """Return what is to be written now."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def tell(self, session: Session, code: int, text: str, request_id: int = -1) -> None:
        """Send an error, a warning or news."""
        self.send(session, error(session.speaks, request_id, code, text))

    def send(self, session: Session, reply: Reply) -> None:
        """Send a message, unless a fault strikes it."""
        rule = self.faults.strike(reply.name, session.client_id)
        if rule is None:
            self.write(session, reply.to_bytes())
        else:
            self._suffer(session, reply, rule)

    def write(self, session: Session, data: bytes) -> None:
        """Write bytes to a client that is still there; a stalled one gets them later."""
        if session.connection not in self._sessions:
            return
        if session.stalled_until_ns > self.now_ns:
            self.later(session.stalled_until_ns - self.now_ns, lambda: self.write(session, data))
            return
        held, session.held_back = session.held_back, []
        self._outputs += [Send(session.connection, each) for each in (data, *held)]

    def _suffer(self, session: Session, reply: Reply, rule: Rule) -> None:
        data = reply.to_bytes()
        if rule.kind is Kind.DELAY:
            self.later(rule.by_ns, lambda: self.write(session, data))
        elif rule.kind is Kind.STALL:
            session.stalled_until_ns = self.now_ns + rule.by_ns
            self.write(session, data)
        elif rule.kind is Kind.DUPLICATE:
            self.write(session, data)
            self.write(session, data)
        elif rule.kind is Kind.REORDER:
            session.held_back.append(data)
        elif rule.kind is Kind.SHORTEN:
            self.write(session, Reply(reply.name, reply.fields[:-1]).to_bytes())
        elif rule.kind is Kind.TRUNCATE:
            self.write(session, data[: max(len(data) // 2, 5)])
            self.close(session)
        elif rule.kind is Kind.CLOSE:
            self.close(session)
        elif rule.kind is Kind.ERROR:
            self.write(session, error(session.speaks, -1, rule.code, rule.text).to_bytes())
