"""Why is there no trade: what the algorithm wanted, what stopped it, and what would stop it now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.daemons import Daemon, write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

WISHES = """
from AlgorithmImports import *


class Wishes(QCAlgorithm):
    def initialize(self):
        self.set_cash(100000)
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol

    def on_data(self, data):
        self.emit_insights(Insight.price(self.spy, timedelta(minutes=5), InsightDirection.UP, 0.01, 0.9))
        self.market_order(self.spy, 1)
        self.market_order(self.spy, 30)     # beyond limits.max_order_quantity
        self.market_order(self.spy, 100000)  # beyond what the account can pay
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    write_market(tmp_path / "data", lambda minute: 300.0)
    made = Daemon(tmp_path, WISHES, {"limits": {"max_order_quantity": 20, "orders_per_minute": 0}})
    yield made
    made.close()


def test_every_wish_has_its_answer_and_a_halt_is_said_first(daemon: Daemon) -> None:
    def seen() -> Any:
        code, answer = daemon.request("GET", "/v1/decisions?limit=1000")
        assert code in (200, 429), answer
        return answer if code == 200 else None

    def gates_of(answer: Any) -> dict[str, tuple[str, str]]:
        return {wish["quantity"]: (wish["outcome"], wish["gate"]) for wish in answer["decisions"]}

    daemon.start()
    daemon.until(lambda: daemon.status() and len(gates_of(seen() or {"decisions": []})) == 3, "three wishes")
    answer = seen()
    assert answer["trading"] and answer["total"] >= 3 and answer["last_decision_ns"]
    assert gates_of(answer) == {
        "1": ("sent", ""),
        "30": ("stopped", "max_order_quantity"),
        "100000": ("stopped", "engine"),
    }
    assert {"max_order_quantity", "engine"} <= answer["stopped"].keys()
    sent = [wish for wish in answer["decisions"] if wish["outcome"] == "sent"]
    assert {wish["status"] for wish in sent} <= {"new", "submitted", "filled"}
    assert any("buying power" in wish["message"] for wish in answer["decisions"] if wish["gate"] == "engine")
    code, predicted = daemon.request("GET", "/v1/insights?symbol=SPY&limit=1")
    (insight,) = predicted["insights"]
    assert code == 200 and predicted["total"] >= 1
    assert (insight["direction"], insight["magnitude"], insight["confidence"]) == ("up", 0.01, 0.9)
    assert insight["close_ns"] - insight["time_ns"] == 300 * 10**9
    assert daemon.request("POST", "/v1/halt", {"reason": "lunch"})[0] == 202
    answer = seen()
    assert not answer["trading"] and answer["words"] == "No order leaves now: lunch."
    daemon.until(lambda: "halted" in (seen() or {"stopped": {}})["stopped"], "a wish that the halt stopped")
