"""What people were told, and what became of it, as an operator sees it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class NotificationState(StrEnum):
    """How far a notification is; `notifying.entries` has the moves."""

    WAITING = "waiting"  # for its channel, the end of quiet hours, or room in the rate
    SENT = "sent"  # a channel took it; an alarm goes on to more of them until somebody acknowledges
    ACKNOWLEDGED = "acknowledged"  # somebody has seen it
    RESOLVED = "resolved"  # what it was about is over
    GIVEN_UP = "given_up"  # no channel took it in time; never an alarm
    LOGGED = "logged"  # no channel is meant to have it


class DeliveryView(msgspec.Struct, frozen=True):
    """What one channel did with it. `sent_ns` is 0 until it took it; `problem` is what it said last."""

    channel: str
    attempts: int
    sent_ns: int = 0
    problem: str = ""


class NotificationView(msgspec.Struct, frozen=True):
    """One notification. `urgency` is information, warning or alarm.

    `times` says how often it happened, `newest_ns` when last. `source` is daemon, alert or algorithm.
    `escalation` counts how often it was sent on because nobody acknowledged. `open`: waits for a channel or
    for a person.
    """

    id: int
    time_ns: int
    urgency: str
    source: str
    title: str
    message: str
    next_step: str
    state: NotificationState
    open: bool
    url: str = ""
    times: int = 1
    newest_ns: int = 0
    escalation: int = 0
    acknowledged_by: str = ""
    acknowledged_ns: int = 0
    deliveries: tuple[DeliveryView, ...] = ()


class ChannelView(msgspec.Struct, frozen=True):
    """One way to people. `problem` is empty while it works; `retry_ns` is when it is tried again."""

    name: str
    plugin: str
    urgencies: tuple[str, ...]  # what is routed to it
    sent: int = 0  # since the daemon started
    failures: int = 0
    waiting: int = 0
    problem: str = ""
    retry_ns: int = 0


class NotificationsView(msgspec.Struct, frozen=True):
    """Notifications, newest first, and the channels. `problem`: why they would not outlive the daemon."""

    notifications: tuple[NotificationView, ...]
    channels: tuple[ChannelView, ...]
    waiting: int = 0
    unacknowledged_alarms: int = 0
    problem: str = ""


class NotificationOperations(Protocol):
    """What an operator may see and do about notifications; see Operations for the rules."""

    def notifications(self, *, open_only: bool, limit: int) -> NotificationsView:
        """Return at most `limit` notifications, newest first."""
        ...

    def acknowledge(self, *, who: str, notification: int | None) -> tuple[NotificationView, ...]:
        """Take note that somebody has seen one (None: all that are open); return those this is news of.

        Raises KeyError for one that is not known.
        """
        ...

    def test(self, *, who: str, channel: str | None) -> tuple[NotificationView, ...]:
        """Send a test message through one channel, or each; return one notification a channel.

        What becomes of them is in `notifications`. Raises KeyError for a channel that there is not.
        """
        ...


class NotificationChanged(msgspec.Struct, frozen=True, tag="notification", tag_field="event"):
    """A notification is new, or something became of it."""

    notification: NotificationView
