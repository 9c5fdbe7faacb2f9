"""Tickers and symbols, both ways."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.errors import DataError
from livetrader_engine.identifiers import OptionRight, OptionStyle, identity
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier, plain_identifier
from livetrader_plugins.polygon.symbols import market_of, symbol_of, ticker_of

ROOTS = ("SPY", "AAPL", "F", "BRKB", "SPX", "SPXW", "NDXP", "VIXW", "GOOGL", "OEX")


@pytest.mark.parametrize(
    ("ticker", "kind", "value", "market"),
    [
        ("AAPL", SecurityType.EQUITY, "AAPL", "stocks"),
        ("BRK.B", SecurityType.EQUITY, "BRK.B", "stocks"),
        ("BACpL", SecurityType.EQUITY, "BACpL", "stocks"),
        ("I:SPX", SecurityType.INDEX, "SPX", "indices"),
        ("O:SPY251219C00650000", SecurityType.OPTION, "SPY   251219C00650000", "options"),
        ("O:F240119P00012500", SecurityType.OPTION, "F     240119P00012500", "options"),
        ("O:SPXW251219C05000000", SecurityType.INDEX_OPTION, "SPXW  251219C05000000", "options"),
    ],
)
def test_a_ticker_names_one_symbol_and_back(ticker: str, kind: SecurityType, value: str, market: str) -> None:
    symbol = symbol_of(ticker)
    assert (symbol.security_type, symbol.value, symbol.market) == (kind, value, "usa")
    assert ticker_of(symbol) == ticker
    assert market_of(symbol) == market


def test_an_option_says_what_its_ticker_says() -> None:
    said = identity(symbol_of("O:F240119P00012500").id)
    assert (str(said.day), str(said.strike), said.right) == ("2024-01-19", "12.5", OptionRight.PUT)
    assert said.style is OptionStyle.AMERICAN and said.underlying is not None
    assert identity(said.underlying).ticker == "F"


def test_options_of_an_index_are_european_and_keep_their_class() -> None:
    said = identity(symbol_of("O:SPXW251219C05000000").id)
    assert said.style is OptionStyle.EUROPEAN and said.ticker == "SPXW"
    assert said.underlying is not None and identity(said.underlying).ticker == "SPX"
    assert identity(symbol_of("O:OEX251219C01000000").id).style is OptionStyle.AMERICAN


def test_the_option_of_a_share_with_a_dot_has_none() -> None:
    symbol = symbol_of("O:BRKB251219C00500000")
    assert identity(str(identity(symbol.id).underlying)).ticker == "BRK.B"
    assert ticker_of(symbol) == "O:BRKB251219C00500000"


@given(
    st.sampled_from(ROOTS),
    st.dates(date(2003, 1, 1), date(2060, 12, 31)),
    st.sampled_from("CP"),
    st.integers(min_value=1, max_value=475_711),
)
def test_every_option_ticker_survives_the_way_there_and_back(
    root: str, day: date, right: str, thousandths: int
) -> None:
    ticker = f"O:{root}{day:%y%m%d}{right}{thousandths:08d}"
    assert ticker_of(symbol_of(ticker)) == ticker


@pytest.mark.parametrize(
    "ticker",
    [
        "",
        "I:",
        "O:",
        "O:SPY",
        "O:SPY251340C00650000",
        "O:AAPL1251219C00200000",
        "X:BTCUSD",
        "A B",
        "AAPL,MSFT",
        "*",
    ],
)
def test_what_is_no_ticker_is_refused_by_name(ticker: str) -> None:
    with pytest.raises(DataError, match=r"ticker|expiry|corporate action"):
        symbol_of(ticker)


def test_other_markets_are_refused_with_a_remedy() -> None:
    text = plain_identifier("EURUSD", SecurityType.FOREX, "oanda")
    pair = Symbol.create(text, "EURUSD", SecurityType.FOREX, "oanda")
    with pytest.raises(DataError, match="forex of oanda; name another feed"):
        ticker_of(pair)
    abroad = Symbol.create(equity_identifier("TATA", None, "india"), "TATA", SecurityType.EQUITY, "india")
    with pytest.raises(DataError, match="equity of india"):
        ticker_of(abroad)


def test_a_chain_is_no_contract() -> None:
    below = symbol_of("SPY")
    chain = Symbol.create(f"?SPY {'2T'}|{below.id}", "?SPY", SecurityType.OPTION, "usa")
    with pytest.raises(DataError):
        ticker_of(chain)
