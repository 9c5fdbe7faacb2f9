"""What the journal holds: one frozen record per fact, tagged by its kind.

Two rules. A record is written before the world learns of it (an order, a cancel) or before the algorithm
does (a fill). A record never changes: what turned out otherwise is a later record.

SCHEMA_VERSION counts up when an older reader could no longer understand a newer record. Adding a record kind
that money depends on, or a field without a default, does; adding a field with a default does not.
Times are UTC nanoseconds: the time trading happens in (a replay's own, in a replay).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from livetrader.journal.action_records import ActionRecord
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, Fill, OrderChange, OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport, FeeReported
from livetrader_engine.symbols import Symbol
from livetrader_engine.wire import decode_hook, encode_hook

SCHEMA_VERSION: Final = 3  # 2: corrected trades, late fees, twins, what is not the algorithm's; 3: splits


class SessionOpened(msgspec.Struct, frozen=True, tag="session_opened"):
    """A brokerage session began. `epoch` counts them, from 1."""

    time_ns: int
    epoch: int
    account_id: str
    session_id: str


class OrderIntended(msgspec.Struct, frozen=True, tag="order_intended"):
    """An order passed every check and is about to be sent. From here on it may exist at the venue."""

    time_ns: int
    number: int
    client_order_id: ClientOrderId
    spec: OrderSpec


class OrderSent(msgspec.Struct, frozen=True, tag="order_sent"):
    """The brokerage plugin returned: the order left this machine."""

    time_ns: int
    client_order_id: ClientOrderId


class OrderDenied(msgspec.Struct, frozen=True, tag="order_denied"):
    """An order failed a check and was never sent. `reason` is a code, `message` says it in words."""

    time_ns: int
    spec: OrderSpec
    reason: str
    message: str


class ReportReceived(msgspec.Struct, frozen=True, tag="report_received"):
    """News of the venue, as it came. `recovered`: found in a snapshot after the fact."""

    time_ns: int
    report: ExecutionReport
    recovered: bool = False


class FeeReceived(msgspec.Struct, frozen=True, tag="fee_received"):
    """What a trade cost, as the venue told it after the trade, or before."""

    time_ns: int
    report: FeeReported


class CancelIntended(msgspec.Struct, frozen=True, tag="cancel_intended"):
    """A cancel is about to be sent. `why` is empty where the algorithm asked."""

    time_ns: int
    client_order_id: ClientOrderId
    why: str = ""


class ChangeIntended(msgspec.Struct, frozen=True, tag="change_intended"):
    """A change of a working order is about to be sent; `spec` is the order as it would be after it.

    `why` is empty where the algorithm asked; else it is told of the change, and why.
    """

    time_ns: int
    client_order_id: ClientOrderId
    change: OrderChange
    spec: OrderSpec
    why: str = ""


class ChangeRefused(msgspec.Struct, frozen=True, tag="change_refused"):
    """A change did not reach the venue or was refused; the order works on as it was."""

    time_ns: int
    client_order_id: ClientOrderId
    message: str


class TermsAdopted(msgspec.Struct, frozen=True, tag="terms_adopted"):
    """Somebody else changed a working order of ours at the venue; here it stands so from now on, too."""

    time_ns: int
    client_order_id: ClientOrderId
    change: OrderChange


class Verdict(StrEnum):
    """What became of an order whose outcome was in doubt."""

    UNKNOWN = "unknown"  # it may be working; its symbol and side stay blocked
    FOUND = "found"  # the venue has, or had, it
    NOT_SENT = "not_sent"  # it never left this machine
    REFUSED = "refused"  # the plugin says that the venue did not take it
    ABANDONED = "abandoned"  # proved absent from the venue, after the fence
    GONE = "gone"  # it was working, and the venue shows it no longer, after the fence
    LATE_FOUND = "late_found"  # held to be absent, and there it is; a cancel follows
    DUPLICATE = "duplicate"  # the venue works two orders under its name; a cancel of one follows


class OrderResolved(msgspec.Struct, frozen=True, tag="order_resolved"):
    """A verdict on one order. `message` carries the evidence in words.

    `brokerage_order_id` is set for a DUPLICATE: the venue's name of the one that is not kept.
    """

    time_ns: int
    client_order_id: ClientOrderId
    verdict: Verdict
    message: str
    brokerage_order_id: BrokerageOrderId | None = None


class AdjustmentReason(StrEnum):
    """Why our position was corrected to the brokerage's."""

    OPENING = "opening"  # the first snapshot of a new journal
    FOREIGN = "foreign"  # somebody else, or the kill switch, traded in this account
    MISSED_FILLS = "missed_fills"  # an order of ours filled; the venue no longer shows the trades
    SPLIT = "split"  # what is left of a share after a split: rounded, or paid in cash
    DELISTED = "delisted"  # the brokerage has closed it
    RENAMED = "renamed"  # the brokerage shows it under the new ticker
    UNEXPLAINED = "unexplained"  # nobody knows; the symbol takes no new risk until `resume`


class Adjusted(msgspec.Struct, frozen=True, tag="adjusted"):
    """The brokerage's position differed from ours and ours was corrected. No order ever follows from it.

    `id` is a function of the facts, so that booking the same correction twice counts once.
    `quantity` is the signed difference, `average_price` the brokerage's after the correction.
    """

    time_ns: int
    id: str
    symbol: Symbol
    quantity: Decimal
    average_price: Decimal
    reason: AdjustmentReason


class Reconciled(msgspec.Struct, frozen=True, tag="reconciled"):
    """A reconciliation ended. `unresolved` orders stay blocked; `digest` names the snapshot it used."""

    time_ns: int
    epoch: int
    corrections: int
    unresolved: int
    digest: str


class SymbolHalted(msgspec.Struct, frozen=True, tag="symbol_halted"):
    """No order of this symbol leaves until somebody adopts what is held of it, or resumes."""

    time_ns: int
    symbol: Symbol
    reason: str
    who: str


class Adopted(msgspec.Struct, frozen=True, tag="adopted"):
    """Somebody looked: what is held of this symbol is the algorithm's, and may be traded again."""

    time_ns: int
    symbol: Symbol
    who: str


class Ignored(msgspec.Struct, frozen=True, tag="ignored"):
    """Somebody looked: so much of what the account holds of this symbol is not the algorithm's, in all.

    What others trade in the symbol from now on changes this quantity, until it is nothing.
    """

    time_ns: int
    symbol: Symbol
    quantity: Decimal
    average_price: Decimal
    who: str


class OrphanSettled(msgspec.Struct, frozen=True, tag="orphan_settled"):
    """Somebody looked at an order with a name of ours and no record: it halts nobody any more.

    With a `spec` it is the algorithm's from now on, under the number in it; without one it is not.
    """

    time_ns: int
    client_order_id: ClientOrderId
    brokerage_order_id: BrokerageOrderId
    who: str
    number: int = 0
    spec: OrderSpec | None = None
    status: OrderStatus = OrderStatus.SUBMITTED
    fills: tuple[Fill, ...] = ()  # known with it; the position has them already


class Halted(msgspec.Struct, frozen=True, tag="halted"):
    """No order leaves from here on until a `Resumed`, across restarts."""

    time_ns: int
    reason: str
    source: str


class Resumed(msgspec.Struct, frozen=True, tag="resumed"):
    """Somebody allowed trading again. `kill_id` is set where that released a kill switch."""

    time_ns: int
    who: str
    kill_id: str | None = None


class KillStageEntered(msgspec.Struct, frozen=True, tag="kill_stage"):
    """The kill switch moved on. Written as well as the journal can; never a condition of the kill."""

    time_ns: int
    kill_id: str
    stage: str
    round: int
    message: str = ""


class KillOrderIntended(msgspec.Struct, frozen=True, tag="kill_order_intended"):
    """The kill switch is about to send this liquidation order. Written as well as the journal can."""

    time_ns: int
    kill_id: str
    client_order_id: ClientOrderId
    spec: OrderSpec


class DayStarted(msgspec.Struct, frozen=True, tag="day_started"):
    """A UTC day began with this equity; the daily loss limit counts from it, across restarts."""

    time_ns: int
    day: int  # days since 1970-01-01
    equity: Decimal


class BucketCharged(msgspec.Struct, frozen=True, tag="bucket_charged"):
    """The training bucket changed; a restart continues from the newest of these and refills nothing.

    `refilled_ns` is on the wall clock as it stood at `time_ns`: what counts is how far they are apart.
    `elapsed_ns` and `boot_id` are those of limits.ClockMark; older records have none.
    """

    time_ns: int
    level_minutes: float
    refilled_ns: int
    job: str = ""
    minutes: float = 0.0
    elapsed_ns: int = 0
    boot_id: str = ""


class ScheduleOutcome(StrEnum):
    """Why a schedule of trainings is settled up to an instant."""

    REGISTERED = "registered"  # it was not known before: what lies behind was not missed
    JUDGED = "judged"  # the policy for missed occurrences has decided
    STARTED = "started"  # the occurrence of this instant began


class ScheduleSettled(msgspec.Struct, frozen=True, tag="schedule_settled"):
    """No occurrence of this schedule of trainings up to `due_ns` (engine time) is to be started any more."""

    time_ns: int
    schedule: str
    due_ns: int
    outcome: ScheduleOutcome


class AuditEntry(msgspec.Struct, frozen=True, tag="audit"):
    """Somebody asked the daemon to change something. The body itself is not kept, only its SHA-256."""

    time_ns: int
    who: str
    route: str
    body_sha256: str
    outcome: str


class EngineStarted(msgspec.Struct, frozen=True, tag="engine_started"):
    """An engine process was started; `attempt` counts them within this run of the daemon, from 1."""

    time_ns: int
    pid: int
    attempt: int


class EngineLost(msgspec.Struct, frozen=True, tag="engine_lost"):
    """An engine process ended without being asked to."""

    time_ns: int
    pid: int
    cause: str


class DaemonStarted(msgspec.Struct, frozen=True, tag="daemon_started"):
    """The daemon opened this journal."""

    time_ns: int
    pid: int
    version: str


class DaemonStopped(msgspec.Struct, frozen=True, tag="daemon_stopped"):
    """The daemon ended in good order. A start that finds none of these was preceded by a crash."""

    time_ns: int
    reason: str


Record = (
    ActionRecord
    | SessionOpened
    | OrderIntended
    | OrderSent
    | OrderDenied
    | ReportReceived
    | FeeReceived
    | CancelIntended
    | ChangeIntended
    | ChangeRefused
    | TermsAdopted
    | OrderResolved
    | Adjusted
    | Reconciled
    | SymbolHalted
    | Adopted
    | Ignored
    | OrphanSettled
    | Halted
    | Resumed
    | KillStageEntered
    | KillOrderIntended
    | DayStarted
    | BucketCharged
    | ScheduleSettled
    | AuditEntry
    | EngineStarted
    | EngineLost
    | DaemonStarted
    | DaemonStopped
)

_encoder: Final = msgspec.json.Encoder(enc_hook=encode_hook)
_decoder: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record, dec_hook=decode_hook)


def encode(record: Record) -> str:
    """Return the JSON text of a record, as the journal stores it."""
    return _encoder.encode(record).decode()


def decode(body: str) -> Record:
    """Return the record of this JSON text. Raises msgspec.DecodeError for anything else."""
    return _decoder.decode(body)


def kind_of(record: Record) -> str:
    """Return the tag of a record: the journal's `kind` column."""
    return str(record.__struct_config__.tag)


def client_order_id_of(record: Record) -> ClientOrderId | None:
    """Return the order a record is about, None where it is about none: the journal's indexed column."""
    if isinstance(record, ReportReceived | FeeReceived):
        return record.report.client_order_id
    return getattr(record, "client_order_id", None)
