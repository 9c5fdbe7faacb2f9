"""What may be told to people, and how it is told: one call, and nobody waits."""

from __future__ import annotations

import logging
from enum import IntEnum
from typing import Protocol

import msgspec


class Urgency(IntEnum):
    """How soon somebody has to look."""

    INFORMATION = logging.INFO
    WARNING = logging.WARNING
    ALARM = logging.CRITICAL


class Notification(msgspec.Struct, frozen=True):
    """Something a person should know. `next_step` says what to do about it.

    `key` names what it is about: one with the same key is counted, not sent, for a while; empty: the same
    title and message. `resolved` says that what `key` names is over. `source` is daemon, alert or algorithm.
    """

    time_ns: int
    urgency: Urgency
    title: str
    message: str
    next_step: str = ""
    key: str = ""
    resolved: bool = False
    source: str = "daemon"
    url: str = ""  # of the runbook


class Notify(Protocol):
    """Tells people something; never waits."""

    def __call__(
        self, title: str, message: str, next_step: str, urgency: Urgency = Urgency.WARNING, /
    ) -> None:
        """Queue one notification."""
        ...


class Announce(Protocol):
    """Tells people something that has more to it than Notify takes; never waits."""

    def __call__(self, notification: Notification, /) -> None:
        """Queue one notification."""
        ...
