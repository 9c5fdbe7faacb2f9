"""The same algorithm over the same prices gives the same orders in a backtest and live.

Live is the whole daemon: supervisor, engine process, gateway, journal, paper brokerage, replay feed. What it
ordered is read from its journal, written before the brokerage saw anything.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity import every_order
from tests.parity.replays import (
    EXAMPLES,
    configure,
    live_order_events,
    order_events,
    orders_of_backtest,
    orders_of_journal,
    run,
)

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
    configuration = configure(tmp_path / "live.toml", algorithm, lean_data, (start, end), **parameters)
    run("run", str(configuration))
    expected = orders_of_backtest(tmp_path / "backtest")
    assert live_order_events(tmp_path / "state" / "results") == order_events(tmp_path / "backtest")
    assert orders_of_journal(tmp_path / "state" / "journal.sqlite3") == expected
    assert len(expected) >= least
