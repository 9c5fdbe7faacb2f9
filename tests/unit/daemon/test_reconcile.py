"""The decision table of reconcile.py, row by row, and what must hold for any account."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader.gateway.reconcile import ACK_WAIT_S, Corrections, Evidence, digest_of, reconcile
from livetrader.journal.identifiers import order_client_id
from livetrader.journal.records import (
    AdjustmentReason,
    CancelIntended,
    OrderIntended,
    OrderResolved,
    Record,
    ReportReceived,
    SessionOpened,
    Verdict,
)
from livetrader.journal.replay import JournalState, replay
from livetrader_engine.events import PositionRecord
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import AccountSnapshot, ExecutionReport, OrderRecord

from .money import IBM, SPY, START_NS, spec

S, V = OrderStatus, Verdict
INSTANCE = "abc123"
FENCE = 120.0


def name(number: int) -> ClientOrderId:
    return order_client_id(INSTANCE, number)


def intended(number: int = 1, quantity: int = 10) -> OrderIntended:
    return OrderIntended(START_NS, number, name(number), spec(number, quantity))


def reported(status: OrderStatus, number: int = 1, filled: int = 0) -> ReportReceived:
    fill = fill_of(filled) if filled else None
    report = ExecutionReport(name(number), status, START_NS, BrokerageOrderId(f"V{number}"), fill)
    return ReportReceived(START_NS, report)


def fill_of(quantity: int, execution: str = "X1") -> Fill:
    return Fill(ExecutionId(execution), Decimal(quantity), Decimal(100), START_NS)


def believe(*records: Record) -> JournalState:
    return replay([SessionOpened(START_NS, 1, "A", "S1"), *records], INSTANCE)


def shown(status: OrderStatus, number: int = 1, filled: int = 0, quantity: int = 10) -> OrderRecord:
    return OrderRecord(
        name(number), BrokerageOrderId(f"V{number}"), spec(number, quantity), status, Decimal(filled)
    )


def account(
    orders: Iterable[OrderRecord] = (),
    fills: Iterable[tuple[ClientOrderId, Fill]] = (),
    held: int = 0,
) -> AccountSnapshot:
    every = tuple(orders)
    return AccountSnapshot(
        account_id="A",
        session_id="S2",
        time_ns=START_NS,
        cash={"USD": Decimal(1000)},
        positions=(PositionRecord(SPY, Decimal(held), Decimal(100)),) if held else (),
        open_orders=tuple(order for order in every if order.status not in CLOSED),
        closed_orders=tuple(order for order in every if order.status in CLOSED),
        fills=tuple(fills),
    )


def compare(
    state: JournalState, snapshot: AccountSnapshot, evidence: Evidence | None = None
) -> tuple[list[tuple[OrderStatus, bool]], list[Verdict], Corrections]:
    corrections = reconcile(state, snapshot, evidence or Evidence(FENCE))
    reports = [(report.status, report.fill is not None) for report in corrections.reports]
    return reports, [resolution.verdict for resolution in corrections.resolutions], corrections


def after(*seconds: float, fresh: bool = False) -> Evidence:
    return Evidence(FENCE, {name(1): second for second in seconds}, fresh=fresh)


WORKING = (intended(), reported(S.SUBMITTED))


@pytest.mark.parametrize(
    ("belief", "snapshot", "evidence", "reports", "verdicts"),
    [
        # open here, shown open
        ((intended(),), account([shown(S.SUBMITTED)]), None, [(S.SUBMITTED, False)], []),
        (WORKING, account([shown(S.SUBMITTED)]), None, [], []),
        (
            WORKING,
            account([shown(S.PARTIALLY_FILLED, filled=4)], [(name(1), fill_of(4))], 4),
            None,
            [(S.PARTIALLY_FILLED, True), (S.PARTIALLY_FILLED, False)],
            [],
        ),
        # open here, shown closed
        (WORKING, account([shown(S.CANCELED)]), None, [(S.CANCELED, False)], []),
        (
            WORKING,
            account([shown(S.FILLED, filled=10)], [(name(1), fill_of(10))], 10),
            None,
            [(S.PARTIALLY_FILLED, True)],
            [],
        ),
        (
            WORKING,
            account([shown(S.CANCELED, filled=4)], [(name(1), fill_of(4))], 4),
            None,
            [(S.PARTIALLY_FILLED, True), (S.CANCELED, False)],
            [],
        ),
        (WORKING, account([shown(S.FILLED, filled=10)], held=10), None, [], [V.GONE]),  # trades forgotten
        # open here, absent
        ((intended(),), account(), None, [], [V.UNKNOWN]),
        ((intended(),), account(), after(FENCE - 1), [], []),  # still in doubt, and said before? not yet
        ((intended(),), account(), after(FENCE), [], [V.ABANDONED]),
        (WORKING, account(), None, [], [V.UNKNOWN]),
        (WORKING, account(), after(FENCE), [], [V.GONE]),
        ((intended(),), account(), Evidence(0.0), [], [V.ABANDONED]),
        ((intended(),), account(), Evidence(0.0, sending=frozenset({name(1)})), [], []),
        ((intended(),), account(), Evidence(FENCE, fresh=False), [], []),  # sent a moment ago
        ((intended(),), account(), after(ACK_WAIT_S), [], [V.UNKNOWN]),
        # absent, but its trades are all there
        (WORKING, account((), [(name(1), fill_of(10))], 10), None, [(S.PARTIALLY_FILLED, True)], []),
        # closed here
        ((*WORKING, reported(S.CANCELED)), account([shown(S.SUBMITTED)]), None, [], [V.LATE_FOUND]),
        (
            (*WORKING, reported(S.CANCELED)),
            account([shown(S.CANCELED, filled=3)], [(name(1), fill_of(3))], 3),
            None,
            [(S.PARTIALLY_FILLED, True)],
            [],
        ),
    ],
)
def test_a_row_of_the_decision_table(
    belief: tuple[Record, ...],
    snapshot: AccountSnapshot,
    evidence: Evidence | None,
    reports: list[tuple[OrderStatus, bool]],
    verdicts: list[Verdict],
) -> None:
    state = believe(*belief)
    if evidence is not None and evidence.absent_for_s.get(name(1)) == FENCE - 1:
        state.apply(OrderResolved(START_NS, name(1), V.UNKNOWN, ""))
    found_reports, found_verdicts, _ = compare(state, snapshot, evidence)
    assert (found_reports, found_verdicts) == (reports, verdicts)


def test_an_unknown_order_that_is_shown_is_found() -> None:
    state = believe(intended(), OrderResolved(START_NS, name(1), V.UNKNOWN, "lost"))
    _, verdicts, _ = compare(state, account([shown(S.SUBMITTED)]))
    assert verdicts == [V.FOUND]


def test_a_cancel_that_was_lost_is_asked_again_and_never_assumed() -> None:
    state = believe(*WORKING, CancelIntended(START_NS, name(1)))
    reports, _, corrections = compare(state, account([shown(S.SUBMITTED)]))
    assert reports == []
    assert [wanted.client_order_id for wanted in corrections.cancels] == [name(1)]
    _, _, corrections = compare(state, account([shown(S.CANCEL_PENDING)]))
    assert corrections.cancels == ()


def test_a_late_found_order_is_cancelled() -> None:
    _, _, corrections = compare(believe(*WORKING, reported(S.CANCELED)), account([shown(S.SUBMITTED)]))
    assert [wanted.client_order_id for wanted in corrections.cancels] == [name(1)]


def test_an_order_that_ended_while_the_snapshot_was_taken_is_not_found_late() -> None:
    """The snapshot may have read open orders before the cancel, and we heard of it before it was whole."""
    state = believe(*WORKING, reported(S.CANCELED))
    corrections = reconcile(state, account([shown(S.SUBMITTED)]), Evidence(0.0, ended=frozenset({name(1)})))
    assert corrections.resolutions == () and corrections.cancels == ()


def test_orphans_and_foreign_orders_are_told_apart() -> None:
    stranger = OrderRecord(
        ClientOrderId("other-9"), BrokerageOrderId("V9"), spec(0, 1), S.SUBMITTED, Decimal(0)
    )
    _, _, corrections = compare(believe(), account([shown(S.SUBMITTED, number=77), stranger]))
    assert [order.client_order_id for order in corrections.orphans] == [name(77)]
    assert [order.client_order_id for order in corrections.foreign] == ["other-9"]
    assert corrections.resolutions == () and corrections.cancels == ()


@pytest.mark.parametrize(
    ("belief", "snapshot", "reason"),
    [
        ((), account(held=5), AdjustmentReason.UNEXPLAINED),
        (
            (),
            account(
                [
                    OrderRecord(
                        ClientOrderId("manual"), BrokerageOrderId("V9"), spec(0, 5), S.FILLED, Decimal(5)
                    )
                ],
                held=5,
            ),
            AdjustmentReason.FOREIGN,
        ),
        (WORKING, account([shown(S.FILLED, filled=10)], held=10), AdjustmentReason.MISSED_FILLS),
    ],
)
def test_a_position_difference_is_booked_with_its_reason(
    belief: tuple[Record, ...], snapshot: AccountSnapshot, reason: AdjustmentReason
) -> None:
    _, _, corrections = compare(believe(*belief), snapshot)
    (adjustment,) = corrections.adjustments
    assert adjustment.reason is reason
    assert adjustment.quantity == snapshot.positions[0].quantity


def test_the_first_snapshot_of_a_new_journal_is_the_opening() -> None:
    (adjustment,) = reconcile(JournalState(instance=INSTANCE), account(held=5), Evidence(FENCE)).adjustments
    assert adjustment.reason is AdjustmentReason.OPENING


def test_without_leave_to_book_a_difference_is_only_shown() -> None:
    _, _, corrections = compare(believe(), account(held=5), Evidence(FENCE, book=False))
    assert corrections.adjustments == () and corrections.differences == {SPY: 5}


def test_a_claimed_fill_is_left_to_whoever_journals_it() -> None:
    evidence = Evidence(FENCE, claimed=frozenset({(ExecutionId("X1"), 0)}))
    reports, _, _ = compare(
        believe(*WORKING), account([shown(S.SUBMITTED)], [(name(1), fill_of(4))], 4), evidence
    )
    assert reports == []


def test_the_digest_names_equal_accounts_equally() -> None:
    assert digest_of(account(held=1)) == digest_of(account(held=1)) != digest_of(account(held=2))


orders = st.lists(
    st.tuples(
        st.sampled_from(["absent", "open", "canceled", "filled", "forgotten"]),
        st.booleans(),  # acknowledged before
        st.booleans(),  # cancel asked before
        st.integers(0, 9),  # traded so far, of ten
    ),
    max_size=5,
)


@given(shape=orders, stray=st.integers(-3, 3), restart=st.booleans())
def test_applying_the_corrections_leaves_nothing_to_correct(
    shape: list[tuple[str, bool, bool, int]], stray: int, restart: bool
) -> None:
    """Reconciling twice is reconciling once, and afterwards the positions are the brokerage's."""
    belief: list[Record] = []
    venue: list[OrderRecord] = []
    fills: list[tuple[ClientOrderId, Fill]] = []
    held = stray
    for number, (kind, acknowledged, cancelling, traded) in enumerate(shape, start=1):
        belief.append(intended(number))
        if acknowledged:
            belief.append(reported(S.SUBMITTED, number))
        if cancelling:
            belief.append(CancelIntended(START_NS, name(number)))
        if kind == "absent":
            continue
        quantity = 10 if kind in ("filled", "forgotten") else traded
        held += quantity
        if quantity and kind != "forgotten":
            fills.append((name(number), fill_of(quantity, f"X{number}")))
        status = {
            "open": S.PARTIALLY_FILLED if traded else S.SUBMITTED,
            "canceled": S.CANCELED,
        }.get(kind, S.FILLED)
        venue.append(shown(status, number, quantity))
    state, snapshot = believe(*belief), account(venue, fills, held)
    evidence = Evidence(0.0)
    first = reconcile(state, snapshot, evidence)
    written: list[Record] = [ReportReceived(START_NS, report, True) for report in first.reports]
    written += [OrderResolved(START_NS, r.client_order_id, r.verdict, r.message) for r in first.resolutions]
    written += first.adjustments
    if restart:  # what was written is all that the next process knows
        state = believe(*belief, *written)
    else:
        for record in written:
            state.apply(record)
    second = reconcile(state, snapshot, evidence)
    assert (second.reports, second.resolutions, second.adjustments) == ((), (), ())
    assert state.position(SPY) == held and state.position(IBM) == 0
    assert set(state.open) == {order.client_order_id for order in snapshot.open_orders}


def test_the_end_of_a_twin_is_not_the_end_of_ours() -> None:
    """Both are over, and the venue shows the twin last; or ours is over, and the twin still works."""
    twin = BrokerageOrderId("V9")
    state = believe(
        intended(), reported(S.SUBMITTED), OrderResolved(START_NS, name(1), V.DUPLICATE, "two", twin)
    )
    ours, other = shown(S.CANCELED), msgspec.structs.replace(shown(S.CANCELED), brokerage_order_id=twin)
    both = msgspec.structs.replace(account(), closed_orders=(ours, other))
    (report,) = reconcile(state, both, Evidence(FENCE)).reports
    assert (report.brokerage_order_id, report.status) == ("V1", S.CANCELED)

    working = msgspec.structs.replace(other, status=S.SUBMITTED)
    late = msgspec.structs.replace(account(), closed_orders=(ours,), open_orders=(working,))
    corrections = reconcile(state, late, Evidence(FENCE))
    assert [report.brokerage_order_id for report in corrections.reports] == ["V1"]
    assert [cancel.brokerage_order_id for cancel in corrections.cancels] == [twin]

    gone = msgspec.structs.replace(account(), closed_orders=(other,))
    assert [found.verdict for found in reconcile(state, gone, Evidence(FENCE)).resolutions] == [V.UNKNOWN]
