"""The kill switch: halt, latch, then cancel and flatten until the brokerage itself says flat.

It needs the brokerage plugin and nothing else: no engine, no algorithm, no limits, no healthy journal. It is
latched in a file, so a crash at any point continues at the next start, and only `resume` with the name of the
kill lets anything trade again. A single pass of "cancel, then flatten" leaves positions open when orders race
it; therefore this is a loop over fresh snapshots that ends only at FLAT.

    ARMED ─► HALTING ─► SETTLING ─► CANCELLING ⇄ FLATTENING ⇄ VERIFYING ─► FLAT ─► (resume) ARMED
                                        ▲             │  WAITING: for a market to open
                                        └── FAILED_RETRYING: the brokerage does not answer; never "flat"
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from livetrader.errors import ControlRefusedError, NotFlatError
from livetrader.gateway.flattening import Flattening
from livetrader.gateway.killnotes import KillNotes
from livetrader.gateway.killports import Gate, KillPorts, followed, settled
from livetrader.gateway.killstages import TRANSITIONS, KillStage
from livetrader.gateway.latch import Latch, LatchRecord
from livetrader.gateway.latchkeeper import LatchKeeper
from livetrader.gateway.liquidator import Liquidator, Switch
from livetrader.journal.identifiers import make_kill_id
from livetrader.journal.records import KillStageEntered
from livetrader_engine.errors import InvariantError
from livetrader_engine.orders.order import ClientOrderId, OrderSpec
from livetrader_engine.spi import Approved

__all__ = ["Gate", "KillPorts", "KillStage", "KillSwitch"]

SETTLE_WAIT_S: Final = 0.5  # for an order that was being sent when the switch fell
GUARD_S: Final = 5.0  # between looks at a flat account, until the absence fence has passed


class KillSwitch:
    """Makes the account flat and keeps it so. Lives on the daemon's loop, or in a process of its own.

    Owned by the supervisor, whose TaskGroup runs `watch`. Sends only what reduces positions. Does not stop
    the engine; that is the supervisor's business and no condition here.
    """

    def __init__(self, ports: KillPorts, gate: Gate | None) -> None:
        self.stage = KillStage.ARMED
        self.record: LatchRecord | None = None
        self._ports = ports
        self._gate = gate
        self._keeper = LatchKeeper(Latch(ports.latch), lambda: self.record, ports.report)
        self._lock = asyncio.Lock()  # one driver at a time
        self._wake = asyncio.Event()
        self._written = asyncio.Event()  # the latch is on disk, or the disk has had its time
        self._written.set()
        self._liquidator: Liquidator | None = None
        self._notes = KillNotes(ports, gate)
        self.flattening = Flattening(ports, gate, self._lock, _approve, self._notes)
        self._accepted: LatchRecord | None = None  # the kill whose residue an operator accepts
        self._flat_s: float | None = None  # monotonic; None unless this process saw it become flat
        self._entered = 0

    @property
    def latched(self) -> bool:
        """Whether a kill is in force."""
        return self.record is not None

    @property
    def kill_id(self) -> str | None:
        """The name of the kill in force; `resume` wants it."""
        return None if self.record is None else self.record.kill_id

    @property
    def alone(self) -> tuple[str, ...]:
        """Working orders that are not ours and were left alone at the last look, in words."""
        return () if self._liquidator is None else self._liquidator.alone

    @property
    def left(self) -> tuple[str, ...]:
        """What kept the account from being flat at the last look, in words."""
        return () if self._liquidator is None else self._liquidator.left

    def load(self) -> None:
        """Take up a latch that an earlier process left, and prepare the file for the next one.

        Blocks on the disk: call it before the loop has work. After it the gate is halted where latched,
        and `watch` continues a kill that did not end flat.
        """
        found = self._keeper.load()
        if found is None:
            return
        self._take(found, persist=False)
        self.stage = KillStage.FLAT if found.flat else KillStage.HALTING
        self._wake.set()

    async def latch(self, reason: str, source: str, *, include_foreign: bool = False) -> str:
        """Halt and latch; return the name of the kill. `watch` does the rest. Joins a kill in force.

        `include_foreign` cancels orders that are not ours, too; it widens a kill that is joined.
        """
        if self._gate is not None:
            self._gate.halted = True  # first, and cannot fail
        self.flattening.give_way()
        if (joined := self.record) is not None and self.stage is not KillStage.FLAT:
            if include_foreign and not joined.include_foreign:
                self.record = joined = replace(joined, include_foreign=True)
                await self._keeper.write()
            await self._written.wait()  # whoever is told that it is latched may rely on the disk
            return joined.kill_id
        now_ns = self._ports.timing.wall_ns()
        kill_id = make_kill_id(now_ns) if self.record is None else self.record.kill_id
        if self._liquidator is not None:
            self.flattening.attempts |= self._liquidator.attempts  # a name is never used again
        self._liquidator = self._flat_s = None
        self._take(
            LatchRecord(kill_id, reason, source, now_ns, include_foreign=include_foreign), persist=True
        )
        self._enter(KillStage.HALTING, f"{source}: {reason}")
        self._written.clear()
        try:
            await self._keeper.write()
        finally:  # a caller that goes away meanwhile has tripped it all the same
            if self.stage is KillStage.HALTING:  # journaled now: no record of a kill without its latch
                self._note_stage(f"{source}: {reason}")
            self._written.set()
            self._wake.set()
        return kill_id

    async def trip(self, reason: str, source: str) -> None:
        """Halt, latch, and return when the account is flat. Joins a kill in force.

        Cancelling the caller cancels its wait only, as long as `watch` runs.
        """
        await self.latch(reason, source)
        await self._drive()

    async def watch(self) -> None:
        """Drive a latched kill until flat, whoever tripped it and whenever; until cancelled.

        Afterwards looks at the flat account until the fence of late orders has passed.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._drive()
            while self._guarding():
                await self._ports.timing.sleep(GUARD_S)
                await self._guard()

    async def resume(self, kill_id: str, who: str, *, accept_residue: bool = False) -> None:
        """Take the latch away and let orders out again.

        Raises ControlRefusedError for another name or where it is tripped again meanwhile, NotFlatError where
        the account is not flat and the residue is not accepted, JournalError where it cannot be made durable
        (it stays halted then), and OSError where the latch file cannot be removed (it stays latched then).
        """
        self._check_name(kill_id)
        if self.stage is not KillStage.FLAT:
            if not accept_residue:
                raise NotFlatError(f"kill {kill_id} is {self.stage}; left: {', '.join(self.left) or '?'}")
            self._accepted = self.record  # the loop ends at its next turn, and frees the lock
            if self._liquidator is not None:
                self._liquidator.stopped = True
        async with self._lock:
            self._check_name(kill_id)  # somebody else may have resumed while we waited
            record = self.record
            await self._keeper.remove()
            if self.record is not record:  # tripped again while the disk worked; that latch is written anew
                raise ControlRefusedError(f"kill {kill_id} was tripped again meanwhile")
            self._enter(KillStage.ARMED, f"resumed by {who}")
            self.record = self._liquidator = self._flat_s = None
            if self._gate is not None:
                try:
                    await self._gate.resume(who, kill_id)
                finally:
                    if self.record is None:  # else tripped meanwhile: the gate stays shut under the new name
                        self._gate.kill_id = None
        await self._keeper.arm()

    async def _drive(self) -> None:
        async with self._lock:
            if self.record is None or self.stage is KillStage.FLAT:
                return
            if self.stage is KillStage.HALTING:
                self._enter(KillStage.SETTLING)
                if not await settled(self._gate, SETTLE_WAIT_S):  # the loop catches it when it appears
                    self._ports.report("kill_settle_timeout", level="warning")
            await self._liquidate()

    async def _liquidate(self) -> None:
        liquidator = self._liquidator
        if liquidator is None:
            assert self.record is not None
            gate = self._gate
            switch = Switch(
                self._enter,
                self._notes.write,
                _approve,
                lambda: self._ports.unanswered() if gate is None else gate.unanswered,
                lambda snapshot: followed(self._ports, gate, snapshot),
                lambda: self.record is not None and self.record.include_foreign,
                lambda: () if gate is None else [one for one in gate.open_orders if one.kill_id is None],
            )
            before = {} if gate is None else gate.liquidating(self._ports.timing.monotonic_s())
            liquidator = self._liquidator = Liquidator(
                self._ports, switch, self.record.kill_id, {**before, **self.flattening.attempts}
            )
            liquidator.stopped = self._accepted is self.record
        if await liquidator.run():
            await self._finish()

    async def _finish(self) -> None:
        assert self.record is not None
        self._enter(KillStage.FLAT)
        self._flat_s = self._ports.timing.monotonic_s()
        record = self.record
        self.record = replace(record, flat=True)
        await self._keeper.write()
        self._ports.report("account_flat", level="warning", kill_id=record.kill_id)

    def _guarding(self) -> bool:
        fence_s = self._ports.brokerage.capabilities.absence_fence_s
        return (
            self.stage is KillStage.FLAT
            and self._flat_s is not None
            and self._ports.timing.monotonic_s() - self._flat_s < fence_s
        )

    async def _guard(self) -> None:
        async with self._lock:
            liquidator = self._liquidator
            if self.stage is not KillStage.FLAT or liquidator is None:
                return
            try:
                flat = await liquidator.flat_now()
            except Exception:  # noqa: BLE001 — boundary: it was flat; the next look tells more
                self._ports.report("kill_guard_failed", level="warning", exc_info=True)
                return
            if not flat:
                self._ports.escalate("an order arrived after the account was flat; flattening again")
                self._enter(KillStage.CANCELLING, "late order")
                await self._liquidate()

    def _check_name(self, kill_id: str) -> None:
        if self.kill_id != kill_id:
            what = f"there is no kill {kill_id!r}" if kill_id else "a liquidation has to be named"
            raise ControlRefusedError(f"{what}; once you have seen why, resume with kill id {self.kill_id}")

    def _take(self, record: LatchRecord, *, persist: bool) -> None:
        self.record = record
        if self._gate is None:
            return
        self._gate.halted = True
        self._gate.kill_id = record.kill_id
        try:
            self._gate.halt(f"kill {record.kill_id}: {record.reason}", "kill_switch", persist=persist)
        except Exception:  # noqa: BLE001 — boundary: it is halted already; only the telling failed
            self._ports.report("kill_halt_failed", level="error", exc_info=True)

    def _enter(self, stage: KillStage, message: str = "") -> None:
        if stage is self.stage:
            return
        if stage not in TRANSITIONS[self.stage]:
            raise InvariantError(f"the kill switch cannot go from {self.stage} to {stage}")
        self.stage = stage
        self._entered += 1
        self._ports.report(
            "kill_stage", level="warning", kill_id=self.kill_id, stage=str(stage), message=message
        )
        if stage is not KillStage.HALTING:
            self._note_stage(message)

    def _note_stage(self, message: str) -> None:
        now_ns = self._ports.timing.now_ns()
        self._notes.note(KillStageEntered(now_ns, self.kill_id or "", self.stage, self._entered, message))


def _approve(client_order_id: ClientOrderId, spec: OrderSpec) -> Approved:
    """Let a liquidation order pass: it takes risk away, and no limit may stop it."""
    return Approved(client_order_id, spec)
