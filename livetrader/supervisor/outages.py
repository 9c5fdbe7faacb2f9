"""How the brokerage's absence is judged, and what people hear of it. Pure: facts in, words out.

A venue is away every night, and nobody wants to be woken for that; it is also away when money is at risk,
and then somebody must be. What tells the two apart is the venue's own calendar (`Maintenance`), nothing else:
every absence is seen, measured and shown, only its loudness differs.

    away, inside its maintenance            RESTING   information; a warning where a login waits for a person
    away, and no maintenance says why       LOST      a warning at once
    LOST for longer than the alarm's limit  OVERDUE   an alarm, and again while it lasts
    RESTING beyond the end, and a grace     OVERDUE   the same
    back                                    CONNECTED as loud as the loudest word about its absence

A connection that comes and goes is one thing, not many: from the third outage within `STEADY_S` it is called
unsteady once, and only alarms and the steadiness that follows are told; everything stays in the log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from livetrader.telemetry.notifications import Urgency
from livetrader.telemetry.words import Word, clock, span
from livetrader_engine.errors import InvariantError
from livetrader_engine.spi import Maintenance
from livetrader_engine.symbols import NS_PER_SECOND

GRACE_S: Final = 60.0  # beyond the end of a maintenance: two of the longest pauses between attempts
ALARM_AGAIN_S: Final = 4 * 3600.0  # an alarm that nobody answered may not have been seen
STEADY_S: Final = 600.0  # a connection that lasted as long is steady
UNSTEADY_AT: Final = 3  # outages within STEADY_S
REASON_LIMIT: Final = 500  # characters of a venue's words in one notification


class ConnectionState(StrEnum):
    """How we stand to the brokerage."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RESTING = "resting"
    LOST = "lost"
    OVERDUE = "overdue"


_S = ConnectionState
TRANSITIONS: Final[dict[ConnectionState, frozenset[ConnectionState]]] = {
    _S.CONNECTING: frozenset({_S.CONNECTED, _S.RESTING, _S.LOST}),
    _S.CONNECTED: frozenset({_S.RESTING, _S.LOST}),
    _S.RESTING: frozenset({_S.CONNECTED, _S.OVERDUE}),
    _S.LOST: frozenset({_S.CONNECTED, _S.RESTING, _S.OVERDUE}),  # a maintenance may begin meanwhile
    _S.OVERDUE: frozenset({_S.CONNECTED}),  # only being back ends an alarm
}


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as everything here is judged at: two clocks, and what the venue's calendar says of it."""

    now_ns: int  # wall clock, UTC
    now_s: float  # monotonic
    maintenance: Maintenance | None = None

    @property
    def resting(self) -> Maintenance | None:
        """The maintenance in which being away is expected now."""
        return self.maintenance if self.maintenance is not None and self.maintenance.away else None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What an absence had kept from us: what the reconciliation after it changed."""

    fills: int = 0
    orders: int = 0  # whose state is another one than before
    adjustments: int = 0  # positions that no trade of ours explains
    unknown: int = 0  # orders whose outcome is not known yet


@dataclass(frozen=True, slots=True)
class Connection:
    """One brokerage connection, as far as it is judged. Owned by the session watch; replaced, never changed.

    `since_*` is when the present absence began (or the connection, while there is one), `expected_ns` when it
    should be over by the calendar, 0 where nothing says so. `loudest` is the loudest word about this absence.
    """

    state: ConnectionState = ConnectionState.CONNECTING
    since_ns: int = 0
    since_s: float = 0.0
    reason: str = ""
    maintenance: str = ""
    notice: str = ""
    expected_ns: int = 0
    attempts: int = 0  # to come back, since it was lost
    loudest: Urgency | None = None
    alarmed_s: float = 0.0
    recent_s: tuple[float, ...] = ()  # when the outages of the last STEADY_S began
    unsteady: Urgency | None = None  # how loudly it was called so
    noticed: str = ""  # the announcement that people have heard

    def words(self) -> str:
        """Return why the brokerage is away, for status and readiness; empty while it is connected."""
        if self.state is ConnectionState.CONNECTED:
            return ""
        if self.state is ConnectionState.CONNECTING:
            return "connecting to the brokerage for the first time"
        text = f"away since {clock(self.since_ns)}: {self.reason}"
        if self.maintenance:
            text += f"; {self.maintenance}, expected until {clock(self.expected_ns)}"
        if self.notice:
            text += f"; {self.notice}"
        return text


Verdict = tuple[Connection, tuple[Word, ...]]


def lost(connection: Connection, moment: Moment, reason: str) -> Verdict:
    """Return what follows from an absence that begins now, or from one more attempt that failed in it."""
    reason = reason.rstrip(". ")[:REASON_LIMIT]
    if connection.state not in (_S.CONNECTING, _S.CONNECTED):
        return replace(connection, reason=reason, attempts=connection.attempts + 1), ()
    rest = moment.resting
    recent = (*_recent(connection, moment.now_s), moment.now_s)
    begun = replace(
        _moved(connection, _S.LOST if rest is None else _S.RESTING),
        since_ns=moment.now_ns,
        since_s=moment.now_s,
        reason=reason,
        attempts=0,
        loudest=None,
        recent_s=recent,
    )
    begun = _resting(begun, rest)
    if connection.unsteady is not None:
        return begun, ()
    if len(recent) >= UNSTEADY_AT:
        return _unsteady(begun, Urgency.WARNING if rest is None else Urgency.INFORMATION)
    if rest is None:
        word = Word(
            Urgency.WARNING,
            "brokerage lost",
            reason,
            "nothing yet: it reconnects by itself; new orders are refused until the account is reconciled",
        )
    else:
        message = f"{reason}; {rest.reason}, expected until {clock(rest.until_ns)}"
        if rest.notice:
            word = Word(Urgency.WARNING, "brokerage away until a login", message, rest.notice)
        else:
            word = Word(Urgency.INFORMATION, "brokerage away, as expected", message)
    return replace(begun, loudest=word.urgency), (word,)


def passed(connection: Connection, moment: Moment, alarm_s: float) -> Verdict:
    """Return what follows from time that went by. Call it every few seconds."""
    connection, words = _announced(connection, moment)
    match connection.state:
        case _S.CONNECTED if (
            connection.unsteady is not None and moment.now_s - connection.since_s >= STEADY_S
        ):
            word = Word(connection.unsteady, "brokerage connection steady again", f"for {span(STEADY_S)}")
            return replace(connection, unsteady=None, recent_s=()), (*words, word)
        case _S.RESTING | _S.LOST:
            after, more = _waited(connection, moment, alarm_s)
            return after, (*words, *more)
        case _S.OVERDUE if moment.now_s - connection.alarmed_s >= ALARM_AGAIN_S:
            return replace(connection, alarmed_s=moment.now_s), (*words, _alarm(connection, moment))
    return connection, words


def regained(connection: Connection, moment: Moment, recovered: Recovered) -> Verdict:
    """Return what follows from being connected and reconciled (again)."""
    loudest, absent_s = connection.loudest, moment.now_s - connection.since_s
    after = replace(
        _moved(connection, _S.CONNECTED),
        since_ns=moment.now_ns,
        since_s=moment.now_s,
        reason="",
        maintenance="",
        notice="",
        expected_ns=0,
        attempts=0,
        loudest=None,
    )
    if loudest is None:  # the first connection of all, or one that comes and goes
        return after, ()
    step = "look at `livetrader status` and `livetrader orders`" if _odd(recovered) else ""
    message = f"after {span(absent_s)}; {_found(recovered)}"
    return after, (Word(loudest, "brokerage is back", message, step),)


def _moved(connection: Connection, state: ConnectionState) -> Connection:
    if state not in TRANSITIONS[connection.state]:
        raise InvariantError(f"a connection cannot go from {connection.state} to {state}")
    return replace(connection, state=state)


def _resting(connection: Connection, rest: Maintenance | None) -> Connection:
    if rest is None:
        return replace(connection, maintenance="", notice="", expected_ns=0)
    return replace(connection, maintenance=rest.reason, notice=rest.notice, expected_ns=rest.until_ns)


def _recent(connection: Connection, now_s: float) -> tuple[float, ...]:
    return tuple(begun_s for begun_s in connection.recent_s if now_s - begun_s < STEADY_S)


def _unsteady(begun: Connection, urgency: Urgency) -> Verdict:
    message = f"{len(begun.recent_s)} outages within {span(STEADY_S)}; the newest: {begun.reason}"
    step = "look at the gateway and at the network; the log has every outage"
    told = replace(begun, unsteady=urgency)
    return told, (Word(urgency, "brokerage connection unsteady", message, step),)


def _announced(connection: Connection, moment: Moment) -> Verdict:
    """Tell of what a person will have to do soon, once; forget it when it is over."""
    ahead = moment.maintenance
    if ahead is None or not ahead.notice:
        return (replace(connection, noticed="") if connection.noticed else connection), ()
    if connection.noticed == ahead.notice:
        return connection, ()
    told = replace(connection, noticed=ahead.notice)
    if connection.notice == ahead.notice:
        return told, ()  # the word about the absence had it
    when = f", at {clock(ahead.until_ns)}" if not ahead.away else ""
    return told, (Word(Urgency.WARNING, "a login will be needed", f"{ahead.reason}{when}", ahead.notice),)


def _waited(connection: Connection, moment: Moment, alarm_s: float) -> Verdict:
    rest = moment.resting
    if rest is not None:
        if connection.state is _S.LOST:
            connection = _moved(connection, _S.RESTING)
        return _resting(connection, rest), ()
    if connection.state is _S.RESTING:
        due = moment.now_ns >= connection.expected_ns + int(GRACE_S * NS_PER_SECOND)
    else:
        due = moment.now_s - connection.since_s >= alarm_s
    if not due:
        return connection, ()
    overdue = replace(_moved(connection, _S.OVERDUE), loudest=Urgency.ALARM, alarmed_s=moment.now_s)
    return overdue, (_alarm(overdue, moment),)


def _alarm(connection: Connection, moment: Moment) -> Word:
    message = f"for {span(moment.now_s - connection.since_s)}, since {clock(connection.since_ns)}"
    message += f", {connection.attempts} attempts; the newest answer: {connection.reason}"
    if connection.maintenance:
        message += f"; {connection.maintenance} was over at {clock(connection.expected_ns)}"
    step = connection.notice or "is the gateway running and logged in, and the network up?"
    return Word(
        Urgency.ALARM,
        "brokerage still away",
        message,
        f"{step} Positions have no protection but the stops at the brokerage; its own screen shows them",
    )


def _odd(recovered: Recovered) -> bool:
    return bool(recovered.adjustments or recovered.unknown)


def _found(recovered: Recovered) -> str:
    counted = (
        (recovered.fills, "fill", "recovered"),
        (recovered.orders, "order", "changed meanwhile"),
        (recovered.adjustments, "position", "adjusted to the brokerage's"),
        (recovered.unknown, "order", "of unknown outcome"),
    )
    parts = [f"{count} {what}{'s' * (count > 1)} {words}" for count, what, words in counted if count]
    return ", ".join(parts) or "nothing had happened meanwhile"
