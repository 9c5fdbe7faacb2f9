"""One notification on its way: a frozen record, and the moves that it may make.

waiting ──► sent ──► acknowledged ──► resolved        sent ──► waiting: an alarm that nobody acknowledged, or
   │         │ ▲                                               something that went on happening
   │         └─┘
   ├──► given_up        no channel took it in time; never an alarm
   └──► logged          no channel is meant to have it

A record is replaced, never changed. Times are UTC nanoseconds.
"""

from __future__ import annotations

from typing import Final

import msgspec

from livetrader.control.notification_views import DeliveryView, NotificationState, NotificationView
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.errors import InvariantError
from livetrader_engine.outgoing import Outgoing
from livetrader_engine.spi_notify import UrgencyWord

TITLE_LENGTH: Final = 200  # characters
MESSAGE_LENGTH: Final = 4_000  # characters; a venue's longest words are far below
KEY_LENGTH: Final = 4_400  # characters: title and message together make one
PROBLEM_LENGTH: Final = 300  # characters of what a channel said

_S = NotificationState
MOVES: Final[dict[NotificationState, frozenset[NotificationState]]] = {
    _S.WAITING: frozenset({_S.SENT, _S.ACKNOWLEDGED, _S.RESOLVED, _S.GIVEN_UP, _S.LOGGED}),
    _S.SENT: frozenset({_S.WAITING, _S.ACKNOWLEDGED, _S.RESOLVED}),
    _S.LOGGED: frozenset({_S.ACKNOWLEDGED, _S.RESOLVED}),
    _S.ACKNOWLEDGED: frozenset({_S.RESOLVED}),
    _S.RESOLVED: frozenset(),
    _S.GIVEN_UP: frozenset({_S.ACKNOWLEDGED, _S.RESOLVED}),
}
WORDS: Final[dict[Urgency, UrgencyWord]] = {
    Urgency.INFORMATION: "information",
    Urgency.WARNING: "warning",
    Urgency.ALARM: "alarm",
}


class Delivery(msgspec.Struct, frozen=True):
    """What one channel did. `sent_ns` is 0 until it took a message, then when it last did."""

    channel: str
    attempts: int = 0
    sent_ns: int = 0
    problem: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One notification. Owned by the book.

    `times` it happened, of which `told` were told; `newest` are the words of the last time, where they
    differ. `route`: channels instead of those of its urgency. `pressing`: quiet hours do not hold it.
    `reached`: channels that took it in this step of the escalation. `counts_until_ns`: until then the same
    again is only counted. `outgoing`: a message of the algorithm's own, until it is gone.
    """

    id: int
    time_ns: int
    urgency: Urgency
    source: str
    title: str
    message: str
    next_step: str = ""
    key: str = ""
    url: str = ""
    state: NotificationState = NotificationState.WAITING
    times: int = 1
    told: int = 0
    newest_ns: int = 0
    newest: str = ""
    route: tuple[str, ...] = ()
    pressing: bool = False
    resolved: bool = False
    due_ns: int = 0
    counts_until_ns: int = 0
    escalate_ns: int = 0
    step: int = 0
    reached: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    acknowledged_by: str = ""
    acknowledged_ns: int = 0
    outgoing: Outgoing | None = None

    @property
    def is_alarm(self) -> bool:
        """Whether somebody has to see it; the end of something needs nobody."""
        return self.urgency is Urgency.ALARM and not self.resolved

    @property
    def is_open(self) -> bool:
        """Whether it waits for a channel, or, an alarm, for a person."""
        if self.state is NotificationState.WAITING:
            return True
        return self.is_alarm and self.state in (NotificationState.SENT, NotificationState.LOGGED)


def moved(entry: Entry, state: NotificationState) -> Entry:
    """Return the entry in another state. Raises InvariantError for a move that there is not."""
    if state is entry.state:
        return entry
    if state not in MOVES[entry.state]:
        raise InvariantError(f"notification {entry.id} cannot go from {entry.state} to {state}")
    return msgspec.structs.replace(entry, state=state)


def delivery_of(entry: Entry, channel: str) -> Delivery:
    """Return what a channel did with an entry so far."""
    return next((each for each in entry.deliveries if each.channel == channel), Delivery(channel))


def with_delivery(entry: Entry, delivery: Delivery) -> Entry:
    """Return the entry with what a channel did now."""
    others = tuple(each for each in entry.deliveries if each.channel != delivery.channel)
    return msgspec.structs.replace(entry, deliveries=(*others, delivery))


def view_of(entry: Entry) -> NotificationView:
    """Return what an operator sees."""
    return NotificationView(
        id=entry.id,
        time_ns=entry.time_ns,
        urgency=WORDS[entry.urgency],
        source=entry.source,
        title=entry.title,
        message=entry.message,
        next_step=entry.next_step,
        state=entry.state,
        open=entry.is_open,
        url=entry.url,
        times=entry.times,
        newest_ns=entry.newest_ns or entry.time_ns,
        escalation=entry.step,
        acknowledged_by=entry.acknowledged_by,
        acknowledged_ns=entry.acknowledged_ns,
        deliveries=tuple(
            DeliveryView(each.channel, each.attempts, each.sent_ns, each.problem) for each in entry.deliveries
        ),
    )
