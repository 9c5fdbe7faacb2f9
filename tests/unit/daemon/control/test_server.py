from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from livetrader.control import budgets
from livetrader.control.auth import Scope, TokenStore
from livetrader.control.gate import ADDRESS_LIMIT, BODY_LIMIT, LINE_LIMIT
from livetrader.control.routes import ROUTES, Route

Serve = Callable[[], AbstractAsyncContextManager]
PATHS = {"/v1/operations/{id}": "/v1/operations/op-0"}


def path_of(route: Route) -> str:
    return PATHS.get(route.path, route.path)


# What each scope may do, written out by hand: the table of the server is tested against this one.
ALLOWED = {
    "POST /v1/halt": {"operate", "admin"},
    "POST /v1/liquidate": {"liquidate", "admin"},
    "POST /v1/cancel": {"operate", "admin"},
    "POST /v1/resume": {"operate", "admin"},
    "POST /v1/training/{job}/cancel": {"operate", "admin"},
    "POST /v1/reconcile": {"operate", "admin"},
    "POST /v1/adopt": {"operate", "admin"},
    "POST /v1/ignore": {"operate", "admin"},
    "POST /v1/flatten": {"liquidate", "admin"},
    "POST /v1/stop": {"operate", "admin"},
    "POST /v1/alerts": {"alert", "operate", "liquidate", "admin"},
    "GET /v1/status": {"read", "operate", "liquidate", "admin"},
    "GET /v1/portfolio": {"read", "operate", "liquidate", "admin"},
    "GET /v1/orders": {"read", "operate", "liquidate", "admin"},
    "GET /v1/training": {"read", "operate", "liquidate", "admin"},
    "GET /v1/reconciliation": {"read", "operate", "liquidate", "admin"},
    "GET /v1/alerts": {"read", "operate", "liquidate", "admin"},
    "GET /v1/log": {"read", "operate", "liquidate", "admin"},
    "GET /v1/operations/{id}": {"read", "operate", "liquidate", "admin"},
    "GET /v1/events": {"read", "operate", "liquidate", "admin"},
    "GET /v1/notifications": {"read", "operate", "liquidate", "admin"},
    "POST /v1/notifications/{id}/ack": {"operate", "admin"},
    "POST /v1/notifications/test": {"operate", "admin"},
    "GET /v1/insights": {"read", "operate", "liquidate", "admin"},
    "GET /v1/deployment": {"read", "operate", "liquidate", "admin"},
    "GET /v1/equity": {"read", "operate", "liquidate", "admin"},
    "GET /v1/charts": {"read", "operate", "liquidate", "admin"},
    "GET /v1/chart": {"read", "operate", "liquidate", "admin"},
    "GET /v1/statistics": {"read", "operate", "liquidate", "admin"},
    "GET /v1/trades": {"read", "operate", "liquidate", "admin"},
    "GET /v1/decisions": {"read", "operate", "liquidate", "admin"},
    "GET /v1/session": {"read", "operate", "liquidate", "admin"},
    "DELETE /v1/session": {"read", "operate", "liquidate", "admin"},
    "GET /metrics": {"read", "operate", "liquidate", "admin"},
}
PUBLIC = {"GET /live", "GET /ready", "GET /openapi.json", "POST /v1/session"}


def test_every_route_stands_in_the_matrix() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == ALLOWED.keys() | PUBLIC


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_route_opens_for_its_scopes_and_for_no_others(serve: Serve, route: Route) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            name = f"{route.method} {route.path}"
            async with session.request(route.method, path_of(route)) as answer:
                assert (answer.status == 401) is (name not in PUBLIC), "without a token"
            for scope in Scope:
                headers = await running.token(scope, name=f"only-{scope}")
                async with session.request(route.method, path_of(route), headers=headers) as answer:
                    assert answer.status < 500
                    refused = answer.status == 403
                    assert refused is (name not in PUBLIC and scope not in ALLOWED[name]), (
                        scope,
                        answer.status,
                    )
                    if refused:
                        body = await answer.json()
                        assert body["error"] == "missing_scope" and body["remedy"]

    asyncio.run(scenario())


def _late_and_gone(store: TokenStore, now_ns: int) -> tuple[str, str]:
    late = store.create("late", [Scope.ADMIN], now_ns=0, expires_ns=now_ns)
    gone = store.create("gone", [Scope.ADMIN], now_ns=0)
    assert store.revoke("gone")
    return late, gone


def test_wrong_expired_and_revoked_tokens_get_401_and_change_nothing(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            good = await running.token(Scope.ADMIN, name="good")
            late, gone = await asyncio.to_thread(_late_and_gone, running.store, running.wall_ns)
            running.clock_s += 1
            for header in (
                f"Bearer {late}",
                f"Bearer {gone}",
                "Bearer x",
                "Basic Zm9v",
                "Bearer",
                good["Authorization"][:-1],
            ):
                async with session.post("/v1/halt", headers={"Authorization": header}) as answer:
                    assert answer.status == 401, header
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert running.operations.asked == []
            async with session.post("/v1/halt", headers=good) as answer:
                assert answer.status == 202
            assert running.operations.asked == [("halt", "good", "")]

    asyncio.run(scenario())


def test_the_daemons_own_user_needs_no_token_on_the_unix_socket(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            assert stat.S_IMODE(running.server.socket_path.stat().st_mode) == 0o660
            async with session.post("/v1/halt", json={"reason": "lunch"}) as answer:
                assert answer.status == 202
                operation = await answer.json()
            assert running.operations.asked == [("halt", f"uid:{os.geteuid()}", "lunch")]
            async with session.get(f"/v1/operations/{operation['id']}") as answer:
                assert (await answer.json())["state"] == "done"
            reader = await running.token(Scope.READ)
            async with session.post("/v1/stop", headers=reader) as answer:
                assert answer.status == 403, "a token sent is the token that counts"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "error", "arguments"),
    [
        (400, "bad_request", {"method": "POST", "url": "/v1/halt", "json": {"why": "x"}}),
        (400, "bad_request", {"method": "POST", "url": "/v1/halt", "json": {"reason": 3}}),
        (400, "bad_request", {"method": "POST", "url": "/v1/halt", "json": {"reason": "x" * 501}}),
        (400, "bad_request", {"method": "POST", "url": "/v1/halt", "json": []}),
        (400, "bad_request", {"method": "GET", "url": "/v1/orders?limit=0"}),
        (400, "bad_request", {"method": "GET", "url": "/v1/orders?limit=5&limit=6"}),
        (400, "bad_request", {"method": "GET", "url": "/v1/status?token=x"}),
        (404, "not_found", {"method": "GET", "url": "/v2/status"}),
        (404, "not_found", {"method": "GET", "url": "/v1/operations/..%2F..%2Fetc"}),
        (404, "not_found", {"method": "POST", "url": "/v1/cancel", "json": {"order": "lt-99"}}),
        (405, "method_not_allowed", {"method": "GET", "url": "/v1/halt"}),
        (405, "method_not_allowed", {"method": "DELETE", "url": "/v1/status"}),
        (415, "not_json", {"method": "POST", "url": "/v1/halt", "data": {"reason": "x"}}),
        (409, "unknown_confirmation", {"method": "POST", "url": "/v1/liquidate", "json": {"confirm": "x"}}),
    ],
)  # fmt: skip
def test_a_bad_request_is_refused_with_a_remedy_and_no_effect(
    serve: Serve, status: int, error: str, arguments: dict[str, object]
) -> None:
    async def scenario() -> None:
        async with (
            serve() as running,
            running.unix() as session,
            session.request(**arguments) as answer,
        ):
            body = await answer.json()
            assert (answer.status, body["error"]) == (status, error)
            assert body["message"] and body["remedy"]
            assert running.operations.asked == []

    asyncio.run(scenario())


async def _endless() -> AsyncIterator[bytes]:
    for _ in range(64):
        yield b" " * 4096


def test_an_oversized_body_is_refused_declared_or_not(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            headers = {"Content-Type": "application/json"}
            for body in (b" " * (BODY_LIMIT + 1), _endless()):
                async with session.post("/v1/halt", data=body, headers=headers) as answer:
                    assert answer.status == 413
                    assert (await answer.json())["error"] == "too_large"
            async with session.post("/v1/halt", data=b" " * BODY_LIMIT, headers=headers) as answer:
                assert answer.status == 202, "the limit itself is allowed"
            assert [kind for kind, _, _ in running.operations.asked] == ["halt"]

    asyncio.run(scenario())


def test_an_address_without_end_is_refused_in_our_own_words(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            for length in (ADDRESS_LIMIT, LINE_LIMIT - 1_000):
                async with session.get("/v1/orders?text=" + "x" * length) as answer:
                    assert (answer.status, (await answer.json())["error"]) == (400, "bad_request")
            teller = await running.token(Scope.ALERT)
            async with session.get("/v1/orders?text=" + "x" * ADDRESS_LIMIT, headers=teller) as answer:
                assert answer.status == 403, "who may not ask is told that first"

    asyncio.run(scenario())


def test_a_flood_gets_429_and_leaves_the_kill_path_open(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            headers = await running.token(Scope.ADMIN)
            other = await running.token(Scope.READ, name="other")
            seen = []
            for _ in range(int(budgets.REQUESTS_BURST) + 5):
                async with session.get("/v1/status", headers=headers) as answer:
                    seen.append(answer.status)
            assert seen == [200] * int(budgets.REQUESTS_BURST) + [429] * 5
            assert int(answer.headers["Retry-After"]) >= 1
            async with session.post("/v1/halt", headers=headers) as answer:
                assert answer.status == 202
            async with session.get("/v1/status", headers=other) as answer:
                assert answer.status == 200, "another token has its own budget"
            running.clock_s += 1
            async with session.get("/v1/status", headers=headers) as answer:
                assert answer.status == 200, "the budget refills"

    asyncio.run(scenario())


def test_guessing_tokens_is_slowed_down_without_locking_out_the_good_one(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            good = await running.token(Scope.LIQUIDATE)
            seen = []
            for number in range(int(budgets.FAILURES_BURST) + 3):
                async with session.get("/v1/status", headers={"Authorization": f"Bearer {number}"}) as answer:
                    seen.append(answer.status)
            assert seen == [401] * int(budgets.FAILURES_BURST) + [429] * 3
            async with session.post("/v1/liquidate", headers=good) as answer:
                assert answer.status == 409

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_requests_of_foreign_web_pages_are_refused(serve: Serve, headers: dict[str, str]) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            token = await running.token(Scope.ADMIN)
            async with session.post("/v1/halt", headers=token | headers) as answer:
                assert answer.status == 403
            assert running.operations.asked == []

    asyncio.run(scenario())


def test_liquidation_wants_a_confirmation_that_is_fresh_and_ones_own(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            mine = await running.token(Scope.LIQUIDATE, name="mine")
            other = await running.token(Scope.LIQUIDATE, name="other")
            async with session.post("/v1/liquidate", headers=mine) as answer:
                asked = await answer.json()
                assert answer.status == 409 and asked["error"] == "confirmation_required"
                assert "2 orders" in asked["message"] and "1 positions" in asked["message"]
            confirm = {"confirm": asked["confirm"], "reason": "fire"}
            async with session.post("/v1/liquidate", headers=other, json=confirm) as answer:
                assert (answer.status, (await answer.json())["error"]) == (409, "unknown_confirmation")
            assert running.operations.asked == []
            async with session.post("/v1/liquidate", headers=mine, json=confirm) as answer:
                first = await answer.json()
                assert answer.status == 202
            async with session.post("/v1/liquidate", headers=mine, json=confirm) as answer:
                assert (answer.status, (await answer.json())["id"]) == (202, first["id"])
            assert running.operations.asked == [("liquidate", "mine", "fire")]
            async with session.get("/v1/portfolio", headers=mine) as answer:
                assert (await answer.json())["holdings"] == []

    asyncio.run(scenario())


def test_orders_of_others_want_a_confirmation_that_named_them(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:

            async def post(**body: object) -> tuple[int, dict[str, Any]]:
                async with session.post("/v1/liquidate", json=body) as answer:
                    return answer.status, await answer.json()

            ours = (await post())[1]["confirm"]
            status, asked = await post(confirm=ours, include_foreign=True)
            assert (status, asked["error"]) == (409, "confirmation_required") and asked["confirm"] != ours
            assert running.operations.asked == []
            assert (await post(confirm=asked["confirm"], include_foreign=True))[0] == 202
            assert (await post(confirm=ours))[0] == 202, "what was confirmed is narrower, and still holds"
            everything = (await post(include_foreign=True))[1]["confirm"]
            assert (await post(confirm=everything))[0] == 202, "less than was confirmed"
            kinds = [kind for kind, _, _ in running.operations.asked]
            assert kinds == ["liquidate with foreign orders", "liquidate", "liquidate"]

    asyncio.run(scenario())


def test_a_confirmation_expires(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            async with session.post("/v1/liquidate") as answer:
                confirm = {"confirm": (await answer.json())["confirm"]}
            running.clock_s += budgets.CONFIRM_S
            async with session.post("/v1/liquidate", json=confirm) as answer:
                assert answer.status == 409
            assert running.operations.asked == []

    asyncio.run(scenario())


def test_resume_after_a_liquidation_wants_the_kill_id(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            await running.operations.liquidate(who="test", reason="", include_foreign=False)
            async with session.post("/v1/resume") as answer:
                assert (answer.status, (await answer.json())["error"]) == (409, "refused")
            async with session.post("/v1/resume", json={"kill_id": "kill-1"}) as answer:
                assert answer.status == 202
            assert not running.operations.halted

    asyncio.run(scenario())


def test_an_idempotency_key_runs_a_request_once(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            key = {"Idempotency-Key": "abc"}
            running.operations.held = asyncio.Event()

            async def post(body: dict[str, str]) -> tuple[int, dict[str, str]]:
                async with session.post("/v1/cancel", json=body, headers=key) as answer:
                    return answer.status, await answer.json()

            async with asyncio.TaskGroup() as group:
                first, second = group.create_task(post({})), group.create_task(post({}))
                async with asyncio.timeout(5):
                    await running.operations.first_asked.wait()
                running.operations.held.set()
            assert first.result() == second.result()
            assert first.result()[0] == 202
            assert await post({}) == first.result()
            assert [kind for kind, _, _ in running.operations.asked] == ["cancel"]
            assert (await post({"order": "lt-1"}))[0] == 422

    asyncio.run(scenario())


def test_a_failed_request_does_not_spend_its_idempotency_key(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            key = {"Idempotency-Key": "abc"}
            running.operations.failure = RuntimeError("planted")
            async with session.post("/v1/cancel", headers=key) as answer:
                assert answer.status == 500
                assert "planted" not in await answer.text(), "the inside stays inside"
            running.operations.failure = None
            async with session.post("/v1/cancel", headers=key) as answer:
                assert answer.status == 202

    asyncio.run(scenario())


def test_a_crowd_of_keys_makes_no_request_at_work_forgotten() -> None:
    async def scenario() -> None:
        keys = budgets.IdempotencyKeys(lambda: 0.0)
        assert keys.claim("me", "slow", b"liquidate") is None
        for number in range(2 * budgets.KEYS_LIMIT):
            assert keys.claim("other", str(number), b"halt") is None
            keys.settle("other", str(number), budgets.Answer(202, b"{}"))
        assert keys.claim("me", "slow", b"liquidate") is not None
        assert keys.claim("other", "0", b"another") is None, "the oldest that was answered gave way"

    asyncio.run(scenario())


def test_every_mutating_call_is_audited_with_its_outcome(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            reader, operator = (
                await running.token(Scope.READ, name="reader"),
                await running.token(Scope.OPERATE, name="op"),
            )
            for headers, body in ((reader, {}), (operator, {"x": 1}), (operator, {"reason": "y"}), ({}, {})):
                async with session.post("/v1/halt", headers=headers, json=body):
                    pass
            async with session.get("/v1/status", headers=reader):
                pass
            assert [(entry.who, entry.route, entry.outcome) for entry in running.audit] == [
                ("reader", "POST /v1/halt", "403 missing_scope"),
                ("op", "POST /v1/halt", "400 bad_request"),
                ("op", "POST /v1/halt", "202"),
                ("ip:127.0.0.1", "POST /v1/halt", "401 unauthenticated"),
            ]
            assert len({entry.body_sha256 for entry in running.audit}) == 3

    asyncio.run(scenario())


def test_live_ready_and_metrics_tell_the_truth(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            async with session.get("/ready") as answer:
                assert (answer.status, await answer.json()) == (200, {"ready": True, "reasons": {}})
            running.operations.reasons = {"brokerage": "disconnected"}
            running.operations.alive = False
            async with session.get("/ready") as answer:
                assert answer.status == 503
                assert (await answer.json())["reasons"] == {"brokerage": "disconnected"}
            async with session.get("/live") as answer:
                assert (answer.status, await answer.json()) == (503, {"live": False})
            async with session.get("/metrics") as answer:
                text = await answer.text()
            assert "livetrader_equity 101500.25" in text
            assert "livetrader_ready 0.0" in text
            assert 'livetrader_control_requests_total{code="503",route="/ready"} 1.0' in text

    asyncio.run(scenario())
