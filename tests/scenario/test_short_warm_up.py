"""A real daemon whose history begins too late: it is said before anything can be traded, and can halt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenario.test_feeds import daemon_at, peers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

WARMED = """
from AlgorithmImports import *


class Warmed(QCAlgorithm):
    def initialize(self):
        self.add_equity("SPY", Resolution.MINUTE)
        self.set_warm_up(timedelta(days=10))
"""


def test_a_warm_up_without_data_is_said_to_people_and_algorithm_and_halts_where_that_is_wanted(
    tmp_path: Path,
) -> None:
    with peers(1) as served:
        daemon = daemon_at(tmp_path, served)
        (tmp_path / "main.py").write_text(WARMED)
        daemon.config.write_text(daemon.config.read_text() + '\n[engine]\non_short_warm_up = "halt"\n')
        daemon.start()
        try:
            daemon.until(lambda: (daemon.status() or {}).get("halted"), "a halt", 40)
            lines = [json.loads(line) for line in daemon.log.read_text().splitlines()]
            actions = [line["action"] for line in lines]
            assert actions.index("warm_up_short") < actions.index("engine_ready")
            said = [line["text"] for line in lines if line["action"] == "algorithm_log"]
            assert said and said[0].startswith("the warm-up is short: SPY")
            assert "on_short_warm_up" in daemon.status()["reasons"]["halted"]
        finally:
            daemon.close()
