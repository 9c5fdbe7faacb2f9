"""What `train` makes of its arguments, in a backtest of the real engine: threads, processes, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from livetrader.offline.backtest import BacktestRequest, run_backtest
from livetrader.offline.results import BacktestResult
from livetrader_engine.errors import AlgorithmError
from livetrader_lean.training import wanted_work
from livetrader_plugins.lean_data.writer import write_daily, write_reference

Play = Callable[[str], tuple[BacktestResult, list[str]]]

HEAD = """
from AlgorithmImports import *
from livetrader import training
import os, time

def double(values, factor=2):
    training.progress(0.5, "half")
    return [value * factor for value in values], os.getpid()

def fail(values):
    raise ValueError("no data")

def sleep():
    time.sleep(3600)

class Learner(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 8)
        self.add_equity("SPY", Resolution.DAILY)
        self.model = None
        self.wish()

    def prepare(self):
        return [1, 2, 3]

    def adopt(self, result):
        assert self.training.is_training
        assert self.training.ready is (self.model is not None)  # a process leaves the old model alone
        self.model, self.where = result
        self.log(f"adopted {self.model} here {self.where == os.getpid()}")

    def on_end_of_algorithm(self):
        job = self.training.jobs[-1]
        self.log(f"{job.name} {job.state} {job.progress} {job.text} {self.training.last_error}")
        self.log(f"ready {self.training.ready} age {self.training.model_age}")

    def wish(self):
"""


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    write_reference(tmp_path / "data", {"SPY": date(1998, 1, 2)}, date(2013, 1, 1), date(2013, 12, 31))
    days = [date(2013, 10, day) for day in (3, 4, 7, 8, 9)]
    write_daily(tmp_path / "data", "SPY", [(day, 165.0, 166.0, 164.0, 165.5, 1000) for day in days])

    def run(wish: str) -> tuple[BacktestResult, list[str]]:
        path = tmp_path / "main.py"
        path.write_text(HEAD + "        " + wish + "\n")
        lines: list[str] = []
        result = run_backtest(BacktestRequest(path, tmp_path / "data", tmp_path / "out"), show=lines.append)
        return result, lines

    yield run


@pytest.mark.slow
@pytest.mark.parametrize(("process", "here"), [("True", False), ("False", True)])
def test_a_result_is_adopted_in_a_process_as_in_a_thread(play: Play, process: str, here: bool) -> None:
    wish = f"self.train(double, process={process}, prepare=self.prepare, then=self.adopt, name='twice')"
    result, lines = play(wish)
    assert result.status == "Completed", result.error
    text = "\n".join(lines)
    assert f"adopted [2, 4, 6] here {here}" in text
    assert "twice ready 0.5 half None" in text
    assert "ready True age 1 day, 16:00:00" in text, "from the start of the 7th to the close of the 8th"


@pytest.mark.slow
def test_a_schedule_may_use_a_process_too(play: Play) -> None:
    result, lines = play(
        "self.train(self.date_rules.every_day(), self.time_rules.at(9, 0), double, process=True, "
        "arguments=([1], 3), then=self.adopt)"
    )
    assert result.status == "Completed", result.error
    assert sum("adopted [3] here False" in line for line in lines) == 2


@pytest.mark.slow
def test_a_training_process_that_fails_ends_the_backtest_with_the_users_traceback(play: Play) -> None:
    result, _ = play("self.train(fail, process=True, prepare=self.prepare)")
    assert result.status == "RuntimeError"
    assert result.error.startswith("training 'fail' failed: Traceback")
    assert "in fail" in result.error
    assert "ValueError: no data" in result.error
    assert "livetrader/training" not in result.error


@pytest.mark.slow
def test_a_deadline_ends_a_process_in_a_backtest_too(play: Play) -> None:
    result, _ = play("self.train(sleep, process=True, deadline=timedelta(seconds=0.5))")
    assert "training 'sleep' failed: ran past its deadline of 0.5 s and was killed" in result.error


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("self.train(self.prepare, process=True)", "Learner.prepare is a method"),
        ("self.train(lambda: 1, process=True)", "is a lambda"),
        ("self.train(double, then=3)", "then of train is a function, not 3"),
        ("self.train(double, deadline='soon')", "timedelta or a number of minutes, not 'soon'"),
        ("self.train(double, deadline=-1)", "deadline of training 'double' must be more than 0"),
        ("self.train(double, prepare=self.prepare, arguments=[1])", "prepare() returns the arguments"),
        ("self.train(double, proces=True)", "train has no argument proces"),
        ("self.train(7)", "train needs a function, not 7"),
        ("self.train(self.date_rules.today, double)", "train takes a function, or date_rule, time_rule"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_written(play: Play, wish: str, words: str) -> None:
    result, _ = play(wish)
    assert words in result.error


def _named(count: int, factor: int) -> int:
    return count * factor


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, ("_named", (), None)),
        ({"deadline": 2}, ("_named", (), 120.0)),
        ({"deadline": timedelta(seconds=90)}, ("_named", (), 90.0)),
        ({"arguments": (1, 2)}, ("_named", (1, 2), None)),
        ({"arguments": [1, 2]}, ("_named", ([1, 2],), None)),
        ({"name": "mine"}, ("mine", (), None)),
    ],
)
def test_keywords_become_work(named: dict[str, Any], expected: tuple[object, ...]) -> None:
    work = wanted_work(partial(_named, factor=2), named)
    assert (work.name, work.arguments, work.deadline_s) == expected
    assert not named, "everything was understood"


def test_a_function_inside_a_function_cannot_go_to_a_process() -> None:
    with pytest.raises(AlgorithmError, match=r"top level of the file.*prepare=.*then="):
        wanted_work(partial(lambda: 1), {"process": True})
