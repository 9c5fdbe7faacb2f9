"""Journal and state together: what is written is applied, what is applied is told to the algorithm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livetrader.changes import Changes
from livetrader.errors import JournalError
from livetrader.journal.action_records import SplitApplied
from livetrader.journal.journal import Journal
from livetrader.journal.records import FeeReceived, Record, ReportReceived
from livetrader.journal.replay import JournalState
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import ExecutionId, Fill
from livetrader_engine.spi import ExecutionReport, FeeReported

Emit = Callable[[OrderEventArrived | AccountLoaded], None]
Report = Callable[..., None]  # report(action, level=…, **fields): one log record


async def append_within(journal: Journal, record: Record, wait_s: float) -> None:
    """Write a record and return when it is durable, or when the disk has had its time. Raises nothing."""
    try:
        async with asyncio.timeout(wait_s):
            await journal.append(record)
    except TimeoutError:
        return  # it waits for the disk, and is written when that works again
    except JournalError:
        journal.append_soon(record)  # what is left of the journal may still take it


class Ledger:
    """The only way by which the gateway's state moves. Owned by the gateway; on the daemon's loop.

    A record is durable before it is applied (`write`), or re-derivable from a snapshot and applied at once
    (`write_soon`). `on_broken` is called when the journal fails.
    """

    def __init__(
        self, journal: Journal, emit: Emit, report: Report, on_broken: Callable[[str], None]
    ) -> None:
        self.journal = journal
        self._emit = emit
        self._report = report
        self._on_broken = on_broken
        self.split_applied: Callable[[SplitApplied], None] = _nobody_told
        self.applied: Callable[[Record], None] = _nobody_told  # everything, once it counts; must not raise
        self.observers: list[Callable[[Record], None]] = []  # see each record once it is applied
        self.moved = Changes()  # announced after every record
        self.claimed: set[tuple[ExecutionId, int]] = set()  # trades by revision, on their way to the disk
        self.unjournaled_fills = 0

    @property
    def state(self) -> JournalState:
        """What the journal says, with everything since."""
        return self.journal.state

    async def write(self, record: Record) -> None:
        """Make a record durable, then apply it and tell the algorithm.

        Raises JournalError where it is not certain to be durable; then nothing was applied.
        """
        try:
            await self.journal.append(record)
        except JournalError as error:
            self._on_broken(str(error))
            raise
        self._apply(record)

    async def write_within(self, record: Record, wait_s: float) -> None:
        """Apply a record, durable where the disk needs no longer than `wait_s`; else with the next commit.

        For what must happen with a broken journal, too.
        """
        await append_within(self.journal, record, wait_s)
        self._apply(record)

    def write_soon(self, record: Record) -> None:
        """Apply a record and tell the algorithm now; it reaches the disk with the next commit."""
        self.journal.append_soon(record)
        self._apply(record)

    async def take(self, report: ExecutionReport, now_ns: int, *, recovered: bool = False) -> None:
        """Take in news of one order: a trade is durable before the algorithm sees it.

        Where the journal is broken a trade is applied all the same, because it is true; it is counted, and
        the next start finds it in the brokerage's account.
        """
        record = ReportReceived(now_ns, report, recovered)
        fill = report.fill
        if fill is None:
            self.write_soon(record)
            return
        if self._known(report, fill):
            self.state.counters.repeated_fills += 1
            return
        claim = fill.execution_id, fill.revision
        self.claimed.add(claim)
        try:
            await self.journal.append(record)
        except JournalError as error:
            self.unjournaled_fills += 1
            self._on_broken(str(error))
        finally:
            self.claimed.discard(claim)
        self._apply(record)

    def take_fee(self, told: FeeReported, now_ns: int) -> None:
        """Take in what a trade cost. A restart asks the brokerage for its cash, which has it."""
        self.write_soon(FeeReceived(now_ns, told))

    def _known(self, report: ExecutionReport, fill: Fill) -> bool:
        """Whether this revision of a trade, or a later one, was applied or is being journaled."""
        order = self.state.orders.get(report.client_order_id)
        executions = self.state.foreign if order is None else order.executions
        applied = executions.get(fill.execution_id)
        if applied is not None and applied.revision >= fill.revision:
            return True
        return any(name == fill.execution_id and at >= fill.revision for name, at in self.claimed)

    def _apply(self, record: Record) -> None:
        counters = self.state.counters
        late, over, corrections = counters.late_fills, counters.overfills, counters.corrections
        splits = len(self.state.actions.applied)
        for event in self.state.apply(record):
            self._emit(event)
        if isinstance(record, SplitApplied) and len(self.state.actions.applied) > splits:
            self.split_applied(record)
        self.applied(record)
        if counters.late_fills > late:
            self._report("late_fill", level="warning", record=str(record))
        if counters.overfills > over:
            self._report("overfill", level="critical", record=str(record))
        if counters.corrections > corrections:
            self._report("trade_corrected", level="warning", record=str(record))
        for observe in self.observers:
            observe(record)
        self.moved.announce()


def _nobody_told(record: Record) -> None:
    """Tell nobody: there is nobody yet."""
