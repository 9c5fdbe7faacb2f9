"""The gateway in virtual time: whose orders they are, which errors come, how cancels and fills meet."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_venues.tws.peer import account
from livetrader_venues.tws.settings import SECOND_NS, Settings
from tests.venues.raw import Room


def test_the_number_goes_on_with_every_order_and_for_each_client() -> None:
    room = Room()
    one, two = room.connect(1), room.connect(2)
    room.order(one, 1, "BUY", 1)
    room.order(one, 7, "BUY", 1)
    room.send(one, 8, 1, 1)
    room.send(two, 8, 1, 1)
    assert [m[2] for m in one.named("nextValidId")] == ["1", "8"]
    assert [m[2] for m in two.named("nextValidId")] == ["1", "1"]


def test_the_same_number_of_another_client_is_another_order() -> None:
    room = Room()
    one, two = room.connect(1), room.connect(2)
    room.order(one, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.order(two, 1, "SELL", 10, orderType="LMT", lmtPrice=110)
    assert one.statuses(1) == two.statuses(1) == ["Submitted"]
    perm_ids = {message[6] for client in (one, two) for message in client.named("orderStatus")}
    assert len(perm_ids) == 2
    room.send(two, 4, 1, 1, "")
    assert two.statuses(1)[-1] == "Cancelled" and one.statuses(1) == ["Submitted"]


def test_open_orders_are_ones_own_and_all_orders_are_everybodys() -> None:
    room = Room()
    one, two = room.connect(1), room.connect(2)
    room.order(one, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.send(two, 5, 1)
    assert two.named("openOrder") == [] and len(two.named("openOrderEnd")) == 1
    room.send(two, 16, 1)
    (seen,) = two.named("openOrder")
    assert seen[1] == "1" and len(two.named("openOrderEnd")) == 2


def test_a_master_client_hears_of_the_orders_of_all() -> None:
    room = Room(settings=Settings(master_client_id=9))
    one, master = room.connect(1), room.connect(9)
    room.order(one, 1, "BUY", 10)
    assert master.statuses(1)[-1] == "Filled" and len(master.named("execDetails")) == 1


# name, placed before, what is sent, the code that comes
REFUSALS = [
    ("unknown contract", {"symbol": "NOSUCH", "conId": 0}, 200),
    ("unknown number", {"conId": 1}, 200),
    ("off the tick", {"orderType": "LMT", "lmtPrice": "90.005"}, 110),
    ("no limit", {"orderType": "LMT"}, 110),
    ("no stop", {"orderType": "STP"}, 403),
    ("no such type", {"orderType": "PEG MKT"}, 387),
    ("no such time in force", {"tif": "AUC"}, 201),
    ("no size", {"totalQuantity": 0}, 434),
    ("a fraction of a fraction", {"totalQuantity": "0.00001"}, 10243),
    ("somebody's account", {"account": "U1"}, 321),
    ("too much", {"totalQuantity": 50_000}, 201),
    ("a wrong date", {"tif": "GTD", "goodTillDate": "tomorrow"}, 391),
    ("no number", {"lmtPrice": "many"}, 320),
]


@pytest.mark.parametrize(("said", "code"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_an_order_that_makes_no_sense_is_refused_with_ibs_code(said: dict[str, object], code: int) -> None:
    room = Room()
    client = room.connect()
    quantity = said.pop("totalQuantity", 10) if "totalQuantity" in said else 10
    room.order(client, 1, "BUY", quantity, **said)
    assert client.codes() == [code]
    assert client.named("error")[-1][2] == "1"
    assert list(room.gateway.exchange.open_orders()) == []


def test_numbers_are_used_once() -> None:
    room = Room()
    client = room.connect()
    room.order(client, 5, "BUY", 10)
    room.order(client, 5, "BUY", 10)  # filled before
    room.order(client, 4, "BUY", 10)  # lower than one that was used
    assert client.codes() == [104, 103]
    assert len(client.named("execDetails")) == 1


def test_what_an_update_may_not_change_leaves_the_order_working() -> None:
    room = Room()
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.order(client, 1, "SELL", 10, orderType="LMT", lmtPrice=90)
    room.order(client, 1, "BUY", 10, orderType="LMT", lmtPrice=90, conId=265598, symbol="AAPL")
    assert client.codes() == [105, 105]
    assert client.statuses(1) == ["Submitted"]


def test_cancels_of_nothing_and_of_what_is_over() -> None:
    room = Room()
    client = room.connect()
    room.send(client, 4, 1, 99, "")
    room.order(client, 100, "BUY", 10)
    room.send(client, 4, 1, 100, "")
    assert client.codes() == [10147, 10148]
    assert client.named("error")[-1][4].endswith("state: Filled.")


def test_an_order_may_fill_while_its_cancel_is_on_its_way() -> None:
    room = Room(settings=Settings(cancel_delay_ns=SECOND_NS))
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.order(client, 2, "BUY", 10, orderType="STP", auxPrice=110)
    room.send(client, 4, 1, 1, "")
    room.send(client, 4, 1, 1, "")
    room.send(client, 4, 1, 2, "")
    assert client.statuses(1)[-1] == "PendingCancel" and client.codes() == [161]
    room.do("quote", symbol="SPY", bid="89.98", ask="89.99")
    room.do("quote", symbol="SPY", bid="110.98", ask="110.99")
    room.wait(1)
    assert client.statuses(1)[-1] == "Filled"
    assert client.statuses(2)[-1] == "Cancelled"
    assert client.codes() == [161, 202]


def test_a_global_cancel_takes_everybodys_orders() -> None:
    room = Room()
    one, two = room.connect(1), room.connect(2)
    room.order(one, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.order(two, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.send(two, 58, 1)
    assert one.statuses(1)[-1] == two.statuses(1)[-1] == "Cancelled"


def test_commission_comes_later_than_the_fill() -> None:
    room = Room(settings=Settings(commission_delay_ns=2 * SECOND_NS))
    client = room.connect()
    room.order(client, 1, "BUY", 1000)
    assert client.statuses(1)[-1] == "Filled" and client.named("commissionReport") == []
    room.wait(2)
    (report,) = client.named("commissionReport")
    assert report[2] == client.named("execDetails")[0][14] and Decimal(report[3]) == 5


def test_several_accounts_must_be_named() -> None:
    room = Room(account("DU1"), account("DU2"))
    client = room.connect()
    assert client.named("managedAccounts")[0][2] == "DU1,DU2,"
    room.order(client, 1, "BUY", 10)
    room.order(client, 1, "BUY", 10, account="DU2")
    assert client.codes() == [435]
    room.send(client, 61, 1)
    ((_, _, name, con_id, *_),) = client.named("position")
    assert (name, con_id) == ("DU2", "756733")


def test_a_cash_account_buys_what_it_has() -> None:
    room = Room(account("DU1", Decimal(1000), is_margin=False))
    client = room.connect()
    room.order(client, 1, "BUY", 11)
    room.order(client, 2, "BUY", 9)
    assert client.codes() == [201] and client.statuses(2)[-1] == "Filled"


def test_a_client_id_is_taken_once() -> None:
    room = Room()
    room.connect(1)
    second = room.connect(1)
    assert second.codes() == [326] and second.is_closed
    assert not room.connect(2).is_closed


def test_manual_orders_are_client_zeros() -> None:
    room = Room()
    one, zero = room.connect(1), room.connect(0)
    room.send(zero, 15, 1, 1)
    room.send(one, 15, 1, 1)
    assert one.codes() == [327]
    room.do("order", symbol="SPY", quantity=10, limit=90)
    ((_, perm_id, client_id, order_id),) = zero.named("orderBound")
    assert (client_id, order_id) == ("0", "-1")
    assert one.named("openOrder") == [] and zero.statuses(-1) == ["Submitted"]
    room.send(zero, 4, 1, -1, "")
    assert zero.statuses(-1)[-1] == "Cancelled"
    room.do("trade", symbol="SPY", quantity=-5)
    assert zero.named("execDetails")[-1][2] == "0" and one.named("execDetails") == []
    assert perm_id != zero.named("execDetails")[-1][20]


def test_too_many_messages_are_refused_then_the_client_is_thrown_out() -> None:
    room = Room()
    client = room.connect()
    for _ in range(49):
        room.send(client, 49, 1)
    assert client.codes() == [] and len(client.named("currentTime")) == 49
    room.send(client, 49, 1)
    assert client.codes() == [100]
    room.wait(1.1)
    room.send(client, 49, 1)
    assert client.codes() == [100] and len(client.named("currentTime")) == 50
    for _ in range(60):
        room.send(client, 49, 1)
    assert client.is_closed


def test_requests_that_nobody_knows_are_answered() -> None:
    room = Room()
    client = room.connect()
    room.send(client, 9999, "x")
    room.send(client, 4, 1)  # a cancel without a number
    assert client.codes() == [320, 320] and not client.is_closed


def test_transmit_holds_a_family_back() -> None:
    room = Room()
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderType="LMT", lmtPrice=90, transmit=0)
    room.order(client, 2, "SELL", 10, orderType="LMT", lmtPrice=110, parentId=1, transmit=0)
    assert client.named("orderStatus") == []
    room.order(client, 3, "SELL", 10, orderType="STP", auxPrice=80, parentId=1)
    assert [client.statuses(number)[-1] for number in (1, 2, 3)] == [
        "Submitted",
        "PreSubmitted",
        "PreSubmitted",
    ]
    room.send(client, 4, 1, 1, "")
    assert [client.statuses(number)[-1] for number in (1, 2, 3)] == 3 * ["Cancelled"]


def test_good_till_date_ends() -> None:
    room = Room()
    client = room.connect()
    room.order(
        client, 1, "BUY", 10, orderType="LMT", lmtPrice=90, tif="GTD", goodTillDate="20250616 12:00:30 UTC"
    )
    room.wait(29)
    assert client.statuses(1) == ["Submitted"]
    room.wait(2)
    room.send(client, 49, 1)
    assert client.statuses(1)[-1] == "Cancelled"


BITCOIN = {"conId": 479624278, "symbol": "BTC", "secType": "CRYPTO", "exchange": "PAXOS", "currency": "USD"}


@pytest.mark.parametrize(
    ("action", "said", "code"),
    [
        ("BUY", {"orderType": "MKT", "tif": "DAY"}, 201),
        ("BUY", {"orderType": "MKT", "tif": "IOC"}, 10289),
        ("BUY", {"orderType": "LMT", "lmtPrice": 25000, "tif": "GTC"}, 201),
        ("BUY", {"orderType": "STP", "auxPrice": 35000, "tif": "GTC"}, 387),
        ("SELL", {"orderType": "MKT", "tif": "IOC"}, 201),  # there is none to sell
    ],
)
def test_crypto_has_rules_of_its_own(action: str, said: dict[str, object], code: int) -> None:
    room = Room()
    client = room.connect()
    room.order(client, 1, action, "0.1", **{**BITCOIN, **said})
    assert client.codes() == [code]


def test_a_limit_order_of_crypto_works_for_five_minutes() -> None:
    room = Room()
    client = room.connect()
    limit = {**BITCOIN, "orderType": "LMT", "tif": "Minutes"}
    room.order(client, 1, "BUY", "0.1", lmtPrice=31000, **limit)
    room.order(client, 2, "BUY", "0.1", lmtPrice=25000, **limit)
    room.order(client, 3, "SELL", "0.1", **{**limit, "orderType": "MKT", "tif": "IOC"})
    assert [client.statuses(number)[-1] for number in (1, 2, 3)] == ["Filled", "Submitted", "Filled"]
    room.wait(299)
    assert client.statuses(2)[-1] == "Submitted"
    room.wait(2)
    assert client.statuses(2)[-1] == "Cancelled"
    room.order(client, 4, "BUY", 1, orderType="LMT", lmtPrice=50, tif="Minutes")
    assert client.codes() == [201]  # not for shares


def test_a_closed_market_holds_orders_and_says_so() -> None:
    room = Room()
    client = room.connect()
    room.do("session", state="close")
    room.order(client, 1, "BUY", 10, tif="GTC")
    assert client.statuses(1) == ["PreSubmitted"] and client.codes() == [399]
    room.do("session", state="open")
    assert client.statuses(1)[-1] == "Filled"


def test_day_orders_end_with_the_day_and_others_stay() -> None:
    room = Room()
    client = room.connect()
    room.order(client, 1, "BUY", 10, orderType="LMT", lmtPrice=90)
    room.order(client, 2, "BUY", 10, orderType="LMT", lmtPrice=90, tif="GTC")
    room.do("session", state="close")
    assert client.statuses(1)[-1] == "Cancelled" and client.statuses(2)[-1] == "Submitted"


def test_delayed_data_comes_where_it_is_asked_for() -> None:
    room = Room(settings=Settings(delayed_data_only=True))
    client = room.connect()
    request = [1, 11, 5, 756733, "SPY", "STK", "", "", "", "", "SMART", "", "USD", "", "", 0, "", 0, 0, ""]
    room.send(client, *request)
    assert client.codes() == [354]
    room.send(client, 59, 1, 3)
    room.send(client, *request)
    assert client.codes() == [354, 10167]
    assert {message[3] for message in client.named("tickPrice")} >= {"66", "67", "68"}


def test_real_time_bars_are_made_of_what_traded_in_their_five_seconds() -> None:
    room = Room()
    client = room.connect()
    spy = (756733, "SPY", "STK", "", 0, "", "", "SMART", "", "USD", "", "")
    room.send(client, 50, 3, 7, *spy, 5, "TRADES", 0, "")
    for last in ("100.50", "100.70", "100.40"):  # a quote brings a trade of a hundred
        room.do("quote", symbol="SPY", bid="100.30", ask="100.80", last=last)
    room.wait(5)
    room.wait(5)
    assert [message[3:] for message in client.named("realtimeBar")] == [
        ["1750075200", "100.5", "100.7", "100.4", "100.4", "300", "100.533333", "3"],
        ["1750075205", "100.4", "100.4", "100.4", "100.4", "0", "100.4", "0"],
    ]


def test_history_has_a_pace() -> None:
    room = Room(settings=Settings(histories_per_10_minutes=2))
    client = room.connect()
    contract = [756733, "SPY", "STK", "", "", "", "", "SMART", "", "USD", "", "", 0]
    for number in (1, 2, 3):
        room.send(client, 20, number, *contract, "", "1 day", "5 D", 1, "TRADES", 1, 0, "")
    assert client.codes() == [162] and client.named("error")[-1][2] == "3"
    room.wait(601)
    room.send(client, 20, 4, *contract, "", "1 day", "5 D", 1, "TRADES", 1, 0, "")
    assert client.codes() == [162]


@pytest.mark.parametrize(
    ("end", "size", "duration", "code"),
    [
        ("", "1 moon", "5 D", 321),
        ("", "1 day", "5 Q", 321),
        ("noon", "1 day", "5 D", 321),
        ("", "1 day", "0 D", 162),
    ],
)
def test_history_of_no_time_is_refused(end: str, size: str, duration: str, code: int) -> None:
    room = Room()
    client = room.connect()
    contract = [756733, "SPY", "STK", "", "", "", "", "SMART", "", "USD", "", "", 0]
    room.send(client, 20, 1, *contract, end, size, duration, 1, "TRADES", 1, 0, "")
    assert client.codes() == [code] and client.named("error")[-1][2] == "1"


def test_history_shows_bids_asks_and_prices_without_dividends() -> None:
    day_ns = 86_400 * SECOND_NS
    now_ns = Room().now_ns // day_ns * day_ns
    settings = Settings(dividend_ns=now_ns - 2 * day_ns, history_from_ns=now_ns - 4 * day_ns)
    room = Room(settings=settings)
    client = room.connect()
    spy = (756733, "SPY", "STK", "", 0, "", "", "SMART", "", "USD", "", "", 0)
    closes: dict[str, list[Decimal]] = {}
    for number, what in enumerate(("TRADES", "BID", "ASK", "ADJUSTED_LAST"), 1):
        room.send(client, 20, number, *spy, "", "4 hours", "6 D", 0, what, 2, 0, "")
        told = client.named("historicalData")[-1]
        count = int(told[4])
        assert told[1] == str(number) and len(told) == 5 + 8 * count
        closes[what] = [Decimal(told[5 + 8 * at + 4]) for at in range(count)]
    assert [price + Decimal("0.01") for price in closes["BID"]] == closes["TRADES"]
    assert [price - Decimal("0.01") for price in closes["ASK"]] == closes["TRADES"]
    ratios = [adjusted / raw for adjusted, raw in zip(closes["ADJUSTED_LAST"], closes["TRADES"], strict=True)]
    assert ratios == [Decimal("0.99")] * 12 + [Decimal(1)] * 15
    room.send(client, 20, 9, *spy, "20250616 00:00:00 UTC", "1 day", "1 D", 0, "ADJUSTED_LAST", 2, 0, "")
    room.send(client, 20, 10, *spy, "20250601 00:00:00 UTC", "1 min", "60 S", 0, "TRADES", 2, 0, "")
    assert client.codes() == [321, 162]


def test_several_accounts_are_told_apart_and_together() -> None:
    room = Room(account("DU1"), account("DU2"))
    client = room.connect()
    room.send(client, 74, 1, 7, "All", "")
    room.send(client, 76, 1, 8, "DU2", "", 0)
    room.send(client, 62, 1, 9, "All", "NetLiquidation,$LEDGER:ALL")
    room.order(client, 1, "BUY", 10, account="DU2")
    room.wait(1)
    told = [message for message in client.messages if message[0] == "71"]
    assert [(m[2], m[3], m[4], m[15]) for m in told] == [("7", "DU2", "756733", "10")]
    updates = [m for m in client.messages if m[0] == "73" and m[5] == "NetLiquidation"]
    assert [m[3] for m in updates] == ["DU2", "DU2"] and updates[0][6] == "1000000.00"
    assert updates[1][6] == "999998.90"  # a cent of spread a share, and the least commission, a dollar
    summary = [m for m in client.messages if m[0] == "63" and m[4] == "NetLiquidation"]
    assert [(m[3]) for m in summary] == ["DU1", "DU2", "DU1", "DU2"]
    for number, request in ((75, 7), (77, 8), (63, 9)):
        room.send(client, number, 1, request)
    before = len(client.messages)
    room.do("trade", symbol="SPY", quantity=5, account="DU1")
    room.wait(1)
    assert len(client.messages) == before


def test_summaries_are_two_at_most() -> None:
    room = Room()
    client = room.connect()
    for number in (1, 2, 3):
        room.send(client, 62, 1, number, "All", "NetLiquidation")
    assert client.codes() == [322]


def test_groups_are_an_advisors() -> None:
    room = Room()
    client = room.connect()
    room.send(client, 18, 1, 1)  # groups of an advisor, of an account that is none
    room.send(client, 6, 2, 1, "U999")
    room.send(client, 91, 5)
    assert client.codes() == [321, 321, 321]
    advisor = Room(account("DU1"), account("DU2"))
    client = advisor.connect()
    advisor.send(client, 18, 1, 1)
    ((_, _, _, groups),) = [message for message in client.messages if message[0] == "16"]
    assert "<String>DU1</String><String>DU2</String>" in groups
