"""Identifier texts, both ways. The expected ones are LEAN's: of its tests and its published figures."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from livetrader_engine.errors import DataError
from livetrader_engine.identifiers import Identity, OptionRight, OptionStyle, identity
from livetrader_engine.symbols import SecurityType

EUROPEAN = OptionStyle.EUROPEAN
KNOWN = {
    "SPY R735QTJ8XC9X": Identity("SPY", SecurityType.EQUITY, "usa", date(1998, 1, 2)),
    "GOOCV VP83T1ZUHROL": Identity("GOOCV", SecurityType.EQUITY, "usa", date(2014, 3, 27)),
    "JUNIORBEES UL": Identity("JUNIORBEES", SecurityType.EQUITY, "india"),
    "EURUSD 8G": Identity("EURUSD", SecurityType.FOREX, "oanda"),
    "BTCUSDT 18N": Identity("BTCUSDT", SecurityType.CRYPTO, "binance"),
    "BTCUSDT 2V3": Identity("BTCUSDT", SecurityType.CRYPTO_FUTURE, "bybit"),
    "SPX 31": Identity("SPX", SecurityType.INDEX, "usa"),
    "BTCUSDT.CustomCryptoData 2US": Identity("BTCUSDT.CustomCryptoData", SecurityType.BASE, "bybit"),
    "ES VMKLFZIH2MTD": Identity("ES", SecurityType.FUTURE, "cme", date(2013, 12, 20)),
    "GOOCV 306CZL2DIPERQ|GOOCV VP83T1ZUHROL": Identity(
        "GOOCV", SecurityType.OPTION, "usa", date(2016, 1, 15), Decimal("747.5"), OptionRight.PUT,
        underlying="GOOCV VP83T1ZUHROL",
    ),
    "ES XCZJLCEYO5XG|ES XCZJLC9NOB29": Identity(
        "ES", SecurityType.FUTURE_OPTION, "cme", date(2020, 3, 20), Decimal(3200), OptionRight.CALL,
        underlying="ES XCZJLC9NOB29",
    ),
    "SPX 31KC0UJHCBG4U|SPX 31": Identity(
        "SPX", SecurityType.INDEX_OPTION, "usa", date(2021, 1, 15), Decimal(4200), OptionRight.PUT, EUROPEAN,
        underlying="SPX 31",
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", KNOWN)
def test_a_text_is_read_and_written(text: str) -> None:
    assert identity(text) == KNOWN[text]
    assert KNOWN[text].text == text


@pytest.mark.parametrize("strike", ["0.5", "-37.5", "1", "123.456", "99999", "-0.000001", "475711"])
def test_strikes_come_back_as_they_went(strike: str) -> None:
    option = Identity(
        "CL", SecurityType.FUTURE_OPTION, "nymex", date(2020, 6, 1), Decimal(strike), OptionRight.PUT,
        underlying="SPX 31",
    )  # fmt: skip
    assert identity(option.text) == option


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(DataError, match="too many digits"):
        _ = Identity("X", SecurityType.OPTION, "usa", strike=Decimal("475712.1")).text
    with pytest.raises(DataError, match="unknown market 'moon'"):
        _ = Identity("X", SecurityType.EQUITY, "moon").text


@pytest.mark.parametrize(
    "text", ["", "SPY", "SPY ", "SPY R735?", " R735QTJ8XC9X", "SPY 2T|", "X 1Z141Z3", "X 3S"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="no security identifier"):
        identity(text)
