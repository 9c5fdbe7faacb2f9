"""Backtest a file and replay it live, both by the command line, and read what each of them ordered."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.parity.conftest import TYPES

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUN_LIMIT_S = 110.0
INVALID = 7  # LEAN's number of the status

Ordered = tuple[str, str, str, str]  # symbol, type, signed quantity, bar time

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


def run(*arguments: str, limit_s: float = RUN_LIMIT_S) -> str:
    """Run the command line to its end; return what it wrote to stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "livetrader", *arguments], capture_output=True, text=True, timeout=limit_s
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def configure(path: Path, algorithm: Path, data: Path, span: tuple[str, str], **parameters: str) -> Path:
    """Write the configuration of a replay at full speed, its state beside it; return the path."""
    path.write_text(
        CONFIGURATION.format(
            path=algorithm,
            state=path.parent / "state",
            start=span[0],
            end=span[1],
            data=data,
            parameters=", ".join(f'"{key}" = "{value}"' for key, value in parameters.items()),
        )
    )
    return path


def orders_of_backtest(folder: Path) -> list[Ordered]:
    """Return what a backtest handed to the simulated brokerage, in order."""
    asked: dict[int, float] = {}  # before any change
    for event in json.loads(order_events(folder)[1]):
        asked.setdefault(event["orderId"], event["quantity"])
    return [
        (row["symbol"]["value"], TYPES[row["type"]], f"{asked[row['id']]:g}", row["time"])
        for row in _rows(folder)
        if row["status"] != INVALID
    ]


def order_events(folder: Path) -> tuple[str, bytes]:
    """Return name and bytes of the order events below a folder of results."""
    (found,) = folder.rglob("*-order-events.json")
    return found.name, found.read_bytes()


def live_order_events(results: Path) -> tuple[str, bytes]:
    """Return what `order_events` would, had the only live run told its days as one, by its class's name."""
    (row,) = json.loads((results / "deployments.json").read_bytes())
    view = row["view"]
    days = sorted((results / view["folder"]).glob(f"{view['id']}-*-order-events.json"))
    rows = b",".join(day.read_bytes()[1:-1] for day in days)
    text = b"[" + rows.replace(view["id"].encode(), view["algorithm"].encode()) + b"]"
    return f"{view['algorithm']}-order-events.json", text


def tags_of_backtest(folder: Path) -> list[str]:
    """Return the tags of a backtest's orders, in order."""
    return [row["tag"] for row in _rows(folder) if row["status"] != INVALID]


def tags_of_journal(path: Path) -> list[str]:
    """Return the tags of what a daemon handed to its brokerage, in order."""
    return [spec["tag"] for spec in _specs(path)]


def orders_of_journal(path: Path) -> list[Ordered]:
    """Return what a daemon handed to its brokerage, in order."""
    return [
        (
            spec["symbol"].split("\t")[1],
            TYPES[spec["type"]],
            spec["quantity"],
            _time(spec["created_ns"]),
        )
        for spec in _specs(path)
    ]


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rows(folder: Path) -> list[dict[str, Any]]:
    (whole,) = folder.glob("*-summary.json")
    orders = json.loads((folder / whole.name.replace("-summary", "")).read_text())["orders"]
    return list(orders.values())


def _specs(path: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(path) as connection:
        bodies = connection.execute(
            "SELECT body FROM record WHERE kind = 'order_intended' ORDER BY seq"
        ).fetchall()
    connection.close()
    return [json.loads(body)["spec"] for (body,) in bodies]
