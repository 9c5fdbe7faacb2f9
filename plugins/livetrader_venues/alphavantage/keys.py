"""What a key may ask, and how often."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from livetrader_venues.stockmarket.clocks import day_of
from livetrader_venues.stockmarket.tape import MINUTE_NS

TEST_KEY = "test-key"
MISSING = (
    "the parameter apikey is invalid or missing. Please claim your free API key on "
    "(https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds."
)
PER_MINUTE = (
    "Thank you for using Alpha Vantage! Our standard API call frequency is {per_minute} calls per minute "
    "and {per_day} calls per day. Please visit https://www.alphavantage.co/premium/ if you would like to "
    "target a higher API call frequency."
)
PER_DAY = (
    "We have detected your API key as {key} and our standard API rate limit is {per_day} requests per day. "
    "Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to instantly "
    "remove all daily rate limits."
)
PREMIUM = (
    "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the premium "
    "plans at https://www.alphavantage.co/premium/ to instantly unlock all premium endpoints"
)


class Refused(Exception):
    """The venue answers with one entry instead of data."""

    def __init__(self, entry: str, text: str) -> None:
        super().__init__(text)
        self.body = {entry: text}


@dataclass(frozen=True, slots=True)
class Key:
    """One key. The default is the free plan with all of the API; limits of 0 are none."""

    name: str = TEST_KEY
    per_minute: int = 5
    per_day: int = 25
    is_premium: bool = True  # False: intraday, adjusted and whole histories are refused


class Gate:
    """Owns the counts of requests."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.name: key for key in keys}
        self._recent: dict[str, deque[int]] = {}
        self._today: dict[str, tuple[date, int]] = {}

    def admitted(self, name: str | None, now_ns: int) -> Key:
        """Return the key and count the request. Raises Refused."""
        key = self._keys.get(name or "")
        if key is None:
            raise Refused("Error Message", MISSING)
        day, count = self._today.get(key.name, (day_of(now_ns), 0))
        if day != day_of(now_ns):
            day, count = day_of(now_ns), 0
        if key.per_day and count >= key.per_day:
            raise Refused("Information", PER_DAY.format(key=key.name, per_day=key.per_day))
        recent = self._recent.setdefault(key.name, deque())
        while recent and recent[0] <= now_ns - MINUTE_NS:
            recent.popleft()
        if key.per_minute and len(recent) >= key.per_minute:
            raise Refused("Note", PER_MINUTE.format(per_minute=key.per_minute, per_day=key.per_day))
        recent.append(now_ns)
        self._today[key.name] = day, count + 1
        return key
