"""The gateway's part in corporate actions: note them, count positions in new shares, change working orders.

    note ─▶ ActionNoted durable ─▶ ex-date: SplitApplied durable ─▶ orders changed ─▶ (reconcile) settled

When a split counts: from the midnight (exchange time) that begins its ex-date, because the first price of
that day, long before 08:00, is one of new shares; earlier where the brokerage's account shows it. Orders
are changed when the account shows the new shares, and at the latest before anything trades again, so that
a venue which changes its orders itself is seen to have done so.

What LEAN does live is the model (Engine/AlgorithmManager.cs, HandleSplits); where it counts a split twice, or
forgets one over a restart, this does not: each step is a record, and each is made once.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from livetrader.gateway.ledger import Ledger
from livetrader.gateway.sender import OrderSender, SenderPorts
from livetrader.gateway.session import Session
from livetrader.gateway.valuation import Valuation
from livetrader.journal.action_records import (
    ActionNoted,
    ActionsLooked,
    ActionTold,
    SplitApplied,
    action_id,
    words_of,
)
from livetrader.journal.records import AdjustmentReason
from livetrader.journal.replay import OrderState, Position
from livetrader_engine.data.corporate_actions import CorporateAction, Split
from livetrader_engine.data.splits import ratio_of, shares_after
from livetrader_engine.orders.after_split import order_after
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

QUIET_NS: Final = 4 * NS_PER_HOUR  # from midnight to the first trades of a day: prices are the old ones
ORDERS_NS: Final = QUIET_NS - 15 * NS_PER_MINUTE  # after midnight: orders have their new terms before that
ASK_AGAIN_NS: Final = 30 * NS_PER_SECOND  # for a change that nobody has answered: its terms are absolute
OLDEST_NS: Final = 10 * NS_PER_DAY  # splits that changed orders may still stand under; older ones went by

_ZERO: Final = Decimal(0)
_OF_BEFORE: Final = frozenset({AdjustmentReason.MISSED_FILLS, AdjustmentReason.UNEXPLAINED})


class CorporateActions:
    """Does to the account what corporate actions do. Owned by the gateway; on the daemon's loop.

    Knows no calendar and no announcer.
    """

    def __init__(
        self,
        ledger: Ledger,
        session: Session,
        valuation: Valuation,
        sender: OrderSender,
        ports: SenderPorts,
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._valuation = valuation
        self._sender = sender
        self._gate = ports.gate
        self._now_ns = ports.timing.now_ns
        self._report = ports.report

    # -- what is known ------------------------------------------------------------------------------

    async def note(self, actions: Iterable[CorporateAction]) -> list[ActionNoted]:
        """Make announcements durable; return those that are news. Raises JournalError."""
        news = []
        for action in actions:
            name, book = action_id(action), self._ledger.state.actions
            known = book.noted.get(name)
            if known is not None and (known.action == action or name in book.applied):
                if _factor(known.action) != _factor(action):
                    step = (
                        f"compare the account; `livetrader adopt {action.symbol.value}` takes what it shows"
                    )
                    self._report(
                        "split_announced_otherwise", level="error", id=name, words=words_of(action),
                        applied=words_of(known.action), next_step=step,
                    )  # fmt: skip
                continue
            record = ActionNoted(self._now_ns(), name, action)
            await self._ledger.write(record)
            news.append(record)
            self._report("corporate_action", id=name, words=words_of(action), changed=known is not None)
        return news

    async def looked(self, day: int) -> None:
        """Note that announcements up to this exchange date are known. Raises JournalError."""
        if self._ledger.state.actions.looked_day != day:
            await self._ledger.write(ActionsLooked(self._now_ns(), day))

    def told(self, name: str) -> None:
        """Note that an engine was told."""
        self._ledger.write_soon(ActionTold(self._now_ns(), name))

    # -- splits -------------------------------------------------------------------------------------

    async def apply_due(self) -> list[SplitApplied]:
        """Count positions in new shares where the ex-date has begun. Raises JournalError.

        Only while the account is known: what filled before the split has to be counted before it.
        """
        applied = []
        for name, split in self._ledger.state.actions.splits_ahead():
            if self._session.why_not_ready or self._ledger.claimed or split.time_ns > self._now_ns():
                continue
            record = self._application(name, split)
            await self._ledger.write(record)
            applied.append(record)
        return applied

    def _application(self, name: str, split: Split) -> SplitApplied:
        state, symbol = self._ledger.state, split.symbol
        held = state.positions.get(symbol, Position())
        share = state.ignored.get(symbol, Position())
        since = self._since(split)  # is in new shares already
        total = held.quantity + share.quantity
        after = shares_after(total - since, split.factor)[0] + since
        theirs = shares_after(share.quantity, split.factor)[0]
        if self._booked_unseen(split, total - since):
            return SplitApplied(
                self._now_ns(), name, symbol, split.factor, total, total,
                held.quantity, held.average_price, share.quantity,
            )  # fmt: skip
        scaled = held.average_price * split.factor
        return SplitApplied(
            time_ns=self._now_ns(),
            id=name,
            symbol=symbol,
            factor=split.factor,
            before=total,
            after=after,
            quantity=after - theirs,
            average_price=held.average_price if since == held.quantity else scaled,
            ignored=theirs,
        )

    def _booked_unseen(self, split: Split, held: Decimal) -> bool:
        """Whether the account has changed already, by what looks like the split with something else in it.

        Then it is right as it stands, and the symbol stays restricted until somebody has looked.
        """
        unexplained = self._ledger.state.unexplained.get(split.symbol, _ZERO)
        before = held - unexplained
        expected = shares_after(before, split.factor)[0] - before
        return unexplained * expected > 0 and abs(unexplained) >= abs(expected) / 2

    def _since(self, split: Split) -> Decimal:
        """Return what was traded and booked of a symbol since its ex-date began."""
        state = self._ledger.state
        traded = sum(
            (
                fill.quantity
                for order in state.orders.values()
                if order.spec.symbol == split.symbol
                for fill in order.executions.values()
                if fill.time_ns >= split.time_ns
            ),
            _ZERO,
        )
        booked = sum(
            (
                item.quantity
                for item in state.adjustments.values()
                if item.symbol == split.symbol
                and item.time_ns >= split.time_ns
                and item.reason not in _OF_BEFORE
            ),
            _ZERO,
        )
        return traded + booked

    def scale_price(self, record: SplitApplied) -> None:
        """Let the newest price count in new shares, unless it was traded in them."""
        noted = self._ledger.state.actions.noted.get(record.id)
        if noted is None or self._now_ns() >= noted.action.time_ns + QUIET_NS:
            return
        seen = self._valuation.prices.get(record.symbol)
        if seen is not None:
            self._valuation.prices[record.symbol] = seen * float(record.factor)

    # -- orders -------------------------------------------------------------------------------------

    async def scale_orders(self) -> None:
        """Give working orders that were asked for in old shares the terms that leave them their value.

        One that cannot be changed is cancelled: at its old price it would trade at once, and too much.
        """
        for record in tuple(self._ledger.state.actions.applied.values()):
            if self._now_ns() - record.time_ns > OLDEST_NS:
                continue
            for order in self._outdated(record):
                await self._scale(order, record)

    def _outdated(self, record: SplitApplied) -> list[OrderState]:
        state = self._ledger.state
        noted = state.actions.noted.get(record.id)
        if noted is None:
            return []
        ex_ns = noted.action.time_ns
        booked = record.before != record.after and record.symbol not in state.actions.pending
        if not booked and self._now_ns() < ex_ns + ORDERS_NS:
            return []  # the venue may still do it itself
        since_ns = min(ex_ns, record.time_ns)
        return [
            order
            for order in state.open.values()
            if order.spec.symbol == record.symbol
            and order.terms_ns < since_ns
            and order.kill_id is None
            and not order.cancel_asked
            and not order.unknown
            and self._answered(order)
        ]

    def _answered(self, order: OrderState) -> bool:
        """Whether no change is on its way; one of ours that nobody answered is asked for again."""
        if order.pending is None:
            return True
        return bool(order.pending_why) and self._now_ns() - order.pending_ns >= ASK_AGAIN_NS

    async def _scale(self, order: OrderState, record: SplitApplied) -> None:
        if self._session.why_not_ready or self._gate.warming:
            return  # the next look tries again
        change = order_after(order.spec, order.filled, record.factor)
        words = f"split of {record.symbol.value}: its terms are from before it"
        if not self._gate.halted and change.quantity != order.filled:
            await self._sender.update(order, change, words)
        if order.is_open and order.pending is None and order.terms_ns < record.time_ns:
            self._report("order_not_scaled", level="warning", client_order_id=order.client_order_id)
            await self._sender.cancel(order, words)


def _factor(action: CorporateAction) -> Fraction | None:
    return ratio_of(action.factor) if isinstance(action, Split) else None
