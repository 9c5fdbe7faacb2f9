"""`self.models` in a backtest: what is kept with a version, which one serves, and from when on."""

from __future__ import annotations

from tests.parity.conftest import Backtest
from tests.parity.test_algorithms import said

LEARNER = """
from datetime import date


class Slope:
    def __init__(self, slope):
        self.slope = slope

    def predict(self, rows):
        return [self.slope for _ in rows]


class Learner(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.slopes = iter([(1.0, 0.5), (2.0, 0.4), (3.0, 0.6), (float("nan"), 0.9), (5.0, 0.7)])
        self.net = self.Models.Load("slope", features=["close"], required=False)
        self.log(f"waits {self.net.ready} {self.net.reason}")
        self.train(self.date_rules.every_day(), self.time_rules.at(8, 0), self.retrain)

    def retrain(self):
        slope, accuracy = next(self.slopes)
        version = self.models.save(
            "slope", Slope(slope), features=["close"], window=(date(2013, 9, 1), self.time),
            metrics={"accuracy": accuracy}, promote="accuracy",
        )
        self.log(f"saved {version.number} {version.created:%d %H:%M} {version.job} parent {version.parent}")

    def on_data(self, data):
        answer = self.net.predict([[data[self.spy].close]])[0]
        self.log(f"{answer} by {self.net.version.number}")

    def on_end_of_algorithm(self):
        first = self.models.versions("slope")[0]
        start, end = first.window
        self.log(f"{start:%m-%d %H:%M} {end:%m-%d %H:%M} {first.features} {first.metrics}")
        assert len(first.feature_hash) == len(first.content_hash) == 64
        assert [version.number for version in self.models.versions("slope")] == [1, 2, 3, 4, 5]
        assert self.models.names == ["slope"] and first.libraries["python"] and first.size > 10
        back = self.models.rollback("slope")
        self.log(f"back to {back.number}, serves {self.net.version.number}")
        self.models.promote("slope", 2)
        self.log(f"serves {self.net.version.number}")
        kept = self.models.save("slope", Slope(6.0), promote=lambda new, old: new.number > old.number + 100)
        self.log(f"kept {kept.number}, serves {self.net.version.number}")
        try:
            self.models.promote("slope", 4)
        except Exception as error:
            self.log(f"{type(error).__name__}: {error}")
"""


def test_versions_serve_from_their_step_on_and_a_broken_one_never_answers(backtest: Backtest) -> None:
    run = backtest(LEARNER)
    assert run.result.status == "Completed", run.result.error
    lines = [line for line in said(run.log) if not line.startswith("model 'slope'")]
    assert lines == [
        "waits False there is no model 'slope' yet; there are: none",
        "saved 1 07 08:00 1 retrain parent None", "1.0 by 1",
        "saved 2 08 08:00 2 retrain parent 1", "1.0 by 1",  # worse than the one that serves
        "saved 3 09 08:00 3 retrain parent 1", "3.0 by 3",
        "saved 4 10 08:00 4 retrain parent 3", "3.0 by 3",  # NaN, rolled back within the call
        "saved 5 11 08:00 5 retrain parent 3", "5.0 by 5",
        "09-01 00:00 10-07 08:00 ['close'] {'accuracy': 0.5}",
        "back to 3, serves 3",
        "serves 2",
        "kept 6, serves 2",
        "ModelRefusedError: version 4 of 'slope' is marked bad (it predicted NaN or infinity; "
        "version 3 answered instead); promote it with force if you know better",
    ]  # fmt: skip


def test_a_model_that_cannot_be_loaded_ends_the_start_with_the_reason(backtest: Backtest) -> None:
    text = """
class Hopeful(QCAlgorithm):
    def initialize(self):
        self.net = self.models.load("nothing")
"""
    run = backtest(text)
    assert run.result.status == "RuntimeError"
    assert "no version of 'nothing' can be used: there is no model 'nothing' yet" in run.result.error
