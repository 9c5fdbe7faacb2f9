"""The algorithm's own messages: within a quota, one of each way at a time, in their order.

What the operator has not allowed, what nobody carries and what is over the quota is not sent; the operator is
told so, once in a while. The algorithm was told True long before, as LEAN does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from livetrader.notifying.book import Book
from livetrader.notifying.channels import Channel, Outcome, carrier_of
from livetrader.notifying.entries import Entry
from livetrader.notifying.rates import Quota
from livetrader.settings import NotifySettings
from livetrader.telemetry.notifications import Announce, Notification, Urgency
from livetrader_engine.commands import SendOut
from livetrader_engine.outgoing import Mail, Outgoing, Way, addressee_of, size_of, way_of

ARRIVALS_LIMIT: Final = 64  # messages that the loop has not got round to
BYTES_LIMIT: Final = 32 * 1024 * 1024  # of all messages that wait

Carried = Callable[[Entry, Channel, Outcome], None]


class Outbound:
    """Owns the arrivals and the quota. Belongs to the loop's thread; part of the dispatcher."""

    def __init__(
        self, settings: NotifySettings, channels: Sequence[Channel], book: Book, announce: Announce
    ) -> None:
        self._settings = settings
        self._channels = channels
        self._book = book
        self._announce = announce
        self._quota = Quota(settings.algorithm_per_hour)
        self._arrivals: deque[SendOut] = deque()
        self._under_way: dict[Way, int] = {}  # one entry of each way

    @property
    def busy(self) -> bool:
        """Whether something is under way or has not been looked at."""
        return bool(self._arrivals or self._under_way)

    def put(self, command: SendOut) -> None:
        """Queue a message; one that finds no room is not sent, and that is told."""
        if len(self._arrivals) < ARRIVALS_LIMIT:
            self._arrivals.append(command)
        else:
            self._refuse(command.message, command.time_ns, "too many came at once")

    def load(self, entries: Iterable[Entry]) -> None:
        """Count what an earlier run sent within the hour."""
        for entry in entries:
            way = entry.title.partition(" ")[0]
            if entry.source == "algorithm" and way in tuple(Way):
                self._quota.replay(way, entry.time_ns)

    def take_in(self, now_ns: int) -> list[Entry]:
        """Move arrivals into the book, those that may go; return them."""
        taken = []
        while self._arrivals:
            command = self._arrivals.popleft()
            problem = self._problem(command.message, now_ns)
            if problem:
                self._refuse(command.message, now_ns, problem)
            elif isinstance(command.message, Mail) and not command.message.address:
                self._tell_operator(command.message, now_ns)
            else:
                taken.append(self._book.take_outgoing(command.message, command.time_ns, now_ns))
        return taken

    def start(self, group: asyncio.TaskGroup, carried: Carried, now_ns: int) -> list[int]:
        """Start a task for the next message of each way; return when others are due."""
        times = []
        for entry in self._book.waiting():
            message = entry.outgoing
            if message is None or way_of(message) in self._under_way:
                continue
            channel = carrier_of(self._channels, way_of(message))
            if entry.due_ns > now_ns:
                times.append(entry.due_ns)
            elif channel is None:  # it had one when it came; the settings have changed since
                self._book.failed(entry.id, "none", "no channel carries it any more", now_ns, final=True)
                self._refuse(message, now_ns, "no channel carries it any more")
            else:
                self._under_way[way_of(message)] = entry.id
                group.create_task(
                    self._carry(channel, entry, message, carried), name=f"notify {channel.name}"
                )
        return times

    async def _carry(self, channel: Channel, entry: Entry, message: Outgoing, carried: Carried) -> None:
        try:
            outcome = await channel.carry(message, self._settings.attempt_limit_s)
        finally:
            self._under_way.pop(way_of(message), None)
        carried(entry, channel, outcome)

    def _problem(self, message: Outgoing, now_ns: int) -> str:
        """Return why a message may not go, empty where it may; a quota is used only then."""
        way = way_of(message)
        if way not in self._settings.algorithm:
            return f"[notify] algorithm does not allow {way}"
        to_operator = isinstance(message, Mail) and not message.address
        if not to_operator and carrier_of(self._channels, way) is None:
            return f"no channel carries {way}; docs/notifications.md shows one"
        waiting = sum(size_of(entry.outgoing) for entry in self._book.waiting() if entry.outgoing)
        if waiting + size_of(message) > BYTES_LIMIT:
            return f"messages of {waiting} bytes wait already"
        if not self._quota.admits(way, now_ns):
            return f"more than {self._settings.algorithm_per_hour} in an hour ([notify] algorithm_per_hour)"
        return ""

    def _tell_operator(self, mail: Mail, now_ns: int) -> None:
        """Tell the operator what is addressed to nobody: LEAN's mail to the user of the account."""
        words = f"{mail.message}\n\n{mail.data}" if mail.data else mail.message
        title = mail.subject or "the algorithm has something to say"
        self._announce(Notification(now_ns, Urgency.INFORMATION, title, words, source="algorithm"))

    def _refuse(self, message: Outgoing, now_ns: int, problem: str) -> None:
        words = f"{way_of(message)} to {addressee_of(message)}: {problem}"
        self._announce(
            Notification(
                now_ns, Urgency.WARNING, "a message of the algorithm was not sent", words,
                "change what the algorithm sends, or [notify]", key=f"refused {way_of(message)}",
                source="algorithm",
            )
        )  # fmt: skip
