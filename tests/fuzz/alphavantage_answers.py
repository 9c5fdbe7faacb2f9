"""Answers of Alpha Vantage, whole and right, for the mutations to spoil: CSV of bars, JSON of the rest."""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fuzz.mutations import BYTE_WAYS, RAW_TOKENS, STRINGS, mangle

ROWS = 12
COMPLAINTS = (
    {"Note": "Our standard API call frequency is 5 calls per minute."},
    {"Information": "Thank you! Our standard API rate limit is 25 requests per day."},
    {"Information": "This is a premium endpoint."},
    {"Error Message": "Invalid API call."},
    {"Error Message": "the parameter apikey is invalid or missing."},
    {},
)


class AlphaVantageAnswers:
    """Makes one spoiled answer after the other."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def __call__(self, path: str) -> bytes:
        """Return the body for a path."""
        asked = parse_qs(urlsplit(path).query)
        function, random = asked["function"][0], self._random
        if random.random() < 0.03:
            return mangle(random.choice(COMPLAINTS), random)
        if function == "SPLITS":
            return mangle(
                {"symbol": "AAPL", "data": [{"effective_date": "2025-06-16", "split_factor": "4.0000"}]},
                random,
            )
        if function == "DIVIDENDS":
            paid = {"ex_dividend_date": "2025-06-16", "declaration_date": "2025-05-01", "amount": "0.25",
                    "record_date": "2025-06-16", "payment_date": "None"}  # fmt: skip
            return mangle({"symbol": "AAPL", "data": [paid]}, random)
        starts = self._starts(function)
        if random.random() < 0.3:
            series = {start: self._columns() for start in starts}
            return mangle({"Meta Data": {"2. Symbol": "AAPL"}, "Time Series (1min)": series}, random)
        return self._csv([[start, *self._columns().values()] for start in starts])

    def _starts(self, function: str) -> list[str]:
        if function == "TIME_SERIES_DAILY":
            return ["2025-06-17", "2025-06-16", "2025-06-13"]
        minutes = [f"2025-06-{day} 09:{30 + number}:00" for day in (17, 16) for number in range(ROWS)]
        return sorted(minutes, reverse=True)

    def _columns(self) -> dict[str, Any]:
        low = 100 + self._random.random()
        prices = (f"{low + 0.2:.4f}", f"{low + 0.5:.4f}", f"{low:.4f}", f"{low + 0.3:.4f}")
        names = ("1. open", "2. high", "3. low", "4. close")
        return {**dict(zip(names, prices, strict=True)), "5. volume": str(self._random.randint(0, 9000))}

    def _csv(self, rows: list[list[Any]]) -> bytes:
        random = self._random
        for _ in range(random.choice((0, 0, 1, 1, 2, 5))):
            row = random.choice(rows)
            if not row:
                continue
            at = random.randrange(len(row))
            draw = random.random()
            if draw < 0.5:
                row[at] = random.choice((*RAW_TOKENS, *STRINGS))
            elif draw < 0.6:
                del row[at]
            elif draw < 0.7:
                row.insert(at, row[at])
            elif draw < 0.8:
                rows.remove(row)
            elif draw < 0.9:
                rows.insert(random.randrange(len(rows)), row)
            else:
                random.shuffle(rows)
            if not rows:
                break
        lines = ["timestamp,open,high,low,close,volume", *(",".join(map(str, row)) for row in rows)]
        body = ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogatepass")
        return random.choice(BYTE_WAYS)(body, random) if random.random() < 0.2 else body
