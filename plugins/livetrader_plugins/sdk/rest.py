"""Asking a venue over HTTP so that an answer is whole or an error, never less: for histories, in threads.

A door sends a request when the pace of the key (pace.py) allows it, reads the answer within its deadline, and
repeats what may go better the next time. An answer is judged by whoever asks (`read`): it returns what was
said, raises `TryAgain` for what is worth another try, VenueError or DataError for what is not. Too many
requests (429) are waited out, and every request with the same key waits along.

What is neither sent nor shown anywhere: the key. Requests are named by `what`, errors of the HTTP library by
their type. Redirects are not followed, because they would take the key to another host.
"""

from __future__ import annotations

import logging
import math
import threading
import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from random import Random  # noqa: TID251 — only the type; plugins are handed a seeded one
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from livetrader_engine.spi import Context, VenueError
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_plugins.sdk.pace import Pace

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

ANSWER_LIMIT: Final = 64 * 2**20  # bytes of one answer; 50,000 trades are about 12 MiB
CHUNK: Final = 256 * 1024  # bytes read between two looks at the clock
GZIP: Final = 31  # zlib's word for the gzip format with the largest window
OWN_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})  # where nobody listens on the way
CONNECTIONS: Final = 32  # kept open for later requests; more threads than that open and close theirs
WISH_S: Final = 900.0  # a venue may ask for so much at once; who means more says it again then
BACK_OFF_S: Final = 0.5  # before the first repetition of what failed, twice as long before the next
BACK_OFF_MAX_S: Final = 15.0
TOLD_S: Final = 3.0  # waits from this length on are reported

Said = TypeVar("Said")


class Answer(NamedTuple):
    """What came back. `complete`: its length was told, so that a cut connection was noticed."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    complete: bool


class TryAgain(Exception):
    """Ask again: the answer was damaged, late or none. `after_s` is what the venue asked for.

    `crowded`: there were too many requests, so all with this key wait, and it counts as no failure.
    """

    def __init__(self, reason: str, after_s: float | None = None, *, crowded: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_s = after_s
        self.crowded = crowded


class Patience(NamedTuple):
    """How long one request may take, in seconds, and how often it is sent.

    `patience_s` is for all of it: waiting for the pace, for the venue's own limits, and for repetitions.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    patience_s: float = 300.0
    attempts: int = 5

    @property
    def body_s(self) -> float:
        """How long an answer may take from its first byte to its last."""
        return 2 * self.read_s


class Pool(Protocol):
    """What is needed of urllib3's PoolManager."""

    def request(self, method: str, url: str, **options: object) -> BaseHTTPResponse:
        """Send a request."""
        ...

    def clear(self) -> None:
        """Close the connections."""
        ...


class Door:
    """Asks one venue. Thread-safe. It blocks, so it is used in threads, never on a loop.

    `wait` replaces waiting, for tests whose clock is their own.
    """

    def __init__(
        self,
        context: Context,
        pool: Pool,
        pace: Pace,
        patience: Patience,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        self._pool = pool
        self._pace = pace
        self._patience = patience
        self._name = context.name
        self._report = context.report
        self._now_ns = context.now_ns
        self._monotonic_s = context.monotonic_s
        self._random: Random = context.random
        self._closed = threading.Event()
        self._wait = wait or self._wait_for_close
        self.asked = 0  # requests that were sent, for whoever counts them

    def close(self) -> None:
        """Close the connections and end all waiting; idempotent."""
        self._closed.set()
        self._pool.clear()

    def ask(
        self,
        what: str,
        url: str,
        read: Callable[[Answer], Said],
        *,
        fields: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """Return what `read` makes of the answer to a GET; `what` names it in reports and errors.

        Raises VenueError when attempts or patience are at their end, and whatever else `read` raises.
        """
        until_s = self._monotonic_s() + self._patience.patience_s
        failures = 0
        while True:
            self._queue(what, until_s)
            try:
                said = read(self._fetch(url, fields, headers))
            except TryAgain as again:
                failures += not again.crowded
                rest_s = self._pause_s(again, failures)
                left_s = until_s - self._monotonic_s()
                if failures >= self._patience.attempts or rest_s > left_s:
                    raise VenueError(self._given_up(what, again, failures, rest_s, left_s)) from again
                self._report(
                    "venue_asked_again", level="warning", venue=self._name, what=what,
                    reason=again.reason, wait_s=round(rest_s, 1),
                )  # fmt: skip
                if not again.crowded:  # what is crowded waits in the queue, with everybody else
                    self._pass(rest_s)
            else:
                self._pace.answered()
                return said

    def _queue(self, what: str, until_s: float) -> None:
        """Wait for the pace. Raises VenueError where that takes longer than there is patience."""
        while (wait_s := self._pace.take()) > 0:
            if wait_s == math.inf:
                raise VenueError(
                    f"{self._name}: {what} was not asked: the day's requests of this key are used up; set "
                    "requests_per_day to what the plan allows, or ask again tomorrow"
                )
            if self._monotonic_s() + wait_s > until_s:
                raise VenueError(
                    f"{self._name}: {what} was not asked, its turn is in {wait_s:.0f} s: {self._pace.why}; "
                    "ask for less, raise patience_s, or buy a faster plan"
                )
            if wait_s >= TOLD_S:
                self._report("venue_paced", venue=self._name, what=what, wait_s=round(wait_s, 1))
            self._pass(wait_s)

    def _pass(self, seconds: float) -> None:
        self._wait(seconds)
        if self._closed.is_set():
            raise VenueError(f"{self._name}: closed while waiting")

    def _wait_for_close(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def _pause_s(self, again: TryAgain, failures: int) -> float:
        if again.crowded:
            return self._pace.rest(again.after_s)
        if again.after_s is not None:
            return again.after_s
        back_off_s: float = min(BACK_OFF_S * 2.0 ** (failures - 1), BACK_OFF_MAX_S)
        return back_off_s * (0.5 + self._random.random() / 2)

    def _given_up(self, what: str, again: TryAgain, failures: int, rest_s: float, left_s: float) -> str:
        if failures >= self._patience.attempts:
            return f"{self._name}: {what} failed {failures} times, the last time because {again.reason}"
        return (
            f"{self._name}: {what} failed because {again.reason}; the next try would be in {rest_s:.0f} s, "
            f"and patience_s has {max(left_s, 0):.0f} s left"
        )

    def _fetch(
        self, url: str, fields: Mapping[str, object] | None, headers: Mapping[str, str] | None
    ) -> Answer:
        """Send it once and read the answer. Raises TryAgain for every way in which the network fails."""
        from urllib3 import Timeout
        from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

        timeout = Timeout(connect=self._patience.connect_s, read=self._patience.read_s)
        self.asked += 1
        try:
            response = self._pool.request(
                "GET", url, fields=fields, headers=headers, timeout=timeout, retries=False,
                redirect=False, preload_content=False,
            )  # fmt: skip
        except NewConnectionError as error:  # urllib3 counts it among the timeouts
            raise TryAgain("no connection came about: refused, or the host is not known") from error
        except ConnectTimeoutError as error:
            raise TryAgain(f"no connection came about within {self._patience.connect_s:g} s") from error
        except ReadTimeoutError as error:
            raise TryAgain(f"no answer began within {self._patience.read_s:g} s") from error
        except (HTTPError, OSError) as error:
            raise TryAgain(f"the connection failed ({type(error).__name__})") from error
        whole = False
        try:
            data = self._body(response)
            whole = True
        except ReadTimeoutError as error:
            raise TryAgain(f"the answer stopped for {self._patience.read_s:g} s") from error
        except (HTTPError, OSError, OverflowError, zlib.error) as error:  # overflow: the length of a chunk
            raise TryAgain(f"the answer broke off ({type(error).__name__})") from error
        finally:
            if not whole:  # what is left of it must not be the beginning of another answer
                response.close()
            response.release_conn()
        told = bool(getattr(response, "chunked", False)) or "content-length" in response.headers
        return Answer(response.status, response.headers, data, told)

    def _body(self, response: BaseHTTPResponse) -> bytes:
        """Read and unpack the body, looking at the clock and at its size between any two arrivals."""
        until_s = self._monotonic_s() + self._patience.body_s
        encoding = (response.headers.get("content-encoding") or "identity").lower()
        if encoding not in {"identity", "gzip"}:
            raise TryAgain(f"the answer is packed as {encoding[:20]!r}, which was not asked for")
        unpack = zlib.decompressobj(GZIP) if encoding == "gzip" else None
        parts: list[bytes] = []
        size = 0
        while part := response.read1(CHUNK, decode_content=False):
            if unpack is not None:
                part = unpack.decompress(part, ANSWER_LIMIT + 1 - size)
            parts.append(part)
            size += len(part)
            if size > ANSWER_LIMIT or (unpack is not None and unpack.unconsumed_tail):
                raise VenueError(f"{self._name}: an answer is longer than {ANSWER_LIMIT >> 20} MiB")
            if self._monotonic_s() > until_s:
                raise TryAgain(f"the answer was not complete within {self._patience.body_s:g} s")
        if unpack is not None and not unpack.eof:
            raise TryAgain("the answer broke off while it was unpacked")
        return b"".join(parts)

    def retry_after_s(self, answer: Answer) -> float | None:
        """Return how long the venue asks to wait, None where it does not say (RFC 9110, 10.2.3).

        A damaged answer must not silence a key for years, so there is a limit.
        """
        text = answer.headers.get("Retry-After", "").strip()
        if not text:
            return None
        try:
            seconds = float(text)
        except ValueError:
            try:
                moment = parsedate_to_datetime(text)
            except ValueError:
                return None
            seconds = moment.timestamp() - self._now_ns() / NS_PER_SECOND
        return min(max(seconds, 0.0), WISH_S) if math.isfinite(seconds) else None


def check_url(url: str) -> None:
    """Refuse an address that would show the key to the network. Raises ValueError with what to write."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ValueError(f"url: {url!r} is no address: {error}") from error
    if not host or parts.scheme not in {"http", "https"}:
        raise ValueError(f"url: {url!r} is no address: it should look like https://api.example.com")
    if parts.scheme == "http" and host not in OWN_HOSTS:
        raise ValueError(f"url: {url!r} would send the key unencrypted: write https://")


class HiddenKeys(logging.Filter):
    """Takes a key out of what the HTTP library writes at its debug level, where keys travel in the URL."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the key; every record passes."""
        if isinstance(record.args, tuple) and self._key:
            record.args = tuple(
                value.replace(self._key, "(key)") if isinstance(value, str) else value
                for value in record.args
            )
        return True
