"""Journal and state together: what is written is applied, what is applied is told to the algorithm."""

from __future__ import annotations

from collections.abc import Callable

from livetrader.errors import JournalError
from livetrader.journal.journal import Journal
from livetrader.journal.records import Record, ReportReceived
from livetrader.journal.replay import JournalState
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import ExecutionId
from livetrader_engine.spi import ExecutionReport

Emit = Callable[[OrderEventArrived | AccountLoaded], None]
Report = Callable[..., None]  # report(action, level=…, **fields): one log record


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
        self.claimed: set[ExecutionId] = set()  # fills on their way to the disk
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
        order = self.state.orders.get(report.client_order_id)
        if fill.execution_id in self.claimed or (order is not None and fill.execution_id in order.executions):
            self.state.counters.repeated_fills += 1
            return
        self.claimed.add(fill.execution_id)
        try:
            await self.journal.append(record)
        except JournalError as error:
            self.unjournaled_fills += 1
            self._on_broken(str(error))
        finally:
            self.claimed.discard(fill.execution_id)
        self._apply(record)

    def _apply(self, record: Record) -> None:
        late, over = self.state.counters.late_fills, self.state.counters.overfills
        for event in self.state.apply(record):
            self._emit(event)
        if self.state.counters.late_fills > late:
            self._report("late_fill", level="warning", record=str(record))
        if self.state.counters.overfills > over:
            self._report("overfill", level="critical", record=str(record))
