"""What the routes of results do: ask their owner, answer. Nothing here reads a disk."""

from __future__ import annotations

from typing import cast

from livetrader.control import refusals
from livetrader.control.calls import Call, Reply
from livetrader.control.queries import ChartQuery, EquityQuery, InsightsQuery, NewestQuery


async def deployment(call: Call) -> Reply:
    """Answer which deployment runs."""
    found = call.services.operations.results.deployment()
    if found is None:
        raise refusals.not_found("deployment yet", "Wait until the algorithm is initialized.")
    return Reply(value=found)


async def equity(call: Call) -> Reply:
    """Answer with the equity curve."""
    query = cast("EquityQuery", call.query)
    results = call.services.operations.results
    return Reply(value=results.equity(query.spacing, since_ns=query.since_ns, limit=query.limit))


async def charts(call: Call) -> Reply:
    """Answer which charts there are."""
    return Reply(value=call.services.operations.results.charts())


async def chart(call: Call) -> Reply:
    """Answer with one chart."""
    query = cast("ChartQuery", call.query)
    results = call.services.operations.results
    found = results.chart_view(query.name, since_ns=query.since_ns, limit=query.limit)
    if found is None:
        raise refusals.not_found("such chart", "GET /v1/charts names them.")
    return Reply(value=found)


async def statistics(call: Call) -> Reply:
    """Answer with the figures."""
    return Reply(value=call.services.operations.results.statistics())


async def insights(call: Call) -> Reply:
    """Answer with what the algorithm predicted."""
    query = cast("InsightsQuery", call.query)
    return Reply(value=call.services.operations.decisions.insights(query))


async def trades(call: Call) -> Reply:
    """Answer with closed trades."""
    query = cast("NewestQuery", call.query)
    return Reply(value=call.services.operations.results.trades(limit=query.limit))
