"""What every request passes before a handler sees it, in this order, cheapest and most telling first:

route, Host and origin, who asks (and from our page, where a session asks for a change), rate, scope, body
and query. Each step raises a `Refusal` or goes on.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Mapping
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from livetrader.control import budgets, refusals
from livetrader.control.auth import Identity, TokenRecord, TokenStore, grant, identify, identify_peer
from livetrader.control.routes import ROUTES, Route
from livetrader.control.sessions import CSRF_HEADER, Sessions, cookie_name, presented
from livetrader.control.sockets import Connection, peer_uid
from livetrader.errors import ConfigError
from livetrader.telemetry.logs import event

BODY_LIMIT: Final = 64 * 1024  # bytes; the largest request of the table is below one kilobyte
ADDRESS_LIMIT: Final = 8 * 1024  # characters of path and query; the longest of the table needs some hundred
LINE_LIMIT: Final = 8 * ADDRESS_LIMIT  # bytes of a line or header: up to here we refuse in our own words
BODY_LIMIT_S: Final = 5.0  # a body that takes longer comes from a broken or hostile client
TOKENS_REFRESH_S: Final = 0.25  # how old the known tokens may be; a revoked one ends that soon
TOKENS_WAIT_S: Final = 0.2  # a disk that hangs must not hold the kill path: the known tokens serve

_BEARER: Final = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]+) *")
_log = logging.getLogger(__name__)


class Peer(msgspec.Struct, frozen=True):
    """The other end of the connection. `uid` is set on the unix socket only."""

    name: str
    uid: int | None


class Router:
    """Finds the row of the route table for a request."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        for route in ROUTES:
            if "{" not in route.path:
                self._exact.setdefault(route.path, {})[route.method] = route
                continue
            pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.path)))
            for known, methods in self._patterns:
                if known.pattern == pattern.pattern:
                    methods[route.method] = route
                    break
            else:
                self._patterns.append((pattern, {route.method: route}))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route and its path parameters. Raises Refusal 404 or 405."""
        methods, parameters = self._exact.get(path), dict[str, str]()
        if methods is None:
            for pattern, candidates in self._patterns:
                match = pattern.fullmatch(path)
                if match:
                    methods, parameters = candidates, match.groupdict()
        if methods is None:
            raise refusals.not_found("such path")
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None or (method == "HEAD" and route.stream):
            raise refusals.wrong_method(", ".join(sorted(methods)))
        return route, parameters


class Gate:
    """The checks that need memory: tokens, sessions and budgets. Owned by the loop.

    `port` is part of the name of the sessions' cookie.
    """

    def __init__(
        self,
        tokens: TokenStore,
        sessions: Sessions,
        hosts: frozenset[str],
        port: int,
        *,
        wall_ns: Callable[[], int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._hosts = hosts
        self._cookies = (cookie_name(port, secure=True), cookie_name(port, secure=False))
        self._wall_ns = wall_ns
        self._monotonic_s = monotonic_s
        self._refreshed_s = float("-inf")
        self._reading = False  # a thread is at it, maybe for ever
        self._general = budgets.RateLimiter(budgets.REQUESTS_PER_S, budgets.REQUESTS_BURST, monotonic_s)
        self._kill = budgets.RateLimiter(
            budgets.KILL_REQUESTS_PER_S, budgets.KILL_REQUESTS_BURST, monotonic_s
        )
        self._files = budgets.RateLimiter(budgets.FILES_PER_S, budgets.FILES_BURST, monotonic_s)
        self._failures = budgets.RateLimiter(budgets.FAILURES_PER_S, budgets.FAILURES_BURST, monotonic_s)

    def check_host(self, headers: Mapping[str, str], peer: Peer) -> None:
        """Refuse a foreign Host (DNS rebinding); not on the unix socket, which no browser reaches."""
        if peer.uid is None and headers.get("Host", "").lower() not in self._hosts:
            raise self._failed(peer.name, refusals.foreign_host(headers.get("Host", "")))

    def check_origin(self, headers: Mapping[str, str], peer: Peer) -> None:
        """Refuse a foreign Host, and requests of web pages that are not ours."""
        self.check_host(headers, peer)
        if "Origin" in headers and not _same_origin(headers["Origin"], headers.get("Host", "")):
            raise self._failed(peer.name, refusals.from_elsewhere())
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise self._failed(peer.name, refusals.from_elsewhere())

    async def identify(self, headers: Mapping[str, str], peer: Peer) -> Identity:
        """Return who asks: the token's owner, the session's, else the local user.

        Raises Refusal 401, or 429 beyond.
        """
        given = headers.get("Authorization")
        cookies = presented(headers.get("Cookie", ""), self._cookies)
        found: Identity | None = None
        if given is not None:
            match = _BEARER.fullmatch(given)
            await self._refresh()
            found = identify(match.group(1), self._tokens.tokens, self._wall_ns()) if match else None
        elif cookies:
            await self._refresh()
            known = (self._sessions.identify(cookie, self._tokens.tokens) for cookie in cookies)
            found = next((who for who in known if who is not None), None)
        elif peer.uid is not None:
            found = identify_peer(peer.uid)
        if found is None:
            raise self._failed(peer.name, refusals.unauthenticated())
        return found

    async def admit(self, secret: str, peer: str) -> TokenRecord:
        """Return the token that somebody logs in with. Raises as `identify` does."""
        await self._refresh()
        who = identify(secret, self._tokens.tokens, self._wall_ns())
        token = next((each for each in self._tokens.tokens if who and each.sha256 == who.token), None)
        if token is None:
            raise self._failed(peer, refusals.unauthenticated())
        return token

    async def holds(self, who: Identity) -> bool:
        """Return whether an identity is still good: its token known, its session open. Counts as its use."""
        if not who.token:
            return True
        await self._refresh()
        if who.session:
            return self._sessions.renew(who.session, self._tokens.tokens) is not None
        token = next((each for each in self._tokens.tokens if each.sha256 == who.token), None)
        return token is not None and grant(token, self._wall_ns()) is not None

    def check_csrf(self, route: Route, who: Identity, headers: Mapping[str, str], peer: Peer) -> None:
        """Raise Refusal 403 where a session asks for a change and the secret of its page is missing."""
        if who.session and route.mutating and not self._sessions.is_ours(who, headers.get(CSRF_HEADER, "")):
            raise self._failed(peer.name, refusals.csrf_missing())

    def check_rate(self, route: Route, caller: str) -> None:
        """Take one request from the caller's budget; the kill path has its own. Raises Refusal 429."""
        wait_s = (self._kill if route.kill else self._general).ask(caller)
        if wait_s:
            raise refusals.too_many(wait_s)

    def check_file_rate(self, peer: Peer) -> None:
        """Take one file of the dashboard from the peer's budget for those. Raises Refusal 429."""
        wait_s = self._files.ask(peer.name)
        if wait_s:
            raise refusals.too_many(wait_s)

    def _failed(self, peer: str, refused: refusals.Refusal) -> refusals.Refusal:
        """Return what a peer is told that was not let in; beyond its budget 429, which nobody audits."""
        wait_s = self._failures.ask(peer)
        return refusals.too_many(wait_s) if wait_s else refused

    async def _refresh(self) -> None:
        now = self._monotonic_s()
        if self._reading or now - self._refreshed_s < TOKENS_REFRESH_S:
            return
        self._refreshed_s = now
        try:
            async with asyncio.timeout(TOKENS_WAIT_S):
                await asyncio.to_thread(self._read_tokens)
        except (OSError, ConfigError) as error:  # a timeout is an OSError, too
            event(_log, logging.ERROR, "tokens_unreadable", detail=str(error),
                  next_step="repair the tokens file; the tokens known before stay in force")  # fmt: skip

    def _read_tokens(self) -> None:
        """Read on a thread, one at a time: a disk that hangs takes one thread and no more."""
        self._reading = True
        try:
            self._tokens.refresh()
        finally:
            self._reading = False


def _same_origin(origin: str, host: str) -> bool:
    """Return whether a page of this origin is one that we serve under this (checked) Host."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() and not parts.path


def check_scope(route: Route, who: Identity) -> None:
    """Raise Refusal 403 where the identity lacks the route's scope."""
    if route.scope is not None and not who.may(route.scope):
        raise refusals.missing_scope(str(route.scope))


def peer_of(request: web.Request) -> Peer:
    """Return the other end of the request's connection."""
    transport = request.transport
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None and connection.family == socket.AF_UNIX:
        uid = peer_uid(cast("Connection", connection))
        return Peer(name=f"uid:{uid}", uid=uid)
    return Peer(name=f"ip:{request.remote or 'unknown'}", uid=None)


def check_address(raw_path: str) -> None:
    """Raise Refusal 400 where path and query are longer than ADDRESS_LIMIT."""
    if len(raw_path) > ADDRESS_LIMIT:
        raise refusals.bad_request(f"Path and query exceed {ADDRESS_LIMIT} characters.")


async def read_body(request: web.Request) -> bytes:
    """Return the body.

    Raises Refusal 413 beyond BODY_LIMIT, without reading on, and 400 where it takes too long.
    """
    if (request.content_length or 0) > BODY_LIMIT:
        raise refusals.too_large(BODY_LIMIT)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            while len(body) <= BODY_LIMIT:
                chunk = await request.content.readany()
                if not chunk:
                    return bytes(body)
                body += chunk
    except TimeoutError:
        raise refusals.bad_request(f"The body took longer than {BODY_LIMIT_S} s.") from None
    raise refusals.too_large(BODY_LIMIT)


def parse_body(route: Route, raw: bytes, content_type: str) -> msgspec.Struct:
    """Return the body as the route's struct; none at all means every default. Raises Refusal 400 or 415."""
    if not raw.strip():
        raw = b"{}"
    elif content_type != "application/json":
        raise refusals.not_json()
    try:
        return msgspec.json.decode(raw, type=route.body)
    except msgspec.DecodeError as error:
        raise refusals.bad_request(f"The body does not fit: {error}.") from error
    except RecursionError as error:
        raise refusals.bad_request("The body is nested too deeply.") from error


def parse_query(route: Route, query: Mapping[str, str]) -> msgspec.Struct:
    """Return the query parameters as the route's struct. Raises Refusal 400."""
    given = list(query.items())
    if len(dict(given)) != len(given):
        raise refusals.bad_request("A query parameter was given twice.")
    try:
        return msgspec.convert(dict(given), route.query, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise refusals.bad_request(f"The query does not fit: {error}.") from error
