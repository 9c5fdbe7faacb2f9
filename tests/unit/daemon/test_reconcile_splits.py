"""What an account that changed by itself means, row by row; and what each record does to the book."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader.gateway.reconcile import Corrections, Evidence, reconcile
from livetrader.journal.action_records import (
    ActionNoted,
    ActionSettled,
    SplitApplied,
    action_id,
    words_of,
)
from livetrader.journal.records import (
    Adjusted,
    AdjustmentReason,
    Adopted,
    Ignored,
    Record,
    SessionOpened,
    decode,
    encode,
)
from livetrader.journal.replay import JournalState, replay
from livetrader_engine.data.corporate_actions import (
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
    SymbolChange,
)
from livetrader_engine.events import PositionRecord
from livetrader_engine.spi import AccountSnapshot
from livetrader_engine.symbols import Symbol

from .money import IBM, SPY, START_NS, symbol

R = AdjustmentReason
EX_NS = START_NS + 3_600_000_000_000
FOUR = Split(SPY, EX_NS, SplitKind.OCCURRED, Decimal("0.25"), Decimal(100))
THREE_FOR_TWO = Split(SPY, EX_NS, SplitKind.OCCURRED, Decimal("0.6666"), Decimal(100))
TENTH = Split(SPY, EX_NS, SplitKind.OCCURRED, Decimal(10), Decimal(1))
NEW = symbol("NEW")


def held(quantity: int, of: Symbol = SPY) -> Adjusted:
    return Adjusted(START_NS, f"A{of}{quantity}", of, Decimal(quantity), Decimal(100), R.OPENING)


def noted(action: CorporateAction) -> ActionNoted:
    return ActionNoted(START_NS, action_id(action), action)


def applied(split: Split, before: int, after: int) -> SplitApplied:
    price = Decimal(100) * split.factor
    return SplitApplied(
        EX_NS, action_id(split), SPY, split.factor, Decimal(before), Decimal(after), Decimal(after), price
    )


def believe(*records: Record) -> JournalState:
    return replay([SessionOpened(START_NS, 1, "A", "S1"), *records], "abc123")


def account(**positions: str) -> AccountSnapshot:
    return AccountSnapshot(
        account_id="A",
        session_id="S2",
        time_ns=EX_NS + 1,
        cash={"USD": Decimal(1000)},
        positions=tuple(
            PositionRecord(symbol(ticker), Decimal(quantity), Decimal(25))
            for ticker, quantity in positions.items()
        ),
        open_orders=(),
    )


def compare(state: JournalState, snapshot: AccountSnapshot, *, book: bool = True) -> Corrections:
    return reconcile(state, snapshot, Evidence(0.0, book=book))


def carry_out(state: JournalState, found: Corrections) -> None:
    for record in (*found.splits, *found.settled, *found.adjustments):
        state.apply(decode(encode(record)))  # as the journal has it


def test_an_account_that_shows_a_split_first_has_it_applied_and_settled_without_a_riddle() -> None:
    state = believe(held(100), noted(FOUR))
    found = compare(state, account(SPY="400"))
    assert (found.differences, found.adjustments) == ({}, ())
    carry_out(state, found)
    assert state.position(SPY) == 400
    assert (state.restricted, state.actions.pending, state.why_closed(SPY)) == ({}, {}, "")
    assert compare(state, account(SPY="400")).splits == ()


def test_one_look_alone_books_no_split() -> None:
    found = compare(believe(held(100), noted(FOUR)), account(SPY="400"), book=False)
    assert found.splits == ()
    assert found.differences == {SPY: Decimal(300)}, "so that there is another look"


def test_an_account_that_shows_the_old_shares_keeps_orders_here_until_it_shows_the_new_ones() -> None:
    state = believe(held(100), noted(FOUR), applied(FOUR, 100, 400))
    found = compare(state, account(SPY="100"))
    assert (found.differences, found.adjustments, found.settled) == ({}, (), ())
    assert "has not booked its split yet: 100 shares become 400" in state.why_closed(SPY)
    assert state.why_closed(IBM) == ""
    carry_out(state, compare(state, account(SPY="400")))
    assert state.why_closed(SPY) == ""
    assert state.position(SPY) == 400


@pytest.mark.parametrize("shown", ["22", "22.5", "23"])  # cut, kept as a fraction, rounded up
def test_what_is_left_of_a_share_is_the_brokerages_to_say(shown: str) -> None:
    state = believe(held(15), noted(THREE_FOR_TWO), applied(THREE_FOR_TWO, 15, 22))
    found = compare(state, account(SPY=shown))
    assert {item.reason for item in found.adjustments} <= {R.SPLIT}
    carry_out(state, found)
    assert state.position(SPY) == Decimal(shown)


def test_a_whole_share_more_is_no_fraction_where_the_split_left_none() -> None:
    state = believe(held(100), noted(FOUR), applied(FOUR, 100, 400))
    found = compare(state, account(SPY="401"))
    assert [(item.quantity, item.reason) for item in found.adjustments] == [(Decimal(1), R.UNEXPLAINED)]


def test_cash_in_lieu_that_comes_weeks_later_explains_the_fraction_that_goes() -> None:
    state = believe(held(15), noted(THREE_FOR_TWO), applied(THREE_FOR_TWO, 15, 22))
    carry_out(state, compare(state, account(SPY="22.5")))
    found = compare(state, account(SPY="22"))
    assert [(item.quantity, item.reason) for item in found.adjustments] == [(Decimal("-0.5"), R.SPLIT)]


def test_a_reverse_split_that_leaves_nothing_waits_for_the_account_too() -> None:
    state = believe(held(7), noted(TENTH), applied(TENTH, 7, 0))
    assert state.position(SPY) == 0
    assert compare(state, account(SPY="7")).adjustments == ()
    carry_out(state, compare(state, account()))
    assert not state.actions.pending


def test_a_trade_of_somebody_else_beside_a_split_stays_a_riddle_of_its_own_size() -> None:
    state = believe(held(100), noted(FOUR), applied(FOUR, 100, 400))
    found = compare(state, account(SPY="130"))
    assert [(item.quantity, item.reason) for item in found.adjustments] == [(Decimal(30), R.UNEXPLAINED)]
    carry_out(state, found)
    assert state.position(SPY) == 430
    carry_out(state, compare(state, account(SPY="430")))
    assert not state.actions.pending


def test_a_split_that_is_announced_late_explains_what_was_a_riddle() -> None:
    state = believe(held(100))
    carry_out(state, compare(state, account(SPY="400")))
    assert SPY in state.restricted
    state.apply(noted(FOUR))
    assert (state.restricted, state.unexplained, state.position(SPY)) == ({}, {}, Decimal(400))
    assert state.actions.splits_ahead() == [], "it is not to be counted again"


def test_a_split_of_another_size_explains_no_riddle() -> None:
    state = believe(held(100))
    carry_out(state, compare(state, account(SPY="300")))
    state.apply(noted(FOUR))
    assert SPY in state.restricted


def test_what_is_somebody_elses_splits_too() -> None:
    state = believe(held(100), Ignored(START_NS, SPY, Decimal(40), Decimal(100), "op"), noted(FOUR))
    assert state.position(SPY) == 60
    carry_out(state, compare(state, account(SPY="400")))
    assert (state.position(SPY), state.ignored[SPY].quantity) == (Decimal(240), Decimal(160))


def test_adopting_takes_the_accounts_word_against_a_split_that_never_came() -> None:
    state = believe(held(100), noted(FOUR), applied(FOUR, 100, 400), Adopted(EX_NS, SPY, "op"))
    assert state.why_closed(SPY) == ""
    found = compare(state, account(SPY="100"))
    assert [(item.quantity, item.reason) for item in found.adjustments] == [(Decimal(-300), R.FOREIGN)]
    carry_out(state, found)
    assert state.position(SPY) == 100
    assert SPY not in state.restricted


def test_each_record_counts_once() -> None:
    once = [held(100), noted(FOUR), applied(FOUR, 100, 400), ActionSettled(EX_NS, action_id(FOUR), "seen")]
    state, again = believe(*once), believe(*once, *once[1:])
    assert state.position(SPY) == again.position(SPY) == 400
    assert again.actions.pending == {}


def test_an_announcement_that_is_corrected_counts_as_told_last_until_it_was_applied() -> None:
    five = Split(SPY, EX_NS, SplitKind.OCCURRED, Decimal("0.2"), Decimal(100))
    state = believe(held(100), noted(FOUR), noted(five))
    assert [split.factor for _, split in state.actions.splits_ahead()] == [Decimal("0.2")]
    state = believe(held(100), noted(FOUR), applied(FOUR, 100, 400), noted(five))
    assert state.actions.splits_ahead() == []


def test_a_delisting_and_a_new_ticker_explain_where_a_position_went() -> None:
    gone = Delisting(SPY, EX_NS, DelistingKind.DELISTED)
    found = compare(believe(held(100), noted(gone)), account())
    assert [(item.quantity, item.reason) for item in found.adjustments] == [(Decimal(-100), R.DELISTED)]
    renamed = SymbolChange(SPY, EX_NS, "SPY", "NEW")
    found = compare(believe(held(100), noted(renamed)), account(NEW="100"))
    assert {(item.symbol, item.quantity, item.reason) for item in found.adjustments} == {
        (SPY, Decimal(-100), R.RENAMED),
        (NEW, Decimal(100), R.RENAMED),
    }


def test_people_are_told_in_words() -> None:
    assert words_of(FOUR) == "SPY splits: one share becomes 4"
    assert words_of(TENTH) == "SPY splits: one share becomes 0.1"
    paid = Dividend(SPY, EX_NS, Decimal("0.75"), Decimal(100))
    assert words_of(paid) == "SPY pays a dividend of 0.75 per share"
