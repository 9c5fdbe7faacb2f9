"""A model that one run has stored is what a later run trades with, from its first day, without training."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.runs import RUN_LIMIT_S, logged, trainings_logged
from tests.parity.replays import EXAMPLES, configure, orders_of_journal, run

FIRST, LATER = (
    ("2018-01-16", "2018-02-09"),
    ("2018-03-02", "2018-03-29"),
)  # the later one has no first of a month


def trade_twice(folder: Path, data: Path, name: str) -> None:
    """Replay an example that trains, then, with a state of its own and the same store, one that does not."""
    store = folder / "store"
    told = []
    for number, span in enumerate((FIRST, LATER)):
        home = folder / f"run{number}"
        home.mkdir()
        path = configure(home / "live.toml", EXAMPLES / f"{name}.py", data, span)
        path.write_text(path.read_text() + f'[object_store]\nurl = "{store}"\n')
        told.append(run("run", str(path), limit_s=RUN_LIMIT_S))
    assert len(trainings_logged(told[0])) == 1
    assert trainings_logged(told[1]) == []
    assert "Model loaded from the object store" not in logged(told[0])
    assert logged(told[1]) == ["Model loaded from the object store"]
    assert len(orders_of_journal(folder / "run1" / "state" / "journal.sqlite3")) >= 2


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_pickled_model_serves_the_next_run(tmp_path: Path, made_prices: Path) -> None:
    trade_twice(tmp_path, made_prices, "pickle_persistence")


@pytest.mark.heavy
@pytest.mark.timeout(2 * RUN_LIMIT_S)
def test_a_network_kept_as_json_serves_the_next_run(tmp_path: Path, made_prices: Path) -> None:
    trade_twice(tmp_path, made_prices, "keras_persistence")
