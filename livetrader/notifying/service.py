"""Notifications as the rest of the daemon knows them: to tell, to look at, to acknowledge, to measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from livetrader.control.notification_views import ChannelView, NotificationsView, NotificationView
from livetrader.notifying.channels import Channel
from livetrader.notifying.dispatcher import FLUSH_S, Dispatcher
from livetrader.notifying.entries import WORDS, view_of
from livetrader.telemetry.metrics import Metrics
from livetrader.telemetry.notifications import Notification, Urgency
from livetrader_engine.commands import SendOut
from livetrader_engine.symbols import NS_PER_SECOND

TEST_TITLE: Final = "test of a channel"


class Notifying:
    """Implements control.NotificationOperations; `notify` is a Notify, `put` an Announce. On the loop."""

    def __init__(self, dispatcher: Dispatcher, wall_ns: Callable[[], int]) -> None:
        self._dispatcher = dispatcher
        self._wall_ns = wall_ns
        self.put = dispatcher.put
        self.run = dispatcher.run
        self.close = dispatcher.close

    def notify(self, title: str, message: str, next_step: str, urgency: Urgency = Urgency.WARNING, /) -> None:
        """Tell people something; never waits."""
        self.put(Notification(self._wall_ns(), urgency, title, message, next_step))

    def send_out(self, command: SendOut) -> None:
        """Send a message of the algorithm's; never waits."""
        self._dispatcher.send_out(command)

    async def flush(self, limit_s: float = FLUSH_S) -> None:
        """Return when everything that can leave now has left, or after `limit_s`."""
        await self._dispatcher.flush(limit_s)

    # ---- for operators

    def notifications(self, *, open_only: bool, limit: int) -> NotificationsView:
        """Return at most `limit` notifications, newest first."""
        book = self._dispatcher.book
        entries = [entry for entry in reversed(book.all()) if entry.is_open or not open_only]
        channels = tuple(self._channel_view(each) for each in self._dispatcher.channels.values())
        return NotificationsView(
            notifications=tuple(view_of(entry) for entry in entries[:limit]),
            channels=channels,
            waiting=len(book.waiting()),
            unacknowledged_alarms=len(book.unacknowledged()),
            problem=self._dispatcher.writer.problem,
        )

    def acknowledge(self, *, who: str, notification: int | None) -> tuple[NotificationView, ...]:
        """Take note that somebody has seen one, None: all that are open. Raises KeyError."""
        entries = self._dispatcher.book.acknowledge(notification, who, self._wall_ns())
        self._dispatcher.wake()
        for entry in entries:
            self._dispatcher.changed(entry)
        return tuple(view_of(entry) for entry in entries)

    def test(self, *, who: str, channel: str | None) -> tuple[NotificationView, ...]:
        """Send a test message through one channel, or each that a person may be told by. Raises KeyError."""
        known = {name: each for name, each in self._dispatcher.channels.items() if not each.carries_only}
        chosen = known if channel is None else {channel: known[channel]}
        views = []
        for name, each in chosen.items():
            words = f"{who} asked for it. Nothing has happened; there is nothing to do."
            notification = Notification(self._wall_ns(), Urgency.INFORMATION, TEST_TITLE, words, "")
            each.retry_ns = 0  # somebody wants to know now
            views.append(view_of(self._dispatcher.book.direct(notification, name, self._wall_ns())))
        self._dispatcher.wake()
        return tuple(views)

    def _channel_view(self, channel: Channel) -> ChannelView:
        dispatcher = self._dispatcher
        waiting = (
            entry for entry in dispatcher.book.waiting() if channel.name in dispatcher.routes.of(entry)
        )
        return ChannelView(
            name=channel.name,
            plugin=channel.kind,
            urgencies=tuple(WORDS[urgency] for urgency in dispatcher.routes.urgencies(channel.name)),
            sent=channel.sent,
            failures=channel.failed,
            waiting=sum(1 for _ in waiting),
            problem=channel.problem,
            retry_ns=channel.retry_ns,
        )

    def measure(self, metrics: Metrics) -> None:
        """Set the gauges; called when somebody scrapes."""
        book, now_ns = self._dispatcher.book, self._wall_ns()
        waiting = book.waiting()
        for urgency, word in WORDS.items():
            metrics.notifications_waiting.labels(word).set(
                sum(1 for entry in waiting if entry.urgency is urgency)
            )
        oldest_ns = min((entry.time_ns for entry in waiting), default=now_ns)
        metrics.notification_age.set(max(0, now_ns - oldest_ns) / NS_PER_SECOND)
        metrics.alarms_unacknowledged.set(len(book.unacknowledged()))
        metrics.outbox_durable.set(not self._dispatcher.writer.problem)
        for channel in self._dispatcher.channels.values():
            metrics.channel_up.labels(channel.name).set(not channel.problem)
