"""A daemon that was away: scheduled trainings follow the policy, none runs twice, and the model is gone."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from livetrader_plugins.lean_data.writer import write_minute, write_reference
from tests.scenario.daemons import DAY, OPEN_MS, Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

SPEED = 2400.0  # an hour of the session is a second and a half

LEARNER = """
from AlgorithmImports import *


class Learner(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        if self.get_parameter("warm_up"):
            self.set_warm_up(timedelta(days=int(self.get_parameter("warm_up"))))
        self.train(self.date_rules.every_day(), self.time_rules.at(11, 0), self.fit)
        self.training.require(max_age=timedelta(days=1))

    def fit(self):
        self.log("fitted")

    def on_data(self, data):
        if not self.is_warming_up:
            self.market_order(self.spy, 1)
"""


def days(count: int) -> list[date]:
    """The first trading days from DAY on; DAY is a Tuesday."""
    found, day = [], DAY
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day += timedelta(days=1)
    return found


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    folder = tmp_path / "data"
    write_reference(folder, {"SPY": date(1998, 1, 2)}, date(2020, 1, 1), date(2020, 12, 31))
    for day in days(4):
        rows = [(OPEN_MS + minute * 60_000, *(300.0,) * 4, 1_000_000) for minute in range(390)]
        write_minute(folder, "SPY", day, rows)
    made = Daemon(tmp_path, LEARNER)
    yield made
    made.close()


def begin(daemon: Daemon, day: date, missed: str, warm_up: int = 0) -> None:
    """Start the daemon at the open of a day: what lies between is the time it was away."""
    parameters: dict[str, object] = {"warm_up": str(warm_up)} if warm_up else {}
    again = Daemon(
        daemon.folder,
        LEARNER,
        {
            "algorithm.parameters": parameters,
            "feed": {"start": day, "end": day, "speed": SPEED, "resume": False},
            "training": {"missed": missed},
        },
    )
    again.start()
    daemon.process, daemon.state = again.process, again.state
    daemon.until(lambda: daemon.status() and daemon.status()["state"] == "running", "a running daemon")


def lines(daemon: Daemon, action: str) -> list[dict[str, object]]:
    found = []
    for line in daemon.log.read_text().splitlines():
        entry = json.loads(line)
        if entry.get("action") == action:
            found.append(entry)
    return found


def training(daemon: Daemon) -> Any:
    code, answer = daemon.request("GET", "/v1/training")
    assert code == 200, answer
    return answer


def trained(daemon: Daemon) -> int:
    return len(lines(daemon, "training_ready"))


def kill(daemon: Daemon) -> None:
    engine = daemon.status()["engine"]["pid"]
    daemon.send(signal.SIGKILL)
    daemon.wait()
    daemon.until_gone(engine)


def started(daemon: Daemon) -> list[datetime]:
    """Return the occurrences that the journal has as started, in UTC."""
    with closing(sqlite3.connect(daemon.state / "journal.sqlite3")) as journal:
        rows = journal.execute("SELECT body FROM record WHERE kind = 'schedule_settled' ORDER BY seq")
        records = [json.loads(body) for (body,) in rows]
    return [datetime.fromtimestamp(r["due_ns"] / 1e9, UTC) for r in records if r["outcome"] == "started"]


def eleven(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 15, tzinfo=UTC)  # 11:00 in New York, summer time


def test_until_the_first_training_no_risk_is_taken_and_ready_says_why(daemon: Daemon) -> None:
    begin(daemon, days(1)[0], "coalesce")
    daemon.until(lambda: "model" in (daemon.status() or {"reasons": ()})["reasons"], "a reason")
    code, answer = daemon.request("GET", "/ready")
    assert (code, "there is no model of fit" in answer["reasons"]["model"]) == (503, True), answer
    model = training(daemon)["model"]
    assert model["required"] and "there is no model" in model["problem"]
    assert daemon.holdings() == []
    daemon.until(lambda: daemon.holdings(), "a position")
    assert trained(daemon) == 1
    daemon.until(lambda: daemon.request("GET", "/ready")[0] == 200, "the word of the next beat")
    assert training(daemon)["model"]["problem"] == ""
    assert started(daemon) == [eleven(days(1)[0])]


@pytest.mark.parametrize(("policy", "late"), [("coalesce", 1), ("late", 2), ("skip", 0)])
def test_a_daemon_that_was_away_for_days_does_what_the_policy_says(
    daemon: Daemon, policy: str, late: int
) -> None:
    first, second, third, fourth = days(4)
    begin(daemon, first, policy)
    daemon.until(lambda: trained(daemon) == 1, "the training of the first day")
    kill(daemon)
    begin(daemon, fourth, policy)  # the occurrences of the second and third day are missed
    daemon.until(lambda: lines(daemon, "training_missed"), "a word about it")
    (told,) = lines(daemon, "training_missed")
    assert (told["missed"], told["policy"], told["runs"]) == (2, policy, late)
    daemon.until(lambda: trained(daemon) == 2 + late, "the training of the fourth day")
    expected = {"coalesce": [third], "late": [second, third], "skip": []}[policy]
    assert started(daemon) == [eleven(day) for day in (first, *expected, fourth)]
    if policy != "coalesce":
        return
    kill(daemon)
    begin(daemon, fourth, policy)  # a replay of the same day: its occurrence was started, and is not again
    late_ns = int(eleven(fourth).timestamp() + 600) * 10**9
    daemon.until(lambda: (daemon.status() or {"time_ns": 0})["time_ns"] > late_ns, "11:10")
    assert trained(daemon) == 2 + late
    assert "there is no model" in str(daemon.status()), "it died with its engine, and says so"


def test_a_warm_up_over_days_trains_once_at_its_end(daemon: Daemon) -> None:
    fourth = days(4)[3]
    begin(daemon, fourth, "coalesce", warm_up=5)
    daemon.until(lambda: trained(daemon) >= 1, "the training at the end of the warm-up")
    assert len(started(daemon)) == 1 and started(daemon)[0] < eleven(fourth)
    daemon.until(lambda: trained(daemon) >= 2, "the training of the day")
    assert started(daemon)[1:] == [eleven(fourth)]
    assert len(lines(daemon, "training_started")) == 2
