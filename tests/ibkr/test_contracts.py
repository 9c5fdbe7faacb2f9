"""Symbols and contracts, both ways."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from livetrader_engine.identifiers import Identity, OptionRight, OptionStyle
from livetrader_engine.spi import PluginError
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier
from livetrader_lean.option_tickers import option_ticker as leans_ticker
from livetrader_plugins.ibkr import exchanges
from livetrader_plugins.ibkr.contracts import (
    OWN_MARKET,
    Description,
    contract_of,
    described,
    description_of,
    future_ticker,
    opaque_number,
    opaque_symbol,
    option_ticker,
    symbol_of,
)
from livetrader_plugins.ibkr.library import load
from tests.ibkr.wires import BTCUSD, EURUSD, equity, plain
from tests.venues.peers import library

LIBRARIES = ("ib_insync", "ib_async")
CALL = 0  # LEAN's number


def derivative(said: Identity, value: str) -> Symbol:
    return Symbol.create(said.text, value, said.security_type, said.market)


def option(strike: str = "100", day: date = date(2027, 1, 15), under: str = "SPY") -> Symbol:
    below = equity(under)
    right, style = OptionRight.CALL, OptionStyle.AMERICAN
    said = Identity(under, SecurityType.OPTION, "usa", day, Decimal(strike), right, style, below.id)
    return derivative(said, option_ticker(under, day, right, Decimal(strike)))


def index_option(root: str, under: str, day: date) -> Symbol:
    below = plain(under, SecurityType.INDEX, "usa")
    strike, right, style = Decimal(5000), OptionRight.PUT, OptionStyle.EUROPEAN
    said = Identity(root, SecurityType.INDEX_OPTION, "usa", day, strike, right, style, below.id)
    return derivative(said, option_ticker(root, day, right, strike))


def future(root: str = "ES", market: str = "cme", day: date = date(2027, 3, 19)) -> Symbol:
    said = Identity(root, SecurityType.FUTURE, market, day)
    return derivative(said, future_ticker(root, day))


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        (equity("SPY"), Description("STK", "SPY", "SMART", "USD")),
        (equity("BRK.B"), Description("STK", "BRK B", "SMART", "USD")),
        (EURUSD, Description("CASH", "EUR", "IDEALPRO", "USD")),
        (BTCUSD, Description("CRYPTO", "BTC", "PAXOS", "USD")),
        (plain("SPX", SecurityType.INDEX, "usa"), Description("IND", "SPX", "CBOE", "USD")),
        (plain("IBUS500", SecurityType.CFD, OWN_MARKET), Description("CFD", "IBUS500", "SMART")),
        (future(), Description("FUT", "ES", "CME", expiry="20270319")),
        (future("6E"), Description("FUT", "EUR", "CME", expiry="20270319", trading_class="6E")),
        (future("VX", "cfe"), Description("FUT", "VIX", "CFE", expiry="20270319", trading_class="VX")),
        (
            option("100.5"),
            Description(
                "OPT", "SPY", "SMART", "USD", expiry="20270115", strike=Decimal("100.5"), right="C",
                multiplier="100",
            ),
        ),
        (
            index_option("SPXW", "SPX", date(2027, 3, 19)),
            Description(
                "OPT", "SPX", "SMART", "USD", expiry="20270319", strike=Decimal(5000), right="P",
                multiplier="100", trading_class="SPXW",
            ),
        ),
        (
            index_option("SPX", "SPX", date(2027, 3, 19)),  # settles in the morning
            Description(
                "OPT", "SPX", "SMART", "USD", expiry="20270318", strike=Decimal(5000), right="P",
                multiplier="100", trading_class="SPX",
            ),
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Symbol) else "",
)  # fmt: skip
def test_a_symbol_has_its_contract_and_the_contract_its_symbol(symbol: Symbol, expected: Description) -> None:
    assert description_of(symbol) == expected
    assert symbol_of(expected) is symbol


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_contract_of_a_library_says_what_it_was_made_of(name: str) -> None:
    library(name)
    made = Description(
        "OPT", "BRK B", "SMART", "USD", "NYSE", "20270115", Decimal("0.1"), "P", "100", "BRKB", "X", 42
    )
    assert described(contract_of(load(name), made)) == made  # type: ignore[arg-type]  # one of the two


def test_options_are_called_as_the_algorithm_calls_them() -> None:
    """Or the same contract would be two symbols: one ordered, one held."""
    strike, day = 100.5, datetime(2027, 1, 15)  # noqa: DTZ001 — LEAN's dates are naive
    theirs = leans_ticker("SPY", CALL, strike, day)
    assert option_ticker("SPY", day.date(), OptionRight.CALL, Decimal("100.5")) == theirs


TICKERS = st.from_regex(r"[A-Z]{1,5}(\.[A-Z])?", fullmatch=True)
STRIKES = st.integers(1, 400_000).map(lambda cents: Decimal(cents) / 100)
DAYS = st.dates(date(2020, 1, 1), date(2060, 1, 1))


@given(TICKERS)
def test_every_stock_comes_back(ticker: str) -> None:
    assert symbol_of(description_of(equity(ticker))) is equity(ticker)


@given(st.from_regex(r"[A-Z]{1,5}", fullmatch=True), DAYS, STRIKES)
def test_every_option_comes_back(ticker: str, day: date, strike: Decimal) -> None:
    assume(ticker not in exchanges.INDEX_EXCHANGES)
    symbol = option(str(strike), day, ticker)
    assert symbol_of(description_of(symbol)) is symbol


@given(
    st.from_regex(r"[A-Z0-9]{2,4}", fullmatch=True), st.sampled_from(sorted(exchanges.FUTURE_MARKETS)), DAYS
)
def test_every_future_comes_back(root: str, exchange: str, day: date) -> None:
    assume(root not in exchanges.FUTURE_ROOTS)  # IB's name of another root
    symbol = future(root, exchanges.FUTURE_MARKETS[exchange], day)
    assert symbol_of(description_of(symbol)) is symbol


@given(st.sampled_from(sorted(exchanges.SETTLED_IN_THE_MORNING | set(exchanges.INDEX_OPTION_CLASSES))), DAYS)
def test_every_option_on_an_index_comes_back(root: str, day: date) -> None:
    symbol = index_option(root, exchanges.INDEX_OPTION_CLASSES.get(root, root), day)
    found = description_of(symbol)
    early = root in exchanges.SETTLED_IN_THE_MORNING
    assert found.expiry == f"{day - timedelta(days=early):%Y%m%d}"
    assert symbol_of(found) is symbol


OPAQUE = [
    Description("BOND", "T", currency="USD", con_id=1),
    Description("STK", "SAP", "SMART", "EUR", "IBIS", con_id=2),
    Description("STK", "VUSD", "SMART", "USD", "LSEETF", con_id=3),  # in dollars, but of London
    Description("FUT", "SI", "COMEX", "USD", expiry="20270326", trading_class="SIL", con_id=4),  # a small one
    Description("FUT", "XYZ", "NOWHERE", "USD", expiry="20270326", con_id=5),
    Description("FUT", "ES", "CME", "USD", expiry="202703", con_id=6),
    Description("OPT", "SPY", "SMART", "USD", expiry="20270115", strike=Decimal(1), right="C",
                multiplier="10", trading_class="SPY", con_id=7),
    Description("OPT", "SPY", "SMART", "USD", expiry="20270115", strike=Decimal(1), right="C",
                multiplier="100", trading_class="2SPY", con_id=8),  # of a changed share
    Description("OPT", "SPY", "SMART", "USD", expiry="20270115", strike=Decimal("123456.123456"), right="C",
                multiplier="100", trading_class="SPY", con_id=9),  # no place in an identifier
    Description("OPT", "SPY", "SMART", "USD", expiry="2027ABCD", strike=Decimal(1), right="C", con_id=10),
    Description("CRYPTO", "BTC", "PAXOS", "EUR", con_id=11),
    Description("IND", "DAX", "EUREX", "EUR", con_id=12),
    Description("FUND", "VFIAX", currency="USD", con_id=13),
    Description("", "", con_id=14),
]  # fmt: skip


@pytest.mark.parametrize("held", OPAQUE, ids=lambda held: str(held.con_id))
def test_what_has_no_name_in_lean_keeps_the_number_of_ib(held: Description) -> None:
    symbol = symbol_of(held)
    assert symbol.security_type is SecurityType.BASE and symbol.market == OWN_MARKET
    assert opaque_number(symbol) == held.con_id
    assert Symbol.parse(symbol.text) is symbol  # it travels and is journaled
    assert description_of(symbol) == Description("", "", con_id=held.con_id)  # so it can be sold


def test_opaque_symbols_are_told_apart_and_from_those_of_others() -> None:
    one, two = (opaque_symbol(Description("BOND", "T", con_id=number)) for number in (12, 123))
    assert one is not two and one.value == "BOND T #12"
    foreign = plain("IBKR12", SecurityType.BASE, "usa")
    assert opaque_number(foreign) is None and opaque_number(equity("IBKR")) is None


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        (plain("NIFTY", SecurityType.EQUITY, "india"), "only those of 'usa' have"),
        (plain("EURUSDX", SecurityType.FOREX, "oanda"), "six letters"),
        (plain("BTCUSDT", SecurityType.CRYPTO, "binance"), "US dollars only"),
        (plain("XYZ", SecurityType.FUTURE, "cme"), "name one of its contracts"),
        (derivative(Identity("X", SecurityType.FUTURE, "india", date(2027, 1, 1)), "X"), "no exchange for"),
        (plain("BTCUSD", SecurityType.CRYPTO_FUTURE, "binance"), "cannot trade securities of type"),
        (plain("RATES", SecurityType.BASE, "usa"), "cannot trade securities of type"),
        (Symbol.create("nonsense", "NONSENSE", SecurityType.EQUITY, "usa"), "no security identifier"),
    ],
    ids=lambda value: value.value if isinstance(value, Symbol) else "",
)
def test_what_ib_cannot_trade_is_told_with_the_remedy(symbol: Symbol, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        description_of(symbol)


def test_a_position_that_does_not_tell_its_exchange_is_still_a_stock_of_the_states() -> None:
    assert symbol_of(Description("STK", "SPY", currency="USD", con_id=756733)) is equity("SPY")


def test_the_first_trading_day_of_a_stock_comes_from_the_reference_data() -> None:
    class Reference:
        def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
            return Symbol.create(equity_identifier("OLD", date(2001, 2, 3)), ticker, security_type, market)

    found = symbol_of(Description("STK", "NEW", "SMART", "USD"), Reference())  # type: ignore[arg-type]  # a part of it
    assert (found.value, found.id.split()[0]) == ("NEW", "OLD")


@pytest.mark.parametrize(
    ("root", "day", "local", "expected"),
    [
        ("ES", date(2027, 3, 19), "ESH7", "ES19H27"),
        ("CL", date(2027, 2, 22), "CLH7", "CL22H27"),  # of March, expires in February
        ("CL", date(2026, 12, 21), "CLF7", "CL21F27"),  # of January of the next year
        ("DC", date(2027, 1, 5), "DCZ6", "DC05Z26"),  # of December, expires in January
        ("ES", date(2027, 3, 19), "", "ES19H27"),
        ("FDAX", date(2027, 3, 19), "FDAX MAR 27", "FDAX19H27"),
    ],
)
def test_a_future_is_called_by_the_month_of_its_contract(
    root: str, day: date, local: str, expected: str
) -> None:
    assert future_ticker(root, day, local) == expected


def test_a_line_for_people_names_what_tells_contracts_apart() -> None:
    held = Description(
        "OPT", "SPX", "SMART", "USD", "CBOE", "20270115", Decimal(5000), "C", "100", "SPXW", con_id=9
    )
    assert held.words == "OPT SPX 20270115 5000C @ SMART/CBOE in USD class SPXW (conId 9)"
