"""A daemon that is killed at any moment: no occurrence of a schedule is begun without being written down."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from tests.scenario.daemons import Daemon, write_market

KILLS = int(os.environ.get("LIVETRADER_START_KILLS", "6"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60 + 6 * KILLS)]

LEARNER = """
from AlgorithmImports import *
import os

LINES = os.open("{lines}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class Learner(QCAlgorithm):
    def initialize(self):
        self.add_equity("SPY", Resolution.MINUTE)
        self.train(self.date_rules.every_day(), self.time_rules.every(timedelta(minutes=1)), self.fit)

    def fit(self):
        os.write(LINES, b"begun\\n")
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    sections: dict[str, dict[str, object]] = {"feed": {"speed": 600.0}, "training": {"missed": "late"}}
    made = Daemon(tmp_path, LEARNER.format(lines=tmp_path / "begun"), sections)
    yield made
    made.close()


def begun(daemon: Daemon) -> int:
    lines = daemon.folder / "begun"
    return len(lines.read_text().splitlines()) if lines.exists() else 0


def written(daemon: Daemon) -> list[int]:
    """Return the occurrences that the journal has as started."""
    with closing(sqlite3.connect(daemon.state / "journal.sqlite3")) as journal:
        rows = journal.execute("SELECT body FROM record WHERE kind = 'schedule_settled' ORDER BY seq")
        records = [json.loads(body) for (body,) in rows]
    return [record["due_ns"] for record in records if record["outcome"] == "started"]


def test_what_began_was_written_down_before_and_only_once(daemon: Daemon) -> None:
    random = Random(4)
    for _ in range(KILLS):
        before = begun(daemon)
        daemon.start()
        daemon.until(lambda known=before: begun(daemon) > known + 1, "trainings")  # type: ignore[misc]
        engine = daemon.engine_pid()
        assert daemon.process is not None
        with suppress(subprocess.TimeoutExpired):  # any moment will do
            daemon.process.wait(random.uniform(0.0, 0.3))
        daemon.send(signal.SIGKILL)
        daemon.wait()
        if engine:
            daemon.until_gone(engine)
        due = written(daemon)
        assert len(due) == len(set(due)), "an occurrence was started twice"
        assert begun(daemon) <= len(due), "one began that nobody had written down"
    assert begun(daemon) > KILLS
