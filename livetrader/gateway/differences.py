"""What a snapshot says about trades and positions that the journal does not. Pure; part of reconcile.

Trades are compared one by one, by their newest revisions. Positions come last: what differs once all trades
are counted is the brokerage's to say, and the reason we give for it decides whether the symbol may be traded.

    the difference                                      reason
    --------------------------------------------------  -------------------------------------------
    of a new journal                                    OPENING
    of a symbol whose order filled more than its trades  MISSED_FILLS
    what others' trades add up to                       FOREIGN
    of a symbol that others traded, not trade by trade  FOREIGN
    what a corporate action leaves (see splitting.py)   SPLIT, DELISTED, RENAMED
    anything else, or what is left of it                UNEXPLAINED: no new risk in the symbol
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from livetrader.gateway.evidence import Evidence
from livetrader.gateway.splitting import reason_of
from livetrader.journal.identifiers import KILL_PREFIX
from livetrader.journal.news import is_foreign
from livetrader.journal.records import Adjusted, AdjustmentReason
from livetrader.journal.replay import JournalState, OrderState
from livetrader_engine.orders.order import ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, ExecutionReport
from livetrader_engine.symbols import Symbol

RECOVERED: Final = "recovered from the brokerage's account"
_ZERO: Final = Decimal(0)
_R = AdjustmentReason


def missed_fills(
    state: JournalState, snapshot: AccountSnapshot, evidence: Evidence
) -> dict[ClientOrderId, list[Fill]]:
    """Return the trades, by order of ours, that the journal does not have as they stand now."""
    missed: dict[ClientOrderId, list[Fill]] = defaultdict(list)
    for client_id, fill in _newest(snapshot):
        order = state.orders.get(client_id)
        if order is not None and order.news_of(fill) is not None and not _claimed(fill, evidence):
            missed[client_id].append(fill)
    return missed


def strange_fills(
    state: JournalState, snapshot: AccountSnapshot, evidence: Evidence
) -> Iterator[ExecutionReport]:
    """Yield the trades that are not ours and not known yet, each with its symbol where that can be told."""
    symbols = {
        order.client_order_id: order.spec.symbol
        for order in (*snapshot.open_orders, *snapshot.closed_orders)
        if order.client_order_id
    }
    for client_id, fill in _newest(snapshot):
        if client_id in state.orders or not is_foreign(state.instance, client_id):
            continue
        known = state.foreign.get(fill.execution_id)
        if (known is None or known.revision < fill.revision) and not _claimed(fill, evidence):
            named = msgspec.structs.replace(fill, symbol=fill.symbol or symbols.get(client_id))
            yield ExecutionReport(
                client_id, OrderStatus.PARTIALLY_FILLED, snapshot.time_ns, fill=named, message=RECOVERED
            )


def moved(order: OrderState, fills: list[Fill]) -> Decimal:
    """Return what trades that the journal does not have add to an order."""
    return sum((order.news_of(fill) or _ZERO for fill in fills), _ZERO)


def position_differences(
    state: JournalState, snapshot: AccountSnapshot, missed: Mapping[ClientOrderId, list[Fill]]
) -> dict[Symbol, Decimal]:
    """Return by how much the brokerage's positions differ from ours once `missed` is counted."""
    ours = {symbol: held.quantity for symbol, held in state.positions.items()}
    for client_id, fills in missed.items():
        order = state.orders[client_id]
        ours[order.spec.symbol] = ours.get(order.spec.symbol, _ZERO) + moved(order, fills)
    theirs = {held.symbol: held.quantity for held in snapshot.positions}
    for symbol, share in state.ignored.items():
        theirs[symbol] = theirs.get(symbol, _ZERO) - share.quantity  # not the algorithm's
    symbols = sorted({*ours, *theirs}, key=lambda symbol: symbol.text)
    both = {symbol: theirs.get(symbol, _ZERO) - ours.get(symbol, _ZERO) for symbol in symbols}
    return {symbol: difference for symbol, difference in both.items() if difference}


def is_that_of(state: JournalState, snapshot: AccountSnapshot, only: Symbol | None) -> bool:
    """Return whether positions and open orders, of one symbol or of all, are those of a snapshot."""
    working = {order.client_order_id for order in snapshot.open_orders}
    over = {order.spec.symbol for order in state.open.values() if order.client_order_id not in working}
    differing = over.union(position_differences(state, snapshot, {}))
    return not differing if only is None else only not in differing


def adjustments(
    state: JournalState,
    snapshot: AccountSnapshot,
    differences: Mapping[Symbol, Decimal],
    strange: tuple[ExecutionReport, ...],
    missed: Mapping[ClientOrderId, list[Fill]],
) -> Iterator[Adjusted]:
    """Yield what makes our positions the brokerage's, each part with its reason."""
    prices = {held.symbol: held.average_price for held in snapshot.positions}
    explained = _Explained(state, snapshot, strange, missed)
    for symbol, difference in differences.items():
        corporate = None if state.epoch == 0 else reason_of(state, snapshot, symbol, differences)
        parts = explained.parts(symbol, difference) if corporate is None else ((difference, corporate),)
        for quantity, reason in parts:
            facts = (snapshot.account_id, symbol.text, str(quantity), reason, str(len(state.adjustments)))
            yield Adjusted(
                time_ns=snapshot.time_ns,
                id="A" + hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16],
                symbol=symbol,
                quantity=quantity,
                average_price=prices.get(symbol, _ZERO),
                reason=reason,
            )


class _Explained:
    """What is known of trades that were not ours, or of which only the sum is known."""

    def __init__(
        self,
        state: JournalState,
        snapshot: AccountSnapshot,
        strange: tuple[ExecutionReport, ...],
        missed: Mapping[ClientOrderId, list[Fill]],
    ) -> None:
        self._opening = state.epoch == 0
        self._missed: set[Symbol] = set()
        self._others: set[Symbol] = set()
        for order in (*snapshot.open_orders, *snapshot.closed_orders):
            known = state.orders.get(order.client_order_id)
            if not order.filled_quantity:
                continue
            if known is None or order.client_order_id.startswith(KILL_PREFIX):
                self._others.add(order.spec.symbol)
            elif abs(order.filled_quantity) > abs(
                known.filled + moved(known, missed.get(order.client_order_id, []))
            ):
                self._missed.add(order.spec.symbol)
        itemised = {fill.symbol for fill in state.foreign.values()}
        self._due = dict(state.foreign_due)
        for report in strange:
            fill = report.fill
            if fill is not None and fill.symbol is not None:
                known_fill = state.foreign.get(fill.execution_id)
                news = fill.quantity - (_ZERO if known_fill is None else known_fill.quantity)
                self._due[fill.symbol] = self._due.get(fill.symbol, _ZERO) + news
                itemised.add(fill.symbol)
        self._others -= {symbol for symbol in itemised if symbol is not None}

    def parts(self, symbol: Symbol, difference: Decimal) -> tuple[tuple[Decimal, AdjustmentReason], ...]:
        """Return the parts of a difference, each with its reason."""
        due = self._due.get(symbol, _ZERO)
        if self._opening:
            return ((difference, _R.OPENING),)
        if symbol in self._missed:
            return ((difference, _R.MISSED_FILLS),)
        if symbol in self._others or (due * difference > 0 and abs(due) >= abs(difference)):
            return ((difference, _R.FOREIGN),)
        if due * difference > 0:
            return ((due, _R.FOREIGN), (difference - due, _R.UNEXPLAINED))
        return ((difference, _R.UNEXPLAINED),)


def _newest(snapshot: AccountSnapshot) -> list[tuple[ClientOrderId, Fill]]:
    """Return the trades of a snapshot in the order of time, each as it was told last."""
    newest: dict[tuple[ClientOrderId, ExecutionId], Fill] = {}
    for client_id, fill in snapshot.fills:
        before = newest.get((client_id, fill.execution_id))
        if before is None or before.revision < fill.revision:
            newest[client_id, fill.execution_id] = fill
    found = ((client_id, fill) for (client_id, _), fill in newest.items())
    return sorted(found, key=lambda entry: entry[1].time_ns)


def _claimed(fill: Fill, evidence: Evidence) -> bool:
    return any(name == fill.execution_id and revision >= fill.revision for name, revision in evidence.claimed)
