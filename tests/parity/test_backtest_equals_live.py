"""The same algorithm over the same prices gives the same orders in a backtest and live.

Live is the whole daemon: supervisor, engine process, gateway, journal, paper brokerage, replay feed. What it
ordered is read from its journal, written before the brokerage saw anything.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.parity import every_order
from tests.parity.conftest import TYPES

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUN_LIMIT_S = 110.0
INVALID = 7  # LEAN's number of the status

Ordered = tuple[str, str, str, str]  # symbol, type, signed quantity, bar time

# name, start, end, parameters, least orders: a run that orders nothing would prove nothing
CASES = [
    ("sklearn_algorithm", "2015-01-01", "2015-06-30", {}, 4),
    ("semaphore_training", "2015-01-01", "2015-12-31", {}, 20),
    ("buy_and_hold", "2015-01-01", "2015-12-31", {}, 1),
    ("ema_cross_with_stops", "2015-01-01", "2016-12-31", {}, 20),
    ("ema_cross_with_stops", "2013-10-07", "2013-10-11", {"resolution": "minute", "stop": "0.001"}, 20),
    ("every_order", "2013-10-07", "2013-10-11", {}, 200),
    ("crowded_orders", "2013-10-07", "2013-10-11", {}, 1000),
    ("crowded_orders", "2010-01-01", "2011-12-31", {"resolution": "daily"}, 500),
]

CONFIGURATION = """
[algorithm]
path = "{path}"
parameters = {{ {parameters} }}
[account]
state_directory = "{state}"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
start = {start}
end = {end}
speed = "max"
[data]
folder = "{data}"
[limits]
orders_per_minute = 0
duplicate_window_s = 0
[control]
port = 0
"""


def run(*arguments: str) -> None:
    """Run the command line to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "livetrader", *arguments], capture_output=True, text=True, timeout=RUN_LIMIT_S
    )
    assert done.returncode == 0, done.stderr[-2000:]


def orders_of_backtest(folder: Path) -> list[Ordered]:
    """Return what a backtest handed to the simulated brokerage, in order."""
    (whole,) = folder.glob("*-summary.json")
    rows = json.loads((folder / whole.name.replace("-summary", "")).read_text())["orders"].values()
    asked: dict[int, float] = {}  # before any change
    for event in json.loads(order_events(folder)[1]):
        asked.setdefault(event["orderId"], event["quantity"])
    return [
        (row["symbol"]["value"], TYPES[row["type"]], f"{asked[row['id']]:g}", row["time"])
        for row in rows
        if row["status"] != INVALID
    ]


def order_events(folder: Path) -> tuple[str, bytes]:
    """Return name and bytes of the order events below a folder of results."""
    (found,) = folder.rglob("*-order-events.json")
    return found.name, found.read_bytes()


def orders_of_journal(path: Path) -> list[Ordered]:
    """Return what a daemon handed to its brokerage, in order."""
    with sqlite3.connect(path) as connection:
        bodies = connection.execute(
            "SELECT body FROM record WHERE kind = 'order_intended' ORDER BY seq"
        ).fetchall()
    connection.close()
    specs = [json.loads(body)["spec"] for (body,) in bodies]
    return [
        (
            spec["symbol"].split("\t")[1],
            TYPES[spec["type"]],
            spec["quantity"],
            _time(spec["created_ns"]),
        )
        for spec in specs
    ]


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("name", "start", "end", "parameters", "least"), CASES)
def test_live_orders_what_the_backtest_orders(
    tmp_path: Path, lean_data: Path, name: str, start: str, end: str, parameters: dict[str, str], least: int
) -> None:
    algorithm = EXAMPLES / f"{name}.py"
    if not algorithm.exists():
        algorithm = tmp_path / f"{name}.py"
        algorithm.write_text(every_order.TEXTS[name], encoding="utf-8")
    pairs = [word for key, value in parameters.items() for word in ("--parameter", f"{key}={value}")]
    run(
        "backtest", str(algorithm), "--data-folder", str(lean_data), "--output", str(tmp_path / "backtest"),
        "--start", start, "--end", end, *pairs,
    )  # fmt: skip
    configuration = tmp_path / "live.toml"
    configuration.write_text(
        CONFIGURATION.format(
            path=algorithm,
            state=tmp_path / "state",
            start=start,
            end=end,
            data=lean_data,
            parameters=", ".join(f'"{key}" = "{value}"' for key, value in parameters.items()),
        )
    )
    run("run", str(configuration))
    expected = orders_of_backtest(tmp_path / "backtest")
    assert order_events(tmp_path / "state" / "results") == order_events(tmp_path / "backtest")
    assert orders_of_journal(tmp_path / "state" / "journal.sqlite3") == expected
    assert len(expected) >= least
