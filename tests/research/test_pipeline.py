"""The pipeline of the guide: a notebook trains a model, an algorithm trades on it, in a backtest and live."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.examples.prices import write_prices
from tests.parity.replays import EXAMPLES, configure, orders_of_backtest, orders_of_journal, run

SPAN = ("2015-01-02", "2015-06-30")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_model_of_a_notebook_trades_alike_in_backtest_and_live(tmp_path: Path) -> None:
    from_notebook_to_trades(tmp_path, write_prices(tmp_path / "data"))


def test_a_model_of_a_notebook_trades_alike_on_leans_prices(tmp_path: Path, lean_data: Path) -> None:
    from_notebook_to_trades(tmp_path, lean_data)


def from_notebook_to_trades(folder: Path, data: Path) -> None:
    """Run train.ipynb, then the algorithm in both ways on the same object store, and compare them."""
    project = shutil.copytree(EXAMPLES / "research", folder / "project")
    before = (project / "train.ipynb").read_bytes()
    store, executed = folder / "objects", folder / "executed.ipynb"
    run(
        "research", str(project / "train.ipynb"), "--execute", "--data-folder", str(data),
        "--object-store", str(store), "--output", str(executed),
    )  # fmt: skip
    assert (project / "train.ipynb").read_bytes() == before
    _assert_looked_at_the_data(executed)
    assert (store / "trained_model.pkl").stat().st_size > 1000

    algorithm = project / "trade_trained_model.py"
    run(
        "backtest", str(algorithm), "--data-folder", str(data), "--output", str(folder / "backtest"),
        "--start", SPAN[0], "--end", SPAN[1], "--object-store", str(store),
    )  # fmt: skip
    configuration = configure(folder / "live.toml", algorithm, data, SPAN)
    run("run", str(configuration), "--set", f'object_store.url="{store}"')
    orders = orders_of_backtest(folder / "backtest")
    assert len(orders) >= 6
    assert orders_of_journal(folder / "state" / "journal.sqlite3") == orders


def _assert_looked_at_the_data(executed: Path) -> None:
    """A frame, a picture and a score were shown, and nothing went wrong."""
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    outputs: list[dict[str, Any]] = [one for cell in cells for one in cell.get("outputs", ())]
    kinds = {kind for one in outputs for kind in one.get("data", ())}
    assert {"text/html", "image/png"} <= kinds
    printed = "".join("".join(one["text"]) for one in outputs if one["output_type"] == "stream")
    accuracy = float(printed.removeprefix("Test accuracy: "))
    assert 0.3 < accuracy < 0.9, "of a market that goes on a little as it went"
