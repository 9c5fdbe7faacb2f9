"""`self.training.require` in an algorithm: the same refusals in a backtest and in the whole daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.conftest import Backtest
from tests.parity.replays import (
    configure,
    live_order_events,
    order_events,
    orders_of_backtest,
    orders_of_journal,
    run,
)

CAREFUL = """
from AlgorithmImports import *


class Careful(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2015, 1, 1)
        self.set_end_date(2015, 3, 31)
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.train(self.date_rules.every(DayOfWeek.MONDAY), self.time_rules.at(8, 0), self.fit)
        self.training.require(max_age=timedelta(days=4))

    def fit(self):
        self.mean = float(self.history(self.spy, 20, Resolution.DAILY)["close"].mean())

    def on_data(self, data):
        age = self.training.model_age
        told = f"{self.time:%a} {'-' if age is None else age.days} {self.training.problem is None}"
        if self.portfolio.invested:
            ticket = self.market_order(self.spy, -self.portfolio[self.spy].quantity)
            self.log(f"{told} close {ticket.status != OrderStatus.INVALID}")
        else:
            ticket = self.market_order(self.spy, 10)
            self.log(f"{told} open {ticket.status != OrderStatus.INVALID}")
"""


RENEWING = """
from AlgorithmImports import *


def fit(closes):
    return sum(closes) / len(closes)


class Renewing(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.train(
            self.date_rules.every(DayOfWeek.MONDAY), self.time_rules.at(10, 0), fit,
            process=True, prepare=self.closes, then=self.adopt,
        )
        self.training.require()

    def closes(self):
        return list(self.history(self.spy, 20, Resolution.DAILY)["close"])

    def adopt(self, mean):
        ticket = self.market_order(self.spy, 1)
        self.log(f"adopts {self.training.ready} {ticket.status != OrderStatus.INVALID}")

    def on_data(self, data):
        pass
"""


def test_the_model_of_monday_is_too_old_on_friday(backtest: Backtest) -> None:
    outcome = backtest(CAREFUL)
    assert outcome.result.status == "Completed", outcome.result.error
    told = [line.split(" LOG ", 1)[1].split() for line in outcome.log if " LOG " in line]
    assert told[0] == ["Fri", "-", "False", "open", "False"], "before the first training"
    for day, age, fresh, act, passed in told:
        old = age in ("-", "4")  # on Fridays, but for a slice at midnight that tells a dividend only
        assert old is (fresh == "False") and (day == "Fri" or not old), told
        assert passed == ("False" if old and act == "open" else "True"), "what closes always passes"
    acts = {(day, act) for day, _, _, act, _ in told}
    assert {("Fri", "open"), ("Fri", "close")} <= acts, "both happened, or this shows nothing"
    assert any("is stale: made 2015-01-05 13:00:00 UTC" in line for line in outcome.log)


def test_a_process_leaves_the_old_model_in_use_until_the_new_one_is_adopted(backtest: Backtest) -> None:
    outcome = backtest(RENEWING, "2015-01-01", "2015-01-20")
    assert outcome.result.status == "Completed", outcome.result.error
    told = [line.split(" LOG ", 1)[1] for line in outcome.log if " LOG adopts " in line]
    assert told[:2] == ["adopts False False", "adopts True True"], "no model at first, then the old one"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("text", "span", "least"),
    [(CAREFUL, ("2015-01-01", "2015-03-31"), 20), (RENEWING, ("2015-01-01", "2015-01-30"), 2)],
    ids=["careful", "renewing"],
)
def test_live_refuses_what_the_backtest_refuses(
    tmp_path: Path, lean_data: Path, text: str, span: tuple[str, str], least: int
) -> None:
    algorithm = tmp_path / "algorithm.py"
    algorithm.write_text(text)
    run(
        "backtest", str(algorithm), "--data-folder", str(lean_data), "--output", str(tmp_path / "backtest"),
        "--start", span[0], "--end", span[1],
    )  # fmt: skip
    run("run", str(configure(tmp_path / "live.toml", algorithm, lean_data, span)))
    expected = orders_of_backtest(tmp_path / "backtest")
    assert len(expected) > least
    assert orders_of_journal(tmp_path / "state" / "journal.sqlite3") == expected
    assert live_order_events(tmp_path / "state" / "results") == order_events(tmp_path / "backtest")
