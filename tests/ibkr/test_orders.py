"""Orders on the wire: what the TWS peer got, and what it tells of them, through both libraries.

SPY trades at 100.00 with a book of 99.99 to 100.01 (tests/venues).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader_engine.orders.order import (
    OrderChange,
    OrderId,
    OrderSpec,
    OrderType,
    TimeInForce,
    TimeInForceKind,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import OrderRecord, VenueError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, SecurityType, Symbol
from livetrader_engine.testing.market import SampleReference
from livetrader_plugins.ibkr import contracts, orders, times
from livetrader_plugins.ibkr.refusals import Increments, refusal
from tests.ibkr.wires import ACCOUNT, BTCUSD, CLIENTS, EURUSD, Wire, equity, plain, spec
from tests.venues.peers import START_NS

D = Decimal
DAY = TimeInForce(TimeInForceKind.DAY)
UNTIL = TimeInForce(TimeInForceKind.GOOD_TIL_DATE, START_NS + 5 * NS_PER_DAY)
NUMBERS = count(1)


@pytest.fixture(params=CLIENTS, ids=lambda param: f"{param[0]}-{param[1]}")
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(*request.param)


@pytest.fixture(scope="module", params=("ib_insync", "ib_async"))
def old_wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """One that serves many orders, for properties."""
    yield Wire(request.param, 176)


def record(wire: Wire, number: int) -> OrderRecord:
    contract, order, state = wire.open_order(number)
    symbol = contracts.symbol_of(contracts.described(contract))
    return orders.record_of(symbol, order, state, filled=D(0), time_ns=wire.now_ns)


def sells(**said: Any) -> OrderSpec:
    return spec(quantity=D(-10), **said)


WORKING = [  # every type that waits, on the side where it does
    spec(),
    sells(limit_price=D("150.5")),
    spec(type=OrderType.STOP_MARKET, stop_price=D("120.01")),
    sells(type=OrderType.STOP_LIMIT, stop_price=D("80.25"), limit_price=D("80.2")),
    spec(type=OrderType.LIMIT_IF_TOUCHED, trigger_price=D(80), limit_price=D(81)),
    sells(type=OrderType.TRAILING_STOP, stop_price=D("95.5"), trailing_amount=D("4.5")),
    sells(type=OrderType.TRAILING_STOP, stop_price=D("90"), trailing_amount=D("0.1"),
          trailing_as_percentage=True),
    spec(type=OrderType.MARKET_ON_OPEN),
    spec(type=OrderType.MARKET_ON_CLOSE),
]  # fmt: skip
WIRE_TYPES = {
    OrderType.MARKET: "MKT", OrderType.LIMIT: "LMT", OrderType.STOP_MARKET: "STP",
    OrderType.STOP_LIMIT: "STP LMT", OrderType.LIMIT_IF_TOUCHED: "LIT", OrderType.TRAILING_STOP: "TRAIL",
    OrderType.MARKET_ON_OPEN: "MKT", OrderType.MARKET_ON_CLOSE: "MOC",
}  # fmt: skip


def test_every_type_the_plugin_promises_is_tried_here() -> None:
    tried = {each.type for each in WORKING} | {OrderType.MARKET}
    assert tried == orders.CAPABILITIES.order_types == set(WIRE_TYPES)


@pytest.mark.parametrize("wanted", WORKING, ids=lambda s: s.type.name)
@pytest.mark.parametrize(
    ("in_force", "word"),
    [(TimeInForce(), "GTC"), (DAY, "DAY"), (UNTIL, "GTD")],
    ids=["gtc", "day", "gtd"],
)
def test_every_type_and_time_in_force_arrives_and_comes_back(
    wire: Wire, wanted: OrderSpec, in_force: TimeInForce, word: str
) -> None:
    wanted = msgspec.structs.replace(wanted, time_in_force=in_force)
    number = wire.place(wanted)
    assert wire.codes() == []
    terms = wire.got(number).terms
    assert (terms.order_type, terms.quantity) == (WIRE_TYPES[wanted.type], abs(wanted.quantity))
    assert terms.is_buy == (wanted.quantity > 0)
    assert (terms.order_ref, terms.account, terms.transmit) == ("LTa-1", ACCOUNT, True)
    auction = {OrderType.MARKET_ON_OPEN: "OPG", OrderType.MARKET_ON_CLOSE: "DAY"}
    assert terms.time_in_force == auction.get(wanted.type, word)
    if terms.time_in_force == "GTD":
        assert terms.good_till_ns == in_force.expiry_ns
    shown = record(wire, number)
    assert (shown.client_order_id, shown.status) == ("LTa-1", OrderStatus.SUBMITTED)
    assert shown.brokerage_order_id == str(wire.got(number).perm_id)
    expected = msgspec.structs.replace(
        wanted,
        id=OrderId(0),
        reference_price=shown.spec.reference_price,
        time_in_force={"OPG": TimeInForce(), "DAY": DAY}.get(terms.time_in_force, in_force),
    )
    assert shown.spec == expected


def test_a_market_order_fills_and_is_found_among_the_completed(wire: Wire) -> None:
    number = wire.place(spec(type=OrderType.MARKET, quantity=D("-2.5")))
    assert wire.got(number).terms.order_type == "MKT"
    wire.call("reqCompletedOrders", False)
    ((contract, order, state),) = wire.named("completedOrder")
    symbol = contracts.symbol_of(contracts.described(contract))
    shown = orders.record_of(symbol, order, state, filled=None, time_ns=wire.now_ns)
    assert (shown.status, shown.filled_quantity) == (OrderStatus.FILLED, D("-2.5"))
    assert (shown.client_order_id, shown.spec.quantity) == ("LTa-1", D("-2.5"))
    assert shown.spec.type is OrderType.MARKET


def test_a_canceled_order_is_found_among_the_completed(wire: Wire) -> None:
    number = wire.place(spec(quantity=D(7)))
    wire.do("cancel")
    wire.call("reqCompletedOrders", False)
    ((_, order, state),) = wire.named("completedOrder")
    shown = orders.record_of(equity(), order, state, filled=None, time_ns=wire.now_ns)
    assert (shown.status, shown.filled_quantity, shown.spec.quantity) == (OrderStatus.CANCELED, 0, 7)
    assert shown.spec.limit_price == 50 and shown.brokerage_order_id == str(wire.got(number).perm_id)


def test_an_order_that_ib_refuses_late_is_open_nowhere_and_invalid_among_the_completed(wire: Wire) -> None:
    number = wire.place(spec())
    wire.do("refuse", code=201, text="Order rejected - reason:no shares to borrow")
    assert record(wire, number).status is OrderStatus.NONE  # Inactive alone proves nothing
    wire.call("reqCompletedOrders", False)
    ((_, order, state),) = wire.named("completedOrder")
    shown = orders.record_of(equity(), order, state, filled=None, time_ns=wire.now_ns)
    assert (shown.status, shown.filled_quantity) == (OrderStatus.INVALID, 0)


EXACT = [
    (D("0.1") + D("0.2"), "0.3"),
    (D("1.10"), "1.1"),
    (D("1E+3"), "1000"),
    (D("0.00000001"), "0.00000001"),
    (D("1E-8"), "0.00000001"),
    (D("12345678.12345678"), "12345678.12345678"),
    (D("99999999999.99"), "99999999999.99"),
    (D("-37.63"), "-37.63"),  # crude oil, 20 April 2020
]


@pytest.mark.parametrize(("price", "text"), EXACT)
def test_a_price_stands_on_the_wire_digit_by_digit(wire: Wire, price: Decimal, text: str) -> None:
    """It is looked at before the peer judges it: not every price is one of SPY's."""
    wanted = spec(
        type=OrderType.STOP_LIMIT, symbol=plain("ESH7", SecurityType.FUTURE, "cme"),
        limit_price=price, stop_price=price,
    )  # fmt: skip
    order: Any = orders.order_of(wire.library, wanted_id(), wanted, orders.Sending(1, ACCOUNT))
    heard = wire.heard_of(order)
    assert (heard["lmtPrice"], heard["auxPrice"]) == (text, text)


def test_the_bare_library_sends_the_noise_of_its_floats(wire: Wire) -> None:
    """The trap that the texts avoid; a library that is mended makes this fail, and they may go."""
    bare = wire.library.order(
        orderId=1, action="BUY", orderType="STP LMT", totalQuantity=1e-8, lmtPrice=0.1 + 0.2, auxPrice=1e-8
    )
    heard = wire.heard_of(bare)
    assert heard["lmtPrice"] == "0.30000000000000004"
    assert (heard["totalQuantity"], heard["auxPrice"]) == ("1e-08", "1e-08")


@pytest.mark.parametrize(("quantity", "text"), [(D("0.1") + D("0.2"), "0.3"), (D("1E-8"), "0.00000001")])
def test_a_quantity_stands_on_the_wire_digit_by_digit(wire: Wire, quantity: Decimal, text: str) -> None:
    order: Any = orders.order_of(
        wire.library, wanted_id(), spec(quantity=quantity), orders.Sending(1, ACCOUNT)
    )
    assert wire.heard_of(order)["totalQuantity"] == text


def wanted_id() -> Any:
    return f"LTa-{next(NUMBERS)}"


def test_prices_that_a_type_has_not_are_empty_on_the_wire(wire: Wire) -> None:
    wanted = msgspec.structs.replace(
        spec(type=OrderType.MARKET_ON_CLOSE), limit_price=D(1), stop_price=D(2), trigger_price=D(3)
    )
    said = wire.said(wire.place(wanted))
    assert {said[name] for name in ("lmtPrice", "auxPrice", "trailStopPrice", "trailingPercent")} == {""}


@pytest.mark.parametrize(("word", "ends"), [("IOC", OrderStatus.CANCELED), ("FOK", OrderStatus.CANCELED)])
def test_what_must_fill_at_once_ends_at_once(wire: Wire, word: str, ends: OrderStatus) -> None:
    number = wire.place(spec(properties=(("tif", word),)))
    assert wire.got(number).terms.time_in_force == word
    shown = record(wire, number)
    assert shown.status is ends
    assert shown.spec.properties == (("tif", word),)


def test_a_limit_order_for_the_opening_comes_back_as_one(wire: Wire) -> None:
    number = wire.place(spec(properties=(("tif", "OPG"),)))
    assert wire.got(number).terms.time_in_force == "OPG"
    shown = record(wire, number).spec
    assert (shown.type, shown.limit_price, shown.properties) == (OrderType.LIMIT, 50, (("tif", "OPG"),))


def test_a_bracket_waits_for_its_parent_and_its_exits_exclude_each_other(wire: Wire) -> None:
    held = (("transmit", False),)
    parent = wire.place(spec(limit_price=D(99), properties=held))
    profit = wire.place(
        sells(id=OrderId(2), limit_price=D(110),
              properties=(("parentOrderId", 1), ("ocaGroup", "exit"), *held)),
        "LTa-2", parent_id=parent,
    )  # fmt: skip
    loss = wire.place(
        sells(id=OrderId(3), type=OrderType.STOP_MARKET, stop_price=D(90),
              properties=(("parentOrderId", 1), ("ocaGroup", "exit"))),
        "LTa-3", parent_id=parent,
    )  # fmt: skip
    assert [wire.got(n).terms.parent_id for n in (parent, profit, loss)] == [0, parent, parent]
    assert (wire.got(profit).terms.oca_group, wire.got(profit).terms.oca_type) == ("exit", 1)
    assert wire.got(profit).why_held == "child"
    wire.do("quote", symbol="SPY", bid="98.90", ask="98.95")  # the parent fills
    assert not wire.got(parent).is_open and wire.got(profit).status.value == "Submitted"
    shown = record(wire, profit)
    assert shown.spec.properties == (("ocaGroup", "exit"), ("ocaType", 1))
    wire.do("quote", symbol="SPY", bid="110.10", ask="110.20", last="110.10")  # the profit is taken
    assert wire.got(profit).filled == 10
    assert wire.got(loss).status.value == "Cancelled"


def test_instructions_reach_ib_and_come_back(wire: Wire) -> None:
    said = (("allOrNone", True), ("hidden", True), ("displaySize", 5))
    number = wire.place(spec(properties=said))
    heard = wire.said(number)
    assert (heard["allOrNone"], heard["hidden"], heard["displaySize"]) == ("1", "1", "5")
    assert record(wire, number).spec.properties == said


def test_extended_hours_are_asked_for_where_ib_has_them(wire: Wire) -> None:
    for wanted in (*WORKING, spec(type=OrderType.MARKET)):
        said = wire.said(wire.place(msgspec.structs.replace(wanted, outside_regular_hours=True)))
        assert said["outsideRth"] == str(int(said["orderType"] not in ("MKT", "MOC")))


GROUP = {"fa_group": "All", "fa_method": "NetLiq"}
ADVISED = [
    ((), {}, {"account": ACCOUNT}),
    ((("account", ACCOUNT),), {}, {"account": ACCOUNT}),
    ((("faGroup", "Some"), ("faMethod", "PctChange"), ("faPercentage", 50)), GROUP,
     {"account": "", "faGroup": "Some", "faMethod": "PctChange", "faPercentage": "50"}),
    ((), GROUP, {"account": "", "faGroup": "All", "faMethod": "NetLiq"}),
    ((("account", ACCOUNT),), GROUP, {"account": ACCOUNT, "faGroup": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("properties", "session", "expected"), ADVISED)
def test_an_advisors_order_is_for_an_account_or_a_group(
    wire: Wire, properties: Any, session: dict[str, str], expected: dict[str, str]
) -> None:
    sending = orders.Sending(1, ACCOUNT, **session)
    order: Any = orders.order_of(wire.library, wanted_id(), spec(properties=properties), sending)
    heard = wire.heard_of(order)
    assert {name: heard[name] for name in expected} == expected


def test_the_kill_switch_sells_for_the_account_whose_positions_it_closes(wire: Wire) -> None:
    sending = orders.Sending(1, ACCOUNT, **GROUP)
    kill = spec(id=OrderId(0), type=OrderType.MARKET)
    heard = wire.heard_of(orders.order_of(wire.library, wanted_id(), kill, sending))
    assert (heard["account"], heard["faGroup"]) == (ACCOUNT, "")


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        (equity(), ("MKT", "OPG")),
        (plain("ESH7", SecurityType.FUTURE, "cme"), ("MKT", "GTC")),
        (EURUSD, ("MKT", "GTC")),
        (BTCUSD, ("MKT", "IOC")),
    ],
)
def test_the_kill_switch_waits_for_the_open_of_any_market(
    wire: Wire, symbol: Symbol, expected: tuple[str, str]
) -> None:
    """It asks for the open wherever a market is closed; IB holds a market order until then."""
    kill = spec(id=OrderId(0), type=OrderType.MARKET_ON_OPEN, symbol=symbol, quantity=D(-1))
    order = orders.order_of(wire.library, wanted_id(), kill, orders.Sending(1, ACCOUNT))
    assert (order.orderType, order.tif) == expected
    assert refusal(kill, Increments(minimum_tick=D("0.01"), size_increment=D("0.0001"))) is None
    if expected[1] != "OPG":
        assert "no market-on-open" in (refusal(msgspec.structs.replace(kill, id=OrderId(1))) or "")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("account", "DU1234568"), "run a daemon for that account"),
        (("faGroup", "All"), "set fa_group"),
        (("faProfile", "Thirds"), "set fa_group"),
    ],
)
def test_an_order_that_would_trade_out_of_sight_is_not_sent(
    wire: Wire, said: tuple[str, str], words: str
) -> None:
    """Its trades and positions are another account's: it would be lost for whoever sent it."""
    with pytest.raises(VenueError, match=words):
        orders.order_of(wire.library, wanted_id(), spec(properties=(said,)), orders.Sending(1, ACCOUNT))


@pytest.mark.parametrize(("version", "field"), [(176, "faProfile"), (177, "faGroup")])
def test_an_advisors_profile_is_a_group_since_ib_merged_them(version: int, field: str) -> None:
    wire = Wire("ib_async", 178)
    sending = orders.Sending(1, ACCOUNT, server_version=version, **GROUP)
    order: Any = orders.order_of(wire.library, wanted_id(), spec(properties=(("faProfile", "P"),)), sending)
    assert getattr(order, field) == "P" and order.account == ""


def test_a_what_if_answers_and_leaves_no_order(wire: Wire) -> None:
    wire.place(spec(type=OrderType.MARKET), what_if=True)
    assert wire.gateway.exchange.orders == {}
    _, order, state = wire.open_order(1)
    assert order.whatIf and state.initMarginAfter


# ---- changes


def change(wire: Wire, number: int, before: OrderSpec, said: OrderChange, **more: Any) -> OrderSpec:
    after = said.applied(before)
    wire.place(after, order_id=number, change=said, **more)
    return after


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (spec(), OrderChange(limit_price=D("51.5"))),
        (spec(), OrderChange(quantity=D(25))),
        (spec(type=OrderType.STOP_MARKET, stop_price=D(120)), OrderChange(stop_price=D("119.99"))),
        (spec(type=OrderType.STOP_LIMIT, stop_price=D(120), limit_price=D(121)),
         OrderChange(stop_price=D(122), limit_price=D(123))),
        (spec(type=OrderType.LIMIT_IF_TOUCHED, trigger_price=D(80), limit_price=D(81)),
         OrderChange(trigger_price=D(79))),
        (sells(type=OrderType.TRAILING_STOP, stop_price=D(95), trailing_amount=D(5)),
         OrderChange(stop_price=D(96))),
        (spec(time_in_force=UNTIL, properties=(("ocaGroup", "g"), ("ocaType", 2), ("allOrNone", True))),
         OrderChange(limit_price=D(60))),
    ],
)  # fmt: skip
def test_a_change_goes_under_the_same_number_and_changes_nothing_else(
    wire: Wire, before: OrderSpec, said: OrderChange
) -> None:
    number = wire.place(before)
    perm_id, first = wire.got(number).perm_id, dict(wire.said(number))
    after = change(wire, number, before, said)
    assert wire.codes() == [] and wire.got(number).perm_id == perm_id
    second = wire.said(number)
    names = {"quantity": "totalQuantity", "limit_price": "lmtPrice", "stop_price": "auxPrice",
             "trigger_price": "auxPrice"}  # fmt: skip
    if before.type is OrderType.TRAILING_STOP:
        names["stop_price"] = "trailStopPrice"
    changed = {names[name] for name, value in msgspec.structs.asdict(said).items() if value is not None}
    assert {name for name in first if first[name] != second[name]} == changed
    shown = record(wire, number).spec
    for name in ("quantity", "limit_price", "stop_price", "trigger_price", "trailing_amount"):
        assert getattr(shown, name) == getattr(after, name)


def test_a_change_of_a_trail_leaves_its_stop_where_it_has_got_to(wire: Wire) -> None:
    before = sells(type=OrderType.TRAILING_STOP, stop_price=D(95), trailing_amount=D(5))
    number = wire.place(before)
    wire.do("quote", symbol="SPY", bid="109.99", ask="110.01", last="110")
    wire.call("reqAllOpenOrders")
    assert record(wire, number).spec.stop_price == 105
    change(wire, number, before, OrderChange(quantity=D(-4)), stop_price=D(105))
    assert wire.codes() == []
    shown = record(wire, number).spec
    assert (shown.quantity, shown.stop_price) == (-4, 105)
    assert wire.said(number)["trailStopPrice"] == "105"
    change(wire, number, before, OrderChange(quantity=D(-3)))  # nobody knows where it is: IB does
    assert wire.said(number)["trailStopPrice"] == ""


# ---- crypto and forex


def test_crypto_is_sold_at_once_and_limited_for_five_minutes(wire: Wire) -> None:
    tiny = {"symbol": BTCUSD, "quantity": D("-0.00000001")}
    market = orders.order_of(
        wire.library, wanted_id(), spec(type=OrderType.MARKET, **tiny), orders.Sending(1, ACCOUNT)
    )
    limit = orders.order_of(
        wire.library, wanted_id(), spec(**tiny, limit_price=D("45000.25")), orders.Sending(2, ACCOUNT)
    )
    assert (market.tif, limit.tif) == ("IOC", "Minutes")
    bought = {"symbol": BTCUSD, "quantity": D("0.5"), "limit_price": D("30000.02")}
    wire.place(spec(**bought, properties=(("tif", "IOC"),)), "LTa-2")
    number = wire.place(spec(**tiny, type=OrderType.MARKET))
    assert wire.codes() == [] and wire.got(number).filled == D("0.00000001")
    number = wire.place(spec(**tiny, limit_price=D("45000.25")))
    assert wire.codes() == [] and wire.got(number).terms.quantity == D("0.00000001")
    shown = record(wire, number).spec
    assert (shown.symbol, shown.time_in_force) == (BTCUSD, TimeInForce())
    wire.wait(301)
    assert record(wire, number).status is OrderStatus.CANCELED


def test_a_currency_pair_is_ordered_in_its_base(wire: Wire) -> None:
    number = wire.place(spec(symbol=EURUSD, quantity=D(25_000), limit_price=D("1.05")))
    assert wire.codes() == []
    assert (wire.got(number).contract.local_symbol, wire.got(number).terms.quantity) == ("EUR.USD", 25_000)
    assert record(wire, number).spec.symbol is EURUSD


# ---- refusals


INDEX = plain("SPX", SecurityType.INDEX, "usa")
FUTURE = plain("ES", SecurityType.FUTURE, "cme")
REFUSED = [
    (spec(type=OrderType.COMBO_MARKET), "send its legs"),
    (spec(type=OrderType.OPTION_EXERCISE), "exercise it in TWS"),
    (spec(quantity=D(0)), "the quantity is 0"),
    (spec(quantity=D("NaN")), "the quantity is NaN"),
    (spec(quantity=D("1E+50")), "the quantity is 1E"),
    (spec(limit_price=D("1E+50")), "above zero, not 1E"),
    (spec(limit_price=None), "needs a limit_price"),
    (spec(limit_price=D(-1)), "above zero"),
    (spec(limit_price=D("Infinity")), "above zero"),
    (spec(type=OrderType.STOP_MARKET), "needs a stop_price"),
    (spec(type=OrderType.STOP_MARKET, symbol=FUTURE, stop_price=D(0)), "a stop price of zero"),
    (spec(type=OrderType.TRAILING_STOP, trailing_amount=D(5), trailing_as_percentage=True), "0.05 is five"),
    (spec(time_in_force=TimeInForce(TimeInForceKind.GOOD_TIL_DATE)), "needs the date"),
    (spec(symbol=INDEX), "trade its future"),
    (spec(symbol=EURUSD, type=OrderType.MARKET_ON_CLOSE), "no market-on-close"),
    (spec(symbol=FUTURE, type=OrderType.MARKET_ON_OPEN), "no market-on-open"),
    (spec(symbol=BTCUSD, type=OrderType.STOP_MARKET, stop_price=D(1)), "no others"),
    (spec(symbol=BTCUSD, type=OrderType.MARKET), "tif = 'IOC'"),
    (spec(symbol=BTCUSD, properties=(("tif", "FOK"),)), "five minutes"),
    (spec(properties=(("postOnly", True),)), "no instruction postOnly"),
]


@pytest.mark.parametrize(("wanted", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_ib_cannot_do_is_refused_before_sending(wanted: OrderSpec, words: str) -> None:
    assert words in (refusal(wanted) or "")
    assert words in (refusal(wanted, Increments(D("0.01"), D("0.0001"))) or "")
    wire = Wire("ib_async", 178)
    with pytest.raises(VenueError, match="refused before sending"):
        orders.order_of(wire.library, wanted_id(), wanted, orders.Sending(1, ACCOUNT))


def test_prices_and_sizes_off_the_steps_of_the_contract_are_refused() -> None:
    steps = Increments(minimum_tick=D("0.05"), size_increment=D(1))
    assert "no multiple of 0.05" in (refusal(spec(limit_price=D("50.01")), steps) or "")
    assert "no multiple of 1" in (refusal(spec(quantity=D("1.5")), steps) or "")
    assert refusal(spec(limit_price=D("50.05")), steps) is None


def test_a_date_ends_with_the_session_of_its_exchange() -> None:
    reference = SampleReference()
    symbol = reference.symbol("AAA", SecurityType.EQUITY, "usa")
    monday = times.instant_ns("20250616 00:00:00 America/New_York")
    in_force = TimeInForce(TimeInForceKind.GOOD_TIL_DATE, monday)
    wanted = spec(symbol=symbol, time_in_force=in_force)
    assert orders.good_til_ns(wanted, reference) == reference.hours(symbol).next_close(monday) > monday
    assert orders.good_til_ns(spec(), reference) is None
    assert orders.good_til_ns(wanted, None) == monday  # nobody knows the hours: as it was said


# ---- anything


TICKS = st.integers(1, 9_999_900).map(lambda cents: D(cents) / 100)
FINE = st.builds(lambda n, places: D(n).scaleb(-places), st.integers(1, 10**14), st.integers(0, 12))
SIZES = st.integers(1, 10**7).map(lambda parts: D(parts) / 10_000)
TIMES = st.sampled_from([TimeInForce(), DAY, UNTIL])


@st.composite
def wanted_orders(draw: st.DrawFn) -> OrderSpec:
    kind = draw(st.sampled_from(sorted(orders.ORDER_TYPES)))
    percentage = kind is OrderType.TRAILING_STOP and draw(st.booleans())
    said = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "ocaGroup": st.text(
                    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64
                ),
                "allOrNone": st.just(True),
                "hidden": st.just(True),
                "displaySize": st.integers(1, 10**6),
            },
        )
    )
    limits = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED)
    stops = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
    trail = draw(st.integers(1, 99)) if percentage else draw(TICKS)
    return OrderSpec(
        id=OrderId(0),
        symbol=equity(draw(st.sampled_from(["SPY", "BRK.B", "IBM"]))),
        type=kind,
        quantity=draw(SIZES) * draw(st.sampled_from([1, -1])),
        created_ns=START_NS,
        reference_price=D(0),
        limit_price=draw(TICKS) if kind in limits else None,
        stop_price=draw(TICKS) if kind in stops else None,
        trigger_price=draw(TICKS) if kind is OrderType.LIMIT_IF_TOUCHED else None,
        trailing_amount=(D(trail) / 100 if percentage else D(trail))
        if kind is OrderType.TRAILING_STOP
        else None,
        trailing_as_percentage=percentage,
        time_in_force=draw(TIMES),
        properties=tuple(said.items()),
    )


@settings(max_examples=150, deadline=None)
@given(wanted=wanted_orders())
def test_any_order_comes_back_as_it_went(old_wire: Wire, wanted: OrderSpec) -> None:
    """Through the library's serializer, the peer's memory and the library's decoder."""
    old_wire.messages.clear()
    old_wire.do("quote", symbol=wanted.symbol.value.replace(".", " "), bid=100, ask="100.01", last=100)
    wanted = msgspec.structs.replace(wanted, outside_regular_hours=False)
    number = old_wire.place(wanted, reference := str(wanted_id()), what_if=True)
    assert old_wire.codes() == []
    contract, order, state = old_wire.open_order(number)
    symbol = contracts.symbol_of(contracts.described(contract))
    shown = orders.record_of(symbol, order, state, filled=D(0), time_ns=START_NS)
    auctions = {OrderType.MARKET_ON_OPEN: TimeInForce(), OrderType.MARKET_ON_CLOSE: DAY}
    properties = dict(wanted.properties) | ({"ocaType": 1} if dict(wanted.properties).get("ocaGroup") else {})
    assert dict(shown.spec.properties) == properties
    if wanted.type is OrderType.TRAILING_STOP:  # a what-if is not accepted, so no stop has begun to trail
        wanted = msgspec.structs.replace(wanted, stop_price=shown.spec.stop_price)
    assert shown.spec == msgspec.structs.replace(
        wanted,
        properties=shown.spec.properties,
        reference_price=shown.spec.reference_price,
        time_in_force=auctions.get(wanted.type, wanted.time_in_force),
    )
    assert shown.client_order_id == reference


@settings(max_examples=150, deadline=None)
@given(price=FINE, quantity=FINE)
def test_any_number_stands_on_the_wire_as_its_decimal(
    old_wire: Wire, price: Decimal, quantity: Decimal
) -> None:
    wanted = spec(limit_price=price, quantity=quantity)
    order: Any = orders.order_of(old_wire.library, wanted_id(), wanted, orders.Sending(1, ACCOUNT))
    heard = old_wire.heard_of(order)
    assert D(heard["lmtPrice"]) == price and D(heard["totalQuantity"]) == quantity
    assert "E" not in heard["lmtPrice"].upper() and "E" not in heard["totalQuantity"].upper()


ANYTHING = st.one_of(st.none(), st.decimals(), st.decimals(places=2, min_value=-10, max_value=10))
ANY_SYMBOL = st.sampled_from([equity(), EURUSD, BTCUSD, INDEX, FUTURE])


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(OrderType), symbol=ANY_SYMBOL, quantity=st.decimals(), limit=ANYTHING, stop=ANYTHING,
    trigger=ANYTHING, trail=ANYTHING, percentage=st.booleans(), in_force=TIMES,
)  # fmt: skip
def test_any_nonsense_is_sent_as_a_finite_number_or_refused_in_words(
    old_wire: Wire,
    kind: OrderType,
    symbol: Symbol,
    quantity: Decimal,
    limit: Decimal | None,
    stop: Decimal | None,
    trigger: Decimal | None,
    trail: Decimal | None,
    percentage: bool,
    in_force: TimeInForce,
) -> None:
    wanted = OrderSpec(
        OrderId(1), symbol, kind, quantity, START_NS, D(0), limit, stop, trigger, trail,
        trailing_as_percentage=percentage, time_in_force=in_force,
    )  # fmt: skip
    steps = Increments(minimum_tick=D("0.01"), size_increment=D("0.0001"))
    assert refusal(wanted, steps) is None or refusal(wanted, steps)
    try:
        order: Any = orders.order_of(old_wire.library, wanted_id(), wanted, orders.Sending(1, ACCOUNT))
    except VenueError as error:
        assert refusal(wanted) is not None and "refused before sending" in str(error)
        return
    heard = old_wire.heard_of(order)
    for name in ("totalQuantity", "lmtPrice", "auxPrice", "trailStopPrice", "trailingPercent"):
        assert heard[name] == "" or D(heard[name]).is_finite()
    assert D(heard["totalQuantity"]) == abs(quantity) > 0


def test_a_date_in_seconds_goes_out_in_utc() -> None:
    moment = datetime(2027, 1, 2, 21, 0, 0, tzinfo=UTC)
    wire = Wire("ib_insync", 176)
    sending = orders.Sending(1, ACCOUNT, expiry_ns=int(moment.timestamp()) * NS_PER_SECOND + 999)
    order = orders.order_of(wire.library, wanted_id(), spec(time_in_force=UNTIL), sending)
    assert (order.tif, order.goodTillDate) == ("GTD", "20270102 21:00:00 UTC")
