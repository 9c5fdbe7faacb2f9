"""Answers of Polygon's REST, whole and right, for the mutations to spoil."""

from __future__ import annotations

import re
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.fuzz.mutations import mangle

MIDNIGHT_MS = 1_750_046_400_000  # 2025-06-16 in New York
DAY_MS = 86_400_000
MORNING_MS = 8 * 3_600_000
ROWS = 12
_FIRST = re.compile(r"timestamp.gte=(\d{13})|/(\d{13})/")


class PolygonAnswers:
    """Makes one spoiled answer after the other. Belongs to the server's threads; one request at a time."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def __call__(self, path: str) -> bytes:
        """Return the body for a path."""
        parts = urlsplit(path)
        found = _FIRST.search(path)
        second_page = "cursor=" in parts.query
        begin_ms = int(found[1] or found[2]) if found else MIDNIGHT_MS
        if (
            second_page and (page := parts.query.partition("=")[2]).isdecimal()
        ):  # its link may be spoiled, too
            begin_ms = min(int(page), 10**14)
        if self._random.random() < 0.03:  # right in itself, and no answer to this question
            begin_ms += self._random.choice((-DAY_MS, DAY_MS, -2 * 3_600_000, 40 * 365 * DAY_MS))
        rows = self._rows(parts.path, begin_ms)
        answer: dict[str, Any] = {"status": "OK", "request_id": "a", "results": rows}
        if parts.path.startswith("/v2"):
            answer |= {
                "ticker": "AAPL",
                "queryCount": len(rows),
                "resultsCount": len(rows),
                "adjusted": False,
            }
            answer["count"] = len(rows)
        if self._random.random() < 0.1 and not second_page:
            answer["next_url"] = f"https://api.polygon.io{parts.path}?cursor={begin_ms + 2 * 3_600_000}"
        return mangle(answer, self._random)

    def _rows(self, path: str, begin_ms: int) -> Any:
        random = self._random
        if path.startswith("/v2/aggs"):
            unit = next(iter(path.split("/")[7:]), "")  # a link that was spoiled may be shorter
            step_ms = {"second": 1_000, "minute": 60_000, "hour": 3_600_000}.get(unit, DAY_MS)
            if step_ms == DAY_MS:
                return [self._bar(MIDNIGHT_MS + number * DAY_MS) for number in range(2)]
            return [self._bar(begin_ms + MORNING_MS + number * step_ms) for number in range(ROWS)]
        if path.startswith("/v3/trades"):
            first = begin_ms + MORNING_MS
            return [
                {"conditions": random.choice(([12, 37], [], [14, 41])), "exchange": 4, "id": str(number),
                 "participant_timestamp": (first + number) * 1_000_000, "price": self._price(),
                 "sequence_number": number, "sip_timestamp": (first + number) * 1_000_000,
                 "size": random.randint(1, 500), "tape": 3}
                for number in range(ROWS)
            ]  # fmt: skip
        if path.startswith("/v3/quotes"):
            first = begin_ms + MORNING_MS
            return [
                {"ask_exchange": 1, "ask_price": 101.0, "ask_size": 3, "bid_exchange": 2, "bid_price": 100.0,
                 "bid_size": 2, "participant_timestamp": (first + number) * 1_000_000,
                 "sequence_number": number, "sip_timestamp": (first + number) * 1_000_000, "tape": 3}
                for number in range(ROWS)
            ]  # fmt: skip
        if path.startswith("/v3/reference/splits"):
            return [
                {"execution_date": "2025-06-16", "split_from": 1, "split_to": 4, "ticker": "AAPL", "id": "s"}
            ]
        if path.startswith("/v3/reference/dividends"):
            return [
                {"cash_amount": 0.25, "currency": "USD", "declaration_date": "2025-05-01", "frequency": 4,
                 "dividend_type": "CD", "ex_dividend_date": "2025-06-16", "pay_date": "2025-06-20",
                 "record_date": "2025-06-16", "ticker": "AAPL", "id": "d"}
            ]  # fmt: skip
        if path.endswith("/events"):
            return {
                "name": "Apple", "composite_figi": "B", "cik": "1",
                "events": [
                    {"ticker_change": {"ticker": "AAPL"}, "type": "ticker_change", "date": "2003-09-10"}
                ],
            }  # fmt: skip
        if path.startswith("/v3/reference/options"):
            return [
                {"cfi": "OCASPS", "contract_type": "call", "exercise_style": "american",
                 "expiration_date": "2025-12-19", "primary_exchange": "BATO", "shares_per_contract": 100,
                 "strike_price": 150, "ticker": "O:AAPL251219C00150000", "underlying_ticker": "AAPL"}
            ]  # fmt: skip
        return [
            {"ticker": "AAPL", "name": "Apple Inc.", "market": "stocks", "locale": "us", "type": "CS",
             "primary_exchange": "XNAS", "active": True, "currency_name": "usd"}
        ]  # fmt: skip

    def _bar(self, start_ms: int) -> dict[str, Any]:
        opened, closed = self._price(), self._price()
        return {
            "v": self._random.randint(1, 9000), "vw": opened, "o": opened, "c": closed,
            "h": max(opened, closed) + 0.5, "l": min(opened, closed) - 0.5, "t": start_ms, "n": 12,
        }  # fmt: skip

    def _price(self) -> float:
        return round(100 + self._random.uniform(-2, 2), 2)
