"""What the supervisor is made of: everything the composition root builds, in one bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from livetrader.changes import Changes
from livetrader.clocks import SessionClock
from livetrader.configuration.stores import FOLDER
from livetrader.control.operations import OrderChanged
from livetrader.control.stream import EventHub
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.killswitch import KillSwitch
from livetrader.gateway.timing import Timing
from livetrader.histories.chain import HistoryChain
from livetrader.ipc.link import Link
from livetrader.journal.journal import Journal
from livetrader.notifying.service import Notifying
from livetrader.parameters.follower import ParameterFollower
from livetrader.settings import Settings
from livetrader.supervisor.announcements import Announcements
from livetrader.supervisor.log_book import LogBook
from livetrader.supervisor.training_ledger import TrainingLedger
from livetrader.supervisor.views import order_view
from livetrader.telemetry.flights import Flights
from livetrader.telemetry.metrics import Metrics
from livetrader.telemetry.notifications import Notify
from livetrader.telemetry.systemd import Notifier
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.spi import BrokeragePlugin, DataFeedPlugin


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The folder of one account; its layout is known here and nowhere else."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held by the daemon while it runs."""
        return self.root / "daemon.lock"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.root / "journal.sqlite3"

    @property
    def latch(self) -> Path:
        """Exists from a liquidation until somebody resumes."""
        return self.root / "kill.latch"

    @property
    def alerts(self) -> Path:
        """Alerts that fire, and those that were acted upon."""
        return self.root / "alerts.json"

    @property
    def notifications(self) -> Path:
        """What people were told, and what still has to reach them."""
        return self.root / "notifications.sqlite3"

    @property
    def parameters(self) -> Path:
        """What a file elsewhere said of the algorithm's parameters."""
        return self.root / "parameters.json"

    @property
    def object_store(self) -> Path:
        """What the algorithm keeps."""
        return self.root / FOLDER

    @property
    def results(self) -> Path:
        """Order events and charts, a folder per run."""
        return self.root / "results"

    def plugin(self, kind: str) -> Path:
        """Return the folder of the brokerage or feed plugin."""
        return self.root / kind

    def create(self) -> None:
        """Make the folder and those inside it; only their owner may look."""
        for folder in (self.root, self.object_store, self.plugin("brokerage"), self.plugin("feed")):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class Tasks:
    """Starts tasks in the supervisor's TaskGroup and ends them all. Owned by the supervisor."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()

    def open(self, group: asyncio.TaskGroup) -> None:
        """Use this group from now on."""
        self._group = group

    def spawn(self, name: str, coroutine: Coroutine[object, object, None]) -> None:
        """Start a named task; its failure is the daemon's."""
        if self._group is None:
            coroutine.close()
            raise RuntimeError(f"task {name!r} was started before the daemon runs")
        task = self._group.create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel_all(self) -> None:
        """Cancel what still runs."""
        for task in tuple(self._running):
            task.cancel()


class Relay:
    """Where the gateway emits to: the engine process of the moment, the stream and the metrics.

    Without an engine process an event goes nowhere: the next one starts from the account instead.
    """

    def __init__(self, hub: EventHub, metrics: Metrics) -> None:
        self._hub = hub
        self._metrics = metrics
        self.link: Callable[[], Link | None] = lambda: None
        self.gateway: Gateway | None = None

    def __call__(self, event: OrderEventArrived | AccountLoaded) -> None:
        """Pass one event on; never waits."""
        link = self.link()
        if link is not None:
            link.send(event)
        if isinstance(event, OrderEventArrived):
            self._metrics.order_events.labels(event.status.name.lower()).inc()
            self._publish(event)

    def _publish(self, event: OrderEventArrived) -> None:
        if self._hub.readers and self.gateway is not None:
            order = self.gateway.state.by_order_id.get(event.order_id)
            if order is not None:
                self._hub.publish(OrderChanged(order_view(order)))


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that stands when the supervisor begins; nothing is connected yet."""

    settings: Settings
    directory: StateDirectory
    clock: SessionClock
    timing: Timing
    chance: Callable[[], float]
    changes: Changes
    tasks: Tasks
    hub: EventHub
    logs: LogBook
    metrics: Metrics
    notifier_for: Callable[[Callable[[], bool]], Notifier]
    journal: Journal
    brokerage: BrokeragePlugin
    feeds: tuple[tuple[str, DataFeedPlugin], ...]  # by name, in order of preference
    history: HistoryChain
    gateway: Gateway
    relay: Relay
    kill: KillSwitch
    training: TrainingLedger
    notify: Notify  # people
    notifying: Notifying  # the same with all there is to it
    flights: Flights
    announcements: Announcements | None = None  # of corporate actions; None where nobody asks
    parameters: ParameterFollower | None = None  # of the algorithm; None where nothing changes them

    @property
    def feed(self) -> DataFeedPlugin:
        """The preferred feed: how it treats time is how the daemon does."""
        return self.feeds[0][1]
