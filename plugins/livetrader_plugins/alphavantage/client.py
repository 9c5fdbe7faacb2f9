"""Asks Alpha Vantage, which answers nearly everything with status 200: what it means stands in the text.

    rows of CSV, or JSON with data     an answer
    "is a premium endpoint/feature"    the key's plan does not include it: DataError, another history may
    "more sparingly", "per minute"     too fast: wait, then again
    "requests per day"                 the day's quota is used up: VenueError, and an hour of silence
    "Invalid API call"                 no such ticker or month: DataError
    "apikey is invalid", "demo"        the key is wrong: VenueError

The key travels in the address, and the venue repeats it in its complaints; both are taken out of whatever is
shown. Answers are remembered for a while, because one of them has days or a month and requests are few.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple, cast

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.spi import Context, VenueError
from livetrader_plugins.alphavantage.config import AlphaVantageConfig, api_key_of
from livetrader_plugins.sdk.pace import Limits, Pace, pace_of
from livetrader_plugins.sdk.rest import CONNECTIONS, Answer, Door, HiddenKeys, Patience, Pool, TryAgain

QUOTA_REST_S: Final = 3_600.0  # after the day's quota is used up; nobody says when a day begins
REMEMBERED: Final = 16  # answers; a month of minutes is about a megabyte
FRESH_S: Final = 60.0  # how long an answer is good enough to be used again
SHOWN: Final = 300  # characters of the venue's own words in errors
_AGAIN: Final = frozenset({408, 500, 502, 503, 504})
_COMPLAINTS: Final = ("Error Message", "Information", "Note")
_HEADERS: Final = {"Accept-Encoding": "gzip", "User-Agent": "livetrader"}


class NoSuchThingError(DataError):
    """The venue has no such ticker, or nothing of it in that month."""


class Question(NamedTuple):
    """One request. `month` is yyyy-MM for minutes, else empty; `size` is compact or full."""

    function: str
    ticker: str
    month: str = ""
    size: str = ""

    @property
    def what(self) -> str:
        """It in words, for reports and errors."""
        return " ".join(part for part in (self.function, self.ticker, self.month) if part)

    @property
    def fields(self) -> dict[str, object]:
        """What goes into the address, without the key."""
        fields: dict[str, object] = {"function": self.function, "symbol": self.ticker}
        if self.size:
            fields |= {"outputsize": self.size, "datatype": "csv"}
        if self.month:
            fields |= {
                "interval": "1min", "month": self.month, "adjusted": "false", "extended_hours": "true",
            }  # fmt: skip
        return fields


class AlphaVantageClient:
    """Asks, and judges what comes. Thread-safe, synchronous. Nothing connects before the first question."""

    def __init__(
        self, config: AlphaVantageConfig, context: Context, wait: Callable[[float], None] | None = None
    ) -> None:
        """Keep the settings; `wait` replaces waiting, for tests."""
        self._config = config
        self._context = context
        self._wait = wait
        self._lock = threading.Lock()
        self._opened: tuple[Door, Pace, str] | None = None
        self._hidden: HiddenKeys | None = None
        self._answers: OrderedDict[Question, tuple[float, str]] = OrderedDict()

    @property
    def asked(self) -> int:
        """How many requests were sent."""
        return 0 if self._opened is None else self._opened[0].asked

    def close(self) -> None:
        """Close the connections; idempotent."""
        with self._lock:
            if self._opened is not None:
                self._opened[0].close()
            if self._hidden is not None:
                logging.getLogger("urllib3.connectionpool").removeFilter(self._hidden)

    def ask(self, question: Question) -> str:
        """Return the text of the answer: CSV or JSON with data, whole. Raises VenueError, DataError."""
        now_s = self._context.monotonic_s()
        with self._lock:
            known = self._answers.get(question)
            if known is not None and now_s - known[0] < FRESH_S:
                return known[1]
            if self._opened is None:
                self._opened = self._open()
            door, _, key = self._opened
        url = f"{self._config.url.rstrip('/')}/query"
        text = door.ask(
            question.what, url, lambda answer: self._judged(question, answer),
            fields=question.fields | {"apikey": key}, headers=_HEADERS,
        )  # fmt: skip
        with self._lock:
            self._answers[question] = (now_s, text)
            self._answers.move_to_end(question)
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return text

    def _open(self) -> tuple[Door, Pace, str]:
        from urllib3 import PoolManager

        config, context = self._config, self._context
        key = api_key_of(config.api_key)
        limits = Limits(config.requests_per_minute, config.requests_per_day)
        pace = pace_of(config.url, key, limits, context.monotonic_s)
        patience = Patience(
            config.connect_timeout_s, config.read_timeout_s, config.patience_s, config.attempts
        )
        self._hidden = HiddenKeys(key)
        logging.getLogger("urllib3.connectionpool").addFilter(self._hidden)
        pool = cast(Pool, PoolManager(maxsize=CONNECTIONS))
        return Door(context, pool, pace, patience, self._wait), pace, key

    def _judged(self, question: Question, answer: Answer) -> str:
        assert self._opened is not None, "an answer to a question that nobody asked"
        door = self._opened[0]
        if answer.status == 429:
            raise TryAgain("too many requests (429)", door.retry_after_s(answer), crowded=True)
        if answer.status in _AGAIN:
            raise TryAgain(f"the venue failed ({answer.status})", door.retry_after_s(answer))
        try:
            text = answer.data.decode().strip("\ufeff")
        except UnicodeDecodeError as error:
            raise TryAgain("the answer is damaged: no text") from error
        if text.lstrip().startswith("{"):
            return self._judged_json(question, answer.status, text)
        if answer.status != 200:
            raise VenueError(f"alphavantage refused {question.what} with status {answer.status}")
        if not text.startswith("timestamp,"):
            raise TryAgain("the answer is damaged: neither rows nor JSON")
        if not (answer.complete and text.endswith("\n")):
            raise TryAgain("the answer broke off: its last row has no end")
        return text

    def _judged_json(self, question: Question, status: int, text: str) -> str:
        try:
            found = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            said = next(
                (msgspec.json.decode(found[name], type=str) for name in _COMPLAINTS if name in found), ""
            )
        except (msgspec.MsgspecError, RecursionError) as error:
            raise TryAgain("the answer is damaged: no JSON as it should be") from error
        if said:
            self._complain(question, said)
        if status != 200:
            raise VenueError(f"alphavantage refused {question.what} with status {status}")
        if not found:
            raise NoSuchThingError(f"alphavantage has no {question.what}: its answer is empty")
        return text

    def _complain(self, question: Question, said: str) -> None:
        """Raise what a complaint means."""
        assert self._opened is not None, "a complaint about a question that nobody asked"
        _, pace, key = self._opened
        words = said.lower()
        shown = said.replace(key, "(key)")[:SHOWN]
        if "is a premium" in words:
            raise DataError(
                f"the Alpha Vantage plan of this key does not include {question.what}: {shown} Ask for less, "
                "or name another [[history]]"
            )
        if "sparingly" in words or "per minute" in words or "per second" in words:
            raise TryAgain("too many requests in a short time", crowded=True)
        if "per day" in words:
            pace.rest(QUOTA_REST_S, "the venue says that the day's requests of this key are used up")
            raise VenueError(f"alphavantage: {question.what} was refused: {shown}")
        if "invalid api call" in words:
            raise NoSuchThingError(f"alphavantage has no {question.what}: {shown}")
        if "apikey" in words or "api key" in words:
            raise VenueError(f"alphavantage refuses the key: {shown} Check its api_key")
        raise VenueError(f"alphavantage refused {question.what}: {shown}")
