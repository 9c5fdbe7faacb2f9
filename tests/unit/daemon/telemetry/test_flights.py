"""Orders are timed from the tick to the trade, over the real gateway, journal and a memory venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from livetrader.settings import LimitSettings
from livetrader.telemetry import flights as flying
from livetrader.telemetry import traces
from livetrader.telemetry.flights import Flights
from livetrader.telemetry.metrics import Metrics
from livetrader.telemetry.order_spans import Clocks
from livetrader.telemetry.traces import Span
from livetrader_engine.commands import SubmitOrder
from livetrader_engine.orders.order import ClientOrderId, OrderSpec
from livetrader_engine.testing.fakes import MemoryVenue
from tests.unit.daemon.money import NO_LIMITS, SPY, Desk, new_venue, open_desk, resting, spec
from tests.unit.daemon.virtual_time import run

WALL_NS = 1_700_000_000_000_000_000  # at 0 s of the monotonic clock
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


@dataclass
class Tower:
    """A desk whose orders are timed by a clock that only the test moves."""

    desk: Desk
    metrics: Metrics = field(default_factory=Metrics)
    spans: list[Span] = field(default_factory=list)
    now_s: float = 100.0

    def put(self, span: Span) -> None:
        self.spans.append(span)

    def watch(self, ratio: float = 1.0) -> Flights:
        clocks = Clocks(lambda: self.now_s, lambda: WALL_NS + round(self.now_s * 1e9))
        state = self.desk.gateway.state
        flights = Flights(self.metrics, clocks, state.orders.get, self, ratio)
        self.desk.gateway.ledger.observers.append(flights.applied)
        return flights

    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def span(self, name: str) -> Span:
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def legs(self) -> dict[str, tuple[float, ...]]:
        """Begin and end of each span in milliseconds since 100 s."""
        return {
            each.name: tuple(round((at - WALL_NS) / 1e6 - 100_000, 3) for at in (each.start_ns, each.end_ns))
            for each in self.spans
        }

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"livetrader_{name}", labels)


@asynccontextmanager
async def tower(
    directory: Path, venue: MemoryVenue, limits: LimitSettings = NO_LIMITS
) -> AsyncIterator[Tower]:
    async with open_desk(venue, directory, limits) as desk:
        yield Tower(desk)


def decided(order: OrderSpec, sequence: int, at_s: float | None) -> SubmitOrder:
    return SubmitOrder(order, sequence, at_s)


def test_an_order_is_timed_from_the_tick_to_its_trade(tmp_path: Path) -> None:
    async def body() -> None:
        venue = new_venue(SPY=100)
        async with tower(tmp_path, venue) as seen:
            flights = seen.watch()
            venue.boundary = lambda name: setattr(seen, "now_s", 100.009) if name == "submit" else None
            venue.faults.hold_orders = 1
            flights.tick(7)
            seen.now_s = 100.003
            flights.decided(decided(resting(1), 7, 100.002))
            await seen.desk.submit(resting(1))
            seen.now_s = 100.050
            venue.deliver_held()
            await seen.desk.settle()
            seen.now_s = 107.0
            venue.set_price(SPY, Decimal(50))
            await seen.desk.settle()
            assert len(flights) == 0
        sums = {
            "tick_to_decision": 0.002,
            "decision_to_sent": 0.007,
            "sent_to_acknowledged": 0.041,
            "acknowledged_to_fill": 6.95,
        }
        for name, seconds in sums.items():
            assert seen.value(f"{name}_seconds_count") == 1, name
            assert seen.value(f"{name}_seconds_sum") == pytest.approx(seconds), name
        assert seen.value("orders_sent_total") == 1
        assert seen.value("fills_total") == 1
        assert seen.legs() == {
            "decide": (0, 2),
            "deliver": (2, 3),
            "check": (3, 3),
            "send": (3, 9),
            "acknowledge": (9, 50),
            "fill": (50, 7000),
            "order": (0, 7000),
        }

    run(body())


def test_the_spans_of_an_order_are_one_tree_and_its_ids_follow_from_the_client_order_id(
    tmp_path: Path,
) -> None:
    async def body() -> None:
        venue = new_venue(SPY=100)
        async with tower(tmp_path, venue) as seen:
            flights = seen.watch()
            flights.decided(decided(spec(1, 10), 0, 99.5))
            await seen.desk.submit(spec(1, 10))
            await seen.desk.settle()
        client_id = venue.submits[0]
        root = seen.span("order")
        assert {span.trace_id for span in seen.spans} == {traces.trace_id(client_id)}
        assert root.parent_id is None
        assert root.span_id == traces.span_id(client_id, "order")
        children = [span for span in seen.spans if span is not root]
        assert {span.parent_id for span in children} == {root.span_id}
        assert len({span.span_id for span in seen.spans}) == len(seen.spans)
        assert root.attributes["livetrader.order.client_id"] == client_id
        assert root.attributes["livetrader.order.status"] == "filled"
        assert not root.error
        assert [event.name for event in root.events] == ["report", "report"]
        assert seen.span("fill").attributes == {"fill.quantity": "10", "fill.price": "100"}

    run(body())


def test_figures_carry_the_trace_of_the_order_as_exemplars(tmp_path: Path) -> None:
    async def body() -> None:
        venue = new_venue(SPY=100)
        async with tower(tmp_path, venue) as seen:
            flights = seen.watch()
            flights.tick(1)
            flights.decided(decided(spec(1, 10), 1, 100.0))
            await seen.desk.submit(spec(1, 10))
            await seen.desk.settle()
        text, content_type = seen.metrics.exposition_as(OPENMETRICS)
        assert content_type.startswith("application/openmetrics-text")
        labels = {"trace_id": f"{traces.trace_id(venue.submits[0]):032x}", "order": venue.submits[0]}
        carried = {
            family.name: sample.exemplar.labels
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
            if sample.exemplar
        }
        assert set(carried) == {
            "livetrader_tick_to_decision_seconds",
            "livetrader_decision_to_sent_seconds",
            "livetrader_sent_to_acknowledged_seconds",
            "livetrader_acknowledged_to_fill_seconds",
            "livetrader_orders_sent",
            "livetrader_fills",
        }
        assert all(each == labels for each in carried.values())
        assert "# {" not in seen.metrics.exposition().decode(), "the plain format knows no exemplars"

    run(body())


def test_after_a_restart_the_trace_goes_on_and_nothing_is_timed_by_guessing(tmp_path: Path) -> None:
    venue = new_venue(SPY=100)
    before: list[Span] = []

    async def first() -> None:
        async with tower(tmp_path, venue) as seen:
            seen.watch()
            await seen.desk.submit(resting(1))
            await seen.desk.settle()
            before.extend(seen.spans)

    async def second() -> None:
        async with tower(tmp_path, venue) as seen:
            seen.watch()
            venue.set_price(SPY, Decimal(50))
            await seen.desk.settle()
        assert {span.trace_id for span in seen.spans} == {before[0].trace_id}
        assert {span.parent_id for span in before} == {seen.span("order").span_id}
        assert seen.span("order").attributes["livetrader.order.resumed"] is True
        assert seen.value("fills_total") == 1
        assert seen.value("acknowledged_to_fill_seconds_count") == 0

    run(first())
    run(second())
    assert "order" not in [span.name for span in before]


def test_refusals_are_told_apart_by_who_refused(tmp_path: Path) -> None:
    async def body() -> None:
        venue = new_venue(SPY=100)
        async with tower(tmp_path, venue, LimitSettings(max_order_quantity=50.0)) as seen:
            flights = seen.watch()
            flights.decided(decided(spec(1, 60), 0, None))
            await seen.desk.submit(spec(1, 60))
            venue.faults.unreachable_submits = 1
            await seen.desk.submit(spec(2, 10))
            venue.faults.refuse[SPY] = "not today"
            await seen.desk.submit(spec(3, 10))
            await seen.desk.settle()
            assert len(flights) == 0
        assert seen.value("orders_rejected_total", stage="send") == 1
        assert seen.value("orders_rejected_total", stage="venue") == 1
        assert seen.value("orders_sent_total") == 1
        denied, unreachable, refused = (span for span in seen.spans if span.name == "order")
        assert denied.attributes["livetrader.denied"] == "max_order_quantity"
        assert "the venue does not answer" in unreachable.error
        assert "not today" in refused.error

    run(body())


@pytest.mark.parametrize("at_s", [99.0, 101.0, float("nan"), None])
def test_a_time_that_cannot_be_is_not_believed(tmp_path: Path, at_s: float | None) -> None:
    async def body() -> None:
        venue = new_venue(SPY=100)
        async with tower(tmp_path, venue) as seen:
            flights = seen.watch()
            flights.tick(3)
            flights.decided(decided(spec(1, 10), 3, at_s))
            await seen.desk.submit(spec(1, 10))
            await seen.desk.settle()
        assert seen.value("tick_to_decision_seconds_count") == 0
        assert seen.value("decision_to_sent_seconds_sum") == 0.0
        assert "decide" not in seen.names()

    run(body())


def test_an_order_of_a_scheduled_event_or_of_a_forgotten_tick_has_no_tick(tmp_path: Path) -> None:
    async def body() -> None:
        venue = new_venue(SPY=100)
        async with tower(tmp_path, venue) as seen:
            flights = seen.watch()
            flights.tick(5)
            flights.tick(5 + flying.TICKS_KEPT)  # takes its place
            for number, sequence in ((1, 0), (2, 5), (3, 4)):
                flights.decided(decided(spec(number, 10), sequence, 100.0))
                await seen.desk.submit(spec(number, 10))
            await seen.desk.settle()
        assert seen.value("decision_to_sent_seconds_count") == 3
        assert seen.value("tick_to_decision_seconds_count") == 0

    run(body())


def test_what_is_followed_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flying, "FLIGHTS_LIMIT", 3)
    monkeypatch.setattr(flying, "EVENTS_KEPT", 4)

    async def body() -> None:
        venue = new_venue(SPY=100)
        async with tower(tmp_path, venue) as seen:
            flights = seen.watch()
            for number in range(1, 6):
                flights.decided(decided(resting(number), 0, None))
                await seen.desk.submit(resting(number))
            await seen.desk.settle()
            assert len(flights) == 3
            for limit in range(40, 50):
                await seen.desk.update(5, limit_price=Decimal(limit))
            await seen.desk.settle()
            await seen.desk.cancel(5)
            await seen.desk.settle()
        assert len(seen.span("order").events) == 4

    run(body())


def test_a_share_of_the_orders_is_traced_and_every_process_chooses_the_same(tmp_path: Path) -> None:
    ids = [ClientOrderId(f"LTabc-{number}") for number in range(2000)]
    kept = {each for each in ids if traces.sampled(traces.trace_id(each), 0.25)}
    assert 400 < len(kept) < 600
    assert kept == {each for each in ids if traces.sampled(traces.trace_id(each), 0.25)}
    assert all(traces.sampled(traces.trace_id(each), 1.0) for each in ids)
    assert not any(traces.sampled(traces.trace_id(each), 0.0) for each in ids)

    async def body() -> None:
        async with tower(tmp_path, new_venue(SPY=100)) as seen:
            seen.watch(ratio=0.0)
            await seen.desk.submit(spec(1, 10))
            await seen.desk.settle()
            await asyncio.sleep(0)
        assert seen.spans == []
        assert seen.value("fills_total") == 1

    run(body())
