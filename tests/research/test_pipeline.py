"""The pipeline of the guide: a notebook trains a model, an algorithm trades on it, in a backtest and live."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.examples.prices import write_prices
from tests.parity.replays import EXAMPLES, configure, orders_of_backtest, orders_of_journal, run
from tests.research.conftest import write_notebook

SPAN = ("2015-01-02", "2015-06-30")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_model_of_a_notebook_trades_alike_in_backtest_and_live(tmp_path: Path) -> None:
    from_notebook_to_trades(tmp_path, write_prices(tmp_path / "data"))


def test_a_model_of_a_notebook_trades_alike_on_leans_prices(tmp_path: Path, lean_data: Path) -> None:
    from_notebook_to_trades(tmp_path, lean_data)


SAVES_A_VERSION = """
qb = QuantBook()
qb.set_start_date(2015, 1, 2)
history = qb.history("SPY", 500, Resolution.DAILY)
from sklearn.tree import DecisionTreeClassifier
from return_features import training_set
X, y = training_set(history["close"])
tree = DecisionTreeClassifier(max_depth=4, random_state=7).fit(X, y)
version = qb.models.save("direction", tree, metrics={"rows": len(X)})
assert version.number == 1, version
"""
LOADS_IT = """
from AlgorithmImports import *
from return_features import LOOKBACK, features_of

class TradesOnAVersion(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.direction = self.models.load("direction")

    def on_data(self, data):
        closes = self.history(self.spy, LOOKBACK + 1, Resolution.DAILY)["close"]
        rises = bool(self.direction.predict(features_of(closes))[0])
        self.set_holdings(self.spy, 1 if rises else 0)
"""


def test_a_version_that_a_notebook_saved_serves_backtest_and_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))  # where the key that signs it lies
    project = shutil.copytree(EXAMPLES / "research", tmp_path / "project")
    data = write_prices(tmp_path / "data")
    notebook = write_notebook(project / "save.ipynb", SAVES_A_VERSION)
    store = tmp_path / "objects"
    run("research", str(notebook), "--execute", "--data", str(data), "--object-store", str(store))
    algorithm = project / "version.py"
    algorithm.write_text(LOADS_IT, encoding="utf-8")
    trade_in_both_ways(tmp_path, algorithm, data, store)


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

    trade_in_both_ways(folder, project / "trade_trained_model.py", data, store)


def trade_in_both_ways(folder: Path, algorithm: Path, data: Path, store: Path) -> None:
    """Run an algorithm in a backtest and live on one object store, and compare the orders."""
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
