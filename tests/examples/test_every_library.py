"""Models of each library: trained in a process, kept in a format that runs no code, and traded on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.every_library import TEXT
from tests.examples.runs import RUN_LIMIT_S, records, trainings_logged, trainings_of_backtest
from tests.parity.replays import (
    configure,
    orders_of_backtest,
    orders_of_journal,
    run,
    tags_of_backtest,
    tags_of_journal,
)

SPAN = ("2018-01-16", "2018-03-29")
FORMATS = {
    "torch": "safetensors",
    "keras": "keras",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "sklearn": "skops",
}


@pytest.mark.heavy
@pytest.mark.timeout(2 * RUN_LIMIT_S)
@pytest.mark.parametrize("library", sorted(FORMATS))
def test_a_model_of_a_process_is_kept_and_serves(tmp_path: Path, made_prices: Path, library: str) -> None:
    algorithm = tmp_path / "learner.py"
    algorithm.write_text(TEXT, encoding="utf-8")
    run(
        "backtest", str(algorithm), "--data-folder", str(made_prices), "--output", str(tmp_path / "backtest"),
        "--start", SPAN[0], "--end", SPAN[1], "--parameter", f"library={library}", limit_s=RUN_LIMIT_S,
    )  # fmt: skip
    path = configure(tmp_path / "live.toml", algorithm, made_prices, SPAN, library=library)
    told = run("run", str(path), limit_s=RUN_LIMIT_S)

    expected = [f"Model trained, kept as {FORMATS[library]}"] * 2
    assert [text for _, text in trainings_of_backtest(tmp_path / "backtest")] == expected
    assert trainings_logged(told) == expected
    assert len(records(told, "training_ready")) == 2
    orders, journal = orders_of_backtest(tmp_path / "backtest"), tmp_path / "state" / "journal.sqlite3"
    assert len(orders) >= 4
    assert orders_of_journal(journal) == orders
    assert tags_of_journal(journal) == tags_of_backtest(tmp_path / "backtest")
