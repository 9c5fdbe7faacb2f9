"""Orders that wait for the end of a venue's maintenance: not lost, not sent twice, not sent too late.

    may it leave now?        the calendar holds orders, or the venue is away as the calendar expects
    no, and `hold`           it waits here, the algorithm's ticket says why; those behind it wait, too
    no, and `refuse`         INVALID, with the reason
    the reason is gone       to the gateway, in the order in which they were asked for: limits, journal, venue
    waited for too long      INVALID, with the reason
    the algorithm cancels    CANCELED, never sent
    halted, or the end       to the gateway, which refuses it with its own reason

An order that waits is in no journal as intended, for nothing of it can be at the venue. So a crash of the
daemon sends nothing twice: the order is gone with the engine that decided it, and the next engine decides
anew. The same when the engine process is lost. What is dropped is journaled as denied.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from livetrader.gateway.gateway import Gateway
from livetrader.gateway.limits import DenialReason, Denied
from livetrader.settings import AccountSettings, OrdersInMaintenance
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.orders.order import OrderId, OrderSpec
from livetrader_engine.orders.states import OrderStatus

HELD_LIMIT: Final = 1000  # orders; an algorithm that asks for more in a few minutes has lost its mind


@dataclass(frozen=True, slots=True)
class HoldPorts:
    """What holding needs. `why` says why no order may leave now, empty where it may."""

    gateway: Gateway
    settings: AccountSettings
    why: Callable[[], str]
    monotonic_s: Callable[[], float]
    report: Callable[..., None]


@dataclass(frozen=True, slots=True)
class _Held:
    command: SubmitOrder
    since_s: float
    why: str


class HeldOrders:
    """The way of the algorithm's orders to the gateway. Owns those that wait. Belongs to the loop's thread.

    One command at a time reaches the gateway, whoever calls.
    """

    def __init__(self, ports: HoldPorts) -> None:
        self._ports = ports
        self._held: deque[_Held] = deque()
        self._turn = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many orders wait."""
        return len(self._held)

    async def submit(self, command: SubmitOrder) -> None:
        """Send an order, or let it wait, or refuse it; the algorithm is told which."""
        async with self._turn:
            await self._pass_on()
            why = "" if self._ports.gateway.halted else self._ports.why()
            if not why:
                await self._ports.gateway.submit(command)
            elif self._ports.settings.orders_in_maintenance is OrdersInMaintenance.REFUSE:
                self._refuse(command.spec, why)
            elif len(self._held) >= HELD_LIMIT:
                self._refuse(command.spec, f"{HELD_LIMIT} orders wait already: {why}")
            else:
                self._hold(command, why)

    async def update(self, command: UpdateOrder) -> None:
        """Send a change; an order that waits is not changed, but canceled and made anew."""
        async with self._turn:
            held = self._find(command.order_id)
            if held is None:
                await self._ports.gateway.update(command)
            else:
                words = "not changed: it has not been sent yet; cancel it and order anew"
                self._ports.gateway.tell(held.command.spec, words)

    async def cancel(self, command: CancelOrder) -> None:
        """Ask for a cancel; an order that waits is simply not sent."""
        async with self._turn:
            held = self._find(command.order_id)
            if held is None:
                await self._ports.gateway.cancel(command)
            else:
                self._held.remove(held)
                self._refuse(held.command.spec, "canceled before it was sent", OrderStatus.CANCELED)

    async def pass_on(self) -> None:
        """Send what may leave now, and drop what has waited for too long. Call it every few seconds."""
        async with self._turn:
            await self._pass_on()

    def drop(self, reason: str) -> None:
        """Forget everything: who asked for it is gone. Nobody is told but the journal and the log."""
        while self._held:
            self._refuse(self._held.popleft().command.spec, f"dropped: {reason}")

    def cancel_one(self, order_id: int, reason: str) -> bool:
        """Cancel one that waits, for an operator; return whether it did."""
        held = self._find(OrderId(order_id))
        if held is not None:
            self._held.remove(held)
            self._refuse(held.command.spec, reason, OrderStatus.CANCELED)
        return held is not None

    def cancel_all(self, reason: str) -> int:
        """Cancel everything that waits; return how many orders that were."""
        count = len(self._held)
        while self._held:
            self._refuse(self._held.popleft().command.spec, reason, OrderStatus.CANCELED)
        return count

    async def _pass_on(self) -> None:
        ports = self._ports
        while self._held:
            oldest = self._held[0]
            if ports.gateway.halted or not ports.why():
                self._held.popleft()
                waited_s = ports.monotonic_s() - oldest.since_s
                ports.report("held_order_passed_on", order_id=oldest.command.spec.id, waited_s=waited_s)
                await ports.gateway.submit(oldest.command)
            elif ports.monotonic_s() - oldest.since_s >= ports.settings.orders_held_s:
                self._held.popleft()
                limit = f"waited for account.orders_held_s = {ports.settings.orders_held_s:g}"
                self._refuse(oldest.command.spec, f"{limit}: {oldest.why}")
            else:
                return

    def _hold(self, command: SubmitOrder, why: str) -> None:
        spec = command.spec
        self._held.append(_Held(command, self._ports.monotonic_s(), why))
        self._ports.report("order_held", order_id=spec.id, symbol=spec.symbol.value, reason=why)
        self._ports.gateway.tell(spec, f"waits, not sent yet: {why}")

    def _refuse(self, spec: OrderSpec, why: str, status: OrderStatus = OrderStatus.INVALID) -> None:
        self._ports.gateway.refuse(spec, Denied(DenialReason.MAINTENANCE, why), status)

    def _find(self, order_id: OrderId) -> _Held | None:
        return next((held for held in self._held if held.command.spec.id == order_id), None)
