"""The brokerage session: connect, reconcile before trading, keep checking what is in doubt.

The decisions are in reconcile.py; correcting.py carries them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from livetrader.errors import AccountMismatchError, JournalError
from livetrader.gateway.correcting import Corrector
from livetrader.gateway.ledger import Ledger, Report
from livetrader.gateway.reconcile import ACK_WAIT_S, Corrections, Evidence, reconcile
from livetrader.gateway.rules import HostRules
from livetrader.gateway.timing import Timing
from livetrader.journal.records import AdjustmentReason, SessionOpened
from livetrader_engine.orders.order import ClientOrderId, OrderChange
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, BrokeragePlugin, PluginError, VenueError
from livetrader_engine.symbols import Symbol

SNAPSHOT_WAIT_S: Final = 30.0  # a snapshot that takes longer failed
RECHECK_S: Final = 2.0  # between looks while an outcome is unknown or positions differ
PERIODIC_S: Final = 900.0  # between looks when all is well: a healthy stream can still lose one report
NEXT_STEP: Final = "report it with its traceback in the log; positions and orders: the brokerage's own screen"

RIDDLES: Final = frozenset({AdjustmentReason.UNEXPLAINED, AdjustmentReason.MISSED_FILLS})


@dataclass(slots=True)
class Doubts:
    """What the session is not sure of. Owned by the session."""

    absent_since_s: dict[ClientOrderId, float] = field(default_factory=dict)
    differences: Mapping[Symbol, Decimal] = field(default_factory=dict)
    fills_then: int = -1  # fills applied when `differences` were seen
    waiting_since_s: dict[ClientOrderId, float] = field(default_factory=dict)  # for an answer
    terms: Mapping[ClientOrderId, OrderChange] = field(default_factory=dict)  # not ours, at the last look
    asked: bool = False  # somebody wants a look soon


class Session:
    """One brokerage account, as long as the daemon lives. Owned by the gateway; on the daemon's loop.

    Never sends an order. `why_not_ready` is empty exactly while reconciled and connected. A plugin that
    raises what it does not declare has shown no account: nothing is sent until a look has succeeded.
    """

    def __init__(
        self,
        brokerage: BrokeragePlugin,
        ledger: Ledger,
        timing: Timing,
        report: Report,
        halt: Callable[[str], None],
        rules: Callable[[], HostRules] = HostRules,
    ) -> None:
        self._brokerage = brokerage
        self._ledger = ledger
        self._timing = timing
        self._report = report
        self._halt = halt
        self._rules = rules
        self._too_many = False
        self._begun = False  # whether this process has been connected before
        self.corrector = Corrector(brokerage, ledger, timing.now_ns, report, rules, halt)
        self._doubts = Doubts()
        self._lock = asyncio.Lock()  # one reconciliation at a time
        self._looked_s = 0.0
        self.sending: set[ClientOrderId] = set()
        self._away = "not connected to the brokerage yet"
        self._fault = ""  # of the plugin, since the last account that it showed
        self.session_id = ""
        self.looked_ns: int | None = None  # at the account
        self.problem = ""  # why the last look failed
        self.cash: dict[str, Decimal] = {}

    @property
    def why_not_ready(self) -> str:
        """Why no order may leave, empty where one may."""
        return self._away or self._fault

    @property
    def differences(self) -> Mapping[Symbol, Decimal]:
        """Positions at the brokerage less ours, seen and not booked yet."""
        return self._doubts.differences

    @property
    def unresolved(self) -> int:
        """Orders whose outcome is unknown."""
        return sum(1 for order in self._ledger.state.open.values() if order.unknown)

    async def connect(self) -> None:
        """Log in, compare, correct; may trade afterwards.

        Raises VenueError where the brokerage cannot be reached (try again later), AccountMismatchError where
        the journal belongs to another account, and JournalError where it fails.
        """
        async with self._lock:
            self._away = "reconciling with the brokerage"
            self._doubts = Doubts()
            snapshot = await self._asked("connect", self._brokerage.connect())
            state = self._ledger.state
            if state.account_id not in (None, snapshot.account_id):
                raise AccountMismatchError(
                    f"this journal belongs to account {state.account_id}, the brokerage says "
                    f"{snapshot.account_id}: use another state directory for that account"
                )
            corrections = reconcile(state, snapshot, self._evidence(fresh=True, book=True))
            if corrections.splits or any(item.reason in RIDDLES for item in corrections.adjustments):
                snapshot = await self._look_again(snapshot)
                corrections = reconcile(state, snapshot, self._evidence(fresh=True, book=True))
            await self._correct(snapshot, corrections, first=not self._begun)
            await self._ledger.write(
                SessionOpened(self._now(), state.epoch + 1, snapshot.account_id, snapshot.session_id)
            )
            self.session_id = snapshot.session_id
            self._begun = True
            self._away = self._fault = ""

    async def _look_again(self, first: AccountSnapshot) -> AccountSnapshot:
        """Give positions that lag behind their trades a moment before what differs becomes a riddle."""
        await self._timing.sleep(RECHECK_S)
        return replace(await self.snapshot(), session_id=first.session_id)

    async def snapshot(self) -> AccountSnapshot:
        """Return the account as the venue has it. Raises VenueError, whatever the plugin raises."""
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                return await self._asked("snapshot", self._brokerage.snapshot())
        except TimeoutError as error:
            raise VenueError(f"no snapshot within {SNAPSHOT_WAIT_S:g} s") from error

    async def _asked(self, what: str, asked: Awaitable[AccountSnapshot]) -> AccountSnapshot:
        try:
            return await asked
        except PluginError:
            raise
        except TimeoutError as error:  # the plugin's own limit
            raise VenueError(str(error) or f"no answer to {what} in time") from error
        except Exception as error:  # boundary: a plugin's own fault must not stop the daemon
            words = f"the brokerage plugin failed: {error!r}"
            if words != self._fault:  # once, not with every look
                self._report("brokerage_plugin_failed", level="error", asked=what, exc_info=True)
                self._rules().alert("brokerage plugin failed", f"{words}; no order leaves", NEXT_STEP)
            self._fault = words
            raise VenueError(words) from error

    def disconnect(self, reason: str) -> None:
        """Shut the gate: the events of the brokerage ended."""
        self._away = f"disconnected from the brokerage: {reason}"

    def ask(self) -> None:
        """Have `watch` look soon: something does not add up."""
        self._doubts.asked = True

    def set_cash(self, snapshot: AccountSnapshot) -> None:
        """Take the balances of a snapshot."""
        self.cash.clear()
        self.cash.update(snapshot.cash)

    async def watch(self, adjusted: Callable[[], None]) -> None:
        """Look at the account again and again: soon while anything is in doubt, else now and then.

        Runs until cancelled, in the supervisor's TaskGroup; calls `adjusted` when positions were corrected.
        """
        self._looked_s = self._timing.monotonic_s()
        while True:
            await self._timing.sleep(RECHECK_S)
            due = self._timing.monotonic_s() - self._looked_s >= PERIODIC_S
            doubtful = (
                self._unanswered()
                or self._doubts.asked
                or bool(self._doubts.differences or self._doubts.terms)
                or self.unresolved
                or self._fault
            )
            if not self._away and (due or doubtful) and await self.look():
                adjusted()

    def _unanswered(self) -> bool:
        """Whether an order or a cancel has been waiting for its answer for too long: it may be lost."""
        now_s = self._timing.monotonic_s()
        since = self._doubts.waiting_since_s
        waiting = (OrderStatus.NEW, OrderStatus.CANCEL_PENDING)
        self._doubts.waiting_since_s = {
            client_id: since.get(client_id, now_s)
            for client_id, order in self._ledger.state.open.items()
            if order.status in waiting
        }
        return any(now_s - then >= ACK_WAIT_S for then in self._doubts.waiting_since_s.values())

    async def look(self) -> bool:
        """Take a snapshot and correct what it proves; return whether positions were adjusted.

        A position difference is corrected when two looks in a row show the same one and nothing traded
        between them. Reports rather than raises where the brokerage, its plugin or the journal fails.
        """
        async with self._lock:
            self.problem = ""
            try:
                booked = await self._look()
                self._fault = ""
                return booked
            except VenueError as error:
                self.problem = str(error)
                self._report("snapshot_failed", level="warning", error=self.problem)
            except JournalError as error:
                self.problem = str(error)
                self._report("reconcile_failed", level="critical", error=self.problem)
            return False

    async def _look(self) -> bool:
        state = self._ledger.state
        busy_before = bool(self.sending or self._ledger.claimed)
        fills_before, open_before = state.fills, frozenset(state.open)
        asked = self._doubts.asked
        self._doubts.asked = False  # what is asked from here on is for the next look
        try:
            snapshot = await self.snapshot()
        except BaseException:
            self._doubts.asked |= asked
            raise
        self._looked_s = self._timing.monotonic_s()
        busy = busy_before or bool(self.sending or self._ledger.claimed) or state.fills != fills_before
        ended = open_before - state.open.keys()
        self._doubts.asked |= bool(ended)  # what the next look shows of them is news
        corrections = reconcile(state, snapshot, self._evidence(fresh=False, book=False, ended=ended))
        same = corrections.differences == self._doubts.differences and state.fills == self._doubts.fills_then
        if corrections.differences and same and not busy and not corrections.reports:
            corrections = reconcile(state, snapshot, self._evidence(fresh=False, book=True, ended=ended))
        await self._correct(snapshot, corrections, first=False)
        booked = bool(corrections.adjustments or corrections.splits)
        self._doubts.differences = {} if booked else corrections.differences
        self._doubts.fills_then = state.fills
        return booked

    def _evidence(
        self, *, fresh: bool, book: bool, ended: frozenset[ClientOrderId] = frozenset()
    ) -> Evidence:
        now_s = self._timing.monotonic_s()
        return Evidence(
            fence_s=self._brokerage.capabilities.absence_fence_s,
            absent_for_s={order: now_s - since for order, since in self._doubts.absent_since_s.items()},
            sending=frozenset(self.sending),
            claimed=frozenset(self._ledger.claimed),
            terms=self._doubts.terms,
            ended=ended,
            fresh=fresh,
            book=book,
        )

    async def _correct(self, snapshot: AccountSnapshot, corrections: Corrections, *, first: bool) -> None:
        now_s = self._timing.monotonic_s()
        since = self._doubts.absent_since_s
        self._doubts.absent_since_s = {order: since.get(order, now_s) for order in corrections.absent}
        self._doubts.terms = corrections.terms
        self.looked_ns = self._now()
        self.set_cash(snapshot)
        if not await self.corrector.carry_out(snapshot, corrections, first=first):
            self.ask()  # something was asked for that may not have arrived
        self.check_unknown()

    def check_unknown(self) -> None:
        """Halt where more outcomes are unknown at once than one bad moment explains."""
        most = self._rules().unknown_orders
        if not most or self.unresolved <= most:
            self._too_many = False
        elif not self._too_many:
            self._too_many = True
            self._halt(
                f"the outcome of {self.unresolved} orders is unknown at once, more than "
                f"limits.unknown_orders = {most}: look at the brokerage, then `resume`"
            )

    def _now(self) -> int:
        return self._timing.now_ns()
