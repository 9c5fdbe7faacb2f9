"""The desk that takes what Alertmanager brings: books it, acts where it may, has people told.

Alertmanager repeats itself by design; an alert is known by fingerprint and start, so that it is told to
people once and acts once, over restarts of the daemon too. An alert never resumes anything: what it halted
stays halted until a person says otherwise.

Not done here: deciding when something is wrong (config/alerts.yml), and bringing word to people (`Announce`).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from livetrader.control.alert_book import FIRING_LIMIT, SEVERITIES, AlertBook, Key, rank
from livetrader.control.alert_views import (
    AlertChanged,
    AlertCounts,
    AlertsTaken,
    AlertState,
    AlertsView,
    AlertView,
)
from livetrader.control.alert_watchdog import WATCHDOG, Watchdog
from livetrader.control.alertmanager import WebhookBody, permitted, told_by_us, viewed
from livetrader.control.auth import Identity
from livetrader.control.tracked import OperationView
from livetrader.errors import ControlRefusedError
from livetrader.journal.records import AuditEntry
from livetrader.settings import AlertAction, AlertSettings
from livetrader.telemetry.logs import event
from livetrader.telemetry.notifications import Announce, Notification, Urgency

ACTED_LIMIT: Final = 256  # identities that are not acted upon again; the oldest is forgotten first
REASON_LIMIT: Final = 500  # characters of an operation's reason
DISK_S: Final = 1.0  # a disk that hangs must not keep the next alert from halting
FILE_LIMIT_BYTES: Final = 4 << 20  # of what is remembered; a larger file is not ours
_URGENCY: Final = {"critical": Urgency.ALARM, "warning": Urgency.WARNING, "info": Urgency.INFORMATION}

_log = logging.getLogger(__name__)


class Remembered(msgspec.Struct, frozen=True):
    """What is kept over a restart."""

    version: int = 1
    firing: tuple[AlertView, ...] = ()
    acted: tuple[Key, ...] = ()


class Acting(Protocol):
    """The two operations that an alert may ask for."""

    async def halt(self, *, who: str, reason: str) -> OperationView:
        """Refuse new orders."""
        ...

    async def liquidate(self, *, who: str, reason: str, include_foreign: bool) -> OperationView:
        """Run the kill switch."""
        ...


@dataclass(frozen=True, slots=True)
class AlertPorts:
    """What the desk is wired to. `count` is told the kind of delivery or action and its outcome."""

    account: str
    settings: AlertSettings
    announce: Announce
    audit: Callable[[AuditEntry], None]
    publish: Callable[[AlertChanged], None]
    count: Callable[[str, str], None]
    wall_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    file: Path


class AlertDesk:
    """Takes Alertmanager's deliveries. Owns the book and its file; belongs to the loop's thread."""

    def __init__(self, ports: AlertPorts, acting: Acting) -> None:
        self._ports = ports
        self._acting = acting
        self._book = AlertBook(int(ports.settings.unheard_s * 1e9))
        self._acted: OrderedDict[Key, None] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self._loaded = False
        self._writing = False  # a thread is at it, maybe for ever
        self._watchdog = Watchdog(ports.settings.watchdog_s, ports.monotonic_s())

    async def load(self) -> None:
        """Read what is remembered, once; the first delivery does so where nobody did before."""
        async with self._one_at_a_time:
            await self._load()

    def view(self) -> AlertsView:
        """Return what fires and what has ended."""
        self._book.expire(self._ports.wall_ns())
        return msgspec.structs.replace(
            self._book.view(), watchdog_age_s=self._watchdog.age_s(self._ports.monotonic_s())
        )

    def counts(self) -> AlertCounts:
        """Return how many fire."""
        self._book.expire(self._ports.wall_ns())
        return self._book.counts()

    def look(self) -> None:
        """Have people told where nobody watches any more. Call it every few seconds."""
        if self._watchdog.missed(self._ports.monotonic_s()):
            self._ports.announce(self._watchdog.words(self._ports.wall_ns(), over=False))

    async def take(self, body: WebhookBody, who: Identity) -> AlertsTaken:
        """Take one delivery: act, then tell people, then remember.

        Raises ControlRefusedError where an action that is permitted could not be done: the delivery has to
        come again, and then does what is left of it.
        """
        async with self._one_at_a_time:  # a repeat must not overtake the action of the first
            await self._load()
            now_ns = self._ports.wall_ns()
            self._book.expire(now_ns)
            arrived = [viewed(alert, now_ns) for alert in body.alerts]
            arrived = [alert for alert in arrived if not self._is_watchdog(alert)]
            taken, failure = AlertsTaken(), ""
            for alert in sorted(arrived, key=_loudest_action_first):
                if alert.state is AlertState.FIRING:
                    taken, wrong = await self._fired(alert, who, taken)
                    failure = failure or wrong
                else:
                    taken = self._ended(alert, taken)
            if body.truncated_alerts:
                event(_log, logging.WARNING, "alerts_truncated", count=body.truncated_alerts,
                      next_step="raise max_alerts of the receiver in Alertmanager")  # fmt: skip
            if arrived:
                await self._remember()
        if failure:
            raise ControlRefusedError(failure)
        return taken

    def _is_watchdog(self, alert: AlertView) -> bool:
        """Take a sign of life of the watchers; it says nothing else and is not booked."""
        if alert.name != WATCHDOG:
            return False
        if alert.state is AlertState.FIRING and self._watchdog.heard(self._ports.monotonic_s()):
            self._ports.announce(self._watchdog.words(self._ports.wall_ns(), over=True))
        return True

    async def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        try:
            async with asyncio.timeout(DISK_S):
                remembered = await asyncio.to_thread(_read, self._ports.file)
        except TimeoutError:
            remembered = Remembered()
            event(_log, logging.ERROR, "alerts_unreadable", detail=f"no answer within {DISK_S} s",
                  next_step="look at the disk; alerts that still fire act once more")  # fmt: skip
        self._book.load(remembered.firing[-FIRING_LIMIT:])
        for key in remembered.acted[-ACTED_LIMIT:]:
            self._acted[key] = None

    async def _fired(self, alert: AlertView, who: Identity, taken: AlertsTaken) -> tuple[AlertsTaken, str]:
        known = self._book.known(alert.key)
        outcome, failure = known.outcome if known is not None else "", ""
        if alert.action and alert.key not in self._acted:
            outcome, failure = await self._act(alert, who)
        if known is not None:
            alert = msgspec.structs.replace(
                alert, received_ns=known.received_ns, deliveries=known.deliveries + 1
            )
        alert = msgspec.structs.replace(alert, outcome=outcome)
        self._book.put(alert)
        self._ports.count("delivery", "firing" if known is None else "repeated")
        if known is None or known.outcome != outcome:
            self._tell(alert)
            self._ports.publish(AlertChanged(alert))
        return (
            msgspec.structs.replace(
                taken,
                begun=taken.begun + (known is None),
                repeated=taken.repeated + (known is not None),
                actions=(*taken.actions, f"{alert.name}: {outcome}") if alert.action else taken.actions,
            ),
            failure,
        )

    def _ended(self, alert: AlertView, taken: AlertsTaken) -> AlertsTaken:
        self._ports.count("delivery", "resolved")
        known = self._book.known(alert.key)
        if known is None:
            return taken  # it began and ended while we were not there, or is told twice
        over = msgspec.structs.replace(
            known, state=AlertState.RESOLVED, heard_ns=alert.heard_ns, ended_ns=alert.ended_ns
        )
        self._book.put(over)
        self._tell(over)
        self._ports.publish(AlertChanged(over))
        return msgspec.structs.replace(taken, ended=taken.ended + 1)

    async def _act(self, alert: AlertView, who: Identity) -> tuple[str, str]:
        """Do what the rule asks for, where it may; return the outcome and, where it failed, why."""
        allowed = permitted(alert, who, self._ports.settings, self._ports.account)
        if not isinstance(allowed, AlertAction):
            self._note(alert, who, allowed, "refused")
            return allowed, ""
        reason = f"alert {alert.name}: {alert.summary}"[:REASON_LIMIT]
        try:
            if allowed is AlertAction.LIQUIDATE:
                done = await self._acting.liquidate(who=who.name, reason=reason, include_foreign=False)
            else:
                done = await self._acting.halt(who=who.name, reason=reason)
        except ControlRefusedError as error:
            outcome = f"failed: {error}"
            self._note(alert, who, outcome, "failed")
            return outcome, f"{alert.name} asks for {alert.action}: {error}"
        self._acted[alert.key] = None
        while len(self._acted) > ACTED_LIMIT:
            self._acted.popitem(last=False)
        outcome = f"{_DONE[allowed]} (operation {done.id})"
        self._note(alert, who, outcome, "done")
        return outcome, ""

    def _note(self, alert: AlertView, who: Identity, outcome: str, kind: str) -> None:
        """Write an action, done or not, into the audit trail and the log."""
        self._ports.count(alert.action if alert.action in _ACTIONS else "unknown", kind)
        self._ports.audit(
            AuditEntry(
                time_ns=self._ports.wall_ns(),
                who=who.name,
                route=f"alert {alert.name}: {alert.action}",
                body_sha256=hashlib.sha256(f"{alert.fingerprint} {alert.started_ns}".encode()).hexdigest(),
                outcome=outcome,
            )
        )
        event(_log, logging.WARNING, "alert_action", alert=alert.name, wish=alert.action, who=who.name,
              outcome=outcome)  # fmt: skip

    def _tell(self, alert: AlertView) -> None:
        """Tell people, unless the daemon does so by itself and nothing was done about it."""
        if told_by_us(alert) and not alert.outcome:
            return
        self._ports.announce(_words(alert, self._ports.wall_ns()))

    async def _remember(self) -> None:
        content = Remembered(firing=self._book.firing, acted=tuple(self._acted))
        problem = "the write before this one has not ended"
        if not self._writing:
            try:
                async with asyncio.timeout(DISK_S):
                    await asyncio.to_thread(self._write, content)
                return
            except TimeoutError:
                problem = f"no answer within {DISK_S} s"
            except OSError as error:
                problem = str(error)
        event(_log, logging.ERROR, "alerts_not_remembered", detail=problem,
              next_step="look at the disk; after a restart what still fires acts again")  # fmt: skip

    def _write(self, content: Remembered) -> None:
        """Write on a thread of its own, one at a time: a disk that hangs takes one thread and no more."""
        self._writing = True  # not before: what waits for a thread in vain is never run
        try:
            _write(self._ports.file, content)
        finally:
            self._writing = False


_ACTIONS: Final = frozenset(AlertAction)
_DONE: Final = {AlertAction.HALT: "halted", AlertAction.LIQUIDATE: "liquidating"}


def _words(alert: AlertView, now_ns: int) -> Notification:
    """Return what people are told of an alert that fires or is over."""
    urgency = _URGENCY[SEVERITIES[rank(alert)]]
    over = alert.state is not AlertState.FIRING
    said = [alert.summary, *([] if over else [alert.description, alert.outcome])]
    if over and alert.outcome.startswith(tuple(_DONE.values())):
        said.append("what it did stays until somebody resumes")
    return Notification(
        time_ns=now_ns,
        urgency=min(urgency, Urgency.WARNING) if over else urgency,
        title=f"alert {alert.name}{' is over' if over else ''}",
        message="; ".join(text.rstrip(".; ") for text in said if text),
        next_step="" if over else alert.next_step,
        key=f"alert {alert.name} {alert.fingerprint}",
        resolved=over,
        source="alert",
        url=alert.runbook_url,
    )


def _loudest_action_first(alert: AlertView) -> int:
    """Order a delivery: what sells, what halts, the rest."""
    order = (AlertAction.LIQUIDATE, AlertAction.HALT)
    return next((place for place, action in enumerate(order) if action == alert.action), len(order))


def _read(file: Path) -> Remembered:
    """Return what is remembered; a file that cannot be read is told and passed over."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(FILE_LIMIT_BYTES + 1)
        return msgspec.json.decode(raw, type=Remembered)
    except FileNotFoundError:
        return Remembered()
    except (OSError, msgspec.DecodeError) as error:
        event(_log, logging.ERROR, "alerts_unreadable", detail=str(error), file=str(file),
              next_step="delete the file; alerts that still fire are told once more")  # fmt: skip
        return Remembered()


def _write(file: Path, content: Remembered) -> None:
    """Replace the file in one step; the file or the one before it is always whole."""
    fresh = file.with_name(f"{file.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(msgspec.json.encode(content))
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
