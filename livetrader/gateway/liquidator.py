"""The loop of the kill switch: look at the account, cancel and flatten, until it is flat.

What to do is decided in liquidation.py; this file does it. Nothing that the plugin or one symbol does ends
the loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from livetrader.gateway.killports import KillPorts
from livetrader.gateway.killstages import KillStage
from livetrader.gateway.liquidation import (
    POSITION_LAG_S,
    Attempt,
    Circumstances,
    Plan,
    attempts_shown,
    is_ours,
    make_plan,
    outcome,
)
from livetrader.journal.records import KillOrderIntended, OrderResolved, Record, Verdict
from livetrader.journal.replay import OrderState
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, OrderSpec
from livetrader_engine.spi import AccountSnapshot, Approved, OrderRecord, OutcomeUnknownError, VenueError
from livetrader_engine.symbols import Symbol

CALL_WAIT_S: Final = 5.0  # for one cancel or one submit
SNAPSHOT_WAIT_S: Final = 10.0  # for one snapshot
CANCEL_WAIT_S: Final = 5.0  # a symbol with orders still being cancelled is flattened after this all the same
RECANCEL_S: Final = 2.0  # before a cancel that had no effect is asked again
PAUSE_S: Final = 0.002  # between looks, doubling while nothing changes …
PAUSE_MAX_S: Final = 0.25  # … up to this
FAST_ROUNDS: Final = 20  # rounds without a pause; more means that something trades against us
ARRIVAL_PAUSE_S: Final = 0.05  # between looks at a flat account to which an order is on its way
CLOSED_PAUSE_S: Final = 1.0  # between looks while markets are closed
RETRY_S: Final = 0.1  # after a failure, growing …
RETRY_MAX_S: Final = 10.0  # … up to this; forever
RETRY_SHARE: Final = 0.2  # of the time of failing: a venue that comes back is seen that much later
RECONNECT_AFTER: Final = 3  # failed snapshots in a row
RECONNECT_WAIT_S: Final = 30.0  # for a login that reads the account: as long as the first one has
CONFIRM_S: Final = 2.0  # between the two flat snapshots that a real venue has to show
ESCALATE_AFTER_S: Final = 60.0  # not flat while something could be done: call a person, and again …
ESCALATE_EVERY_S: Final = 300.0  # … this often
UNLIQUIDATABLE_AFTER: Final = 3  # refusals in a row after which a person is called for a symbol


@dataclass(frozen=True, slots=True)
class Switch:
    """How the loop speaks to the switch that runs it. `unanswered`: an order may still be on its way.

    `follow` returns when the daemon's own account is that of a snapshot, or has had its time.
    `include_foreign`: whether orders that are not ours are cancelled as well. `believed`: those that the
    daemon believes to work, for as long as the account does not show them.
    """

    enter: Callable[[KillStage, str], None]
    write: Callable[[Record], Awaitable[None]]
    approve: Callable[[ClientOrderId, OrderSpec], Approved]
    unanswered: Callable[[], bool]
    follow: Callable[[AccountSnapshot], Awaitable[None]]
    include_foreign: Callable[[], bool] = lambda: False
    believed: Callable[[], Sequence[OrderState]] = tuple


class Liquidator:
    """One run of the loop and what it remembers. Owned by the kill switch; one at a time."""

    def __init__(
        self, ports: KillPorts, switch: Switch, kill_id: str,
        attempts: Mapping[Symbol, Attempt] | None = None, only: Symbol | None = None,
    ) -> None:  # fmt: skip
        self._ports = ports
        self._switch = switch
        self._kill_id = kill_id
        self._started_s = ports.timing.monotonic_s()
        self._only = only
        young_s = self._started_s - ports.brokerage.capabilities.absence_fence_s - POSITION_LAG_S
        self.attempts: dict[Symbol, Attempt] = {  # also of a loop before this one; of old ones the number
            symbol: attempt if attempt.sent_s >= young_s else replace(attempt, refused=True, refusals=0)
            for symbol, attempt in (attempts or {}).items()
        }
        self._open_since_s: dict[Symbol, float] = {}
        self._over_since_s: dict[ClientOrderId, float] = {}
        self._seen_s: dict[ClientOrderId, float] = {}
        self._cancel_asked_s: dict[BrokerageOrderId, float] = {}
        self._shared: set[ClientOrderId] = set()
        self._believed_s: float | None = None  # when what is believed to work was cancelled last
        self._failures = 0
        self._failing_s = 0.0  # since when; only where there are failures
        self._rounds = 0
        self._pause_s = PAUSE_S
        self._escalated_s: float | None = None
        self.left: tuple[str, ...] = ()
        self.alone: tuple[str, ...] = ()
        self.stopped = False  # an operator accepts what is left: the loop ends at its next turn

    async def run(self) -> bool:
        """Work until the account is flat and return True; False where an operator stopped it."""
        flat_looks = 0
        needed = 1 if self._ports.brokerage.capabilities.simulated else 2
        while not self.stopped:
            snapshot = await self._look()
            if snapshot is None:
                flat_looks = 0
                continue
            plan = self._plan(snapshot)
            if plan.flat and self._late_orders_due():
                flat_looks = 0
                self._switch.enter(KillStage.VERIFYING, "an order may still arrive")
                await self._ports.timing.sleep(ARRIVAL_PAUSE_S)
                continue
            if plan.flat:
                flat_looks += 1
                if flat_looks >= needed:
                    await self._switch.follow(snapshot)
                    return True
                self._switch.enter(KillStage.VERIFYING, "")
                await self._ports.timing.sleep(CONFIRM_S)
                continue
            flat_looks = 0
            await self._carry_out(plan)
        return False

    def _late_orders_due(self) -> bool:
        """Whether an order that no snapshot shows can still arrive: unanswered, and the fence not passed."""
        fence_s = self._ports.brokerage.capabilities.absence_fence_s
        return self._now_s() - self._started_s < fence_s and self._switch.unanswered()

    async def flat_now(self) -> bool:
        """Look once; return whether the account is flat. Raises what the brokerage raises."""
        async with asyncio.timeout(SNAPSHOT_WAIT_S):
            snapshot = await self._ports.brokerage.snapshot()
        return self._plan(snapshot).flat

    def _plan(self, snapshot: AccountSnapshot) -> Plan:
        plan = make_plan(snapshot, self._circumstances(snapshot))
        self.left = plan.left
        if plan.alone != self.alone:
            self.alone = plan.alone
            self._ports.report("kill_left_alone", level="warning", orders=list(plan.alone))
        return plan

    async def _look(self) -> AccountSnapshot | None:
        """Return a snapshot; None, after a pause, where the brokerage gave none. That is never flat."""
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                snapshot = await self._ports.brokerage.snapshot()
        except Exception as error:  # noqa: BLE001 — boundary: nothing the plugin does may end a liquidation
            if not self._failures:
                self._failing_s = self._now_s()
            self._failures += 1
            self._switch.enter(KillStage.FAILED_RETRYING, repr(error))
            self._ports.report("kill_snapshot_failed", level="error", exc_info=True)
            self._escalate(f"the brokerage does not answer: {error!r}")
            await self._cancel_believed()
            pause_s = max(RETRY_S, RETRY_SHARE * (self._now_s() - self._failing_s))
            await self._ports.timing.sleep(min(RETRY_MAX_S, pause_s))
            if self._failures >= RECONNECT_AFTER:
                await self._reconnect()
            return None
        self._failures = 0
        return snapshot

    async def _cancel_believed(self) -> None:
        """Cancel what should be working: an account that trades all the time is perhaps never shown."""
        now_s = self._now_s()
        if self._believed_s is None or now_s - self._believed_s >= RECANCEL_S:
            self._believed_s = now_s
            names = [order.client_order_id for order in self._switch.believed()]
            await self._each([self._call(self._ports.brokerage.cancel(name)) for name in names])

    async def _carry_out(self, plan: Plan) -> None:
        now_s = self._now_s()
        due = [order for order in plan.cancels if self._cancel_due(order, now_s)]
        names = Counter(order.client_order_id for order in plan.cancels)
        self._shared = {name for name, count in names.items() if count > 1}
        if due:
            self._switch.enter(KillStage.CANCELLING, f"{len(plan.cancels)} open orders")
            await self._each([self._cancel(order) for order in due])
        if plan.orders:
            self._switch.enter(KillStage.FLATTENING, f"{len(plan.orders)} positions")
            await self._each([self._flatten(*order) for order in plan.orders])
        if due or plan.orders:
            self._pause_s = PAUSE_S
            self._rounds += 1
            if self._rounds > FAST_ROUNDS:
                await self._ports.timing.sleep(PAUSE_MAX_S)
            return  # look again, at first at once
        if plan.until_open:
            self._switch.enter(KillStage.WAITING, ", ".join(plan.left))
            await self._ports.timing.sleep(CLOSED_PAUSE_S)
            return
        self._switch.enter(KillStage.VERIFYING, ", ".join(plan.left))
        self._escalate(f"not flat yet: {', '.join(plan.left)}")
        await self._ports.timing.sleep(self._pause_s)
        self._pause_s = min(PAUSE_MAX_S, self._pause_s * 2)

    def _circumstances(self, snapshot: AccountSnapshot) -> Circumstances:
        now_ns, now_s = self._ports.timing.now_ns(), self._now_s()
        for position in snapshot.positions:
            if not self._is_open(position.symbol, now_ns):
                self._open_since_s.pop(position.symbol, None)
            else:
                self._open_since_s.setdefault(position.symbol, now_s)
        self.attempts |= attempts_shown(snapshot, self._kill_id, self.attempts, now_s)
        tried = {attempt.client_order_id for attempt in self.attempts.values()}
        shown = {order.client_order_id for order in snapshot.open_orders}
        self._seen_s |= dict.fromkeys(tried & shown, now_s)
        for attempt in self.attempts.values():
            if outcome(attempt, snapshot)[0]:
                self._over_since_s.setdefault(attempt.client_order_id, now_s)
        return Circumstances(
            kill_id=self._kill_id,
            capabilities=self._ports.brokerage.capabilities,
            is_open=lambda symbol: self._is_open(symbol, now_ns),
            now_ns=now_ns,
            now_s=now_s,
            attempts=self.attempts,
            open_since_s=self._open_since_s,
            over_since_s=self._over_since_s,
            seen_s=self._seen_s,
            patient=now_s - self._started_s < CANCEL_WAIT_S,
            include_foreign=self._switch.include_foreign(),
            only=self._only,
        )

    def _is_open(self, symbol: Symbol, now_ns: int) -> bool:
        try:
            return self._ports.is_open(symbol, now_ns)
        except Exception:  # noqa: BLE001 — boundary: unknown hours must not keep a position open
            self._ports.report("kill_hours_failed", level="error", symbol=symbol.value, exc_info=True)
            return True  # a market order that waits or is refused is safer than none

    def _cancel_due(self, order: OrderRecord, now_s: float) -> bool:
        asked_s = self._cancel_asked_s.get(order.brokerage_order_id)
        return asked_s is None or now_s - asked_s >= RECANCEL_S

    async def _cancel(self, order: OrderRecord) -> None:
        self._cancel_asked_s[order.brokerage_order_id] = self._now_s()
        number = order.brokerage_order_id if self._needs_number(order) else None
        error = await self._call(self._ports.brokerage.cancel(order.client_order_id, number))
        if error is not None:
            self._ports.report(
                "kill_cancel_failed", level="error", client_order_id=order.client_order_id, error=repr(error)
            )

    def _needs_number(self, order: OrderRecord) -> bool:
        """Whether its name says too little: it has none of ours, or shares it with another order."""
        return not is_ours(order.client_order_id) or order.client_order_id in self._shared

    async def _flatten(self, number: int, client_id: ClientOrderId, spec: OrderSpec) -> None:
        before = self.attempts.get(spec.symbol)
        attempt = Attempt(number, client_id, self._now_s(), -spec.quantity)
        self.attempts[spec.symbol] = attempt
        await self._switch.write(
            KillOrderIntended(self._ports.timing.now_ns(), self._kill_id, client_id, spec)
        )
        error = await self._call(self._ports.brokerage.submit(self._switch.approve(client_id, spec)))
        if error is None:
            return
        self._ports.report(
            "kill_order_failed", level="error", symbol=spec.symbol.value,
            client_order_id=client_id, error=repr(error),
        )  # fmt: skip
        if isinstance(error, VenueError) and not isinstance(error, OutcomeUnknownError):
            refused = OrderResolved(
                self._ports.timing.now_ns(), client_id, Verdict.REFUSED, f"not sent: {error}"
            )
            await self._switch.write(refused)
            refusals = 1 + (before.refusals if before is not None else 0)
            self.attempts[spec.symbol] = Attempt(
                number, client_id, attempt.sent_s, attempt.position, True, refusals
            )
            if refusals == UNLIQUIDATABLE_AFTER:
                self._ports.escalate(
                    f"{spec.symbol.value} cannot be liquidated: {error}; call the brokerage's desk"
                )

    async def _each(self, requests: Sequence[Coroutine[object, object, object]]) -> None:
        """Run requests side by side; each handles its own failure."""
        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(request, name="liquidation")

    async def _call(self, request: Awaitable[None]) -> BaseException | None:
        try:
            async with asyncio.timeout(CALL_WAIT_S):
                await request
        except Exception as error:  # noqa: BLE001 — boundary: one symbol's failure is no other's
            return error
        return None

    async def _reconnect(self) -> None:
        if self._ports.reconnect is None:
            return
        try:
            async with asyncio.timeout(RECONNECT_WAIT_S):
                await self._ports.reconnect()
        except Exception:  # noqa: BLE001 — boundary: tried again after the next failure
            self._ports.report("kill_reconnect_failed", level="error", exc_info=True)

    def _escalate(self, words: str) -> None:
        now_s = self._now_s()
        last_s = self._escalated_s
        due = now_s - self._started_s >= ESCALATE_AFTER_S
        if due and (last_s is None or now_s - last_s >= ESCALATE_EVERY_S):
            self._escalated_s = now_s
            self._ports.escalate(f"kill {self._kill_id}: {words}")

    def _now_s(self) -> float:
        return self._ports.timing.monotonic_s()
