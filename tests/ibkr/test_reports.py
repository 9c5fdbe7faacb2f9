"""What IB says, in the engine's words: times, states, trades, fees, margin."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.orders.order import ClientOrderId, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND
from livetrader_plugins.ibkr import reports, times
from livetrader_plugins.ibkr.numbers import UNSET_DOUBLE, UNSET_INTEGER, number_of, price_of, text_of
from livetrader_venues.tws.settings import Settings
from tests.ibkr.wires import CLIENTS, Wire, spec
from tests.venues.peers import START_NS

D = Decimal
OURS = ClientOrderId("LTa-1")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(params=CLIENTS, ids=lambda param: f"{param[0]}-{param[1]}")
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(*request.param)


# ---- times


@pytest.mark.parametrize(
    "said",
    [
        "20250616 14:30:00 UTC",
        "20250616 10:30:00 US/Eastern",
        "20250616 10:30:00 America/New_York",
        "20250616 10:30:00 EDT",
        "20250616 16:30:00 MET",
        "20250616 23:30:00 JST",
        "20250616-14:30:00",
        "20250616  10:30:00",
        "20250616 10:30:00",
        "2025-06-16 10:30:00.0",
        "1750084200",
        1750084200,
        datetime(2025, 6, 16, 14, 30, tzinfo=UTC),
        datetime(2025, 6, 16, 16, 30, tzinfo=timezone(timedelta(hours=2))),
        datetime(2025, 6, 16, 10, 30),  # noqa: DTZ001 — what the library makes of a time without a zone
    ],
    ids=str,
)
def test_every_spelling_of_a_time_is_the_same_instant(said: Any) -> None:
    assert times.instant_ns(said, NEW_YORK) == 1_750_084_200 * NS_PER_SECOND


def test_a_date_is_its_midnight_in_the_zone_of_tws() -> None:
    assert times.instant_ns("20250616", NEW_YORK) == times.instant_ns(date(2025, 6, 16), NEW_YORK)
    assert times.instant_ns("20250616", NEW_YORK) == times.instant_ns("20250616 04:00:00 UTC")


@pytest.mark.parametrize(
    "said",
    ["", "yesterday", "20251316 10:00:00 UTC", "20250616 25:00:00", "20250616 10:00:00 Mars/Olympus", "2025"],
)
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        times.instant_ns(said)


@given(st.integers(0, 4_000_000_000))
def test_any_second_written_is_read_again(seconds: int) -> None:
    assert times.instant_ns(times.written(seconds * NS_PER_SECOND)) == seconds * NS_PER_SECOND


def test_microseconds_are_kept() -> None:
    moment = datetime(2025, 6, 16, 14, 30, 0, 123_456, tzinfo=UTC)
    assert times.instant_ns(moment) == 1_750_084_200_123_456_000


# ---- numbers


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**6), max_value=10**6))
def test_any_number_of_fifteen_digits_comes_back_from_a_float(number: Decimal) -> None:
    assert number_of(float(text_of(number))) == number


@pytest.mark.parametrize(
    "said",
    [None, "", UNSET_DOUBLE, str(UNSET_DOUBLE), UNSET_INTEGER, float("inf"), float("nan"), "NaN", True],
)
def test_what_ib_calls_unset_is_no_number(said: object) -> None:
    assert number_of(said) is None


def test_zero_is_a_number_and_no_price() -> None:
    assert number_of(0.0) == 0 and number_of("0") == 0
    assert price_of(0.0) is None and price_of("0.0") is None and price_of(0.01) == D("0.01")


@pytest.mark.parametrize("said", ["abc", object(), b"1"])
def test_words_are_no_number(said: object) -> None:
    with pytest.raises(ValueError, match="is no number"):
        number_of(said)


@pytest.mark.parametrize("number", [D("NaN"), D("Infinity")])
def test_only_numbers_are_sent(number: Decimal) -> None:
    with pytest.raises(ValueError, match="that can be sent"):
        text_of(number)


# ---- states


@pytest.mark.parametrize(
    ("word", "filled", "expected"),
    [
        ("ApiPending", 0, OrderStatus.NEW),
        ("PendingSubmit", 0, OrderStatus.NEW),
        ("PreSubmitted", 0, OrderStatus.SUBMITTED),
        ("Submitted", 0, OrderStatus.SUBMITTED),
        ("Submitted", 4, OrderStatus.PARTIALLY_FILLED),
        ("PendingCancel", 0, OrderStatus.CANCEL_PENDING),
        ("Cancelled", 4, OrderStatus.CANCELED),
        ("ApiCancelled", 0, OrderStatus.CANCELED),
        ("Filled", 10, OrderStatus.FILLED),
        ("Inactive", 0, OrderStatus.NONE),
        ("ValidationError", 0, OrderStatus.NONE),
        ("ApiUpdate", 0, OrderStatus.NONE),
        ("", 0, OrderStatus.NONE),
        ("SomethingNew", 0, OrderStatus.NONE),
    ],
)
def test_a_word_of_ib_is_a_status_and_an_unknown_one_proves_nothing(
    word: str, filled: int, expected: OrderStatus
) -> None:
    assert reports.status_of(word, filled=D(filled), quantity=D(10)) is expected
    assert reports.status_of(word, filled=D(-filled), quantity=D(-10)) is expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Filled", OrderStatus.FILLED),
        ("Cancelled", OrderStatus.CANCELED),
        ("Inactive", OrderStatus.INVALID),
        ("Submitted", OrderStatus.NONE),
        ("SomethingNew", OrderStatus.NONE),
    ],
)
def test_only_among_the_completed_inactive_is_an_end(word: str, expected: OrderStatus) -> None:
    assert reports.completed_status_of(word) is expected


# ---- trades


def market(quantity: str = "10") -> Any:
    return spec(type=OrderType.MARKET, quantity=D(quantity))


def executions(wire: Wire) -> list[Any]:
    return [arguments[2] for arguments in wire.named("execDetails")]


def test_a_trade_is_signed_exact_and_at_its_own_time(wire: Wire) -> None:
    wire.place(market("-0.3333"))
    (told,) = executions(wire)
    fill = reports.fill_of(told)
    assert (fill.quantity, fill.price, fill.revision) == (D("-0.3333"), D("99.99"), 1)
    assert fill.execution_id + ".01" == told.execId
    assert fill.time_ns // NS_PER_SECOND == START_NS // NS_PER_SECOND
    assert fill.fee == 0  # told later


def test_the_newest_trade_of_an_order_ends_it(wire: Wire) -> None:
    wire.do("quote", symbol="SPY", bid="99.99", ask="100.01", size=4)
    number = wire.place(market())
    wire.do("quote", symbol="SPY", bid="99.99", ask="100.02", size=100)
    told = [reports.fill_report(OURS, each, time_ns=5, quantity=D(10)) for each in executions(wire)]
    assert [report.status for report in told] == [OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED]
    assert [report.fill.quantity for report in told if report.fill] == [4, 6]
    assert {report.brokerage_order_id for report in told} == {str(wire.got(number).perm_id)}
    whole = reports.fill_report(OURS, executions(wire)[-1], time_ns=5)
    assert whole.status is OrderStatus.PARTIALLY_FILLED  # whoever knows no quantity knows no end


def test_a_correction_is_a_revision_and_a_bust_a_quantity_of_zero(wire: Wire) -> None:
    wire.place(market())
    wire.do("correct", price="99.50")
    wire.do("bust")
    fills = [reports.fill_of(each) for each in executions(wire)]
    assert len({fill.execution_id for fill in fills}) == 1
    assert [(f.revision, f.quantity, f.price) for f in fills] == [
        (1, 10, D("100.01")), (2, 10, D("99.5")), (3, 0, D("99.5")),
    ]  # fmt: skip


def test_what_is_asked_for_is_what_was_told(wire: Wire) -> None:
    wire.place(market())
    first = reports.fill_of(executions(wire)[0])
    wire.call("reqExecutions", 9000, wire.library.execution_filter())
    assert reports.fill_of(executions(wire)[1]) == first


def test_a_fee_is_that_of_the_trade_whatever_its_revision(wire: Wire) -> None:
    wire.place(market())
    wire.wait(5)
    ((told,),) = wire.named("commissionReport")
    fee = reports.fee_of(OURS, told, 77)
    assert fee is not None
    assert fee.execution_id == reports.fill_of(executions(wire)[0]).execution_id
    assert (fee.fee, fee.fee_currency, fee.time_ns, fee.client_order_id) == (D(1), "USD", 77, OURS)


def commission(**said: Any) -> Any:
    return SimpleNamespace(**{"execId": "a.b.01", "commission": 1.0, "currency": "EUR"} | said)


@pytest.mark.parametrize("unset", [UNSET_DOUBLE, None, ""])
def test_a_fee_that_ib_has_not_said_is_no_fee(unset: object) -> None:
    assert reports.fee_of(OURS, commission(commission=unset), 0) is None


def test_a_fee_may_be_paid_to_us_and_may_be_nothing() -> None:
    rebate = reports.fee_of(OURS, commission(commission=-0.25), 0)
    assert rebate is not None and (rebate.fee, rebate.fee_currency) == (D("-0.25"), "EUR")
    nothing = reports.fee_of(OURS, commission(commission=0.0), 0)
    assert nothing is not None and nothing.fee == 0


@pytest.mark.parametrize(
    "wrong", [{"shares": UNSET_DOUBLE}, {"price": float("nan")}, {"side": "?"}, {"execId": ""}]
)
def test_a_trade_that_cannot_be_one_is_not_taken(wire: Wire, wrong: dict[str, Any]) -> None:
    wire.place(market())
    (told,) = executions(wire)
    for name, value in wrong.items():
        setattr(told, name, value)
    with pytest.raises(ValueError, match="execution"):
        reports.fill_of(told)


@pytest.mark.parametrize(
    ("exec_id", "expected"),
    [
        ("0000e0d5.65a1b2c3.01.01", ("0000e0d5.65a1b2c3.01", 1)),
        ("F-7.12", ("F-7", 12)),
        ("plain", ("plain", 0)),
    ],
)
def test_the_digits_behind_the_last_dot_are_the_revision(
    wire: Wire, exec_id: str, expected: tuple[str, int]
) -> None:
    wire.place(market())
    (told,) = executions(wire)
    told.execId = exec_id
    fill = reports.fill_of(told)
    assert (fill.execution_id, fill.revision) == expected


def test_a_liquidation_by_ib_is_told(wire: Wire) -> None:
    wire.place(market())
    (told,) = executions(wire)
    assert reports.fill_report(OURS, told, time_ns=1).message == ""
    told.liquidation = 1
    assert "liquidated" in reports.fill_report(OURS, told, time_ns=1).message


def test_a_time_before_version_174_is_in_the_zone_of_tws() -> None:
    wire = Wire("ib_insync", 157, Settings(highest_version=157, messages_per_second=0))
    wire.place(market())
    assert abs(reports.fill_of(executions(wire)[0]).time_ns - START_NS) < NS_PER_DAY / 1000


# ---- margin


def test_a_preview_tells_the_margin_and_the_fee(wire: Wire) -> None:
    wire.place(market("100"), what_if=True)
    _, _, state = wire.open_order(1)
    preview = reports.margin_of(state)
    assert preview.initial_after is not None and preview.initial_after > 0
    assert preview.commission == 1 and preview.problem is None


def test_a_preview_that_the_account_cannot_carry_says_so(wire: Wire) -> None:
    wire.place(market("1000000"), what_if=True)
    _, _, state = wire.open_order(1)
    assert "would need an initial margin of" in (reports.margin_of(state).problem or "")


def test_a_preview_that_says_nothing_is_no_refusal(wire: Wire) -> None:
    wire.place(spec())
    _, _, state = wire.open_order(1)
    preview = reports.margin_of(state)
    assert preview.initial_after is None and preview.problem is None


def test_a_state_without_a_permanent_number_has_none() -> None:
    report = reports.status_report(OURS, OrderStatus.NEW, perm_id=0, time_ns=3, message="held")
    assert (report.brokerage_order_id, report.message, report.time_ns) == (None, "held", 3)
    assert reports.status_report(OURS, OrderStatus.NEW, perm_id=7, time_ns=3).brokerage_order_id == "7"
