"""The HTTP control API on the supervisor's loop, and the dashboard: unix socket always, TCP by a port.

Does not decide anything about trading: it checks who asks, passes the wish on to `Operations`, and writes
the audit trail.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from livetrader import clocks
from livetrader.control import gate, refusals
from livetrader.control.auth import Identity, TokenStore
from livetrader.control.budgets import KEY_CHARACTERS_LIMIT, Answer, Confirmations, IdempotencyKeys
from livetrader.control.calls import Call, Reply, Services
from livetrader.control.gauges import show_status
from livetrader.control.http_headers import ANSWER
from livetrader.control.openapi import document
from livetrader.control.operations import Operations
from livetrader.control.pages import METRIC_ROUTE, Pages
from livetrader.control.routes import Route
from livetrader.control.sessions import Limits, Sessions
from livetrader.control.sockets import listen
from livetrader.control.streams import Streams
from livetrader.errors import ConfigError, ControlRefusedError
from livetrader.journal.records import AuditEntry
from livetrader.settings import ControlSettings, Settings
from livetrader.telemetry.logs import event
from livetrader.telemetry.metrics import Metrics

SOCKET_NAME: Final = "control.sock"
IDLE_CONNECTION_S: Final = 30.0
SHUTDOWN_S: Final = 2.0  # for requests at work when the server stops
EVENT_STREAM: Final = "text/event-stream"
SECONDS_PER_HOUR: Final = 3600.0
SECONDS_PER_MINUTE: Final = 60.0

_log = logging.getLogger(__name__)


class ControlServer:
    """The server. Owned by the supervisor; `start` and `stop` once each.

    `audit` is called for every mutating request but those beyond a rate limit (which change nothing, and a
    flood must not fill the journal); it must not block.
    """

    def __init__(
        self,
        operations: Operations,
        settings: Settings,
        *,
        metrics: Metrics,
        audit: Callable[[AuditEntry], None],
        wall_ns: Callable[[], int] = clocks.wall_ns,
        monotonic_s: Callable[[], float] = clocks.monotonic_s,
    ) -> None:
        folder, control = settings.account.state_directory, settings.control
        if folder is None:
            raise ConfigError([f"{settings.source}: account.state_directory: is missing; set it"])
        self.socket_path: Path = folder / SOCKET_NAME
        self._control = control
        self._operations = operations
        self._metrics = metrics
        self._audit = audit
        self._wall_ns = wall_ns
        self._monotonic_s = monotonic_s
        self._tokens = TokenStore(control.tokens_file or folder / "tokens.json")
        self._router = gate.Router()
        sessions = self._sessions = Sessions(_session_limits(control), wall_ns, monotonic_s)
        self._gate = gate.Gate(
            self._tokens, sessions, _hosts(control), control.port, wall_ns=wall_ns, monotonic_s=monotonic_s
        )
        self._pages = Pages()
        self._keys = IdempotencyKeys(monotonic_s)
        self._services = Services(
            operations=operations,
            confirmations=Confirmations(lambda: secrets.token_hex(8), monotonic_s),
            desk=LogInDesk(self._gate, sessions, control.port, settings.account.name, wall_ns),
            scrape=self._scrape,
            document=lambda: msgspec.json.encode(document()),
        )
        self._runner: web.AppRunner | None = None
        self._streams = Streams(metrics, monotonic_s)

    async def start(self) -> None:
        """Listen. Raises ConfigError where a socket cannot be had or the tokens file is not safe."""
        control = self._control
        if control.port and not control.is_local and control.tls_key is None:
            raise ConfigError(
                [f"control.host: {control.host!r} is not loopback and there is no TLS; set both files"]
            )
        await asyncio.to_thread(self._tokens.ensure)
        await asyncio.to_thread(self._tokens.refresh)
        await asyncio.to_thread(self._pages.load)
        app = web.Application(client_max_size=gate.BODY_LIMIT)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._handle)  # a path may hold anything
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=IDLE_CONNECTION_S,
            shutdown_timeout=SHUTDOWN_S,
            max_line_size=gate.LINE_LIMIT,
            max_field_size=gate.LINE_LIMIT,
        )
        await self._runner.setup()
        try:
            await web.SockSite(self._runner, await asyncio.to_thread(listen, self.socket_path)).start()
            if control.port:
                context = await asyncio.to_thread(_tls, control)
                await web.TCPSite(self._runner, control.host, control.port, ssl_context=context).start()
        except ConfigError:
            await self.stop()
            raise
        except OSError as error:
            await self.stop()
            problem = f"{control.host}:{control.port} cannot be listened on: {error.strerror}"
            raise ConfigError([f"control.port: {problem}; choose another port, or 0 for none"]) from error
        event(_log, logging.INFO, "control_listening", socket=str(self.socket_path), host=control.host,
              port=control.port)  # fmt: skip

    async def stop(self) -> None:
        """Stop listening, end the streams, give requests at work SHUTDOWN_S; idempotent."""
        self._streams.close()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
            await asyncio.to_thread(self.socket_path.unlink, missing_ok=True)

    # -- one request

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        peer = gate.peer_of(request)
        row = METRIC_ROUTE if self._pages.has(request.path) else "unknown"
        outcome: web.StreamResponse
        begun_s = self._monotonic_s()
        try:
            if row == METRIC_ROUTE:
                outcome = self._pages.answer(request, self._gate, peer)
            else:
                route, parameters = self._router.find(request.method, request.path)
                row = route.path
                outcome = await self._serve(request, route, parameters, peer)
        except refusals.Refusal as refused:
            outcome = _refused(refused)
        except Exception:  # noqa: BLE001 — boundary: a fault in one request must not take the daemon with it
            _log.exception("request failed", extra={"action": "request_failed", "path": request.path})
            outcome = _refused(refusals.internal("answer"))
        self._metrics.requests.labels(row, str(outcome.status)).inc()
        if outcome.content_type != EVENT_STREAM:  # which lasts as long as its reader does
            self._metrics.request_seconds.observe(self._monotonic_s() - begun_s)
        return outcome

    async def _serve(
        self, request: web.Request, route: Route, parameters: dict[str, str], peer: gate.Peer
    ) -> web.StreamResponse:
        who, raw = Identity(name=peer.name, scopes=frozenset()), b""
        outcome = "failed"
        try:
            self._gate.check_origin(request.headers, peer)
            if route.scope is not None:
                who = await self._gate.identify(request.headers, peer)
                self._gate.check_csrf(route, who, request.headers, peer)
            self._gate.check_rate(route, who.name)
            gate.check_scope(route, who)
            gate.check_address(request.raw_path)
            raw = await gate.read_body(request)
            body = gate.parse_body(route, raw, request.content_type)
            query = gate.parse_query(route, request.query)
            call = Call(
                services=self._services, who=who, body=body, query=query, parameters=parameters,
                peer=peer.name, secure=_is_secure(request), accept=request.headers.get("Accept", ""),
            )  # fmt: skip
            if route.stream:
                return await self._stream(request, route, call)
            answer = await self._once(request, route, call, raw)
            outcome = f"{answer.status} {answer.note}".rstrip()
            headers = ANSWER | {"Content-Type": answer.content_type}
            if answer.cookie:
                headers["Set-Cookie"] = answer.cookie
            return web.Response(status=answer.status, body=answer.body, headers=headers)
        except refusals.Refusal as refused:
            outcome = f"{refused.status} {refused.body.error}"
            raise
        finally:
            if route.mutating and not outcome.startswith("429"):
                self._record(f"{route.method} {_asked(route, parameters)}", who, raw, outcome)

    async def _once(self, request: web.Request, route: Route, call: Call, raw: bytes) -> Answer:
        """Run the handler, but only once per Idempotency-Key."""
        key = request.headers.get("Idempotency-Key")
        if key is None or not route.keyed:
            return await self._run(route, call)
        if not 0 < len(key) <= KEY_CHARACTERS_LIMIT:
            raise refusals.bad_request(f"An Idempotency-Key has 1 to {KEY_CHARACTERS_LIMIT} characters.")
        path = _asked(route, call.parameters)
        fingerprint = hashlib.sha256(path.encode() + b"\n" + raw).digest()
        try:
            first = self._keys.claim(call.who.name, key, fingerprint)
        except ValueError:
            raise refusals.key_reused() from None
        if first is not None:
            await asyncio.wait([first])
            if first.cancelled():
                raise refusals.refused_now(
                    "The first request with this Idempotency-Key failed; send it again."
                )
            return first.result()
        answer: Answer | None = None
        try:
            answer = await self._run(route, call)
            return answer
        finally:
            self._keys.settle(call.who.name, key, answer)

    async def _run(self, route: Route, call: Call) -> Answer:
        try:
            reply = await route.handler(call)
        except ControlRefusedError as error:
            raise refusals.refused_now(str(error)) from error
        body = reply.raw if reply.raw is not None else msgspec.json.encode(reply.value)
        return Answer(reply.status, body, reply.content_type, reply.cookie, reply.note)

    def _record(self, route: str, who: Identity, raw: bytes, outcome: str) -> None:
        entry = AuditEntry(
            time_ns=self._wall_ns(),
            who=who.name,
            route=route,
            body_sha256=hashlib.sha256(raw).hexdigest(),
            outcome=outcome,
        )
        self._audit(entry)
        event(_log, logging.INFO, "control_request", who=entry.who, route=entry.route, outcome=outcome)

    def _scrape(self, accept: str) -> tuple[bytes, str]:
        show_status(self._metrics, self._operations.status(), len(self._operations.portfolio().holdings))
        self._metrics.stream_readers.set(len(self._streams))
        self._metrics.sessions.set(len(self._sessions))
        return self._metrics.exposition_as(accept)

    async def _stream(self, request: web.Request, route: Route, call: Call) -> web.StreamResponse:
        reply: Reply = await route.handler(call)
        if reply.stream is None:
            raise refusals.internal("stream")
        return await self._streams.serve(
            request, reply.stream, reply.content_type, lambda: self._gate.holds(call.who)
        )


class LogInDesk:
    """What the handlers of sessions may use of the gate."""

    def __init__(
        self, keeper: gate.Gate, sessions: Sessions, port: int, account: str, wall_ns: Callable[[], int]
    ) -> None:
        self.sessions = sessions
        self.port = port
        self.account = account
        self.wall_ns = wall_ns
        self.admit = keeper.admit


def _refused(refused: refusals.Refusal) -> web.Response:
    headers = ANSWER | {"Content-Type": "application/json"}
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refused.allow:
        headers["Allow"] = refused.allow
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(refused.retry_after_s + 0.5)))
    return web.Response(status=refused.status, body=msgspec.json.encode(refused.body), headers=headers)


def _is_secure(request: web.Request) -> bool:
    """Return whether the browser speaks TLS: to us, or, as its page's origin says, to a proxy of ours."""
    return request.secure or request.headers.get("Origin", "").lower().startswith("https://")


def _asked(route: Route, parameters: dict[str, str]) -> str:
    """Return the path that was asked for, from the row of the table: nothing else of the request is in it."""
    return route.path.format_map(parameters)


def _session_limits(control: ControlSettings) -> Limits:
    return Limits(
        age_s=control.session_hours * SECONDS_PER_HOUR,
        idle_s=control.session_idle_minutes * SECONDS_PER_MINUTE,
    )


def _hosts(control: ControlSettings) -> frozenset[str]:
    """Return every value of the Host header that means us."""
    names = {"127.0.0.1", "localhost", "[::1]", control.host, *control.allowed_hosts}
    return frozenset(
        form.lower()
        for name in names
        for form in (name, f"{name}:{control.port}", f"[{name}]:{control.port}")
    )


def _tls(control: ControlSettings) -> ssl.SSLContext | None:
    if control.tls_certificate is None or control.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(control.tls_certificate, control.tls_key)
    except OSError as error:  # that of TLS is one, too
        problem = f"{control.tls_certificate} and {control.tls_key} cannot be used: {error}"
        raise ConfigError(
            [f"control.tls_certificate: {problem}; name a PEM certificate and its key"]
        ) from error
    return context
