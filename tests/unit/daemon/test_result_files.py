"""The results of a live run: LEAN's files, whole at any instant, over restarts; harmless to the daemon."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from livetrader.control.operations import LogView
from livetrader.results.live import Spacing
from livetrader.results.live_folder import Plan, read_deployments
from livetrader.results.live_settings import ResultSettings
from livetrader.supervisor.result_files import ResultFiles
from livetrader.supervisor.result_ports import ResultPorts
from livetrader_engine.commands import DeclareSeries, NoteOrderEvent, Plot, SeriesStyle
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND
from livetrader_engine.testing.fakes import MemoryVenue

from .money import SPY, START_NS, Desk, new_venue, open_desk, spec, virtual_timing
from .virtual_time import run

DATE = "2013-10-07"


@dataclass
class Told:
    """What was reported, by action."""

    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, action: str, **fields: Any) -> None:
        self.rows.append((action, fields))

    def actions(self) -> list[str]:
        return [action for action, _ in self.rows]


@dataclass
class Session:
    """The results of one start of a daemon over a real gateway; `clock` moves session time."""

    desk: Desk
    results: ResultFiles
    told: Told
    now_ns: int = START_NS

    def at(self, seconds: float, price: float) -> None:
        """Let time and price go on, as the router does."""
        self.now_ns = START_NS + int(seconds * NS_PER_SECOND)
        self.desk.gateway.observe_price(SPY, price)
        self.desk.venue.prices[SPY] = Decimal(str(price))
        self.results.look()

    async def trade(self, number: int, quantity: int) -> None:
        await self.desk.submit(spec(number, quantity))
        await self.desk.settle()


def project(folder: Path, text: str = "class Mine: pass\n") -> Path:
    path = folder / "project" / "main.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@asynccontextmanager
async def session(folder: Path, venue: MemoryVenue | None = None, **changes: Any) -> AsyncIterator[Session]:
    """One start of a daemon: `changes` replace ports."""
    told = Told()
    algorithm = project(folder) if not (folder / "project").exists() else folder / "project" / "main.py"
    async with open_desk(venue or new_venue(), folder) as desk:
        made: list[Session] = []
        ports = ResultPorts(
            root=folder / "results",
            settings=ResultSettings(),
            plan=Plan(algorithm, "test", "paper", ("replay",), {"fast": "10"}, "1"),
            timing=replace(virtual_timing(), now_ns=lambda: made[0].now_ns),
            gateway=desk.gateway,
            chance=lambda: 0.25,
            report=told,
            rate=lambda day: Decimal(0),
            trading=lambda: True,
            own=lambda: {"Mood": "good"},
            status=lambda end: "Stopped" if end else "Running",
        )
        made.append(Session(desk, ResultFiles(replace(ports, **changes)), told))
        desk.gateway.ledger.applied = made[0].results.record
        await made[0].results.load()
        yield made[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def only(root: Path) -> Path:
    """Return the folder of the only deployment."""
    (found,) = [path for path in root.iterdir() if path.is_dir()]
    return found


def event(number: int, quantity: str = "1", time_ns: int = START_NS) -> NoteOrderEvent:
    order = OrderSpec(OrderId(number), SPY, OrderType.MARKET, Decimal(quantity), START_NS, Decimal(1))
    return NoteOrderEvent(1, order, OrderStatus.SUBMITTED, time_ns, "USD")


def test_a_run_leaves_the_files_of_the_seeds(tmp_path: Path) -> None:
    async def scene() -> None:
        async with session(tmp_path) as live:
            live.results.name("Mine")
            live.at(1, 100.0)
            await live.trade(1, 10)
            live.results.order_event(event(1))
            for second in range(3, 200, 2):
                live.at(second, 100.0 + second % 7)
            live.results.chart(Plot(live.now_ns, "A/B c", "S", (1.5,)))
            live.results.log(LogView(1, START_NS, "info", "algorithm", "hello"))
            live.results.log(LogView(2, START_NS, "warning", "daemon", "halted"))
            await live.results.write(end=True)

    run(scene())
    folder = only(tmp_path / "results")
    found, name = names(folder), "L-3250000000"
    assert found == sorted(
        [
            "code", "config", "log.txt", f"{name}-log.txt", f"{name}.json",
            f"{name}-{DATE}_minute.json", f"{name}-{DATE}_10minute.json", f"{name}-{DATE}-order-events.json",
            f"{name}-{DATE}-14_second_Strategy%20Equity.json", f"{name}-{DATE}-14_second_Drawdown.json",
            f"{name}-{DATE}-14_second_Benchmark.json", f"{name}-{DATE}-14_second_A-B%20c.json",
        ]
    )  # fmt: skip
    result = content(folder / f"{name}.json")
    assert list(result)[:4] == ["holdings", "cash", "accountCurrency", "accountCurrencySymbol"]
    assert result["holdings"]["SPY 2T"]["q"] == 10 and result["orders"]["1"]["quantity"] == 10
    assert result["runtimeStatistics"]["Mood"] == "good" and result["state"]["Status"] == "Stopped"
    second = content(folder / f"{name}-{DATE}-14_second_Strategy%20Equity.json")
    assert len(second["charts"]["Strategy Equity"]["series"]["Equity"]["values"]) >= 99
    minute = content(folder / f"{name}-{DATE}_minute.json")["charts"]["Strategy Equity"]["series"]["Equity"]
    assert len(minute["values"]) == 4 and minute["seriesType"] == 2
    assert (folder / f"{name}-log.txt").read_text() == "2013-10-07 14:30:00 hello\n"
    assert "WARNING halted [daemon]" in (folder / "log.txt").read_text()
    assert content(folder / "config")["id"] == name and names(folder / "code") == ["main.py"]


def test_a_restart_goes_on_with_deployment_curve_trades_and_order_events(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> None:
        async with session(tmp_path, venue) as live:
            live.results.name("Mine")
            live.at(1, 100.0)
            await live.trade(1, 10)
            live.results.order_event(event(1))
            live.at(61, 90.0)
            await live.results.write(end=True)
            await live.trade(2, -4)  # after the last look: only the journal has it

    async def second() -> None:
        async with session(tmp_path, venue) as live:
            live.results.name("Mine")
            live.at(301, 110.0)
            live.results.order_event(event(2))
            await live.trade(3, -6)
            live.at(401, 110.0)
            await live.results.write(end=True)
            profits = [(trade.quantity, trade.profit) for trade in live.results.trades()]
            assert profits == [(6, 60), (4, -40)], "newest first, the one that only the journal had too"
            view = live.results.equity(Spacing.MINUTE)
            assert [point.close for point in view.points][:2] == [view.start_equity, view.points[1].close]
            assert view.max_drawdown_pct < 0 and len(view.points) == 4
            told = live.results.statistics()
            assert told.summary["Total Orders"] == "3" and told.runtime["Net Profit"] == "$20.00"

    run(first())
    run(second())
    (row,) = read_deployments(tmp_path / "results")
    assert (row.view.starts, row.view.algorithm) == (2, "Mine") and row.view.ended_ns is not None
    folder = only(tmp_path / "results")
    events = content(folder / f"{row.view.id}-{DATE}-order-events.json")
    assert [each["orderId"] for each in events] == [1, 2]


def test_other_code_is_another_deployment_and_the_curve_goes_on(tmp_path: Path) -> None:
    async def start(seconds: float) -> None:
        async with session(tmp_path) as live:
            live.at(seconds, 100.0)
            await live.results.write(end=True)
            assert len(live.results.equity(Spacing.MINUTE).points) == 1 + (seconds > 100)

    run(start(1))
    project(tmp_path, "class Mine: changed = True\n")
    run(start(301))
    rows = read_deployments(tmp_path / "results")
    assert len({row.view.folder for row in rows}) == 2
    assert "changed" in (tmp_path / "results" / rows[1].view.folder / "code" / "main.py").read_text()


def test_a_replay_that_begins_again_is_another_run(tmp_path: Path) -> None:
    async def start(seconds: float) -> int:
        async with session(tmp_path, keeps_time=True) as live:
            live.at(seconds, 100.0)
            await live.results.write(end=True)
            return len(live.results.equity(Spacing.SECOND).points)

    assert [run(start(seconds)) for seconds in (500, 600, 100)] == [1, 2, 1]
    assert [row.view.starts for row in read_deployments(tmp_path / "results")] == [2, 1]


def test_a_position_without_a_price_is_waited_for(tmp_path: Path) -> None:
    venue = new_venue()

    async def first() -> None:
        async with session(tmp_path, venue) as live:
            live.at(1, 100.0)
            await live.trade(1, 10)

    async def second() -> None:
        async with session(tmp_path, venue) as live:
            live.now_ns = START_NS + 10 * NS_PER_SECOND
            live.results.look()
            assert live.results.equity(Spacing.SECOND).points == (), "its average price would be a false step"
            live.at(20, 70.0)
            assert len(live.results.equity(Spacing.SECOND).points) == 1

    run(first())
    run(second())


@pytest.mark.parametrize("quantity", ["NaN", "Infinity", "1E+999999", "1E-999999"])
def test_numbers_that_would_fill_the_memory_are_left_out(tmp_path: Path, quantity: str) -> None:
    async def scene() -> None:
        async with session(tmp_path) as live:
            live.at(1, 100.0)
            live.results.order_event(event(1, quantity))
            live.results.order_event(event(2))
            for value in (math.nan, math.inf, 1e300):
                live.results.chart(Plot(START_NS, "C", "S", (value,)))
            await live.results.write(end=True)
            assert live.results.chart_view("C") is None

    run(scene())
    (path,) = only(tmp_path / "results").glob("*-order-events.json")
    assert [row["orderId"] for row in content(path)] == [2]


def test_an_algorithm_cannot_draw_on_the_daemons_charts_but_tell_its_benchmark(tmp_path: Path) -> None:
    async def scene() -> None:
        async with session(tmp_path) as live:
            live.results.chart(Plot(START_NS, "Strategy Equity", "Equity", (7.0,)))
            live.results.chart(DeclareSeries("Drawdown", "Mine", SeriesStyle()))
            live.at(1, 100.0)
            live.results.chart(Plot(START_NS, "Benchmark", "Benchmark", (321.0,)))
            live.at(4, 100.0)
            points = live.results.equity(Spacing.SECOND).points
            assert [point.benchmark for point in points] == [100.0, 321.0], "first SPY's price, then its own"
            assert not any(chart.own for chart in live.results.charts())

    run(scene())


def test_a_disk_that_fails_is_told_once_and_nothing_is_lost_when_it_works_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with session(tmp_path) as live:
            live.at(1, 100.0)
            await live.results.write()
            folder = only(tmp_path / "results")
            away = folder.with_name("away")
            folder.rename(away)
            for number in (1, 2):
                live.results.order_event(event(number))
                live.results.log(LogView(number, START_NS, "info", "algorithm", f"line {number}"))
                await live.results.write()
                await live.trade(number, 10)
            assert live.told.actions().count("results_not_written") == 1
            assert live.desk.venue_held() == 20, "who trades hears nothing of it"
            away.rename(folder)
            await live.results.write(end=True)
            assert "results_written_again" in live.told.actions()
            (path,) = folder.glob("*-order-events.json")
            assert [row["orderId"] for row in content(path)] == [1, 2]
            (log,) = folder.glob("L-*-log.txt")
            assert log.read_text().count("line") == 2

    run(scene())


def test_a_folder_that_cannot_be_made_keeps_nobody_from_trading(tmp_path: Path) -> None:
    async def scene() -> None:
        (tmp_path / "results").write_text("a file where the folder should be")
        async with session(tmp_path) as live:
            live.at(1, 100.0)
            await live.trade(1, 10)
            for _ in range(3):
                await live.results.write()
            assert live.told.actions().count("results_not_written") == 1
            assert len(live.results.equity(Spacing.SECOND).points) == 1, "readers get what memory has"

    run(scene())


def test_a_fault_in_the_results_ends_the_results_alone(tmp_path: Path) -> None:
    async def scene() -> None:
        async with session(tmp_path, rate=_faulty) as live:
            live.at(1, 100.0)
            for day in range(1, 6):  # enough days that the rate is asked for
                live.at(day * NS_PER_DAY / NS_PER_SECOND, 100.0 + day)
            await live.results.write()
            assert [action for action in live.told.actions() if "results" in action] == ["results_broken"]
            await live.trade(1, 10)
            live.at(6 * NS_PER_DAY / NS_PER_SECOND, 50.0)
            await live.results.write(end=True)
            assert live.desk.venue_held() == 10

    run(scene())


def _faulty(day: object) -> Decimal:
    raise RuntimeError("a fault of ours")


def test_history_that_cannot_be_read_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "history.json").write_text('{"version": 1, "cur')

    async def scene() -> None:
        async with session(tmp_path) as live:
            live.at(1, 100.0)
            await live.results.write(end=True)

    run(scene())
    assert {"history.json", "history.damaged"} <= set(names(tmp_path / "results"))
    content(tmp_path / "results" / "history.json")


def test_what_is_old_goes_when_there_is_more_than_may_be_kept(tmp_path: Path) -> None:
    root = tmp_path / "results"
    for number in range(4):
        folder = root / f"2012-01-0{number + 1}_00-00-00"
        folder.mkdir(parents=True)
        (folder / "L-1.json").write_bytes(b" " * 7 * 1024 * 1024)
        (folder / "config").touch()  # by which a deployment's folder is known

    async def scene() -> None:
        settings = ResultSettings(keep_deployments=4, max_mb=16, keep_days=2)
        async with session(tmp_path, settings=settings) as live:
            for day in range(5):
                live.at(1 + day * NS_PER_DAY / NS_PER_SECOND, 100.0)
                live.results.order_event(event(day + 1, time_ns=live.now_ns))
                await live.results.write(end=True)

    run(scene())
    folders = sorted(path.name for path in root.iterdir() if path.is_dir())
    assert folders[0] == "2012-01-03_00-00-00", "one by number, one by size, the oldest first"
    (mine,) = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith("2012")]
    dates = {path.name[13:23] for path in mine.glob("*_minute.json")}
    assert min(dates) == "2013-10-09" and max(dates) == "2013-10-11"
    assert len(list(mine.glob("*-order-events.json"))) == 5


def test_a_log_that_has_grown_is_begun_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        async with session(tmp_path, settings=ResultSettings(log_mb=1)) as live:
            live.at(1, 100.0)
            for number in range(7):
                live.results.log(LogView(number, START_NS, "info", "algorithm", "x" * 600_000))
                await live.results.write()

    run(scene())
    logs = [name for name in names(only(tmp_path / "results")) if name.startswith("log")]
    assert logs == ["log.1.txt", "log.2.txt", "log.3.txt", "log.txt"]
