from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from livetrader.control.openapi import document
from livetrader.control.routes import ROUTES

HTTP_METHODS = {"get", "post", "delete"}


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_document_has_the_shape_that_openapi_3_1_asks_for() -> None:
    described = document()
    assert re.fullmatch(r"3\.1\.\d", described["openapi"])
    assert {"title", "version"} <= described["info"].keys()
    seen = set()
    for path, method, operation in operations(described):
        assert path.startswith("/") and method in HTTP_METHODS
        assert operation["operationId"] not in seen
        seen.add(operation["operationId"])
        assert operation["responses"]
        for code, answer in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", code) and answer["description"]
        named = {item["name"] for item in operation.get("parameters", []) if item["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))
        for parameter in operation.get("parameters", []):
            assert parameter["schema"] and parameter["in"] in ("path", "query", "header")


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    described = document()
    named = set(references(described))
    assert named == {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}


def test_it_says_what_the_route_table_says() -> None:
    described = document()
    told = {(method.upper(), path) for path, method, _ in operations(described)}
    assert told == {(route.method, route.path) for route in ROUTES}
    liquidate = described["paths"]["/v1/liquidate"]["post"]
    assert liquidate["security"] == [{"token": ["liquidate"]}, {"session": ["liquidate"]}]
    assert {"202", "401", "403", "409", "413", "429"} <= liquidate["responses"].keys()
    schema = described["components"]["schemas"]["LiquidateBody"]
    assert (
        set(schema["properties"]) == {"reason", "confirm", "include_foreign"}
        and schema["additionalProperties"] is False
    )
    assert described["paths"]["/live"]["get"]["security"] == []


def test_it_is_served(serve: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session, session.get("/openapi.json") as answer:
            assert answer.status == 200
            assert await answer.json() == json.loads(json.dumps(document()))

    asyncio.run(scenario())
