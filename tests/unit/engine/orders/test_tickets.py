"""An order's record takes news in any order, any number of times, and stays right."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.errors import InvariantError
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import ExecutionId, Fill, OrderChange, OrderId, OrderType
from livetrader_engine.orders.states import CLOSED, OPEN, TRANSITIONS, OrderStatus, late, move
from livetrader_engine.orders.ticket import OrderRecord, Outcome
from tests.unit.engine.world import at, order

S = OrderStatus
NOW = at("2013-10-07 10:01")


def record(quantity: int = 10) -> OrderRecord:
    return OrderRecord(order(OrderType.LIMIT, quantity, "2013-10-07 10:00", limit="100"))


def news(status: OrderStatus, fill: Fill | None = None, message: str = "") -> OrderEventArrived:
    return OrderEventArrived(OrderId(1), status, NOW, fill, message=message)


def fill(execution: str, quantity: int, price: str = "100", fee: str = "0") -> Fill:
    return Fill(ExecutionId(execution), Decimal(quantity), Decimal(price), NOW, Decimal(fee))


def test_partial_fills_add_up_and_average() -> None:
    ticket = record()
    assert ticket.apply(news(S.SUBMITTED)) is Outcome.APPLIED
    assert ticket.apply(news(S.PARTIALLY_FILLED, fill("a", 4, "100", "1"))) is Outcome.APPLIED
    assert (ticket.status, ticket.filled_quantity, ticket.remaining) == (S.PARTIALLY_FILLED, 4, 6)
    assert ticket.apply(news(S.FILLED, fill("b", 6, "101", "2"))) is Outcome.APPLIED
    assert (ticket.status, ticket.filled_quantity, ticket.remaining) == (S.FILLED, 10, 0)
    assert ticket.average_fill_price == Decimal("100.6")
    assert ticket.fees == 3


def test_a_repeated_execution_changes_nothing() -> None:
    ticket = record()
    ticket.apply(news(S.FILLED, fill("a", 10)))
    assert ticket.apply(news(S.FILLED, fill("a", 10))) is Outcome.REPEATED
    assert ticket.filled_quantity == 10
    assert len(ticket.fills) == 1


def test_a_late_acknowledgement_changes_nothing() -> None:
    ticket = record()
    ticket.apply(news(S.PARTIALLY_FILLED, fill("a", 4)))
    assert ticket.apply(news(S.SUBMITTED)) is Outcome.STALE
    assert ticket.status is S.PARTIALLY_FILLED
    ticket.apply(news(S.FILLED, fill("b", 6)))
    assert ticket.apply(news(S.CANCELED)) is Outcome.STALE
    assert ticket.status is S.FILLED


def test_that_an_order_still_waits_to_be_sent_is_no_news_once_a_cancel_was_asked_for() -> None:
    ticket = record()
    assert ticket.apply(news(S.NEW, message="held while the brokerage is away")) is Outcome.APPLIED
    ticket.apply(news(S.CANCEL_PENDING))
    assert ticket.apply(news(S.NEW, message="passed on")) is Outcome.STALE
    assert ticket.status is S.CANCEL_PENDING


@pytest.mark.parametrize("closed", [S.CANCELED, S.INVALID])
def test_a_fill_after_the_end_counts_and_is_called_late(closed: OrderStatus) -> None:
    ticket = record()
    ticket.apply(news(closed))
    assert ticket.closed
    assert ticket.apply(news(S.FILLED, fill("a", 10))) is Outcome.LATE
    assert (ticket.status, ticket.filled_quantity) == (S.FILLED, 10)


def test_the_last_missing_part_fills_the_order_whatever_the_venue_calls_it() -> None:
    ticket = record()
    ticket.apply(news(S.PARTIALLY_FILLED, fill("a", 10)))
    assert ticket.status is S.FILLED


def test_more_than_was_ordered_is_still_what_the_venue_traded() -> None:
    ticket = record()
    ticket.apply(news(S.FILLED, fill("a", 10)))
    assert ticket.apply(news(S.FILLED, fill("b", 5))) is Outcome.LATE
    assert (ticket.status, ticket.filled_quantity) == (S.FILLED, 15)


def test_a_fill_of_the_wrong_side_is_an_invariant_broken() -> None:
    with pytest.raises(InvariantError, match="wrong sign"):
        record().apply(news(S.FILLED, fill("a", -10)))


def test_news_of_another_order_are_refused() -> None:
    with pytest.raises(InvariantError, match="order 2"):
        record().apply(OrderEventArrived(OrderId(2), S.SUBMITTED, NOW))


def test_an_impossible_move_raises() -> None:
    ticket = record()
    ticket.apply(news(S.PARTIALLY_FILLED, fill("a", 4)))
    with pytest.raises(InvariantError, match="PARTIALLY_FILLED to NEW"):
        ticket.apply(news(S.NEW))


def test_a_refused_cancel_puts_the_order_back_to_work() -> None:
    ticket = record()
    ticket.apply(news(S.SUBMITTED))
    ticket.apply(news(S.CANCEL_PENDING))
    assert ticket.status is S.CANCEL_PENDING
    ticket.apply(news(S.SUBMITTED, message="too late to cancel"))
    assert (ticket.status, ticket.message) == (S.SUBMITTED, "too late to cancel")


def test_a_change_shows_at_once() -> None:
    ticket = record()
    ticket.change(OrderChange(limit_price=Decimal(99), tag="lower"))
    assert (ticket.spec.limit_price, ticket.spec.tag, ticket.spec.quantity) == (99, "lower", 10)


def test_a_confirmed_change_stays_and_a_refused_one_is_taken_back() -> None:
    ticket = record()
    ticket.apply(news(S.SUBMITTED))
    ticket.change(OrderChange(limit_price=Decimal(99)))
    ticket.apply(news(S.UPDATE_SUBMITTED))
    ticket.change(OrderChange(limit_price=Decimal(98)))
    ticket.apply(news(S.SUBMITTED, message="price too far away"))
    assert ticket.spec.limit_price == 99
    ticket.apply(news(S.SUBMITTED, message="again"))
    assert ticket.spec.limit_price == 99


def test_a_change_of_an_order_that_still_waits_to_be_sent_is_taken_back() -> None:
    ticket = record()
    before = ticket.spec.limit_price
    ticket.change(OrderChange(limit_price=Decimal(99)))
    ticket.apply(news(S.NEW, message="not changed: it has not been sent yet"))
    ticket.apply(news(S.SUBMITTED))
    assert (ticket.status, ticket.spec.limit_price) == (S.SUBMITTED, before)


def test_a_change_of_a_partly_filled_order_that_was_refused_is_taken_back() -> None:
    ticket = record()
    ticket.apply(news(S.PARTIALLY_FILLED, fill("a", 4)))
    ticket.change(OrderChange(quantity=Decimal(20)))
    ticket.apply(news(S.SUBMITTED, message="over the limit"))
    assert (ticket.status, ticket.spec.quantity, ticket.remaining) == (S.PARTIALLY_FILLED, 10, 6)


def test_an_order_nobody_has_confirmed_may_be_told_of_a_refused_change() -> None:
    ticket = record()
    ticket.apply(news(S.NEW, message="insufficient buying power for the change"))
    ticket.apply(news(S.SUBMITTED))
    assert ticket.status is S.SUBMITTED


def test_doubt_about_a_partly_filled_order_is_kept() -> None:
    ticket = record()
    ticket.apply(news(S.PARTIALLY_FILLED, fill("a", 4)))
    ticket.apply(news(S.NONE, message="the venue does not answer"))
    assert (ticket.status, ticket.remaining) == (S.NONE, 6)
    ticket.apply(news(S.FILLED, fill("b", 6)))
    assert ticket.status is S.FILLED


def test_every_status_is_open_or_closed_and_has_a_row() -> None:
    assert OPEN | CLOSED == set(OrderStatus) == set(TRANSITIONS)
    assert not OPEN & CLOSED


MOVES = {
    (S.NEW, S.SUBMITTED): True,
    (S.NEW, S.UPDATE_SUBMITTED): False,
    (S.SUBMITTED, S.NEW): False,
    (S.SUBMITTED, S.CANCELED): True,
    (S.PARTIALLY_FILLED, S.SUBMITTED): False,
    (S.PARTIALLY_FILLED, S.CANCELED): True,
    (S.FILLED, S.CANCELED): False,
    (S.FILLED, S.PARTIALLY_FILLED): True,  # a trade was taken back
    (S.CANCELED, S.SUBMITTED): False,
    (S.CANCELED, S.FILLED): True,
    (S.INVALID, S.FILLED): True,
    (S.CANCEL_PENDING, S.FILLED): True,
}


@pytest.mark.parametrize(("pair", "legal"), MOVES.items())
def test_moves(pair: tuple[OrderStatus, OrderStatus], legal: bool) -> None:
    if legal:
        assert move(*pair) is pair[1]
        assert late(*pair) is (pair[0] in CLOSED)
    else:
        with pytest.raises(InvariantError):
            move(*pair)


@given(
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    order_of_news=st.randoms(use_true_random=False),
    repeats=st.integers(0, 3),
)
def test_any_interleaving_of_fills_repeats_and_acknowledgements_ends_the_same(
    parts: list[int], order_of_news: object, repeats: int
) -> None:
    total = sum(parts)
    fills = [fill(f"x{number}", part, str(100 + number)) for number, part in enumerate(parts)]
    stream = [news(S.PARTIALLY_FILLED, item) for item in fills for _ in range(1 + repeats)]
    stream += [news(S.SUBMITTED)] * repeats
    order_of_news.shuffle(stream)  # type: ignore[attr-defined]  # hypothesis types its Random as object here
    ticket = record(total)
    for item in stream:
        ticket.apply(item)
    assert ticket.status is S.FILLED
    assert ticket.filled_quantity == total
    paid = sum(item.price * item.quantity for item in fills)
    assert abs(ticket.average_fill_price * total - paid) < Decimal("1e-20")
