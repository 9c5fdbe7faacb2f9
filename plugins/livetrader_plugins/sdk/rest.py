"""Asking a venue over HTTP so that an answer is whole or an error, never less: for histories, in threads.

    Pace    when the next request may be sent; one for each key in a process, whoever asks
    Door    sends it, reads the answer within its deadline, repeats what may go better the next time

An answer is judged by whoever asks (`read`): it returns what was said, raises `TryAgain` for what is worth
another try, VenueError or DataError for what is not. Too many requests (429) are waited out: first as long as
the venue says, else longer each time, and every request with the same key waits along.

What is neither sent nor shown anywhere: the key. Requests are named by `what`, errors of the HTTP library by
their type. Redirects are not followed, because they would take the key to another host.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from random import Random  # noqa: TID251 — only the type; plugins are handed a seeded one
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from livetrader_engine.spi import Context, VenueError
from livetrader_engine.symbols import NS_PER_SECOND

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

ANSWER_LIMIT: Final = 64 * 2**20  # bytes of one answer; 50,000 trades are about 12 MiB
CHUNK: Final = 256 * 1024  # bytes read between two looks at the clock
GZIP: Final = 31  # zlib's word for the gzip format with the largest window
OWN_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})  # where nobody listens on the way
CONNECTIONS: Final = 32  # kept open for later requests; more threads than that open and close theirs
SPACING_S: Final = 0.01  # between two requests of one key: Polygon asks for less than 100 a second
MINUTE_S: Final = 60.0
MARGIN_S: Final = 0.05  # venues count requests as they arrive, which may be closer together than they left
WISH_S: Final = 900.0  # a venue may ask for so much at once; who means more says it again then
REST_S: Final = 6.0  # after a 429 that names no time, twice as long after the next; a window is a minute
RESTS_WITHIN: Final = 3  # so many of these are over within a minute; then its limit was not the reason
BACK_OFF_S: Final = 0.5  # before the first repetition of what failed, twice as long before the next
BACK_OFF_MAX_S: Final = 15.0
TOLD_S: Final = 3.0  # waits from this length on are reported
PACES: Final = 256  # keys in one process; the oldest is forgotten, which costs a 429 at worst

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


class Limits(NamedTuple):
    """How often a key may be used; 0 means that nobody knows, and the venue's refusals say."""

    per_minute: int = 0
    per_day: int = 0


class Pace:
    """Says when the next request of a key may be sent. Thread-safe; waits for nothing.

    A day is 24 hours from the first request: venues do not say when theirs begins.
    """

    def __init__(self, monotonic_s: Callable[[], float], limits: Limits | None = None) -> None:
        self._monotonic_s = monotonic_s
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()  # of the last minute; SPACING_S bounds them
        self._day: deque[float] = deque()  # of the last 24 hours, where those are limited
        self._last_s = -math.inf
        self._resting_until_s = -math.inf
        self._crowded = 0  # refusals since the last answer
        self._why = "it may not be used more often"

    @property
    def why(self) -> str:
        """Why the key has to wait, in words."""
        return self._why

    def take(self) -> float:
        """Take the next place: 0.0 means that it is now, and counts; else ask again in so many seconds.

        Infinity means that the day's requests are used up.
        """
        with self._lock:
            now_s = self._monotonic_s()
            wait_s = max(self._resting_until_s, self._last_s + SPACING_S, self._window_s(now_s)) - now_s
            if self._day_is_full(now_s):
                return math.inf
            if wait_s > 0:
                return wait_s
            self._last_s = now_s
            self._sent.append(now_s)
            if self._limits.per_day:
                self._day.append(now_s)
            return 0.0

    def rest(self, after_s: float | None, why: str = "the venue has had too many requests") -> float:
        """Let all requests of the key wait: as the venue said, or longer each time. Return the seconds."""
        with self._lock:
            self._why = why
            rest_s = self._untold_s() if after_s is None else after_s + MARGIN_S
            self._crowded = min(self._crowded + 1, 8)
            self._resting_until_s = max(self._resting_until_s, self._monotonic_s() + rest_s)
            return rest_s

    def tighten(self, limits: Limits) -> None:
        """Keep to these limits, too."""
        with self._lock:
            pairs = zip(self._limits, limits, strict=True)
            self._limits = Limits(
                *(min(one, other) if one and other else one or other for one, other in pairs)
            )

    def answered(self) -> None:
        """Take note that the venue has answered: it is not crowded any more."""
        with self._lock:
            self._crowded = 0

    def _untold_s(self) -> float:
        """Return how long to rest where the venue does not say: longer each time, up to a minute.

        Most limits are per minute, so there is room again when the oldest request of the last one is over.
        """
        longer_s: float = min(REST_S * 2**self._crowded, MINUTE_S)
        if not self._sent or self._crowded > RESTS_WITHIN:
            return longer_s
        room_s = self._sent[0] + MINUTE_S + MARGIN_S - self._monotonic_s()
        return max(REST_S, min(longer_s, room_s))

    def _window_s(self, now_s: float) -> float:
        """Return when the last minute has room."""
        sent, per_minute = self._sent, self._limits.per_minute
        while sent and sent[0] + MINUTE_S + MARGIN_S <= now_s:
            sent.popleft()
        if not per_minute or len(sent) < per_minute:
            return -math.inf
        return sent[-per_minute] + MINUTE_S + MARGIN_S

    def _day_is_full(self, now_s: float) -> bool:
        while self._day and self._day[0] + 24 * 60 * MINUTE_S <= now_s:
            self._day.popleft()
        return bool(self._limits.per_day) and len(self._day) >= self._limits.per_day


_paces: dict[str, Pace] = {}
_paces_lock = threading.Lock()


def pace_of(url: str, key: str, limits: Limits, monotonic_s: Callable[[], float]) -> Pace:
    """Return the pace of a key at a venue: the same one for everybody in this process.

    Where they name different limits, the stricter ones hold.
    """
    name = hashlib.sha256(repr((url, key)).encode()).hexdigest()
    with _paces_lock:
        found = _paces.pop(name, None) or Pace(monotonic_s, limits)
        found.tighten(limits)
        _paces[name] = found
        while len(_paces) > PACES:
            del _paces[next(iter(_paces))]
        return found


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
        except (HTTPError, OSError, zlib.error) as error:
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
