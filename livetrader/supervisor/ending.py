"""The end of the daemon: asked for once, then everything in reverse, within its time, whatever hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from livetrader.errors import DaemonError, NotFlatError
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.killstages import KillStage
from livetrader.journal.records import DaemonStopped
from livetrader.journal.replay import OrderState
from livetrader.settings import OnShutdown
from livetrader.supervisor.brokerage_session import BrokerageSession
from livetrader.supervisor.engine_care import EngineCare
from livetrader.supervisor.letting_go import LettingGo
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.router import Router
from livetrader.supervisor.states import DaemonState, StateMachine
from livetrader.telemetry.notifications import Urgency
from livetrader.telemetry.systemd import Notifier

CLOSE_LIMIT_S: Final = 10.0  # one plugin's close
LAST_STEP_LIMIT_S: Final = 5.0  # for the step in flight; a hung engine delays no stop by more than this
LOOK_S: Final = 0.05  # between looks at orders that were cancelled for the end


def entries(gateway: Gateway) -> list[OrderState]:
    """Return the open orders that could make a position larger; stops and targets of one are no entries."""

    def adds(order: OrderState) -> bool:
        held = gateway.state.position(order.spec.symbol)
        return abs(held + order.remaining) > abs(held)

    return [order for order in gateway.open_orders if adds(order)]


async def last_step(router: Router, report: Callable[..., None]) -> None:
    """Let the step in flight be over, with all that it orders, within its time; in lockstep only.

    It has been taken from the tape and does not come again: cut in two, half of its orders would be missing.
    A live feed has no such step: its engine may be behind by any number of events, and nobody who wants the
    end wants new orders for them. Each order is either sent and journaled, or denied and journaled.
    """
    try:
        async with asyncio.timeout(LAST_STEP_LIMIT_S):
            await router.step_over()
    except TimeoutError:
        report("last_step_overdue", level="warning", limit_s=LAST_STEP_LIMIT_S)


class Server(Protocol):
    """What the supervisor needs of the control API."""

    async def start(self) -> None:
        """Listen. Raises ConfigError where the address cannot be had."""
        ...

    async def stop(self) -> None:
        """Listen no longer; idempotent."""
        ...


class Ending:
    """Why and how the daemon ends. Belongs to the loop's thread.

    `failure` is what the process ends with; None for a good end.
    """

    def __init__(self, parts: Parts, state: StateMachine, letting_go: LettingGo) -> None:
        self.reason: str | None = None  # until the end was asked for
        self.failure: DaemonError | None = None
        self._parts = parts
        self._state = state
        self._letting_go = letting_go

    def ask(self, reason: str, failure: DaemonError | None = None) -> None:
        """Ask for the end; the first reason stands."""
        if self.reason is None:
            self.reason, self.failure = reason, failure
            self._parts.logs.daemon("stopping", reason=reason)
            if failure is not None:
                step = "livetrader logs, and the runbook: docs/runbook.md"
                self._parts.notify("the daemon ends", reason, step, Urgency.ALARM)
            self._parts.changes.announce()

    async def finish(self, care: EngineCare, router: Router, brokerage: BrokerageSession) -> None:
        """Shut the gate, end the engine, and leave the account as `on_shutdown` says, within its time.

        In lockstep the gate shuts behind the step in flight, unless something has failed.
        """
        parts, reason = self._parts, self.reason or ""
        router.ask_no_more()
        if self.failure is None:
            await last_step(router, parts.logs.daemon)
        parts.gateway.halt(f"the daemon is stopping: {reason}", "stop", persist=False)
        await care.orders.pass_on()  # what was held is refused, and its reason journaled
        await care.stop(reason)
        if self.failure is not None:
            return
        limit_s = parts.settings.daemon.shutdown_limit_s
        try:
            async with asyncio.timeout(limit_s):
                await self._letting_go.over()
                await self._leave_account(reason, brokerage)
        except TimeoutError:
            what = parts.settings.daemon.on_shutdown
            parts.logs.daemon("shutdown_overdue", level="error", on_shutdown=what)
        if parts.kill.latched and parts.kill.stage is not KillStage.FLAT:
            self.failure = NotFlatError(
                f"kill {parts.kill.kill_id} has not ended flat; the next start goes on with it"
            )

    async def _leave_account(self, reason: str, brokerage: BrokerageSession) -> None:
        """Do to the account what `on_shutdown` says; a brokerage that is away is waited for to liquidate."""
        parts = self._parts
        match parts.settings.daemon.on_shutdown:
            case OnShutdown.CANCEL if brokerage.connected:
                await parts.gateway.cancel_all(f"the daemon is stopping: {reason}")
                await self._gone(lambda: parts.gateway.open_orders)
            case OnShutdown.CANCEL_ENTRIES if brokerage.connected:
                why = f"the daemon is stopping, and this may add to a position: {reason}"
                for order in entries(parts.gateway):
                    await parts.gateway.cancel_client(order.client_order_id, why)
                await self._gone(lambda: entries(parts.gateway))
            case OnShutdown.LIQUIDATE if parts.kill.stage is not KillStage.FLAT:
                self._letting_go.liquidate(f"the daemon is stopping: {reason}", "shutdown")
                await parts.changes.until(lambda: self._state.current is DaemonState.FLAT)
            case _:
                pass

    async def _gone(self, orders: Callable[[], list[OrderState]]) -> None:
        """Return when none of these orders is open; nobody announces what the brokerage says of an order."""
        while orders():
            await self._parts.timing.sleep(LOOK_S)

    async def close(self, server: Server | None, notifier: Notifier) -> None:
        """Close everything that is open; each part gets its chance, whatever the others do."""
        parts = self._parts
        if self._state.current is not DaemonState.FAILED:
            self._state.move(DaemonState.STOPPED, self.reason or "failed")
        if server is not None:
            await self._closing("control", server.stop())
        parts.hub.close()
        for name, feed in parts.feeds:
            await self._closing(f"feed {name}", feed.close())
        await self._closing("brokerage", parts.brokerage.close())
        if self.reason is not None:
            parts.journal.append_soon(DaemonStopped(parts.timing.wall_ns(), self.reason))
        await self._closing("notifications", parts.notifying.close())
        await self._closing("journal", parts.journal.close())
        notifier.close()

    async def _closing(self, name: str, closing: Coroutine[object, object, None]) -> None:
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await closing
        except Exception as error:  # noqa: BLE001 — boundary: a plugin that cannot close must not keep the others open
            self._parts.logs.daemon(
                "close_failed", level="error", part=name, error=repr(error), exc_info=True
            )
