"""What TWS told us about each order in this session, and which of it is news.

No I/O and no clock: messages go in, events come out. The book is memory of one session only; the account
(account.py) is the truth it begins with.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.events import BrokerageMessageKind
from livetrader_engine.orders.order import ClientOrderId, ExecutionId, StopState
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import BrokerageEvent, BrokerageMessage, ExecutionReport, StopMoved
from livetrader_engine.symbols import Symbol
from livetrader_plugins.ibkr import codes, reports
from livetrader_plugins.ibkr.codes import Meaning, Subject
from livetrader_plugins.ibkr.identifiers import execution_name
from livetrader_plugins.ibkr.library import CommissionReport, Execution, Order
from livetrader_plugins.ibkr.numbers import number_of, price_of
from livetrader_plugins.ibkr.tracked import OrderIndex, Tracked, terms_of

FEES_KEPT: Final = 50_000  # of trades: more than IB tells of one day
WORKING: Final = frozenset(
    {OrderStatus.SUBMITTED, OrderStatus.UPDATE_SUBMITTED, OrderStatus.PARTIALLY_FILLED}
)
_NO_ORDER: Final = ClientOrderId("")  # of what other people trade in this account


class OrderBook:
    """The orders of one session. `doubt` hears of an order of which trades are missing."""

    def __init__(self, client_id: int, now_ns: Callable[[], int], doubt: Callable[[Tracked], None]) -> None:
        self._client_id = client_id
        self._now_ns = now_ns
        self._doubt = doubt
        self.orders = OrderIndex()
        self._owners: OrderedDict[ExecutionId, ClientOrderId] = OrderedDict()
        self.fees: OrderedDict[ExecutionId, CommissionReport] = OrderedDict()
        self._strange: dict[ExecutionId, int] = {}  # revisions of trades of orders that are not ours
        self._told_fees: dict[ExecutionId, Decimal] = {}

    # Orders.

    def add(self, client_order_id: ClientOrderId, order_id: int, quantity: Decimal) -> Tracked:
        """Take up an order that is about to be sent."""
        tracked = Tracked(client_order_id, self._client_id, order_id, abs(quantity))
        self.orders.keep(tracked)
        return tracked

    def drop(self, tracked: Tracked) -> None:
        """Forget an order that was surely not sent."""
        self.orders.drop(tracked)

    def own(self, order_id: int) -> Tracked | None:
        """Return our own order of this number."""
        return self.orders.find(0, self._client_id, order_id)

    # News.

    def open_order(self, order: Order, status: str) -> list[BrokerageEvent]:
        """Take in `openOrder`: who the order is, its terms, its status.

        Other terms than those shown before are a change, ours or one that somebody made in TWS.
        """
        tracked = self.orders.find(order.permId, order.clientId, order.orderId)
        if tracked is None:
            tracked = Tracked(ClientOrderId(order.orderRef), order.clientId, order.orderId, _quantity(order))
            self.orders.keep(tracked)
        tracked.quantity = _quantity(order) or tracked.quantity
        tracked.parent_id = order.parentId or tracked.parent_id
        terms = terms_of(order)
        changed = tracked.terms not in {None, terms} or tracked.change == terms
        tracked.terms = terms
        if tracked.change == terms:
            tracked.change = None
        events = self._status(tracked, status, order.permId, changed=changed)
        return [*events, *self._stop(tracked, order)]

    def _stop(self, tracked: Tracked, order: Order) -> list[BrokerageEvent]:
        stop = price_of(order.trailStopPrice)
        if not order.orderType.startswith("TRAIL") or stop is None or stop == tracked.stop_price:
            return []
        tracked.stop_price = stop
        return [StopMoved(tracked.client_order_id, self._now_ns(), StopState(stop))]

    def order_status(
        self, order_id: int, status: str, filled: float, perm_id: int, client_id: int
    ) -> list[BrokerageEvent]:
        """Take in `orderStatus`. The same one may come many times."""
        tracked = self.orders.find(perm_id, client_id, order_id)
        if tracked is None:
            return []  # an openOrder names it before it can be anybody's business
        tracked.claimed = max(tracked.claimed, number_of(filled) or Decimal(0))
        events = self._status(tracked, status, perm_id)
        if tracked.lacks_trades:
            self._doubt(tracked)
        return events

    def completed_order(self, order: Order, status: str) -> list[BrokerageEvent]:
        """Take in `completedOrder`, which has no order id."""
        tracked = self.orders.find(order.permId, 0, 0)
        if tracked is None:
            return []
        end = reports.completed_status_of(status)
        return self._tell(tracked, end) if end in {OrderStatus.CANCELED, OrderStatus.INVALID} else []

    def _status(
        self, tracked: Tracked, word: str, perm_id: int, *, changed: bool = False
    ) -> list[BrokerageEvent]:
        renamed = bool(perm_id) and perm_id != tracked.perm_id
        if renamed:
            tracked.perm_id = perm_id
            self.orders.keep(tracked)
        status = reports.status_of(word, filled=tracked.filled, quantity=tracked.quantity)
        if status in WORKING:
            tracked.seen = True
            status = OrderStatus.UPDATE_SUBMITTED if changed else OrderStatus.SUBMITTED
        if status in {OrderStatus.NEW, OrderStatus.FILLED}:
            return []  # nothing known yet; or the trades say it
        if status is OrderStatus.SUBMITTED and tracked.told in WORKING and not renamed:
            return []
        if status is tracked.told and not renamed and not changed:
            return []
        return self._tell(tracked, status)

    def _tell(self, tracked: Tracked, status: OrderStatus, message: str = "") -> list[BrokerageEvent]:
        if tracked.told in CLOSED or not tracked.client_order_id:
            return []
        tracked.told = status
        return [
            reports.status_report(
                tracked.client_order_id,
                status,
                perm_id=tracked.perm_id,
                time_ns=self._now_ns(),
                message=message,
            )
        ]

    # Trades.

    def execution(self, execution: Execution, symbol: Symbol | None = None) -> list[BrokerageEvent]:
        """Take in `execDetails`: a trade, or a later revision of one. Repeated ones are no news.

        `symbol` is what it is a trade in. One of somebody else in a contract that was never met is left to
        the next look at the account, which asks TWS for the contract.
        """
        is_strange = execution.clientId != self._client_id
        if is_strange and symbol is None:
            return []
        tracked = self.orders.find(execution.permId, execution.clientId, execution.orderId)
        reference = ClientOrderId(execution.orderRef)
        if tracked is None and reference:
            tracked = Tracked(reference, execution.clientId, execution.orderId, Decimal(0), execution.permId)
            self.orders.keep(tracked)
        fill = reports.fill_of(execution)
        if is_strange:
            fill = msgspec.structs.replace(fill, symbol=symbol)
        if tracked is None:
            if self._strange.get(fill.execution_id, -1) >= fill.revision:
                return []
            self._strange[fill.execution_id] = fill.revision
            return [ExecutionReport(_NO_ORDER, OrderStatus.PARTIALLY_FILLED, self._now_ns(), fill=fill)]
        known = tracked.trades.get(fill.execution_id)
        if known is not None and known.revision >= fill.revision:
            return []
        tracked.trades[fill.execution_id] = fill
        self._owners[fill.execution_id] = tracked.client_order_id
        if len(self._owners) > FEES_KEPT:
            self._owners.popitem(last=False)
        complete = tracked.quantity > 0 and tracked.filled >= tracked.quantity
        status = OrderStatus.FILLED if complete else OrderStatus.PARTIALLY_FILLED
        if tracked.told not in CLOSED or complete:
            tracked.told = status
        report = reports.fill_report(tracked.client_order_id, execution, time_ns=self._now_ns())
        news: list[BrokerageEvent] = [msgspec.structs.replace(report, status=status, fill=fill)]
        return news if known is not None else [*news, *self._fee(fill.execution_id)]

    def commission(self, commission: CommissionReport) -> list[BrokerageEvent]:
        """Take in `commissionReport`. It never holds up a trade, and may come before it."""
        base, revision = execution_name(commission.execId)
        name = ExecutionId(base)
        before = self.fees.get(name)
        if before is not None and revision < execution_name(before.execId).revision:
            return []  # each look at the account tells those of all revisions again
        self.fees[name] = commission
        if len(self.fees) > FEES_KEPT:
            oldest, _ = self.fees.popitem(last=False)
            self._told_fees.pop(oldest, None)
        return self._fee(name)

    def _fee(self, name: ExecutionId) -> list[BrokerageEvent]:
        owner, commission = self._owners.get(name), self.fees.get(name)
        if not owner or commission is None:
            return []
        fee = reports.fee_of(owner, commission, self._now_ns())
        if fee is None or self._told_fees.get(name) == fee.fee:
            return []
        self._told_fees[name] = fee.fee
        return [fee]

    # Errors.

    def error(self, order_id: int, code: int, text: str) -> list[BrokerageEvent]:
        """Take in an error message with the number of an order of ours; see codes.py for what it means."""
        tracked = self.own(order_id)
        if tracked is None:
            return [self.message(BrokerageMessageKind.WARNING, code, text)]
        subject = Subject.WORKING_ORDER if tracked.seen else Subject.NEW_ORDER
        words = f"{code}: {text}"
        match codes.meaning_of(code, subject):
            case Meaning.REJECTED:
                return self._tell(tracked, OrderStatus.INVALID, words)
            case Meaning.CANCELLED:
                return self._tell(tracked, OrderStatus.CANCELED, words)
            case Meaning.CHANGE_REFUSED:
                return self._refused_change(tracked, words)
            case Meaning.UNKNOWN:
                return self.unsure(tracked, words)
            case _:
                return [self.message(BrokerageMessageKind.WARNING, code, text)]

    def _refused_change(self, tracked: Tracked, words: str) -> list[BrokerageEvent]:
        """A change that was refused leaves the order as it was; after a refused cancel nobody is sure."""
        if tracked.change is not None and tracked.told in WORKING:
            tracked.change = None
            tracked.told = OrderStatus.NONE  # so that it is told
            return self._tell(tracked, OrderStatus.SUBMITTED, words)
        return self.unsure(tracked, words)

    def unsure(self, tracked: Tracked, words: str) -> list[BrokerageEvent]:
        """Tell that nobody knows what has become of an order: the daemon will look at the account."""
        if tracked.told in CLOSED:
            return []
        told = tracked.told
        events = self._tell(tracked, OrderStatus.NONE, words)
        tracked.told = told if told not in WORKING else OrderStatus.NONE
        return events

    def dropped(self, words: str) -> list[BrokerageEvent]:
        """TWS has dropped messages (100): what it has not confirmed may have been among them."""
        return [event for item in self.orders.waiting() for event in self.unsure(item, words)]

    def message(self, kind: BrokerageMessageKind, code: int, text: str) -> BrokerageMessage:
        """Return something TWS says beside orders."""
        return BrokerageMessage(self._now_ns(), kind, str(code), text)

    # The account.

    def reopen(self, order: Order) -> None:
        """Take note that the account shows an order at work that was told over: it may be cancelled.

        One that was told filled is, where it has more to trade: it was made larger while its last trade was
        on its way, or a trade of it was taken back.
        """
        tracked = self.orders.find(order.permId, order.clientId, order.orderId)
        if tracked is None:
            return
        grown = tracked.told is OrderStatus.FILLED and tracked.filled < tracked.quantity
        if grown or tracked.told in {OrderStatus.CANCELED, OrderStatus.INVALID}:
            tracked.told = OrderStatus.NONE

    def learn(self, order: Order, status: OrderStatus, filled: Decimal) -> None:
        """Take an order of a complete account, its trades are in the book; the daemon is told by others."""
        tracked = self.orders.find(order.permId, order.clientId, order.orderId)
        if tracked is None:
            tracked = Tracked(ClientOrderId(order.orderRef), order.clientId, order.orderId, Decimal(0))
        tracked.perm_id = order.permId or tracked.perm_id
        tracked.order_id = tracked.order_id or order.orderId
        tracked.parent_id = order.parentId or tracked.parent_id
        tracked.quantity = _quantity(order) or tracked.quantity
        tracked.claimed = max(tracked.claimed, filled)
        tracked.earlier += max(filled - tracked.filled, Decimal(0))
        tracked.seen = tracked.seen or status in WORKING
        tracked.terms = tracked.terms or terms_of(order)
        if tracked.told is OrderStatus.NEW:
            tracked.told = status
        self.orders.keep(tracked)


def _quantity(order: Order) -> Decimal:
    return abs(number_of(order.totalQuantity) or Decimal(0))
