"""Order events and charts of a live run on disk: valid after every write, bounded, harmless to the daemon."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from livetrader.gateway.timing import Timing
from livetrader.supervisor.result_files import RUNS_KEPT, ResultFiles
from livetrader_engine.commands import DeclareSeries, NoteOrderEvent, Plot, SeriesStyle
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol

SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
NOW_NS = 1_381_152_660_000_000_000  # 2013-10-07 13:31 UTC
RUN = "2013-10-07_13-31-00"


def event(number: int, quantity: str = "1") -> NoteOrderEvent:
    spec = OrderSpec(OrderId(number), SPY, OrderType.MARKET, Decimal(quantity), NOW_NS, Decimal(1))
    return NoteOrderEvent(1, spec, OrderStatus.SUBMITTED, NOW_NS, "USD")


class Told(list[dict[str, Any]]):
    """What was reported, by action."""

    def __call__(self, action: str, **fields: Any) -> None:
        self.append({"action": action, **fields})


async def _never(_seconds: float) -> None:
    await asyncio.Event().wait()


def files(root: Path) -> tuple[ResultFiles, Told]:
    told = Told()
    timing = Timing(wall_ns=lambda: NOW_NS, monotonic_s=lambda: 0.0, now_ns=lambda: NOW_NS, sleep=_never)
    return ResultFiles(root, timing, told), told


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def running(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scene())  # type: ignore[arg-type]  # an async function's


def test_order_events_are_a_valid_array_after_every_write(tmp_path: Path) -> None:
    async def scene() -> None:
        results, _ = files(tmp_path)
        results.order_event(event(1))
        await results.write()
        assert names(tmp_path) == [], "the algorithm has no name yet"
        results.name("Mine")
        path = tmp_path / RUN / "Mine-order-events.json"
        for last in (1, 3, 4):
            for number in range(last, last + 1):
                if number > 1:
                    results.order_event(event(number))
            await results.write()
            ids = [row["id"] for row in json.loads(path.read_text())]
            assert ids[-1] == f"Mine-{last}-1"
        assert len(json.loads(path.read_text())) == 3

    running(scene)


def test_charts_are_written_with_their_style(tmp_path: Path) -> None:
    async def scene() -> None:
        results, _ = files(tmp_path)
        results.name("Mine")
        results.chart(DeclareSeries("C", "S", SeriesStyle(unit="%")))
        results.chart(Plot(NOW_NS, "C", "S", (1.5,)))
        results.chart(Plot(NOW_NS, "C", "S", (math.nan,)))
        await results.write()
        series = json.loads((tmp_path / RUN / "Mine-charts.json").read_text())["C"]["series"]["S"]
        assert (series["unit"], series["values"]) == ("%", [[1381152660, 1.5]])

    running(scene)


@pytest.mark.parametrize("quantity", ["NaN", "Infinity", "1E+999999", "1E-999999"])
def test_numbers_that_would_fill_the_memory_are_left_out(tmp_path: Path, quantity: str) -> None:
    async def scene() -> None:
        results, _ = files(tmp_path)
        results.name("Mine")
        results.order_event(event(1, quantity))
        results.order_event(event(2))
        await results.write()
        rows = json.loads((tmp_path / RUN / "Mine-order-events.json").read_text())
        assert [row["orderId"] for row in rows] == [2]

    running(scene)


def test_old_runs_go_when_a_new_one_begins(tmp_path: Path) -> None:
    async def scene() -> None:
        for number in range(RUNS_KEPT):
            (tmp_path / f"2012-01-01_00-00-{number:02d}").mkdir()
        results, _ = files(tmp_path)
        results.name("Mine")
        results.order_event(event(1))
        await results.write()
        kept = names(tmp_path)
        assert (len(kept), kept[0], kept[-1]) == (RUNS_KEPT, "2012-01-01_00-00-01", RUN)

    running(scene)


def test_a_disk_that_fails_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        (tmp_path / "results").write_text("a file where the folder should be")
        results, told = files(tmp_path / "results")
        results.name("Mine")
        for number in (1, 2):
            results.order_event(event(number))
            await results.write()
        assert [item["action"] for item in told] == ["results_not_written"]

    running(scene)
