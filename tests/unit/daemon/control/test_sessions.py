from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest

from livetrader.control import budgets, sessions
from livetrader.control.auth import ROLES, Identity, Role, Scope, role_of
from livetrader.control.sessions import CSRF_HEADER
from livetrader.dashboard import assets

Serve = Callable[[], AbstractAsyncContextManager[Any]]
Headers = dict[str, str]


async def make(running: Any, *scopes: Scope, name: str = "dash") -> str:
    """Return the secret of a new token."""
    header = await running.token(*scopes, name=name)
    return str(header["Authorization"].removeprefix("Bearer "))


async def log_in(session: aiohttp.ClientSession, secret: str, **headers: str) -> tuple[Headers, Headers]:
    """Log in; return the headers that look, and those that may act."""
    async with session.post("/v1/session", json={"token": secret}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        csrf = (await answer.json())["csrf"]
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    session.cookie_jar.clear()
    looks = {"Cookie": cookie}
    return looks, looks | {CSRF_HEADER: csrf}


async def status(session: aiohttp.ClientSession, method: str, path: str, headers: Headers) -> int:
    async with session.request(method, path, headers=headers) as answer:
        return answer.status


async def open_sessions(running: Any) -> float:
    async with running.unix() as local, local.get("/metrics") as answer:
        (line,) = re.findall(r"^livetrader_control_sessions (.*)$", await answer.text(), re.MULTILINE)
    return float(line)


def test_a_cookie_looks_and_only_the_page_that_logged_in_acts(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            looks, acts = await log_in(session, await make(running, *ROLES[Role.CONTROL]))
            async with session.get("/v1/session", headers=looks) as answer:
                seen = await answer.json()
            assert (seen["name"], seen["role"], seen["by"], seen["csrf"]) == (
                "dash",
                "control",
                "session",
                "",
            )
            assert seen["expires_ns"] == running.wall_ns + 12 * 3600 * 10**9
            for headers in (looks, looks | {CSRF_HEADER: "guess"}, looks | {CSRF_HEADER: "x" * 500}):
                async with session.post("/v1/halt", headers=headers) as answer:
                    assert (answer.status, (await answer.json())["error"]) == (403, "csrf")
            assert running.operations.asked == []
            assert await status(session, "POST", "/v1/halt", acts) == 202
            assert running.operations.asked == [("halt", "dash", "")]

    asyncio.run(scenario())


def test_a_csrf_is_good_for_its_own_session_only(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            secret = await make(running, Scope.ADMIN)
            looks, _ = await log_in(session, secret)
            _, other = await log_in(session, secret)
            mixed = looks | {CSRF_HEADER: other[CSRF_HEADER]}
            assert await status(session, "POST", "/v1/halt", mixed) == 403
            assert running.operations.asked == []

    asyncio.run(scenario())


def test_a_viewer_sees_everything_and_moves_nothing(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            _, acts = await log_in(session, await make(running, *ROLES[Role.VIEW]))
            assert await status(session, "GET", "/v1/portfolio", acts) == 200
            for path in ("/v1/halt", "/v1/liquidate", "/v1/stop", "/v1/resume"):
                async with session.post(path, headers=acts) as answer:
                    assert (answer.status, (await answer.json())["error"]) == (403, "missing_scope")
            assert running.operations.asked == []

    asyncio.run(scenario())


def test_liquidation_by_a_session_is_pressed_twice(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            _, acts = await log_in(session, await make(running, *ROLES[Role.CONTROL]))
            async with session.post("/v1/liquidate", headers=acts, json={}) as answer:
                assert answer.status == 409
                confirm = (await answer.json())["confirm"]
            assert running.operations.asked == []
            async with session.post("/v1/liquidate", headers=acts, json={"confirm": confirm}) as answer:
                assert answer.status == 202
            assert [kind for kind, _, _ in running.operations.asked] == ["liquidate"]

    asyncio.run(scenario())


def test_logging_out_ends_the_session_and_takes_the_cookie_away(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            looks, acts = await log_in(session, await make(running, Scope.ADMIN))
            assert await status(session, "DELETE", "/v1/session", looks) == 403, "without the csrf"
            async with session.delete("/v1/session", headers=acts) as answer:
                assert answer.status == 200
                assert "Max-Age=0" in answer.headers["Set-Cookie"]
            assert await status(session, "GET", "/v1/status", looks) == 401
            assert await status(session, "POST", "/v1/halt", acts) == 401
            bearer = await running.token(Scope.READ, name="bearer")
            assert await status(session, "DELETE", "/v1/session", bearer) == 409, "a token has no session"

    asyncio.run(scenario())


async def _age(running: Any) -> None:
    running.wall_ns += 12 * 3600 * 10**9


async def _idle(running: Any) -> None:
    running.clock_s += 120 * 60


async def _revoke(running: Any) -> None:
    assert await asyncio.to_thread(running.store.revoke, "dash")
    running.clock_s += 1


@pytest.mark.parametrize("end", [_age, _idle, _revoke])
def test_a_session_ends_with_its_time_its_use_and_its_token(serve: Serve, end: Any) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            looks, acts = await log_in(session, await make(running, Scope.ADMIN))
            assert await status(session, "GET", "/v1/status", looks) == 200
            assert await open_sessions(running) == 1
            await end(running)
            assert await status(session, "GET", "/v1/status", looks) == 401
            assert await open_sessions(running) == 0
            assert await status(session, "POST", "/v1/halt", acts) == 401
            assert running.operations.asked == []

    asyncio.run(scenario())


def test_a_session_in_use_is_not_idle_and_shrinks_with_its_token(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            looks, _ = await log_in(session, await make(running, Scope.ADMIN))
            for _ in range(5):
                running.clock_s += 100 * 60
                assert await status(session, "GET", "/v1/status", looks) == 200
            await asyncio.to_thread(running.store.revoke, "dash")
            await running.token(Scope.READ)  # the name is free again; the new token is another one
            assert await status(session, "GET", "/v1/status", looks) == 401

    asyncio.run(scenario())


def test_guessing_at_the_door_is_slowed_down(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            seen = []
            for number in range(int(budgets.FAILURES_BURST) + 3):
                async with session.post("/v1/session", json={"token": f"lt_{number}"}) as answer:
                    seen.append(answer.status)
                    assert "Set-Cookie" not in answer.headers
            assert seen == [401] * int(budgets.FAILURES_BURST) + [429] * 3

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
    ],
)
def test_pages_of_others_can_neither_log_in_nor_use_a_session(serve: Serve, headers: Headers) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            secret = await make(running, Scope.ADMIN)
            _, acts = await log_in(session, secret)
            async with session.post("/v1/session", json={"token": secret}, headers=headers) as answer:
                assert answer.status == 403 and "Set-Cookie" not in answer.headers
            assert await status(session, "GET", "/v1/status", acts | headers) == 403
            assert await status(session, "POST", "/v1/halt", acts | headers) == 403
            assert running.operations.asked == []

    asyncio.run(scenario())


def test_our_own_page_is_let_through(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            ours = {"Origin": running.url, "Sec-Fetch-Site": "same-origin"}
            _, acts = await log_in(session, await make(running, Scope.ADMIN), **ours)
            assert await status(session, "POST", "/v1/halt", acts | ours) == 202

    asyncio.run(scenario())


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_for_our_server_alone(serve: Serve, scheme: str, secure: bool) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            secret = await make(running, Scope.ADMIN)
            origin = {"Origin": f"{scheme}://127.0.0.1:{running.port}"}
            async with session.post("/v1/session", json={"token": secret}, headers=origin) as answer:
                cookie = SimpleCookie(answer.headers["Set-Cookie"])
            ((name, morsel),) = cookie.items()
            assert name == f"{'__Host-' if secure else ''}livetrader-{running.port}"
            assert morsel["httponly"] and morsel["samesite"] == "Strict" and morsel["path"] == "/"
            assert bool(morsel["secure"]) is secure and not morsel["domain"]
            assert int(morsel["max-age"]) == 12 * 3600
            assert secret not in morsel.value

    asyncio.run(scenario())


def test_a_cookie_that_a_neighbour_planted_does_not_shut_us_out(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            looks, _ = await log_in(session, await make(running, Scope.READ))
            name = looks["Cookie"].partition("=")[0]
            for planted in ("x", "", "y" * 5000, '"quoted; "'):
                headers = {"Cookie": f"other=1; {name}={planted}; {looks['Cookie']}"}
                assert await status(session, "GET", "/v1/status", headers) == 200
            headers = {"Cookie": "; ".join([f"{name}=x"] * sessions.COOKIES_LIMIT + [looks["Cookie"]])}
            assert await status(session, "GET", "/v1/status", headers) == 401, "there is a limit to it"

    asyncio.run(scenario())


def test_a_token_in_the_header_counts_more_than_a_cookie(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            _, acts = await log_in(session, await make(running, Scope.ADMIN))
            reader = await running.token(Scope.READ, name="reader")
            assert await status(session, "POST", "/v1/halt", acts | reader) == 403
            wrong = {"Authorization": "Bearer wrong"}
            assert await status(session, "GET", "/v1/status", acts | wrong) == 401

    asyncio.run(scenario())


def test_there_are_so_many_sessions_and_the_one_unused_longest_goes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_LIMIT", 3)

    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            secret = await make(running, Scope.READ)
            first, second, third = [(await log_in(session, secret))[0] for _ in range(3)]
            assert await status(session, "GET", "/v1/status", first) == 200
            fourth, _ = await log_in(session, secret)
            seen = [await status(session, "GET", "/v1/status", it) for it in (first, second, third, fourth)]
            assert seen == [200, 401, 200, 200]

    asyncio.run(scenario())


def test_a_stream_ends_with_the_session_that_asked_for_it(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            looks, acts = await log_in(session, await make(running, Scope.READ))
            async with session.get("/v1/events", headers=looks) as stream, asyncio.timeout(5):
                assert (await stream.content.readline()).startswith(b"event: status")
                assert await status(session, "DELETE", "/v1/session", acts) == 200
                running.clock_s += 60
                running.operations.write("one more line wakes the stream")
                rest = await stream.content.read()
            assert b"event: training" in rest
            running.operations.write("and nobody hears this one")
            assert running.operations.hub.readers == 0

    asyncio.run(scenario())


def test_logging_in_is_audited_by_name_and_the_token_is_nowhere(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            secret = await make(running, Scope.READ)
            with caplog.at_level("DEBUG"):
                await log_in(session, secret)
            (entry,) = running.audit
            assert (entry.who, entry.route) == ("ip:127.0.0.1", "POST /v1/session")
            assert entry.outcome == "200 session of dash"
            assert secret not in caplog.text and secret not in str(running.audit)

    asyncio.run(scenario())


def test_the_dashboard_is_served_to_anybody_with_its_policy(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
            for path, asset in (await asyncio.to_thread(assets.load)).items():
                async with session.get(path, headers=link) as answer:
                    assert (answer.status, await answer.read()) == (200, asset.body), path
                    headers = answer.headers
                assert headers["Content-Security-Policy"] == assets.CONTENT_SECURITY_POLICY
                assert headers["Content-Type"] == asset.content_type
                assert headers["Cache-Control"] == asset.cache_control
                assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
            again = {"If-None-Match": headers["ETag"]}
            assert await status(session, "GET", path, again) == 304
            assert await status(session, "GET", "/", {"Host": "evil.example"}) == 403
            async with session.post("/", data=b"x") as answer:
                assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
            async with session.head("/") as answer:
                assert (answer.status, await answer.read()) == (200, b"")
            for path in ("/assets/", "/assets/..%2f..%2fetc/passwd", "/index.html"):
                assert await status(session, "GET", path, {}) == 404

    asyncio.run(scenario())


def test_no_answer_may_be_framed_kept_or_run(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            reader = await running.token(Scope.READ, name="reader")
            for path, code in (("/v1/status", 200), ("/v1/halt", 405), ("/v1/none", 404), ("/a%0Ab", 404)):
                async with session.get(path, headers=reader) as answer:
                    assert answer.status == code and (await answer.json()), path
                    headers = answer.headers
                assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
                assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")
                assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            async with session.get("/v1/halt", headers=reader) as answer:
                assert answer.headers["Allow"] == "POST"

    asyncio.run(scenario())


def test_reloading_the_dashboard_costs_nothing_of_the_budget_of_requests(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            seen = [await status(session, "GET", "/", {}) for _ in range(int(budgets.FILES_BURST) + 1)]
            assert seen == [200] * int(budgets.FILES_BURST) + [429]
            looks, _ = await log_in(session, await make(running, Scope.READ))
            assert await status(session, "GET", "/v1/status", looks) == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("scopes", "role"),
    [
        ((Scope.READ,), "view"),
        ((Scope.OPERATE, Scope.LIQUIDATE), "control"),
        ((Scope.READ, Scope.OPERATE, Scope.LIQUIDATE), "control"),
        ((Scope.ADMIN,), "admin"),
        ((Scope.ADMIN, Scope.READ), "admin"),
        ((Scope.OPERATE,), "custom"),
        ((Scope.LIQUIDATE,), "custom"),
        ((), "custom"),
    ],
)
def test_a_role_is_a_name_for_scopes(scopes: tuple[Scope, ...], role: str) -> None:
    assert role_of(scopes) == role


def test_live_control_may_liquidate_and_a_viewer_may_only_look() -> None:
    control = Identity("c", ROLES[Role.CONTROL])
    viewer = Identity("v", ROLES[Role.VIEW])
    assert all(control.may(scope) for scope in (Scope.READ, Scope.OPERATE, Scope.LIQUIDATE))
    assert not control.may(Scope.ADMIN)
    assert [scope for scope in Scope if viewer.may(scope)] == [Scope.READ]
