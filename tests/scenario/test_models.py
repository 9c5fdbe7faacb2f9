"""Another process changes which version of a model serves; the live algorithm follows, never trades on NaN.

The daemon, its engine process and the command line are real. The algorithm logs what it predicts at each bar.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader.models.follower import PAUSE_S
from tests.scenario.daemons import WAIT_S, Daemon, UnixConnection, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

FOLLOW_S = 2 * PAUSE_S + WAIT_S  # a look of the thread that follows, late
PROMISED_S = 60.0

ALGORITHM = """
from AlgorithmImports import *


class Slope:
    def __init__(self, slope):
        self.slope = slope

    def predict(self, rows):
        return [row * self.slope for row in rows]


class Served(QCAlgorithm):
    def initialize(self):
        self.add_equity("SPY", Resolution.MINUTE)
        for slope in (1.0, 2.0):
            self.models.save("slope", Slope(slope))
        self.models.save("slope", Slope(float("nan")), promote=False)
        self.net = self.models.load("slope")

    def on_data(self, data):
        answer, version = self.net.predict([1.0])[0], self.net.version.number
        self.log(f"slope says {answer} by {version}")
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    made = Daemon(tmp_path, ALGORITHM)
    made.start()
    yield made
    made.close()


def models(daemon: Daemon, *words: str) -> Any:
    found = CliRunner().invoke(cli, ["models", *words, "--config", str(daemon.config), "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def lines(daemon: Daemon) -> list[str]:
    """Return what was predicted, oldest first."""
    texts = (line.partition("slope says ")[2] for line in daemon.log.read_text().splitlines())
    return [text.partition('"')[0] for text in texts if text]


def test_a_live_algorithm_follows_the_command_line_and_never_answers_nan(daemon: Daemon) -> None:
    daemon.until(lambda: "2.0 by 2" in lines(daemon), "predictions of version 2")
    assert models(daemon, "rollback", "slope")["serving"] == 1
    took_s = daemon.until(lambda: lines(daemon)[-1] == "1.0 by 1", "version 1", FOLLOW_S)
    assert took_s < PROMISED_S
    models(daemon, "promote", "slope", "3", "--reason", "nobody looked at it")
    daemon.until(lambda: "was rolled back" in daemon.log.read_text(), "a rollback", FOLLOW_S)
    daemon.until(lambda: len(lines(daemon)) > 4, "more predictions")
    assert set(lines(daemon)) == {"2.0 by 2", "1.0 by 1"}, "no NaN was ever answered"
    found = models(daemon, "ls", "slope")
    standing = {version["number"]: version["standing"] for version in found["versions"]}
    assert standing == {1: "serves", 2: "kept", 3: "bad"}
    told = [json.loads(line) for line in daemon.log.read_text().splitlines() if '"model_trouble"' in line]
    assert told and told[0]["name"] == "slope" and "NaN or infinity" in told[0]["reason"]
    shown = metrics(daemon)
    assert 'livetrader_model_version{name="slope"} 1.0' in shown
    assert "livetrader_model_trouble_total 1.0" in shown


def metrics(daemon: Daemon) -> str:
    """Return what Prometheus would read."""
    connection = UnixConnection(daemon.state / "control.sock")
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
