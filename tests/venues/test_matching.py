"""What an order does at a price, row by row; and what fills do to an account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_venues.tws import ledger, matching
from livetrader_venues.tws.contracts import Ambiguous, future, standard, stock
from livetrader_venues.tws.matching import Match, Phase, Quote
from livetrader_venues.tws.orders import TRANSITIONS, ImpossibleTransition, Order, Status, Terms

D = Decimal
BOOK = Quote(D("99.99"), D("100.01"), D("100"), D(300), D(200))


def terms(action: str = "BUY", kind: str = "LMT", **said: object) -> Terms:
    return Terms(action, D(100), kind, **said)  # type: ignore[arg-type]  # a table of what matters to a row


# action, kind, limit, remaining, further terms, phase -> the fill
FILLS = [
    ("BUY", "MKT", None, 100, {}, Phase.CONTINUOUS, Match(D("100.01"), D(100))),
    ("SELL", "MKT", None, 100, {}, Phase.CONTINUOUS, Match(D("99.99"), D(100))),
    ("BUY", "MKT", None, 500, {}, Phase.CONTINUOUS, Match(D("100.01"), D(200))),
    ("SELL", "MKT", None, 500, {}, Phase.CONTINUOUS, Match(D("99.99"), D(300))),
    ("BUY", "LMT", "100.00", 100, {}, Phase.CONTINUOUS, None),
    ("BUY", "LMT", "100.01", 100, {}, Phase.CONTINUOUS, Match(D("100.01"), D(100))),
    ("BUY", "LMT", "105.00", 100, {}, Phase.CONTINUOUS, Match(D("100.01"), D(100))),
    ("SELL", "LMT", "100.00", 100, {}, Phase.CONTINUOUS, None),
    ("SELL", "LMT", "99.00", 100, {}, Phase.CONTINUOUS, Match(D("99.99"), D(100))),
    ("BUY", "MKT", None, 500, {"time_in_force": "FOK"}, Phase.CONTINUOUS, None),
    ("BUY", "MKT", None, 500, {"all_or_none": True}, Phase.CONTINUOUS, None),
    ("BUY", "MKT", None, 500, {"time_in_force": "IOC"}, Phase.CONTINUOUS, Match(D("100.01"), D(200))),
    ("BUY", "MKT", None, 500, {"time_in_force": "OPG"}, Phase.CONTINUOUS, None),
    ("BUY", "MKT", None, 500, {"time_in_force": "OPG"}, Phase.OPENING, Match(D(100), D(500))),
    ("BUY", "MOC", None, 500, {}, Phase.CONTINUOUS, None),
    ("BUY", "MOC", None, 500, {}, Phase.CLOSING, Match(D(100), D(500))),
    ("BUY", "LOC", "99.00", 500, {}, Phase.CLOSING, None),
    ("BUY", "LMT", "105.00", 100, {}, Phase.CLOSING, None),
]


@pytest.mark.parametrize(("action", "kind", "limit", "remaining", "said", "phase", "expected"), FILLS)
def test_fills(
    action: str,
    kind: str,
    limit: str | None,
    remaining: int,
    said: dict[str, object],
    phase: Phase,
    expected: Match | None,
) -> None:
    price = None if limit is None else D(limit)
    assert matching.match(terms(action, kind, **said), D(remaining), price, BOOK, phase) == expected


# action, kind, its level -> whether the last price of 100 triggers it
TRIGGERS = [
    ("BUY", "STP", 101, False),
    ("BUY", "STP", 100, True),
    ("SELL", "STP", 99, False),
    ("SELL", "STP LMT", 100, True),
    ("BUY", "MIT", 99, False),
    ("BUY", "LIT", 100, True),
    ("SELL", "MIT", 101, False),
    ("SELL", "LIT", 99, True),
]


@pytest.mark.parametrize(("action", "kind", "level", "expected"), TRIGGERS)
def test_triggers(action: str, kind: str, level: int, expected: bool) -> None:
    assert matching.triggers(terms(action, kind, aux_price=D(level)), None, BOOK) is expected


def test_a_trailing_stop_follows_and_never_goes_back() -> None:
    sale = terms("SELL", "TRAIL", aux_price=D(2))
    stop = matching.trailed(sale, None, D(100))
    assert stop == 98
    assert [stop := matching.trailed(sale, stop, D(price)) for price in (101, 99, 105)] == [99, 99, 103]
    purchase = terms("BUY", "TRAIL", trailing_percent=D(1))
    assert matching.trailed(purchase, None, D(100)) == 101
    assert matching.trailed(purchase, D(101), D(50)) == D("50.5")
    assert (
        matching.trailed(terms("SELL", "TRAIL", aux_price=D(2), trail_stop_price=D(97)), None, D(100)) == 97
    )


def test_states_lead_where_the_table_says() -> None:
    spy = stock(1, "SPY", "ARCA", "100", "")
    for status, following in TRANSITIONS.items():
        for target in Status:
            order = Order(1, 1, 1, spy, terms(), status)
            if target in following or target is status:
                order.become(target)
                assert order.status is target
            else:
                with pytest.raises(ImpossibleTransition):
                    order.become(target)


def test_a_position_through_zero_realizes_what_was_closed() -> None:
    spy, account = stock(1, "SPY", "ARCA", "100", ""), ledger.Account("DU1")
    assert account.book(spy, D(100), D(10)) == 0
    assert account.book(spy, D(100), D(12)) == 0
    assert account.position(spy).average_price == 11
    assert account.book(spy, D(-250), D(13)) == 400
    assert (account.position(spy).quantity, account.position(spy).average_price) == (-50, 13)
    assert account.book(spy, D(50), D(10)) == 150
    assert account.position(spy).average_price == 0
    assert account.cash["USD"] == 1_000_000 + 400 + 150
    assert list(account.held()) == []


def test_a_future_moves_no_money_but_its_profit() -> None:
    es, account = future(2, "ES", "ESH7", "20270319", "4000"), ledger.Account("DU1")
    account.book(es, D(2), D(4000))
    assert account.cash["USD"] == 1_000_000
    now = ledger.worth(account, lambda contract: D(4010), lambda currency: D(1))
    assert (now.net, now.unrealized) == (1_001_000, 1000)
    assert account.book(es, D(-2), D(4010)) == 1000
    assert account.cash["USD"] == 1_001_000


def test_a_currency_pair_exchanges_two_currencies() -> None:
    pair = next(c for c in standard() if c.local_symbol == "EUR.USD")
    account = ledger.Account("DU1")
    account.book(pair, D(1000), D("1.1"))
    assert account.cash == {"USD": D(998_900), "EUR": D(1000)}
    now = ledger.worth(account, lambda c: D("1.2"), lambda c: D("1.2") if c == "EUR" else D(1))
    assert (now.net, now.gross) == (D(1_000_100), 0)


def test_commissions_have_a_least_and_a_most() -> None:
    spy = stock(1, "SPY", "ARCA", "100", "")
    assert ledger.commission(spy, D(1000), D(100)) == 5
    assert ledger.commission(spy, D(10), D(100)) == 1
    assert ledger.commission(spy, D(1), D(10)) == D("0.1")


def test_contracts_are_found_by_what_is_said_of_them() -> None:
    catalogue = standard()
    assert catalogue.only({"conId": "8314"}).symbol == "IBM"  # type: ignore[union-attr]
    assert catalogue.only({"symbol": "SPY", "secType": "STK", "primaryExchange": "NYSE"}) is None
    assert (
        len(catalogue.found({"symbol": "SPY", "secType": "OPT", "lastTradeDate": "202701", "right": "P"}))
        == 5
    )
    with pytest.raises(Ambiguous):
        catalogue.only({"symbol": "ES", "secType": "FUT"})
    assert catalogue.found({}) == []
