"""Witnesses: what settings may say, and what history is asked for."""

from __future__ import annotations

import pytest

from livetrader.settings import FreshnessSettings
from livetrader.witnesses import Tape, tape_of, watched_as, witnesses_of
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import Resolution, SecurityType, Symbol


def test_the_default_is_one_busy_instrument_for_each_market_that_our_feeds_bring() -> None:
    assert witnesses_of(FreshnessSettings().witness) == {
        Tape(SecurityType.EQUITY, "usa"): "SPY",
        Tape(SecurityType.INDEX, "usa"): "SPX",
        Tape(SecurityType.FOREX, "oanda"): "EURUSD",
        Tape(SecurityType.CRYPTO, "coinbase"): "BTCUSD",
    }


def test_markets_are_as_symbols_have_them_and_tickers_as_people_write_them() -> None:
    assert witnesses_of(["crypto_future/Binance/btcusdt"]) == {
        Tape(SecurityType.CRYPTO_FUTURE, "binance"): "BTCUSDT"
    }


@pytest.mark.parametrize(
    "word", ["", "SPY", "equity/usa", "equity//SPY", "equity/usa/", "equity/usa/SPY/2", "future/cme/ES"]
)
def test_what_is_no_witness_is_refused_with_what_would_be_one(word: str) -> None:
    with pytest.raises(ValueError, match="like equity/usa/SPY; kinds are equity, forex, cfd, crypto, index"):
        witnesses_of([word])


@pytest.mark.parametrize(
    ("kind", "market", "asked"),
    [
        (SecurityType.EQUITY, "usa", TickType.TRADE),
        (SecurityType.INDEX, "usa", TickType.TRADE),
        (SecurityType.FOREX, "oanda", TickType.QUOTE),
    ],
)
def test_history_is_asked_for_seconds_of_what_the_market_has(
    kind: SecurityType, market: str, asked: TickType
) -> None:
    symbol = Symbol.create("X", "X", kind, market)
    subscription = watched_as(symbol)
    assert (subscription.resolution, subscription.tick_type) == (Resolution.SECOND, asked)
    assert subscription.extended_market_hours
    assert not subscription.fill_forward
    assert tape_of(symbol) == Tape(kind, market)
