"""Every algorithm of the machine-learning guide, whole: it trains, becomes ready, and trades on predictions.

It does so alike in a backtest and live: the whole daemon with a replay. That both ordered the same on one
prediction to six digits, and logged the same scores, says that they trained the same model on the same data.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.examples.runs import RUN_LIMIT_S, records, trainings_logged, trainings_of_backtest
from tests.parity.replays import (
    EXAMPLES,
    configure,
    live_order_events,
    order_events,
    orders_of_backtest,
    orders_of_journal,
    run,
    tags_of_backtest,
    tags_of_journal,
)

SPAN = ("2018-01-16", "2018-03-29")  # the first trading days of two months
PREDICTED = re.compile(r"predicted (-?\d+(?:\.\d+)?)")


class Example(NamedTuple):
    """What is expected of one file. `buys_above` and `sells_below` are the limits that it trades on."""

    name: str
    trainings: int = 2
    buys_above: float = 0.5
    sells_below: float = 0.5
    parameters: tuple[tuple[str, str], ...] = ()
    by_train: bool = (
        True  # by `train`, whose trainings are told; else by a timed event in the engine's thread
    )
    tagged: bool = True  # the tag of an order is the prediction it was made for

    def __str__(self) -> str:
        return "-".join([self.name, *dict(self.parameters).values()])


LIGHT = [
    Example("svm_algorithm", by_train=False),
    Example("regression_algorithm", by_train=False, buys_above=0.005, sells_below=-0.005),
    Example("walk_forward_ml_algorithm", by_train=False),
    Example("pickle_persistence"),
    Example("feature_engineering"),
    Example("cross_validation", by_train=False),
    Example("partial_fit"),
    Example("feature_scaling", by_train=False),
    Example("process_training"),
    Example("library_versions", trainings=3, buys_above=0.0, sells_below=0.0),
]
HEAVY = [  # and the slow ones
    Example("feature_scaling", by_train=False, parameters=(("scaler", "minmax"),)),
    Example("sklearn_algorithm", trainings=10, by_train=False, tagged=False),
    Example("tensorflow_algorithm", by_train=False, buys_above=0.6, sells_below=0.4),
    Example("lstm_algorithm", buys_above=0.55, sells_below=0.5),
    Example("cnn_algorithm", trainings=3),
    Example("keras_persistence"),
    Example("pytorch_algorithm", trainings=3),
    Example("xgboost_algorithm"),
]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("example", LIGHT, ids=str)
def test_an_example_learns_and_trades_alike_in_backtest_and_live(
    tmp_path: Path, made_prices: Path, example: Example
) -> None:
    learn_and_trade(tmp_path, made_prices, example)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_an_example_learns_from_leans_prices(tmp_path: Path, lean_data: Path) -> None:
    learn_and_trade(tmp_path, lean_data, Example("walk_forward_ml_algorithm", by_train=False))


@pytest.mark.heavy
@pytest.mark.timeout(2 * RUN_LIMIT_S)
@pytest.mark.parametrize("example", HEAVY, ids=str)
def test_a_heavy_example_learns_and_trades_alike_in_backtest_and_live(
    tmp_path: Path, made_prices: Path, example: Example
) -> None:
    learn_and_trade(tmp_path, made_prices, example)


@pytest.mark.heavy
@pytest.mark.timeout(2 * RUN_LIMIT_S)
@pytest.mark.parametrize("example", [*LIGHT, *HEAVY], ids=str)
def test_every_example_learns_from_leans_prices(tmp_path: Path, lean_data: Path, example: Example) -> None:
    learn_and_trade(tmp_path, lean_data, example, least=1)  # real prices leave networks in doubt


def learn_and_trade(folder: Path, data: Path, example: Example, least: int = 4) -> None:
    """Run an example in both ways and compare them with each other and with what is expected of it."""
    path = EXAMPLES / f"{example.name}.py"
    pairs = [word for key, value in example.parameters for word in ("--parameter", f"{key}={value}")]
    run(
        "backtest", str(path), "--data-folder", str(data), "--output", str(folder / "backtest"),
        "--start", SPAN[0], "--end", SPAN[1], *pairs, limit_s=RUN_LIMIT_S,
    )  # fmt: skip
    configuration = configure(folder / "live.toml", path, data, SPAN, **dict(example.parameters))
    told = run("run", str(configuration), limit_s=RUN_LIMIT_S)

    trained = trainings_of_backtest(folder / "backtest")
    assert len(trained) == example.trainings
    assert trainings_logged(told) == [text for _, text in trained]
    assert len(records(told, "training_ready")) == (example.trainings if example.by_train else 0)

    journal = folder / "state" / "journal.sqlite3"
    orders, tags = orders_of_backtest(folder / "backtest"), tags_of_backtest(folder / "backtest")
    assert orders_of_journal(journal) == orders
    assert tags_of_journal(journal) == tags
    assert live_order_events(folder / "state" / "results") == order_events(folder / "backtest")
    assert len(orders) >= least
    assert all(time > trained[0][0] for *_, time in orders), "no order before a model is ready"
    _assert_traded_on_predictions(example, orders, tags)


def _assert_traded_on_predictions(
    example: Example, orders: list[tuple[str, str, str, str]], tags: list[str]
) -> None:
    """Every order is for a prediction that called for it."""
    sides = [float(quantity) > 0 for _, _, quantity, _ in orders]
    assert sides == [number % 2 == 0 for number in range(len(sides))], "in and out in turn"
    if not example.tagged:
        return
    values = [float(found[1]) for found in map(PREDICTED.match, tags) if found]
    assert len(values) == len(orders), tags
    for bought, value in zip(sides, values, strict=True):
        assert value >= example.buys_above if bought else value <= example.sells_below
