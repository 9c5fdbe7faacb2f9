"""Liquidate from this process, because the daemon is dead or hangs: brokerage plugin and kill switch only.

Starts no engine, no feed, no server and loads no algorithm. Imports little, because every tenth of a second
counts here; composing it from `app` would load the HTTP stack first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random, SystemRandom  # noqa: TID251 — a composition root: here chance enters this process
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from livetrader import registry
from livetrader.clocks import SessionClock, monotonic_s, wall_ns
from livetrader.daemon_threads import DaemonThreads
from livetrader.errors import ConfigError, NotFlatError
from livetrader.telemetry import logs
from livetrader.telemetry.logs import event

if TYPE_CHECKING:
    from livetrader.gateway.killports import KillPorts
    from livetrader.gateway.latch import LatchRecord
    from livetrader.histories.chain import HistoryChain
    from livetrader.settings import Settings
    from livetrader_engine.ports import ReferenceData
    from livetrader_engine.spi import BrokeragePlugin, Context
    from livetrader_engine.symbols import Symbol

ALARMS: Final = 3  # told to people while a liquidation goes on; each may take a channel's time
_log = logging.getLogger("livetrader.emergency")


def liquidate(
    settings: Settings, reason: str, source: str, limit_s: float | None, *, include_foreign: bool = False
) -> LatchRecord:
    """Take the account over from whatever holds it and make it flat; return what the latch then says.

    Kills a daemon that hangs on the account's lock: two processes must never trade one account. Tries until
    `limit_s` is over, forever with None. Raises NotFlatError when the time is over, ConfigError where the
    brokerage plugin cannot be had.
    """
    from livetrader.gateway.standalone import liquidate_standalone
    from livetrader.gateway.takeover import take_over

    logs.configure(settings.daemon.log_level)
    folder = settings.account.state_directory
    if folder is None:
        raise ConfigError([f"{settings.source}: account.state_directory: is missing; set it"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = take_over(folder / "daemon.lock", report=_report)
    outcome = "it did not end flat; look at the account at the brokerage"
    try:
        liquidation = partial(
            liquidate_standalone, reason=reason, source=source, include_foreign=include_foreign
        )
        record = asyncio.run(_liquidate(settings, folder, liquidation, limit_s))
        outcome = f"the account is flat; livetrader resume --kill-id {record.kill_id} lets it trade again"
        return record
    finally:
        lock.release()
        _tell(settings, "liquidated without the daemon", f"{reason} ({source})", outcome)


class Predecessor:
    """What the daemon before us may still have on its way: so long as its journal is not read, anything.

    The journal is only read, and nothing waits for it: it may be large, damaged or on a disk that hangs.
    """

    def __init__(self, journal: Path) -> None:
        self.unanswered = True
        self._journal = journal

    async def read(self) -> None:
        """Look whether every order that was sent has been answered. Raises nothing."""
        try:
            reading = DaemonThreads("predecessor").submit(_unanswered, self._journal)
            self.unanswered = await asyncio.wrap_future(reading)
        except Exception as error:  # noqa: BLE001 — boundary: without a journal the fence is waited out
            _report("kill_journal_unread", level="warning", error=repr(error))


def _unanswered(journal: Path) -> bool:
    from livetrader.journal.examination import examine
    from livetrader_engine.orders.states import OrderStatus

    found = examine(journal)
    waiting = (
        order.status is OrderStatus.NEW and order.kill_id is None for order in found.state.open.values()
    )
    return not found.intact or any(waiting)


async def _liquidate(
    settings: Settings,
    folder: Path,
    liquidation: Callable[[KillPorts], Coroutine[object, object, LatchRecord]],
    limit_s: float | None,
) -> LatchRecord:
    from livetrader.gateway.killports import KillPorts
    from livetrader.gateway.timing import real_timing

    try:
        async with asyncio.timeout(limit_s), asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []

            def spawn(name: str, work: Coroutine[object, object, None]) -> None:
                tasks.append(group.create_task(_beside(name, work), name=name))

            before = Predecessor(folder / "journal.sqlite3")
            spawn("predecessor", before.read())
            history = _history(settings, folder, spawn)
            brokerage = _brokerage(settings, folder, spawn, history)
            ports = KillPorts(
                brokerage=brokerage,
                latch=folder / "kill.latch",
                is_open=_is_open(brokerage, None if history is None else history.reference),
                timing=real_timing(SessionClock()),
                report=_report,
                escalate=_Escalation(settings, spawn),
                unanswered=lambda: before.unanswered,
            )
            record = await liquidation(ports)
            for task in tasks:
                task.cancel()
            return record
    except TimeoutError as error:
        raise NotFlatError(
            f"not verified flat after {limit_s} s; look at the brokerage, then repeat"
        ) from error


class _Escalation:
    """Tells the log and people that the liquidation needs them: the first few times, in a thread."""

    def __init__(
        self, settings: Settings, spawn: Callable[[str, Coroutine[object, object, None]], None]
    ) -> None:
        self._settings = settings
        self._spawn = spawn
        self._left = ALARMS

    def __call__(self, words: str) -> None:
        """Tell it; never waits."""
        _report("alarm", level="critical", detail=words)
        if self._left and self._settings.channels:
            self._left -= 1
            step = "look at the account at the brokerage; close by hand what is left"
            self._spawn("notify", asyncio.to_thread(_tell, self._settings, "kill switch", words, step))


async def _beside(name: str, work: Coroutine[object, object, None]) -> None:
    """Run what a plugin does on the side: where it fails, the liquidation goes on without it."""
    try:
        await work
    except Exception:  # noqa: BLE001 — boundary: no plugin's task may end a liquidation
        _report("kill_task_failed", level="error", task=name, exc_info=True)


def _history(
    settings: Settings, folder: Path, spawn: Callable[[str, Coroutine[object, object, None]], None]
) -> HistoryChain | None:
    """Return the histories, which know when markets open, or None: then orders go out at once."""
    try:
        from livetrader.histories.opening import open_histories

        return open_histories(
            settings.histories, lambda name: _context(settings, folder / "history", name, spawn, None)
        )
    except Exception:  # noqa: BLE001 — boundary: no plugin but the brokerage's may stand in the way
        _log.exception("history plugin unusable", extra={"action": "history_unusable"})
        return None


def _brokerage(
    settings: Settings,
    folder: Path,
    spawn: Callable[[str, Coroutine[object, object, None]], None],
    history: HistoryChain | None,
) -> BrokeragePlugin:
    section = settings.brokerage
    plugin = registry.load_plugin(registry.BROKERAGES, section.plugin)
    config = registry.config_of(plugin, section.options)
    own = folder / "brokerage"
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: BrokeragePlugin = plugin(config, _context(settings, own, section.plugin, spawn, history))
    return made


def _context(
    settings: Settings,
    folder: Path,
    name: str,
    spawn: Callable[[str, Coroutine[object, object, None]], None],
    history: HistoryChain | None,
) -> Context:
    from livetrader_engine.spi import Context

    return Context(
        name=name,
        state_directory=folder,
        data_folder=settings.data.folder,
        now_ns=wall_ns,
        monotonic_s=monotonic_s,
        random=Random(SystemRandom().getrandbits(64)),
        spawn=spawn,
        report=_report,
        reference=None if history is None else history.reference,
        history=history,
    )


@contextmanager
def notifier_contexts(settings: Settings) -> Iterator[Callable[[str, str], Context]]:
    """Yield what makes the context of a notifier without a daemon; its folder goes afterwards."""

    def spawn(name: str, work: Coroutine[object, object, None]) -> None:
        work.close()
        raise RuntimeError(f"{name}: there is no daemon here to run it")

    with TemporaryDirectory(prefix="livetrader-") as folder:

        def made(plugin: str, name: str) -> Context:
            own = Path(folder) / name
            own.mkdir(mode=0o700, exist_ok=True)
            return _context(settings, own, plugin, spawn, None)

        yield made


def _tell(settings: Settings, title: str, message: str, next_step: str) -> None:
    """Tell people what was done; nothing that goes wrong here matters to the account."""
    if not settings.channels:
        return
    try:
        from livetrader.notifying.alone import tell_first
        from livetrader.telemetry.notifications import Notification, Urgency

        notification = Notification(wall_ns(), Urgency.ALARM, title, message, next_step)
        with notifier_contexts(settings) as context:
            for tried in asyncio.run(tell_first(settings, notification, context)):
                _report("told", channel=tried.channel, problem=tried.problem)
    except Exception:  # noqa: BLE001 — boundary: a channel's fault must not look like one of the liquidation
        _log.exception("nobody was told", extra={"action": "notify_failed"})


def _is_open(brokerage: BrokeragePlugin, reference: ReferenceData | None) -> Callable[[Symbol, int], bool]:
    """Return whether a market is open: what is not known counts as open.

    A simulated brokerage is always open here: without a daemon no data will come that could open it.
    """
    if reference is None or brokerage.capabilities.simulated:
        return lambda symbol, now_ns: True
    known = reference
    return lambda symbol, now_ns: known.hours(symbol).is_open(now_ns)


def _report(action: str, /, *, level: str = "info", exc_info: bool = False, **fields: object) -> None:
    if exc_info:
        _log.error(action, exc_info=True, extra={"action": action, "fields": fields})
        return
    event(_log, logging.getLevelNamesMapping()[level.upper()], action, **fields)
