"""Composition root: settings in, a daemon out. One flat function; no logic, no branches but the settings'.

Randomness enters the process here and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from livetrader import registry
from livetrader.changes import Changes
from livetrader.clocks import SessionClock, clock_mark, monotonic_s, wall_ns
from livetrader.control.server import ControlServer
from livetrader.control.stream import EventHub
from livetrader.control.tracking import OperationLog
from livetrader.errors import AlgorithmLoadError, ConfigError, DaemonError
from livetrader.garbage import spare_what_is_loaded
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.killports import KillPorts
from livetrader.gateway.killswitch import KillSwitch
from livetrader.gateway.rules import HostRules
from livetrader.gateway.timing import real_timing
from livetrader.histories.chain import HistoryChain
from livetrader.histories.opening import history_folder, open_histories
from livetrader.journal import filesystems
from livetrader.journal.journal import Journal
from livetrader.notifying.opening import Surroundings, open_notifying
from livetrader.notifying.service import Notifying
from livetrader.parameters.follower import ParameterFollower
from livetrader.parameters.opening import open_parameters
from livetrader.settings import Settings
from livetrader.supervisor.announcements import Announcements
from livetrader.supervisor.figures import Figures, follow_orders, open_spans
from livetrader.supervisor.log_book import LogBook
from livetrader.supervisor.operations import DaemonOperations
from livetrader.supervisor.parts import Parts, Relay, StateDirectory, Tasks
from livetrader.supervisor.supervisor import Supervisor
from livetrader.supervisor.training_ledger import TrainingLedger
from livetrader.telemetry import logs
from livetrader.telemetry.metrics import Metrics
from livetrader.telemetry.notifications import Notification, Urgency
from livetrader.telemetry.systemd import Notifier
from livetrader_engine.errors import DataError
from livetrader_engine.ports import ReferenceData
from livetrader_engine.spi import BrokeragePlugin, Context, DataFeedPlugin
from livetrader_engine.symbols import SecurityType, Symbol

OPERATION_ID_BYTES: Final = 8
OPTION_UNITS: Final = Decimal(100)  # of nearly all options; too many only make a limit stricter
_OPTIONS: Final = frozenset({SecurityType.OPTION, SecurityType.INDEX_OPTION, SecurityType.FUTURE_OPTION})
_log: Final = logging.getLogger("livetrader.daemon")


def run(settings: Settings) -> int:
    """Run the daemon until it has been stopped; return the exit code. Configures logging.

    What the user or operator has to mend is said on standard error in their words.
    """
    logs.configure(settings.daemon.log_level, file=settings.daemon.log_file)
    try:
        asyncio.run(_serve(settings))
    except DaemonError as error:
        _say(error)
        return error.exit_code
    return 0


async def _serve(settings: Settings) -> None:
    supervisor = build(settings)
    spare_what_is_loaded()
    await supervisor.run()


def build(settings: Settings) -> Supervisor:
    """Return a daemon that has not started. Raises ConfigError. Needs a running loop."""
    directory = state_directory(settings)
    directory.create()
    clock, changes, tasks, hub, metrics = SessionClock(), Changes(), Tasks(), EventHub(), Metrics()
    book = LogBook(lambda: clock.now_ns, hub)
    timing = real_timing(clock)
    chance = SystemRandom()
    makers = PluginMakers(settings, directory, tasks, book.daemon, Random(chance.getrandbits(64)))
    history = makers.history()
    brokerage, feeds = makers.brokerage(history), makers.feeds(history)
    _check_file_system(settings, directory, brokerage, book)
    journal = Journal(directory.journal, settings.account.name)
    around = Surroundings(
        directory.notifications, makers.notifier_context, metrics, hub, wall_ns, chance.random
    )
    notifying = open_notifying(settings, around)
    relay = Relay(hub, metrics)
    gateway = Gateway(brokerage, journal, settings.limits, timing, relay, book.daemon)
    gateway.rules = HostRules(
        settings.account.on_manual_trades,
        settings.limits.unknown_orders,
        notifying.notify,
        lambda reason: supervisor.end(reason),
        contract_multiplier(history.reference),
        lambda symbol: supervisor.feed.stale(symbol),
        lambda reason: metrics.orders_denied.labels(reason).inc(),
    )
    kill = KillSwitch(
        KillPorts(
            brokerage=brokerage,
            latch=directory.latch,
            is_open=market_is_open(history.reference),
            timing=timing,
            report=book.daemon,
            escalate=partial(_alarm, book, notifying),
        ),
        gateway,
    )
    spans = open_spans(settings, metrics)
    parameters = open_parameters(
        settings, directory.parameters, journal, timing, book.daemon, notifying.notify
    )
    supervisor = Supervisor(
        Parts(
            settings=settings,
            directory=directory,
            clock=clock,
            timing=timing,
            chance=chance.random,
            changes=changes,
            tasks=tasks,
            hub=hub,
            logs=book,
            metrics=metrics,
            notifier_for=Notifier,
            journal=journal,
            brokerage=brokerage,
            feeds=feeds,
            history=history,
            gateway=gateway,
            relay=relay,
            kill=kill,
            training=TrainingLedger(settings.training, journal, clock_mark),
            notify=notifying.notify,
            notifying=notifying,
            flights=follow_orders(settings, metrics, timing, gateway, spans),
            announcements=Announcements(history.reference, history.announced),
            parameters=parameters,
        )
    )
    operations = DaemonOperations(
        supervisor, OperationLog(wall_ns, lambda: chance.randbytes(OPERATION_ID_BYTES).hex())
    )
    figures = Figures(supervisor, spans)
    supervisor.server = ControlServer(operations, settings, metrics=metrics, audit=journal.append_soon)
    supervisor.housekeeping = partial(_housekeeping, tasks, notifying, operations, figures, parameters)
    return supervisor


def _alarm(book: LogBook, notifying: Notifying, words: str) -> None:
    """Tell the log and people that the kill switch needs them; never waits."""
    book.daemon("alarm", level="critical", message=words)
    step = "look at the account at the brokerage; close by hand what is left"
    notifying.put(Notification(wall_ns(), Urgency.ALARM, "kill switch", words, step, key="kill switch"))


async def _housekeeping(
    tasks: Tasks,
    notifying: Notifying,
    operations: DaemonOperations,
    figures: Figures,
    parameters: ParameterFollower | None,
) -> None:
    """Send notifications, watch machine and parameters and keep the views fresh until cancelled."""
    if parameters is not None:
        tasks.spawn("parameters", parameters.run())
    tasks.spawn("notifications", notifying.run())
    tasks.spawn("figures", figures.run())
    await operations.refresh()


def state_directory(settings: Settings) -> StateDirectory:
    """Return the account's folder. Raises ConfigError where the settings name none."""
    folder = settings.account.state_directory
    if folder is None:
        raise ConfigError([f"{settings.source}: account.state_directory: is missing; set it"])
    return StateDirectory(folder)


def _check_file_system(
    settings: Settings, directory: StateDirectory, brokerage: BrokeragePlugin, book: LogBook
) -> None:
    """Look where the journal would lie. Raises ConfigError where a real account's may not lie there."""
    judgement = filesystems.judge(
        filesystems.kind_of(directory.root),
        directory.root,
        simulated=brokerage.capabilities.simulated,
        allowed=settings.account.any_file_system,
    )
    if judgement.fitness is filesystems.Fitness.REFUSE:
        raise ConfigError([f"{settings.source}: {judgement.why}"])
    if judgement.fitness is filesystems.Fitness.WARN:
        book.daemon("file_system_unfit", level="warning", message=judgement.why)


def market_is_open(reference: ReferenceData) -> Callable[[Symbol, int], bool]:
    """Return the question whether a symbol's regular session is open; what is not known counts as open."""

    def is_open(symbol: Symbol, now_ns: int) -> bool:
        try:
            return reference.hours(symbol).is_open(now_ns)
        except DataError:
            return True  # a position that came from elsewhere: the venue knows its hours better than we do

    return is_open


def contract_multiplier(reference: ReferenceData) -> Callable[[Symbol], Decimal]:
    """Return the question how many units a contract stands for; of an unknown option a hundred, else one."""
    known: dict[Symbol, Decimal] = {}

    def multiplier(symbol: Symbol) -> Decimal:
        if symbol not in known:
            try:
                known[symbol] = reference.properties(symbol).contract_multiplier
            except DataError:
                return OPTION_UNITS if symbol.security_type in _OPTIONS else Decimal(1)
        return known[symbol]

    return multiplier


@dataclass(frozen=True, slots=True)
class PluginMakers:
    """Makes the configured plugins. Also for a process that only wants the brokerage."""

    settings: Settings
    directory: StateDirectory
    tasks: Tasks
    report: Callable[..., None]
    random: Random

    def history(self) -> HistoryChain:
        """Make the histories, in their order."""
        return open_histories(self.settings.histories, lambda name: self._context(name, "history", None))

    def brokerage(self, history: HistoryChain) -> BrokeragePlugin:
        """Make the brokerage plugin."""
        section = self.settings.brokerage
        plugin = registry.load_plugin(registry.BROKERAGES, section.plugin)
        config = registry.config_of(plugin, section.options)
        brokerage: BrokeragePlugin = plugin(config, self._context(section.plugin, "brokerage", history))
        return brokerage

    def feeds(self, history: HistoryChain) -> tuple[tuple[str, DataFeedPlugin], ...]:
        """Make the feed plugins, in their order; each with the name that people know it by.

        Raises ConfigError where a feed that keeps time is not alone: there is only one time.
        """
        feeds: dict[str, DataFeedPlugin] = {}
        for section in self.settings.feeds:
            plugin = registry.load_plugin(registry.FEEDS, section.plugin)
            config = registry.config_of(plugin, section.options)
            alike = sum(name.partition("-")[0] == section.plugin for name in feeds)
            name = section.plugin if not alike else f"{section.plugin}-{alike + 1}"
            kind = "feed" if not feeds else f"feed-{name}"
            feeds[name] = plugin(config, self._context(section.plugin, kind, history))
        for name, feed in feeds.items():
            if len(feeds) > 1 and (feed.capabilities.keeps_time or feed.capabilities.lockstep):
                raise ConfigError(
                    [f"{self.settings.source}: feed: {name} keeps its own time, so it has to be the only one"]
                )
        return tuple(feeds.items())

    def notifier_context(self, name: str, folder: str) -> Context:
        """Return what a notifier gets; `folder` is its own."""
        return self._context(name, folder, None)

    def _context(self, name: str, kind: str, history: HistoryChain | None) -> Context:
        folder: Path = self.directory.plugin(kind)
        if kind == "history":
            folder = history_folder(folder, name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Context(
            name=name,
            state_directory=folder,
            data_folder=self.settings.data.folder,
            now_ns=wall_ns,
            monotonic_s=monotonic_s,
            random=Random(self.random.getrandbits(64)),
            spawn=self.tasks.spawn,
            report=self.report,
            reference=None if history is None else history.reference,
            history=history,
            quality=self.settings.quality,
            instance=int(kind == "history"),
        )


def _say(error: DaemonError) -> None:
    """Tell whoever must act: an algorithm's author gets a traceback, an operator a line each."""
    if isinstance(error, AlgorithmLoadError):
        sys.stderr.write(f"{error}\n")
    elif isinstance(error, ConfigError):
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
    else:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    logs.event(_log, logging.ERROR, "daemon_failed", error=type(error).__name__, exit_code=error.exit_code)
