"""Makes the notifications of a daemon from its settings. Connects and reads nothing before `run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from livetrader.control.notification_views import NotificationChanged
from livetrader.control.stream import EventHub
from livetrader.notifying.channels import MakeContext, open_channels
from livetrader.notifying.dispatcher import Dispatcher, NotifyPorts
from livetrader.notifying.entries import Entry, view_of
from livetrader.notifying.service import Notifying
from livetrader.settings import Settings
from livetrader.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the daemon lends: `path` is the outbox's file, `context` makes that of a plugin."""

    path: Path
    context: MakeContext
    metrics: Metrics
    hub: EventHub
    wall_ns: Callable[[], int]
    chance: Callable[[], float]


def open_notifying(settings: Settings, around: Surroundings) -> Notifying:
    """Return the notifications. Raises ConfigError where a channel's plugin cannot be had."""

    def changed(entry: Entry) -> None:
        if around.hub.readers:
            around.hub.publish(NotificationChanged(view_of(entry)))

    dispatcher = Dispatcher(
        NotifyPorts(
            settings=settings.notify,
            channels=open_channels(settings.channels, settings.notify, around.context),
            path=around.path,
            account=settings.account.name,
            wall_ns=around.wall_ns,
            chance=around.chance,
            count=lambda outcome: around.metrics.notifications.labels(outcome).inc(),
            changed=changed,
        )
    )
    notifying = Notifying(dispatcher, around.wall_ns)
    around.metrics.refreshed_by(lambda: notifying.measure(around.metrics))
    return notifying
