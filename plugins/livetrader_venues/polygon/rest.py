"""The REST API: who may ask, how often, and who answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from livetrader_venues.polygon import history, prices, reference
from livetrader_venues.polygon.access import Access, delay_of
from livetrader_venues.polygon.pages import Query, Refusal, query_of
from livetrader_venues.stockmarket.clocks import midnight_ns
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.tape import MINUTE_NS
from livetrader_venues.web.http import Request, Response

NOT_ENTITLED = "You are not entitled to this data. Please upgrade your plan at https://polygon.io/pricing"
TOO_OLD = (
    "Your plan doesn't include this data timeframe. Please upgrade your plan at https://polygon.io/pricing"
)
TOO_FAST = (
    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. "
    "https://polygon.io/pricing"
)
_JSON = (("Content-Type", "application/json"),)
_encode = msgspec.json.Encoder().encode

Body = dict[str, object] | list[dict[str, object]]


class Rest:
    """Owns the counts of requests. The rest is a function of the market and the time."""

    def __init__(self, market: Market, access: Iterable[Access], clock: Callable[[], int]) -> None:
        self._market = market
        self._keys = {each.key: each for each in access}
        self._asked: dict[str, deque[int]] = {}
        self._clock = clock

    def answer(self, request: Request, known_ns: int) -> Response:
        """Return what the venue answers, when it knows the market up to a time."""
        try:
            access = self._admitted(request)
            query = query_of(request, known_ns - delay_of(access))
            body = self._body(access, query)
        except Refusal as refusal:
            return Response(refusal.http_status, _encode(refusal.body), self._headers(request, refusal))
        if delay_of(access) and isinstance(body, dict) and body.get("status") == "OK":
            body["status"] = "DELAYED"
        return Response(200, _encode(body), _JSON)

    def _admitted(self, request: Request) -> Access:
        key = request.headers.get("authorization", "").removeprefix("Bearer ") or request.query.get(
            "apiKey", ""
        )
        if not key:
            raise Refusal(401, "ERROR", "API Key was not provided")
        access = self._keys.get(key)
        if access is None:
            raise Refusal(401, "ERROR", "Unknown API Key")
        if not access.rest:
            raise Refusal(403, "NOT_AUTHORIZED", NOT_ENTITLED, key="message")
        if access.requests_per_minute:
            asked = self._asked.setdefault(key, deque())
            now_ns = self._clock()
            while asked and asked[0] <= now_ns - MINUTE_NS:
                asked.popleft()
            if len(asked) >= access.requests_per_minute:
                raise Refusal(429, "ERROR", TOO_FAST)
            asked.append(now_ns)
        return access

    def _headers(self, request: Request, refusal: Refusal) -> tuple[tuple[str, str], ...]:
        if refusal.http_status != 429:
            return _JSON
        key = request.headers.get("authorization", "").removeprefix("Bearer ") or request.query.get(
            "apiKey", ""
        )
        wait_s = self._keys[key].retry_after_s
        return _JSON if wait_s is None else (*_JSON, ("Retry-After", f"{wait_s:g}"))

    def _body(self, access: Access, query: Query) -> Body:
        parts = query.path.strip("/").split("/")
        for pattern, answer in _ROUTES:
            found = _match(pattern, parts)
            if found is not None:
                return answer(self._market, access, query, found)
        raise Refusal(404, "NOT_FOUND", f"nothing is at {query.path}", key="message")


def _match(pattern: Sequence[str], parts: Sequence[str]) -> list[str] | None:
    """Return the parts of a path that stand for "*", None where the pattern is another."""
    if len(pattern) != len(parts):
        return None
    if any(wanted not in ("*", part) for wanted, part in zip(pattern, parts, strict=True)):
        return None
    return [part for wanted, part in zip(pattern, parts, strict=True) if wanted == "*"]


def _entitled(access: Access, ticker: str, *, to: bool = True, since: int | None = None) -> None:
    """Raise Refusal for what a plan lacks."""
    kind = "options" if ticker.startswith("O:") else "indices" if ticker.startswith("I:") else "stocks"
    if kind not in access.markets or not to:
        raise Refusal(403, "NOT_AUTHORIZED", NOT_ENTITLED, key="message")
    first = access.history_from
    if first is not None and since is not None and since < midnight_ns(first):
        raise Refusal(403, "NOT_AUTHORIZED", TOO_OLD, key="message")


def _aggregates(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    _entitled(access, found[0], since=history.first_ns(found[3]))
    return history.aggregates(market, query, found)


def _trades(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    _entitled(access, found[0], to=access.trades)
    return history.trades(market, query, found[0])


def _quotes(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    _entitled(access, found[0], to=access.quotes)
    return history.quotes(market, query, found[0])


def _last_trade(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    _entitled(access, found[0], to=access.trades)
    return prices.last_trade(market, query, found[0])


def _last_quote(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    _entitled(access, found[0], to=access.quotes)
    return prices.last_quote(market, query, found[0])


def _exchanges(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    return reference.exchanges()


def _conditions(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    return reference.conditions(query)


def _status(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    return reference.market_status(query.known_ns)


def _upcoming(market: Market, access: Access, query: Query, found: list[str]) -> Body:
    return reference.upcoming(query.known_ns)


Route = Callable[[Market, Access, Query, list[str]], Body]
_PATHS: tuple[tuple[str, Route], ...] = (
    ("v2/aggs/ticker/*/range/*/*/*/*", _aggregates),
    ("v2/aggs/ticker/*/prev", lambda market, access, query, found: prices.previous(market, query, found[0])),
    (
        "v2/aggs/grouped/locale/us/market/stocks/*",
        lambda market, access, query, found: prices.grouped(market, query, found[0]),
    ),
    ("v1/open-close/*/*", lambda market, access, query, found: prices.open_close(market, query, *found)),
    ("v3/trades/*", _trades),
    ("v3/quotes/*", _quotes),
    ("v2/last/trade/*", _last_trade),
    ("v2/last/nbbo/*", _last_quote),
    ("v3/reference/tickers", lambda market, access, query, found: reference.tickers(market, query)),
    (
        "v3/reference/tickers/*",
        lambda market, access, query, found: reference.ticker(market, query, found[0]),
    ),
    (
        "vX/reference/tickers/*/events",
        lambda market, access, query, found: reference.ticker_events(market, query, found[0]),
    ),
    ("v3/reference/splits", lambda market, access, query, found: reference.splits(market, query)),
    ("v3/reference/dividends", lambda market, access, query, found: reference.dividends(market, query)),
    (
        "v3/reference/options/contracts",
        lambda market, access, query, found: reference.contracts(market, query),
    ),
    (
        "v3/reference/options/contracts/*",
        lambda market, access, query, found: reference.contract(market, found[0]),
    ),
    ("v3/reference/conditions", _conditions),
    ("v3/reference/exchanges", _exchanges),
    ("v1/marketstatus/now", _status),
    ("v1/marketstatus/upcoming", _upcoming),
)
_ROUTES = tuple((path.split("/"), answer) for path, answer in _PATHS)
