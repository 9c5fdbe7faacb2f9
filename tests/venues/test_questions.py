"""Questions that no client asks, by chance: each gets an answer of the vendor's, none breaks the peer."""

from __future__ import annotations

import json
from datetime import date
from random import Random

from livetrader_venues.alphavantage.keys import Key
from livetrader_venues.alphavantage.peer import AlphaVantage
from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.rest import Rest
from livetrader_venues.stockmarket.clocks import new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import chain, index, stocks
from livetrader_venues.web.http import Request
from livetrader_venues.web.outbox import Write

NOW_NS = new_york("2025-06-16 10:00")
QUESTIONS = 500
MARKET = Market.generated(
    (
        *stocks(2, trades=0.2, quotes=0.5, listed=date(2025, 6, 2)),
        index("I:SPX", 5_000.0, values=0.5),
        *chain("SPY", [date(2025, 6, 20)], [590.0]),
    ),
    seed=1,
)
WORDS = (
    "",
    "9" * 400,
    *[
        "0",
        "-1",
        "1",
        "abc",
        "2025-06-13",
        "2025-13-45",
        "2025-06-16T10:00:00",
        "2025-06-16T10:00:00Z",
        "1750080600000",
    ],
    *[
        "1750080600000000000",
        "99999999999999999",
        "-99999999999",
        "true",
        "false",
        "asc",
        "desc",
        "AAPL",
        "I:SPX",
    ],
    *[
        "O:SPY250620C00590000",
        "NOPE",
        "é",
        "1e400",
        "nan",
        "minute",
        "day",
        "week",
        "second",
        "hour",
        "quarter",
        "year",
    ],
    *["0001-01-01", "9999-12-31"],
)
PATHS = (
    "/v2/aggs/ticker/{}/range/{}/{}/{}/{}",
    "/v2/aggs/ticker/{}/prev",
    "/v2/aggs/grouped/locale/us/market/stocks/{}",
    "/v1/open-close/{}/{}",
    "/v3/trades/{}",
    "/v3/quotes/{}",
    "/v2/last/trade/{}",
    "/v2/last/nbbo/{}",
    "/v3/reference/tickers",
    "/v3/reference/tickers/{}",
    "/vX/reference/tickers/{}/events",
    "/v3/reference/splits",
    "/v3/reference/dividends",
    "/v3/reference/options/contracts",
    "/v3/reference/options/contracts/{}",
    "/v3/reference/conditions",
    "/v3/reference/exchanges",
    "/v1/marketstatus/now",
    "/v1/marketstatus/upcoming",
    "/{}",
)
FIELDS = (
    *[
        "limit",
        "sort",
        "order",
        "cursor",
        "timestamp",
        "timestamp.gte",
        "timestamp.lt",
        "ticker",
        "ticker.gte",
        "strike_price",
    ],
    *[
        "strike_price.gte",
        "expiration_date.lte",
        "as_of",
        "date",
        "search",
        "adjusted",
        "expired",
        "asset_class",
        "active",
    ],
    *["type", "execution_date", "ex_dividend_date.gt"],
)
FUNCTIONS = (
    *["TIME_SERIES_DAILY", "TIME_SERIES_DAILY_ADJUSTED", "TIME_SERIES_INTRADAY", "SPLITS", "DIVIDENDS"],
    *["SYMBOL_SEARCH", "GLOBAL_QUOTE", "DANCE"],
)
RIGHT = {
    "symbol": "AAPL",
    "interval": "1min",
    "month": "2025-06",
    "outputsize": "full",
    "datatype": "csv",
    "keywords": "a",
    "adjusted": "false",
}


def test_every_question_to_polygon_is_answered() -> None:
    random = Random(5)
    rest = Rest(MARKET, (Access(),), lambda: NOW_NS)
    statuses = set()
    for _ in range(QUESTIONS):
        path = random.choice(PATHS)
        right = ["AAPL", "1", random.choice(["minute", "day", "hour", "second"]), "2025-06-13", "2025-06-16"]
        parts = [each if random.random() < 0.6 else random.choice(WORDS) for each in right]
        query = {random.choice(FIELDS): random.choice(WORDS) for _ in range(random.randint(0, 3))}
        asked = Request("GET", path.format(*parts), query, {"authorization": "Bearer test-key"})
        answer = rest.answer(asked, NOW_NS)
        statuses.add(answer.status)
        assert isinstance(json.loads(answer.body), dict | list)
    assert statuses == {200, 400, 404}


def test_every_question_to_alpha_vantage_is_answered() -> None:
    random = Random(5)
    house = AlphaVantage(MARKET, (Key(per_minute=0, per_day=0),), lambda: NOW_NS, 1)
    for number in range(QUESTIONS):
        query = {"function": random.choice(FUNCTIONS), "apikey": "test-key"}
        for name, value in RIGHT.items():
            if random.random() < 0.7:
                query[name] = value if random.random() < 0.6 else random.choice(WORDS)
        house.asked(number, Request("GET", "/query", query, {}), NOW_NS)
        (written,) = house.outbox.take()
        assert isinstance(written, Write)
        assert written.data.startswith(b"HTTP/1.1 200 OK")
