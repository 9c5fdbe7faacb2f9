from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from livetrader.supervisor import insights
from livetrader_engine.commands import NoteInsight
from livetrader_engine.symbols import SecurityType, Symbol
from tests.unit.daemon.control.results import TIME_NS

SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
IBM = Symbol.create("IBM R735QTJ8XC9X", "IBM", SecurityType.EQUITY, "usa")
Serve = Callable[[], AbstractAsyncContextManager[Any]]


def test_results_are_handed_out_as_their_owner_has_them(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:

            async def get(path: str, status: int = 200) -> Any:
                async with session.get(path) as answer:
                    assert answer.status == status, await answer.text()
                    return await answer.json()

            equity = await get("/v1/equity?spacing=10minute&limit=5")
            assert (equity["spacing"], equity["points"][0]["close"]) == ("10minute", "101500.25")
            assert (await get("/v1/equity"))["spacing"] == "minute"
            assert (await get(f"/v1/equity?since_ns={1_700_000_000_000_000_000}"))["points"] == []
            (name,) = await get("/v1/charts")
            assert name == {"name": "Own", "series": ["price"], "own": True}
            chart = await get("/v1/chart?name=Own&limit=2")
            assert [point["values"] for point in chart["series"][0]["points"]] == [[3.0], [4.0]]
            assert (await get("/v1/chart?name=Nobody%27s", 404))["remedy"] == "GET /v1/charts names them."
            assert (await get("/v1/chart", 400))["error"] == "bad_request"
            assert (await get("/v1/equity?spacing=hour", 400))["error"] == "bad_request"
            assert (await get("/v1/statistics"))["summary"] == {"Sharpe Ratio": "1.5"}
            assert (await get("/v1/trades?limit=1"))[0]["ticker"] == "SPY"
            assert (await get("/v1/deployment"))["id"] == "L-123456789"
            running.operations.results.named = False
            assert (await get("/v1/deployment", 404))["error"] == "not_found"

    asyncio.run(scenario())


def test_orders_and_lines_of_the_log_are_asked_for_page_by_page(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            for number in range(6):
                running.operations.write(f"line {number} {'odd' if number % 2 else 'even'}")

            async def get(path: str) -> Any:
                async with session.get(path) as answer:
                    assert answer.status == 200, await answer.text()
                    return await answer.json()

            page = await get("/v1/log?text=ODD&limit=2")
            assert [line["sequence"] for line in page["lines"]] == [4, 6] and page["next_sequence"] == 6
            page = await get("/v1/log?text=odd&limit=2&before=4")
            assert [line["sequence"] for line in page["lines"]] == [2]
            assert (await get("/v1/log?level=warning"))["lines"] == []
            assert (await get("/v1/log?source=daemon"))["lines"] == []
            assert len((await get("/v1/log?source=algorithm&level=info&after=2"))["lines"]) == 4
            first = await get("/v1/orders?limit=1")
            assert [order["id"] for order in first] == [2]
            rest = await get(f"/v1/orders?before={first[0]['client_order_id']}")
            assert [order["id"] for order in rest] == [1]

    asyncio.run(scenario())


def test_insights_come_newest_first_by_symbol_and_while_they_hold(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            book = running.operations.decisions.book
            for number, symbol in enumerate((SPY, SPY, IBM)):
                close_ns = TIME_NS + number - 1  # the first is over
                book.take(NoteInsight(f"id-{number}", TIME_NS - 5, close_ns, symbol, "price", "up", 0.5))

            async def ids(query: str) -> list[str]:
                async with session.get(f"/v1/insights{query}") as answer:
                    assert answer.status == 200, await answer.text()
                    found = await answer.json()
                assert found["total"] == book.total
                return [each["id"] for each in found["insights"]]

            assert await ids("") == ["id-2", "id-1", "id-0"]
            assert await ids("?active=true") == ["id-2", "id-1"]
            assert await ids("?symbol=SPY&limit=1") == ["id-1"]
            for number in range(insights.INSIGHTS_KEPT):
                book.take(NoteInsight(f"more-{number}", TIME_NS, TIME_NS, SPY, "price", "flat"))
            assert await ids("?symbol=IBM") == [], "what is too old is forgotten"

    asyncio.run(scenario())
