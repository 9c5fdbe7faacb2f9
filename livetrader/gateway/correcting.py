"""Carries out what a reconciliation found, so that a crash is harmless: facts first, cancels last.

What happened in this account without us is told to people here, and answered as the operator wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from livetrader.errors import JournalError
from livetrader.gateway.evidence import CancelWanted, Corrections, Resolution
from livetrader.gateway.ledger import Ledger, Report
from livetrader.gateway.rules import HostRules
from livetrader.journal.identifiers import KILL_PREFIX, order_number
from livetrader.journal.records import (
    Adjusted,
    AdjustmentReason,
    CancelIntended,
    OrderResolved,
    Reconciled,
    TermsAdopted,
    Verdict,
)
from livetrader.settings import OnManualTrades
from livetrader_engine.orders.order import Fill
from livetrader_engine.spi import AccountSnapshot, BrokeragePlugin, ExecutionReport, OrderRecord, VenueError

NEXT_STEP: Final = "look at the account at the brokerage; `livetrader status` shows what is restricted"
KNOWN: Final = frozenset(
    {
        AdjustmentReason.OPENING,
        AdjustmentReason.SPLIT,
        AdjustmentReason.DELISTED,
        AdjustmentReason.RENAMED,
    }
)  # reasons that are no reason to worry
MAX_NAMED: Final = 5  # trades named in one message to people; the log has them all


class Corrector:
    """Does what a reconciliation says. Owned by the session; on the daemon's loop.

    Decides nothing about orders. `foreign` are the working orders of others at the last look, `orphans` those
    with a name of ours and no record, with their trades.
    """

    def __init__(
        self,
        brokerage: BrokeragePlugin,
        ledger: Ledger,
        now_ns: Callable[[], int],
        report: Report,
        rules: Callable[[], HostRules],
        halt: Callable[[str], None],
    ) -> None:
        self._brokerage = brokerage
        self._ledger = ledger
        self._now_ns = now_ns
        self._report = report
        self._rules = rules
        self._halt = halt
        self.foreign: tuple[OrderRecord, ...] = ()
        self.orphans: tuple[tuple[OrderRecord, tuple[Fill, ...]], ...] = ()

    async def carry_out(self, snapshot: AccountSnapshot, found: Corrections, *, first: bool) -> bool:
        """Journal and apply everything, then cancel; return whether every cancel was sent.

        `first`: of this process. What others did before it was no interference, and is only noted.
        """
        now_ns = self._now_ns
        for report in (*found.reports, *found.strange):
            await self._ledger.take(report, now_ns(), recovered=True)
        for resolution in found.resolutions:
            await self._resolve(resolution)
        for client_id, change in found.adopted:
            await self._ledger.write(TermsAdopted(now_ns(), client_id, change))
            self._report("terms_adopted", level="warning", client_order_id=client_id, change=str(change))
        for split in found.splits:
            await self._ledger.write(split)
        for settled in found.settled:
            await self._ledger.write(settled)
            self._report("split_booked", id=settled.id, message=settled.message)
        for adjustment in found.adjustments:
            await self._adjust(adjustment)
        self._surface(snapshot, found)
        self._tell_strange(found, first=first)
        sent = [await self._cancel(cancel) for cancel in found.cancels]
        changes = len(found.reports) + len(found.strange) + len(found.resolutions) + len(found.adjustments)
        if changes or found.adopted or found.orphans:
            state = self._ledger.state
            unresolved = sum(1 for order in state.open.values() if order.unknown)
            await self._ledger.write(Reconciled(now_ns(), state.epoch, changes, unresolved, found.digest))
        return all(sent)

    def traded_elsewhere(self, reports: Iterable[ExecutionReport]) -> None:
        """Answer trades of somebody else in this account, while we trade it, as the operator wants it."""
        trades = [
            f"{fill.quantity} {'?' if fill.symbol is None else fill.symbol.value} at {fill.price}"
            for report in reports
            if (fill := report.fill) is not None and not report.client_order_id.startswith(KILL_PREFIX)
        ]
        if trades:
            more = f" and {len(trades) - MAX_NAMED} more" if len(trades) > MAX_NAMED else ""
            self._interfered(f"somebody else traded in this account: {', '.join(trades[:MAX_NAMED])}{more}")

    # -- inside -------------------------------------------------------------------------------------

    async def _resolve(self, resolution: Resolution) -> None:
        client_id, verdict = resolution.client_order_id, resolution.verdict
        await self._ledger.write(
            OrderResolved(
                self._now_ns(), client_id, verdict, resolution.message, resolution.brokerage_order_id
            )
        )
        self._report(
            "order_resolved",
            level="critical" if verdict is Verdict.DUPLICATE else "warning",
            client_order_id=client_id,
            verdict=str(verdict),
            message=resolution.message,
        )
        if verdict is Verdict.DUPLICATE:
            self._rules().alert("two orders of one", f"{client_id}: {resolution.message}", NEXT_STEP)

    async def _adjust(self, adjustment: Adjusted) -> None:
        await self._ledger.write(adjustment)
        self._report(
            "position_adjusted",
            level="info" if adjustment.reason in KNOWN else "warning",
            symbol=adjustment.symbol.value,
            quantity=str(adjustment.quantity),
            reason=str(adjustment.reason),
        )

    def _surface(self, snapshot: AccountSnapshot, found: Corrections) -> None:
        state = self._ledger.state
        self.orphans = tuple(
            (order, tuple(fill for name, fill in snapshot.fills if name == order.client_order_id))
            for order in found.orphans
        )
        known = {(order.client_order_id, order.brokerage_order_id) for order in self.foreign}
        self.foreign = found.foreign
        for order in found.foreign:
            if (order.client_order_id, order.brokerage_order_id) not in known:
                self._report(
                    "foreign_order",
                    client_order_id=order.client_order_id,
                    brokerage_order_id=order.brokerage_order_id,
                    symbol=order.spec.symbol.value,
                    quantity=str(order.spec.quantity),
                )
        for order in found.orphans:
            number = order_number(state.instance, order.client_order_id)
            if number is not None:
                state.next_number = max(state.next_number, number + 1)  # that number is taken at the venue
            self._halt(
                f"the brokerage knows {order.client_order_id}, made by this account directory, and the "
                "journal does not: was an old journal restored? `adopt` or `ignore` it, then `resume`"
            )

    def _tell_strange(self, found: Corrections, *, first: bool) -> None:
        unexplained = [
            f"{adjusted.quantity} {adjusted.symbol.value}"
            for adjusted in found.adjustments
            if adjusted.reason is AdjustmentReason.UNEXPLAINED
        ]
        if first:
            if found.strange:
                self._report("foreign_trades", trades=len(found.strange))
            if unexplained:
                self._rules().alert("positions differ", _unexplained(unexplained), NEXT_STEP)
            return
        self.traded_elsewhere(found.strange)
        if unexplained:
            self._interfered(_unexplained(unexplained))

    def _interfered(self, words: str) -> None:
        rules = self._rules()
        answer = rules.on_manual_trades
        self._report("interference", level="warning", message=words, answer=str(answer))
        if answer is OnManualTrades.HALT:
            self._halt(f"{words}; account.on_manual_trades = {answer}")
        elif answer is OnManualTrades.STOP:
            rules.stop(f"{words}; account.on_manual_trades = {answer}")
        rules.alert("manual trade", words, NEXT_STEP)

    async def _cancel(self, wanted: CancelWanted) -> bool:
        client_id = wanted.client_order_id
        order = self._ledger.state.orders.get(client_id)
        if order is None or wanted.brokerage_order_id not in order.twins:  # that one's verdict is journaled
            try:
                await self._ledger.write(CancelIntended(self._now_ns(), client_id, wanted.why))
            except JournalError as error:  # a cancel takes risk away: it goes out all the same
                self._report("cancel_unjournaled", level="error", error=str(error))
        try:
            await self._brokerage.cancel(client_id, wanted.brokerage_order_id)
        except VenueError as error:
            self._report("cancel_failed", level="warning", client_order_id=client_id, error=str(error))
            return False
        except Exception:  # noqa: BLE001 — boundary: a plugin's own fault must not stop the daemon
            self._report(
                "brokerage_plugin_failed", level="error", asked="cancel", client_order_id=client_id,
                exc_info=True,
            )  # fmt: skip
            return False
        return True


def _unexplained(parts: list[str]) -> str:
    return f"positions changed and nobody knows why: {', '.join(parts)}; no new risk in these symbols"
