"""The checker must see every bug it is there for: sound books pass, each planted bug is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import msgspec
import pytest

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
from livetrader_engine.orders.order import ClientOrderId, ExecutionId, Fill, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ExecutionReport
from livetrader_engine.symbols import SecurityType, Symbol
from tests.campaign.checker import check
from tests.campaign.facts import Account, AccountFill, AccountOrder

SYMBOL = Symbol.create("AAA 2T", "AAA", SecurityType.EQUITY, "usa")
NOW_NS = 1_357_137_000_000_000_000


def spec_of(number: int) -> OrderSpec:
    """Return the order of bar `number`: buy that many."""
    return OrderSpec(
        id=OrderId(number),
        symbol=SYMBOL,
        type=OrderType.MARKET,
        quantity=Decimal(number),
        created_ns=NOW_NS,
        reference_price=Decimal(100),
        tag=f"bar {number}",
    )


def name_of(number: int) -> ClientOrderId:
    """Return the client order id of order `number`."""
    return ClientOrderId(f"LTabc-{number}")


def fill_of(number: int) -> Fill:
    """Return the one fill of order `number`."""
    return Fill(ExecutionId(f"P{number}.1"), Decimal(number), Decimal(100), NOW_NS)


@dataclass
class Books:
    """A journal and an account that agree, until a test spoils them."""

    records: list[Record]
    account: Account


def filled_order(number: int) -> list[Record]:
    """Return the records of an order that went well."""
    name, spec = name_of(number), spec_of(number)
    taken = ExecutionReport(name, OrderStatus.SUBMITTED, NOW_NS)
    filled = ExecutionReport(name, OrderStatus.FILLED, NOW_NS, fill=fill_of(number))
    return [
        OrderIntended(NOW_NS, number, name, spec),
        OrderSent(NOW_NS, name),
        ReportReceived(NOW_NS, taken),
        ReportReceived(NOW_NS, filled),
    ]


@pytest.fixture
def books() -> Books:
    """Two orders that filled, and a third that a crash kept from the wire and the fence gave up."""
    records = [*filled_order(1), *filled_order(2)]
    records.append(OrderIntended(NOW_NS, 3, name_of(3), spec_of(3)))
    records.append(OrderResolved(NOW_NS, name_of(3), Verdict.ABANDONED, "absent past the fence"))
    account = Account(
        orders=[
            AccountOrder(name_of(number), spec_of(number), OrderStatus.FILLED, Decimal(number))
            for number in (1, 2)
        ],
        fills=[
            AccountFill(f"P{number}.1", name_of(number), SYMBOL.text, Decimal(number), Decimal(100))
            for number in (1, 2)
        ],
        positions={SYMBOL.text: Decimal(3)},
    )
    return Books(records, account)


def without(books: Books, kind: type, number: int) -> None:
    """Remove the records of a kind that are about order `number`."""
    books.records = [
        record
        for record in books.records
        if not (isinstance(record, kind) and getattr(record, "client_order_id", None) == name_of(number))
    ]


def sent_before_journaled(books: Books) -> None:
    """A crash between the socket and the journal leaves an order that nobody intended."""
    without(books, OrderIntended, 2)


def blind_resend(books: Books) -> None:
    """After a restart the same decision is sent again under a new id."""
    again = msgspec.structs.replace(spec_of(2), id=OrderId(4))
    name = name_of(4)
    books.records.append(OrderIntended(NOW_NS, 4, name, again))
    books.records.append(OrderSent(NOW_NS, name))
    fill = Fill(ExecutionId("P4.1"), Decimal(2), Decimal(100), NOW_NS)
    report = ExecutionReport(name, OrderStatus.FILLED, NOW_NS, fill=fill)
    books.records.append(ReportReceived(NOW_NS, report))
    books.account.orders.append(AccountOrder(name, again, OrderStatus.FILLED, Decimal(2)))
    books.account.fills.append(AccountFill("P4.1", name, SYMBOL.text, Decimal(2), Decimal(100)))
    books.account.positions[SYMBOL.text] = Decimal(5)


def same_id_twice(books: Books) -> None:
    """The venue made two orders of one id."""
    books.account.orders.append(books.account.orders[0])


def number_reused(books: Books) -> None:
    """A journal that lost its tail counts from where it was."""
    books.records.append(OrderIntended(NOW_NS, 1, name_of(5), spec_of(5)))
    books.records.append(OrderResolved(NOW_NS, name_of(5), Verdict.ABANDONED, ""))


def order_lost(books: Books) -> None:
    """An order that was sent is nowhere."""
    books.account.orders = books.account.orders[:1]
    books.account.fills = books.account.fills[:1]
    books.account.positions[SYMBOL.text] = Decimal(1)


def given_up_too_early(books: Books) -> None:
    """Absence was taken for proof before the fence, and the order filled all the same."""
    books.records.append(OrderResolved(NOW_NS, name_of(2), Verdict.ABANDONED, "not in the snapshot"))


def intent_forgotten(books: Books) -> None:
    """An intent of a crash was never resolved."""
    without(books, OrderResolved, 3)


def fill_missed(books: Books) -> None:
    """A fill during the crash was never recovered."""
    books.records = [
        record
        for record in books.records
        if not (isinstance(record, ReportReceived) and record.report.fill == fill_of(2))
    ]


def fill_invented(books: Books) -> None:
    """A fill was journaled under a second execution id: it counts twice."""
    twin = msgspec.structs.replace(fill_of(2), execution_id=ExecutionId("P2.1-again"))
    report = ExecutionReport(name_of(2), OrderStatus.FILLED, NOW_NS, fill=twin)
    books.records.append(ReportReceived(NOW_NS, report, recovered=True))


def fill_misattributed(books: Books) -> None:
    """A fill was booked on another order than the one that traded."""
    books.account.fills[1] = replace(books.account.fills[1], client_order_id=name_of(1))


def fill_at_another_price(books: Books) -> None:
    """The journal has another price than the trade."""
    books.account.fills[0] = replace(books.account.fills[0], price=Decimal(101))


def account_does_not_add_up(books: Books) -> None:
    """The venue's own books are broken: a fill was booked and its position not."""
    books.account.positions[SYMBOL.text] = Decimal(1)


def position_forced(books: Books) -> None:
    """The positions only agree because one was adjusted."""
    adjusted = Adjusted(NOW_NS, "x", SYMBOL, Decimal(1), Decimal(100), AdjustmentReason.UNEXPLAINED)
    books.records.append(adjusted)


def end_not_told(books: Books) -> None:
    """The account closed the order and the journal still believes it works."""
    books.account.orders.append(AccountOrder(name_of(6), spec_of(6), OrderStatus.CANCELED, Decimal(0)))
    books.records.append(OrderIntended(NOW_NS, 6, name_of(6), spec_of(6)))
    books.records.append(OrderSent(NOW_NS, name_of(6)))


def other_order_than_journaled(books: Books) -> None:
    """What was sent is not what was checked and journaled."""
    changed = msgspec.structs.replace(spec_of(2), quantity=Decimal(20))
    books.account.orders[1] = replace(books.account.orders[1], spec=changed)


BUGS: dict[Callable[[Books], None], str] = {
    sent_before_journaled: "never journaled as intended",
    blind_resend: "became 2 orders",
    same_id_twice: "is in the account 2 times",
    number_reused: "intent number 1 was used 2 times",
    order_lost: "journaled as sent and is not in the account",
    given_up_too_early: "was given up as abandoned",
    intent_forgotten: "has no verdict",
    fill_missed: "was never journaled",
    fill_invented: "never happened",
    fill_misattributed: "journaled as another trade",
    fill_at_another_price: "journaled as another trade",
    account_does_not_add_up: "not the sum of its fills",
    position_forced: "was forced by",
    end_not_told: "the journal does not say so",
    other_order_than_journaled: "as another order than was journaled",
}


def test_sound_books_have_no_violation(books: Books) -> None:
    assert check(books.records, books.account, at_rest=True) == []
    assert check(books.records, books.account, at_rest=False) == []


@pytest.mark.parametrize("plant", BUGS, ids=lambda bug: str(bug.__name__))
def test_a_planted_bug_is_named(books: Books, plant: Callable[[Books], None]) -> None:
    plant(books)
    found = check(books.records, books.account, at_rest=True)
    assert any(BUGS[plant] in line for line in found), found


def test_a_crash_may_leave_the_journal_behind_the_account_but_not_ahead(books: Books) -> None:
    behind = [record for record in books.records if not isinstance(record, ReportReceived)]
    assert check(behind, books.account, at_rest=False) == []
    books.account.fills.pop()
    books.account.positions[SYMBOL.text] = Decimal(1)
    books.account.orders[1] = replace(books.account.orders[1], filled=Decimal(0))
    assert check(books.records, books.account, at_rest=False)
