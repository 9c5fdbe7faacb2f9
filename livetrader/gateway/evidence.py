"""What goes into a reconciliation beside belief and snapshot, and what comes out of it. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from livetrader.journal.action_records import ActionSettled, SplitApplied
from livetrader.journal.records import Adjusted, Verdict
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, OrderChange
from livetrader_engine.spi import ExecutionReport, OrderRecord
from livetrader_engine.symbols import Symbol


@dataclass(frozen=True, slots=True)
class Evidence:
    """What beside the snapshot may be used as proof.

    `absent_for_s`: seconds since an order was first missing from a complete snapshot of this session;
    orders that were never missing are not in it. `sending` are on their way this instant and not judged;
    `claimed` trades are being journaled, each by its revision. `terms` are those that the look before found
    changed at the venue. `ended` are orders whose end we heard while the snapshot was being taken: it may
    show them as they were before. `fresh`: the session has just begun, so every absence is doubt.
    `book`: positions may be corrected from this snapshot (nothing was in motion when it was taken).
    """

    fence_s: float
    absent_for_s: Mapping[ClientOrderId, float] = field(default_factory=dict)
    sending: frozenset[ClientOrderId] = frozenset()
    claimed: frozenset[tuple[ExecutionId, int]] = frozenset()
    terms: Mapping[ClientOrderId, OrderChange] = field(default_factory=dict)
    ended: frozenset[ClientOrderId] = frozenset()
    fresh: bool = True
    book: bool = True


@dataclass(frozen=True, slots=True)
class Resolution:
    """A verdict on one order with its evidence in words; of a twin with the venue's number of it."""

    client_order_id: ClientOrderId
    verdict: Verdict
    message: str
    brokerage_order_id: BrokerageOrderId | None = None


@dataclass(frozen=True, slots=True)
class CancelWanted:
    """An order to be cancelled; one of several of its name where the venue's number is given."""

    client_order_id: ClientOrderId
    why: str
    brokerage_order_id: BrokerageOrderId | None = None


@dataclass(frozen=True, slots=True)
class Corrections:
    """What follows from one snapshot; the gateway journals and applies it in this order of fields.

    `reports` are of orders of ours, `strange` of trades that are not. `adopted` are terms that somebody else
    gave an order of ours, `terms` all that differ. `differences` are the position differences, booked or not;
    `absent` the open orders it does not show. `splits` the account shows before we count them, `settled` are
    those that it now shows.
    """

    reports: tuple[ExecutionReport, ...]
    strange: tuple[ExecutionReport, ...]
    resolutions: tuple[Resolution, ...]
    adopted: tuple[tuple[ClientOrderId, OrderChange], ...]
    adjustments: tuple[Adjusted, ...]
    cancels: tuple[CancelWanted, ...]
    orphans: tuple[OrderRecord, ...]
    foreign: tuple[OrderRecord, ...]
    absent: frozenset[ClientOrderId]
    terms: Mapping[ClientOrderId, OrderChange]
    differences: Mapping[Symbol, Decimal]
    digest: str
    splits: tuple[SplitApplied, ...] = ()
    settled: tuple[ActionSettled, ...] = ()
