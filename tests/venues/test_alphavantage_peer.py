"""The peer of Alpha Vantage, asked by plain HTTP: prices against the market, refusals with status 200."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
import urllib3

from livetrader_venues.alphavantage.keys import Key
from livetrader_venues.alphavantage.peer import Peer
from livetrader_venues.stockmarket.clocks import ManualClock, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Dividend, Security, Split, stocks
from livetrader_venues.web.faults import Fault, Kind
from livetrader_venues.web.threads import Threaded

NOON_NS = new_york("2025-06-16 12:00")
FIRST = date(2025, 5, 12)
MARKET = Market.generated(
    (
        *stocks(5, trades=0.5, listed=FIRST),
        Security(
            "XYZ",
            name="Xyzzy Inc.",
            price=40.0,
            trades=0.5,
            listed=FIRST,
            splits=(Split(date(2025, 6, 10), 1, 4),),
            dividends=(Dividend(date(2025, 5, 20), 0.5),),
        ),
    ),
    seed=4,
)


class Asker:
    """Asks the peer as a script would."""

    def __init__(self, served: Threaded[Peer]) -> None:
        self.served = served
        self._pool = urllib3.PoolManager(retries=False)

    def get(self, function: str, symbol: str = "", key: str = "test-key", **more: str) -> str:
        """Return the text of an answer, which has status 200 whatever it says."""
        fields = {"function": function, "symbol": symbol, "apikey": key, **more}
        answer = self._pool.request("GET", f"{self.served.peer.url}/query", fields=fields, timeout=5.0)
        assert answer.status == 200
        return answer.data.decode()

    def told(self, function: str, symbol: str = "", **more: str) -> Any:
        """Return the object of an answer."""
        return json.loads(self.get(function, symbol, **more))

    def rows(self, function: str, symbol: str, **more: str) -> list[dict[str, str]]:
        """Return the rows of an answer as CSV."""
        return list(csv.DictReader(io.StringIO(self.get(function, symbol, datatype="csv", **more))))

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


@contextmanager
def asking(key: Key | None = None) -> Iterator[Asker]:
    """Run a peer that knows one key, by default without limits."""
    keys = (key or Key(per_minute=0, per_day=0),)
    with Threaded(lambda: Peer(MARKET, clock=ManualClock(NOON_NS), keys=keys)) as served:
        asker = Asker(served)
        try:
            yield asker
        finally:
            asker.close()


def test_daily_prices_are_those_of_the_days_that_have_ended() -> None:
    with asking() as asker:
        series = asker.told("TIME_SERIES_DAILY", "IBM")["Time Series (Daily)"]
        rows = asker.rows("TIME_SERIES_DAILY", "IBM", outputsize="full")
    bars = MARKET.daily("IBM", FIRST, date(2025, 6, 15))[::-1]
    assert [float(row["close"]) for row in rows] == [bar.close for bar in bars]
    assert [int(row["volume"]) for row in rows] == [bar.volume for bar in bars]
    assert next(iter(series)) == rows[0]["timestamp"] == "2025-06-13"
    assert series["2025-06-13"]["1. open"] == rows[0]["open"] == f"{bars[0].open:.4f}"


def test_minutes_of_a_month_can_be_raw_or_adjusted() -> None:
    with asking() as asker:
        month = {"interval": "1min", "month": "2025-06", "outputsize": "full"}
        raw = asker.rows("TIME_SERIES_INTRADAY", "XYZ", adjusted="false", **month)
        adjusted = asker.rows("TIME_SERIES_INTRADAY", "XYZ", **month)
        regular = asker.rows("TIME_SERIES_INTRADAY", "XYZ", adjusted="false", extended_hours="false", **month)
    bars = MARKET.bars("XYZ", new_york("2025-06-02"), NOON_NS)
    assert [float(row["open"]) for row in reversed(raw)] == [bar.open for bar in bars]
    assert raw[-1]["timestamp"].startswith("2025-06-02 0")
    before = [row for row in adjusted if row["timestamp"] < "2025-06-10"]
    assert float(before[-1]["open"]) == pytest.approx(bars[0].open / 4, abs=1e-3)
    assert adjusted[0] == raw[0]
    assert {row["timestamp"][11:13] for row in regular} <= {f"{hour:02d}" for hour in range(9, 16)}


def test_announcements_and_searches_are_answered() -> None:
    with asking() as asker:
        assert asker.told("SPLITS", "XYZ")["data"] == [
            {"effective_date": "2025-06-10", "split_factor": "4.0000"}
        ]
        assert asker.rows("DIVIDENDS", "XYZ")[0]["amount"] == "0.5"
        assert asker.told("SYMBOL_SEARCH", keywords="xyzzy")["bestMatches"][0]["1. symbol"] == "XYZ"
        newest = asker.rows("TIME_SERIES_DAILY_ADJUSTED", "XYZ")[0]
        assert newest["adjusted_close"] == newest["close"]
        assert float(asker.told("GLOBAL_QUOTE", "IBM")["Global Quote"]["05. price"]) > 0


@pytest.mark.parametrize(
    ("asked", "entry", "text"),
    [
        ({"function": "TIME_SERIES_DAILY", "symbol": "NOPE"}, "Error Message", "Invalid API call"),
        ({"function": "DANCE"}, "Error Message", "does not exist"),
        ({"function": "SPLITS", "symbol": "IBM", "key": "nobody"}, "Error Message", "apikey is invalid"),
        (
            {"function": "TIME_SERIES_INTRADAY", "symbol": "IBM", "interval": "7min"},
            "Error Message",
            "Invalid API call",
        ),
    ],
)
def test_errors_come_as_json_with_status_200_even_for_csv(
    asked: dict[str, str], entry: str, text: str
) -> None:
    with asking() as asker:
        assert text in json.loads(asker.get(datatype="csv", **asked))[entry]


def test_a_free_plan_has_its_limits_and_they_end() -> None:
    with asking(Key(per_minute=2, per_day=3, is_premium=False)) as asker:
        assert "premium endpoint" in asker.told("TIME_SERIES_INTRADAY", "IBM", interval="1min")["Information"]
        assert "data" in asker.told("SPLITS", "IBM")
        assert "2 calls per minute" in asker.told("SPLITS", "IBM")["Note"]
        asker.served.do(lambda peer: peer.move(60.0))
        assert "data" in asker.told("SPLITS", "IBM")
        assert "3 requests per day" in asker.told("SPLITS", "IBM")["Information"]
        asker.served.do(lambda peer: peer.move(13 * 3600.0))
        assert "data" in asker.told("SPLITS", "IBM")


def test_answers_can_be_garbage_or_cut() -> None:
    with asking() as asker:
        asker.served.do(lambda peer: peer.faults.add(Fault(Kind.GARBAGE, on="rest")))
        with pytest.raises(json.JSONDecodeError):
            asker.told("SPLITS", "IBM")
        asker.served.do(lambda peer: peer.faults.add(Fault(Kind.TRUNCATE, on="rest:/query")))
        with pytest.raises(urllib3.exceptions.ProtocolError):
            asker.told("SPLITS", "IBM")
