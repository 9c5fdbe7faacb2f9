"""Holds the journal against the account. Pure: facts in, violations out, one line each.

The account is the truth; the journal is what the daemon believed and wrote. After any number of kills:

    write-ahead      every order in the account was journaled as intended, exactly so
    no duplicate     one order per client order id, one decision per bar, one intent per order number
    no loss          an order journaled as sent is in the account; every intent has an end
    fills once       the journal's trades are the account's trades, each once, to the last digit
    positions        the account's positions are the sum of its fills, and the journal's are the same
    no surprise      no adjustment, no late find: both mean that the books had to be forced
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from livetrader.journal.records import (
    Adjusted,
    AdjustmentReason,
    OrderIntended,
    OrderResolved,
    OrderSent,
    Record,
    ReportReceived,
    Verdict,
)
from livetrader_engine.orders.order import Fill
from livetrader_engine.orders.states import CLOSED, OrderStatus
from tests.campaign.facts import Account

# Verdicts that say that the venue never had the order.
ABSENT = frozenset({Verdict.NOT_SENT, Verdict.REFUSED, Verdict.ABANDONED})


@dataclass
class Belief:
    """What the journal says, sorted by order."""

    intents: dict[str, OrderIntended] = field(default_factory=dict)
    repeated_intents: list[str] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)
    fills: dict[str, tuple[str, Fill]] = field(default_factory=dict)  # execution id → (order, fill)
    traded: dict[str, Decimal] = field(default_factory=dict)  # order → sum of its fills
    contradictions: list[str] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    status: dict[str, OrderStatus] = field(default_factory=dict)
    adjustments: list[Adjusted] = field(default_factory=list)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Belief:
        """Read the records in order."""
        belief = cls()
        for record in records:
            if isinstance(record, OrderIntended):
                if record.client_order_id in belief.intents:
                    belief.repeated_intents.append(record.client_order_id)
                belief.intents[record.client_order_id] = record
            elif isinstance(record, OrderSent):
                belief.sent.add(record.client_order_id)
            elif isinstance(record, ReportReceived):
                belief._take_report(record)
            elif isinstance(record, OrderResolved):
                belief.verdicts[record.client_order_id] = record.verdict
                if record.verdict is Verdict.LATE_FOUND:
                    belief.late.append(record.client_order_id)
            elif isinstance(record, Adjusted) and record.reason is not AdjustmentReason.OPENING:
                belief.adjustments.append(record)
        return belief

    def end_of(self, name: str) -> OrderStatus | None:
        """Return the order's status: FILLED once its trades make its quantity, whatever was last said."""
        if name in self.intents and self.traded.get(name) == self.intents[name].spec.quantity:
            return OrderStatus.FILLED
        return self.status.get(name)

    def _take_report(self, record: ReportReceived) -> None:
        report = record.report
        if self.status.get(report.client_order_id) not in CLOSED or report.status in CLOSED:
            self.status[report.client_order_id] = report.status
        if report.fill is None:
            return
        if report.fill.execution_id not in self.fills:
            before = self.traded.get(report.client_order_id, Decimal(0))
            self.traded[report.client_order_id] = before + report.fill.quantity
        known = self.fills.setdefault(report.fill.execution_id, (report.client_order_id, report.fill))
        if _essence(*known) != _essence(report.client_order_id, report.fill):
            self.contradictions.append(f"execution {report.fill.execution_id} was journaled in two versions")


def _essence(name: str, fill: Fill) -> tuple[str, Decimal, Decimal]:
    """Return what makes a trade that trade: what it cost may be told later."""
    return name, fill.quantity, fill.price


def check(
    records: Iterable[Record], account: Account, *, at_rest: bool, sent_is_there: bool = True
) -> list[str]:
    """Return every violation. `at_rest`: nothing is on its way, so every order must have an end too.

    Without it (the daemon was just killed) the journal may know less than the account, never more. Without
    `sent_is_there` an order may be lost between the socket and the venue; it needs a verdict then.
    """
    belief = Belief.of(records)
    found = [
        *_write_ahead(belief, account),
        *_duplicates(belief, account),
        *_losses(belief, account, sent_is_there),
        *_fills(belief, account, at_rest),
        *_account_adds_up(account),
    ]
    if at_rest:
        found += [*_ends(belief, account), *_positions(belief, account), *_surprises(belief)]
    return found


def _write_ahead(belief: Belief, account: Account) -> Iterable[str]:
    for order in account.orders:
        intent = belief.intents.get(order.client_order_id)
        if intent is None:
            yield f"{order.client_order_id} is in the account and was never journaled as intended"
            continue
        wanted = (intent.spec.symbol, intent.spec.quantity, intent.spec.type)
        if wanted != (order.spec.symbol, order.spec.quantity, order.spec.type):
            yield f"{order.client_order_id} is in the account as another order than was journaled"


def _duplicates(belief: Belief, account: Account) -> Iterable[str]:
    for name, count in Counter(order.client_order_id for order in account.orders).items():
        if count > 1:
            yield f"{name} is in the account {count} times"
    yield from (f"{name} was journaled as intended twice" for name in belief.repeated_intents)
    decisions = Counter(
        (order.spec.symbol.value, order.spec.tag) for order in account.orders if order.spec.tag
    )
    for (ticker, tag), count in decisions.items():
        if count > 1:
            yield f"the decision {ticker} {tag} became {count} orders in the account"
    numbers = Counter(intent.number for intent in belief.intents.values())
    yield from (
        f"intent number {number} was used {count} times" for number, count in numbers.items() if count > 1
    )


def _losses(belief: Belief, account: Account, sent_is_there: bool) -> Iterable[str]:
    present = {order.client_order_id for order in account.orders}
    for name in sorted(belief.sent - present) if sent_is_there else ():
        yield f"{name} was journaled as sent and is not in the account"
    for name, verdict in belief.verdicts.items():
        if verdict in ABSENT and name in present:
            yield f"{name} is in the account and was given up as {verdict.value}"


def _fills(belief: Belief, account: Account, at_rest: bool) -> Iterable[str]:
    yield from belief.contradictions
    real = {fill.execution_id: fill for fill in account.fills}
    for execution_id, (name, fill) in belief.fills.items():
        traded = real.get(execution_id)
        if traded is None:
            yield f"execution {execution_id} of {name} was journaled and never happened"
        elif (traded.client_order_id, traded.quantity, traded.price) != (name, fill.quantity, fill.price):
            yield f"execution {execution_id} was journaled as another trade than it was"
    if at_rest:
        for execution_id in sorted(real.keys() - belief.fills.keys()):
            yield f"execution {execution_id} of {real[execution_id].client_order_id} was never journaled"


def _account_adds_up(account: Account) -> Iterable[str]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    by_order: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in account.fills:
        sums[fill.symbol] += fill.quantity
        by_order[fill.client_order_id] += fill.quantity
    for symbol in sums.keys() | account.positions.keys():
        if sums[symbol] != account.positions.get(symbol, Decimal(0)):
            yield f"the account's position in {symbol!r} is not the sum of its fills"
    for order in account.orders:
        if by_order[order.client_order_id] != order.filled or abs(order.filled) > abs(order.spec.quantity):
            yield f"the fills of {order.client_order_id} do not make what the account says is filled"


def _ends(belief: Belief, account: Account) -> Iterable[str]:
    present = {order.client_order_id: order for order in account.orders}
    for name in belief.intents:
        order = present.get(name)
        if order is None:
            refused = belief.end_of(name) is OrderStatus.INVALID
            if belief.verdicts.get(name) not in ABSENT and not refused:
                yield f"{name} was intended, is not in the account, and has no verdict"
        elif order.on_wire:
            yield f"{name} is still on the wire: nothing is at rest"
        elif order.status in CLOSED and belief.end_of(name) is not order.status:
            yield f"{name} is {order.status.name} in the account; the journal does not say so"
        elif order.status not in CLOSED and belief.end_of(name) in CLOSED:
            yield f"{name} is working in the account; the journal says it is over"


def _positions(belief: Belief, account: Account) -> Iterable[str]:
    believed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for name, fill in belief.fills.values():
        intent = belief.intents.get(name)
        if intent is not None:
            believed[intent.spec.symbol.text] += fill.quantity
    for symbol in believed.keys() | account.positions.keys():
        if believed[symbol] != account.positions.get(symbol, Decimal(0)):
            yield f"the journal's position in {symbol!r} is not the account's"


def _surprises(belief: Belief) -> Iterable[str]:
    for record in belief.adjustments:
        yield f"a position was forced by {record.quantity}: {record.reason.value}"
    yield from (f"{name} was given up and found later" for name in belief.late)
