"""What becomes of one entry: when a channel took it or did not, when it happens again, with time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from livetrader.control.notification_views import NotificationState
from livetrader.notifying.entries import (
    MESSAGE_LENGTH,
    PROBLEM_LENGTH,
    TITLE_LENGTH,
    Delivery,
    Entry,
    delivery_of,
    moved,
    with_delivery,
)
from livetrader.notifying.routing import escalation_pause_s, goal
from livetrader.settings import NotifySettings
from livetrader.telemetry.notifications import Notification, Urgency
from livetrader_engine.symbols import NS_PER_SECOND

OUTGOING_ATTEMPTS: Final = 5  # of one message of the algorithm's
OUTGOING_RETRY_S: Final = 30.0  # doubles with each attempt

_S = NotificationState
_replace = msgspec.structs.replace


def new_entry(
    number: int, notification: Notification, key: str, now_ns: int, settings: NotifySettings
) -> Entry:
    """Return the entry of a notification that is news."""
    return Entry(
        id=number,
        time_ns=notification.time_ns,
        urgency=notification.urgency,
        source=notification.source,
        title=notification.title[:TITLE_LENGTH],
        message=notification.message[:MESSAGE_LENGTH],
        next_step=notification.next_step[:MESSAGE_LENGTH],
        url=notification.url[:MESSAGE_LENGTH],
        key=key,
        newest_ns=notification.time_ns,
        counts_until_ns=now_ns + to_ns(settings.repeat_s),
    )


def is_the_same(known: Entry, notification: Notification, now_ns: int) -> bool:
    """Return whether a notification with the key of an entry is that one again, and no news."""
    if known.state is _S.RESOLVED or known.urgency < notification.urgency:
        return False
    return known.state is _S.WAITING or bool(known.escalate_ns) or now_ns < known.counts_until_ns


def again(known: Entry, words: str, now_ns: int) -> Entry:
    """Return an entry that happened once more, with these words."""
    newest = words[:MESSAGE_LENGTH]
    return _replace(known, times=known.times + 1, newest_ns=now_ns, newest=newest)


def delivered(
    entry: Entry, channel: str, now_ns: int, route: Sequence[str], settings: NotifySettings
) -> Entry:
    """Return an entry that a channel took."""
    before = delivery_of(entry, channel)
    entry = with_delivery(entry, Delivery(channel, before.attempts + 1, now_ns))
    if entry.state is not _S.WAITING:
        return entry  # acknowledged, or over, while it was on its way
    if entry.outgoing is not None:
        return _replace(moved(entry, _S.SENT), outgoing=None)
    entry = _replace(
        entry,
        reached=(*entry.reached, channel),
        told=entry.times,
        counts_until_ns=now_ns + to_ns(settings.repeat_s),
    )
    if entry.is_alarm and settings.escalate_s and not entry.escalate_ns:
        pause_s = escalation_pause_s(entry.step, len(route), settings.escalate_s)
        entry = _replace(entry, escalate_ns=now_ns + to_ns(pause_s))
    enough = sum(name in route for name in entry.reached) >= goal(entry, route)
    return moved(entry, _S.SENT) if enough else entry


def failed(entry: Entry, channel: str, problem: str, now_ns: int, *, final: bool) -> Entry:
    """Return an entry that a channel did not take; one of the algorithm's may be given up for it."""
    before = delivery_of(entry, channel)
    made = Delivery(channel, before.attempts + 1, before.sent_ns, problem[:PROBLEM_LENGTH])
    entry = with_delivery(entry, made)
    if entry.outgoing is None or entry.state is not _S.WAITING:
        return entry
    if final or made.attempts >= OUTGOING_ATTEMPTS:
        return given_up(entry)
    return _replace(entry, due_ns=now_ns + to_ns(OUTGOING_RETRY_S * 2.0 ** (made.attempts - 1)))


def given_up(entry: Entry) -> Entry:
    """Return an entry that nobody will be given any more, without what was secret in it."""
    return _replace(moved(entry, _S.GIVEN_UP), outgoing=None)


def acknowledged(entry: Entry, who: str, now_ns: int) -> Entry:
    """Return an entry that somebody has seen."""
    seen = _replace(entry, acknowledged_by=who, acknowledged_ns=now_ns, escalate_ns=0)
    return moved(seen, _S.ACKNOWLEDGED)


def over(known: Entry) -> Entry:
    """Return an entry whose trouble is over."""
    return moved(_replace(known, escalate_ns=0), _S.RESOLVED)


def word_of_the_end(entry: Entry, known: Entry) -> Entry | None:
    """Return the entry that tells those who heard of a trouble that it is over; None where nobody did."""
    heard = tuple(each.channel for each in known.deliveries if each.sent_ns)
    if not heard:
        return None
    return _replace(
        entry, urgency=Urgency.INFORMATION, route=heard[:1], pressing=known.is_alarm, resolved=True
    )


def escalated(entry: Entry) -> Entry:
    """Return an alarm that nobody has seen, on its way to one channel more."""
    return moved(_replace(entry, step=entry.step + 1, reached=(), escalate_ns=0), _S.WAITING)


def told_again(entry: Entry) -> Entry:
    """Return an entry that happened again, on its way to say so."""
    return moved(_replace(entry, reached=()), _S.WAITING)


def tells_repeats(entry: Entry) -> bool:
    """Return whether it has to be said that it happened again: of warnings and alarms that were sent."""
    more = entry.state is _S.SENT and entry.times > entry.told and not entry.escalate_ns
    return more and entry.urgency >= Urgency.WARNING


def is_late(entry: Entry, now_ns: int, settings: NotifySettings) -> bool:
    """Return whether it has waited for so long that nobody needs it any more; never an alarm."""
    if entry.state is not _S.WAITING or entry.is_alarm:
        return False
    return now_ns >= entry.time_ns + to_ns(settings.give_up_s)


def to_ns(seconds: float) -> int:
    """Return seconds as nanoseconds."""
    return int(seconds * NS_PER_SECOND)
