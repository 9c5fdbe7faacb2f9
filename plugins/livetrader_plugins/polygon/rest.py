"""Polygon's REST through its official client, with answers that are whole or an error.

The client (polygon-api-client, or its successor massive) makes the requests: it knows paths, parameters and
headers. Its connection pool is replaced by a door (sdk/rest.py), because left alone it waits without end
where the timeout it was given should hold (polygon 1.16), hides the status of a refusal, takes an answer that
is no JSON for an empty one, and repeats on its own. Pages are followed here for the same reason.

What an answer means:

    200, status OK or DELAYED    data; without rows the venue knows that there are none
    200, anything else           damaged, or a refusal in disguise
    401                          the key is wrong: VenueError
    403, NOT_AUTHORIZED          the plan does not include it: DataError, another history may have it
    404, NOT_FOUND               the venue has no such thing: DataError
    429                          too many requests: wait, then again
    408, 5xx, no connection      again, a few times
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.spi import Context, PluginError, VenueError
from livetrader_plugins.polygon.config import PolygonHistoryConfig, api_key_of
from livetrader_plugins.sdk.pace import Limits, pace_of
from livetrader_plugins.sdk.rest import CONNECTIONS, Answer, Door, Patience, Pool, TryAgain

LIBRARIES: Final = {"polygon": "polygon-api-client", "massive": "massive"}  # module and distribution
MAX_PAGES: Final = 10_000  # of one question; 50,000 rows each, so this is a venue that goes in circles
SHOWN: Final = 200  # characters of a venue's own words in errors
_AGAIN: Final = frozenset({408, 413, 499, 500, 502, 503, 504})
_GOOD: Final = frozenset({"OK", "DELAYED"})

Row = TypeVar("Row")


class Envelope(msgspec.Struct):
    """What every answer has around its rows. `results` is decoded by whoever knows their type."""

    status: str = ""
    results: msgspec.Raw = msgspec.Raw(b"")
    resultsCount: int | None = None
    count: int | None = None
    next_url: str | None = None
    error: str = ""
    message: str = ""


class NoSuchThingError(DataError):
    """The venue answered that it does not have what was asked for (404)."""


class NotEntitledError(DataError):
    """The plan of this key does not include what was asked for (403)."""


class Reply(NamedTuple):
    """What the client hands back unread: it wants `status` and `data`."""

    status: int
    data: bytes
    envelope: Envelope


class Page(NamedTuple):
    """Rows as they came, and whether a plan with delayed data sent them."""

    rows: msgspec.Raw
    announced: int | None  # how many rows the venue says it sent
    delayed: bool
    more: bool


class Client(Protocol):
    """What is used of the official client; its methods take and return anything."""

    BASE: str
    headers: Mapping[str, str]
    client: Any  # its connection pool
    vx: Any

    def __getattr__(self, name: str) -> Any:
        """Return one of the methods that ask."""
        ...


class PolygonRest:
    """Asks Polygon. Thread-safe, synchronous. Nothing is imported or connected before the first question."""

    def __init__(
        self,
        config: PolygonHistoryConfig,
        context: Context,
        wait: Callable[[float], None] | None = None,
    ) -> None:
        """Keep the settings; `wait` replaces waiting, for tests."""
        self._config = config
        self._context = context
        self._wait = wait
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._gate: _Gate | None = None

    @property
    def asked(self) -> int:
        """How many requests were sent."""
        return 0 if self._gate is None else self._gate.door.asked

    def close(self) -> None:
        """Close the connections; idempotent."""
        with self._lock:
            if self._gate is not None:
                self._gate.door.close()

    def pages(self, question: Callable[[Client], object]) -> Iterator[Page]:
        """Yield the pages of an answer, one at a time.

        `question` calls one of the client's methods with `raw=True`. Raises VenueError where the venue did
        not answer whole, DataError for what it does not have: also between two pages.
        """
        client, gate = self._opened()
        said = question(client)
        address = ""
        for _ in range(MAX_PAGES):
            assert isinstance(said, Reply), "the question was not asked with raw=True"
            envelope = said.envelope
            counts = [n for n in (envelope.resultsCount, envelope.count) if n is not None]
            yield Page(envelope.results, min(counts, default=None), envelope.status == "DELAYED",
                       bool(envelope.next_url))  # fmt: skip
            if not envelope.next_url:
                return
            parts = urlsplit(envelope.next_url)
            following = parts.path + (f"?{parts.query}" if parts.query else "")
            if following == address or not parts.path.startswith("/v"):
                raise VenueError(f"polygon: the page after {address or 'the first'} is no page of an answer")
            address = following
            # only path and query: another host would get the key
            said = gate.request("GET", client.BASE + address, headers=client.headers)
        raise VenueError(f"polygon: an answer has more than {MAX_PAGES} pages; ask for less at a time")

    def rows(
        self, question: Callable[[Client], object], decoder: msgspec.json.Decoder[list[Row]]
    ) -> Iterator[Row]:
        """Yield the rows of all pages of an answer. Raises as `pages` does."""
        for page in self.pages(question):
            yield from decoded(page, decoder)

    def _opened(self) -> tuple[Client, _Gate]:
        with self._lock:
            if self._client is None or self._gate is None:
                self._client, self._gate = self._open()
            return self._client, self._gate

    def _open(self) -> tuple[Client, _Gate]:
        config, context = self._config, self._context
        key, name = api_key_of(config.api_key), config.library
        module = _library(name)
        options: dict[str, object] = {"base": config.url.rstrip("/")} if config.url else {}
        client: Client = module.RESTClient(key, retries=0, **options)
        pool: Pool = client.client
        pool.connection_pool_kw["maxsize"] = CONNECTIONS  # type: ignore[attr-defined]  # urllib3's, once more
        limits = Limits(config.requests_per_minute)
        patience = Patience(
            config.connect_timeout_s, config.read_timeout_s, config.patience_s, config.attempts
        )
        pace = pace_of(client.BASE, key, limits, context.monotonic_s)
        gate = _Gate(Door(context, pool, pace, patience, self._wait), key)
        client.client = gate
        client.vx.client = gate
        return client, gate


def decoded(page: Page, decoder: msgspec.json.Decoder[list[Row]]) -> list[Row]:
    """Return the rows of a page. Raises VenueError for rows that are none, or fewer than were announced."""
    raw = bytes(page.rows)
    if raw in (b"", b"null"):
        rows: list[Row] = []
    else:
        try:
            rows = decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise VenueError(f"polygon sent rows that cannot be read: {error}") from error
    if page.announced not in (None, len(rows)):
        raise VenueError(f"polygon announced {page.announced} rows and sent {len(rows)}")
    return rows


class _Gate:
    """Stands where the client expects urllib3's PoolManager."""

    def __init__(self, door: Door, key: str) -> None:
        self.door = door
        self._key = key
        self._decoder = msgspec.json.Decoder(Envelope)

    def request(
        self,
        method: str,
        url: str,
        fields: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and judge its answer."""
        assert method == "GET", "histories only read"
        what = urlsplit(url).path
        return self.door.ask(
            what, url, lambda answer: self._judged(what, answer), fields=fields, headers=headers
        )

    def _judged(self, what: str, answer: Answer) -> Reply:
        if answer.status == 429:
            raise TryAgain("too many requests (429)", self.door.retry_after_s(answer), crowded=True)
        if answer.status in _AGAIN:
            raise TryAgain(f"the venue failed ({answer.status})", self.door.retry_after_s(answer))
        try:
            envelope = self._decoder.decode(answer.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            if answer.status == 200:
                raise TryAgain("the answer is damaged: no JSON as it should be") from error
            envelope = Envelope()
        said = (envelope.error or envelope.message).replace(self._key, "(key)")[:SHOWN]
        if answer.status == 200 and envelope.status in _GOOD:
            if not envelope.results and envelope.resultsCount is None and envelope.count is None:
                raise TryAgain("the answer is damaged: neither rows nor their number")
            return Reply(answer.status, answer.data, envelope)
        self._refuse(what, answer.status, envelope.status, said)
        raise TryAgain(f"the answer has status {envelope.status[:20]!r} and no data: {said or 'no reason'}")

    def _refuse(self, what: str, status: int, word: str, said: str) -> None:
        """Raise for a refusal that no repetition changes; return for an answer that is merely damaged."""
        if status == 401 or "unknown api key" in said.lower():
            raise VenueError(
                f"polygon refuses the key ({status}): {said or 'no reason given'}; check its api_key"
            )
        if status == 403 or word == "NOT_AUTHORIZED":
            raise NotEntitledError(
                f"the Polygon plan of this key does not include {what}: {said or 'no reason given'}; upgrade "
                "it, ask for newer or coarser data, or name another [[history]]"
            )
        if word == "NOT_FOUND":
            raise NoSuchThingError(f"polygon has no {what}: {said or 'not found'}")
        if status == 200 and "maximum requests" in said.lower():
            raise TryAgain("too many requests", crowded=True)
        if status == 404:
            raise VenueError(f"polygon: nothing answers at {what} (404); check the url of the history")
        if status != 200:
            raise VenueError(f"polygon refused {what} with status {status}: {said or 'no reason given'}")


def _library(name: str) -> Any:
    """Import the client library. Raises PluginError naming what to install."""
    wanted = ("polygon", "massive") if name == "auto" else (name,)
    for module in wanted:
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    raise PluginError(
        f"no client for Polygon is installed: pip install {' or '.join(LIBRARIES[one] for one in wanted)}"
    )
