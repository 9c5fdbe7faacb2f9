"""How the connection to the brokerage is shown: on the command line, in the metrics."""

from __future__ import annotations

import msgspec
import pytest

from livetrader.cli.views import connection_line
from livetrader.control.gauges import show_status
from livetrader.control.operations import ConnectionView, StatusView
from livetrader.telemetry.metrics import Metrics
from tests.unit.daemon.control.conftest import NOW_NS, FakeOperations

SINCE_NS = NOW_NS - 90 * 10**9
AWAY = ConnectionView(
    "overdue", SINCE_NS, "1100", NOW_NS, 7, "IB resets its servers", "confirm the login", held_orders=2
)


def status_with(connection: ConnectionView) -> StatusView:
    return msgspec.structs.replace(
        FakeOperations().status(),
        brokerage_connection=connection,
        brokerage_connected=connection.state == "connected",
    )


def test_one_line_says_how_long_why_until_when_and_what_to_do() -> None:
    words = connection_line(AWAY).plain
    for part in ("overdue since", "7 attempts", "1100", "IB resets", "confirm the login", "2 orders wait"):
        assert part in words
    assert connection_line(ConnectionView("connected", NOW_NS)).plain.startswith("connected since")


@pytest.mark.parametrize(
    ("connection", "away_s", "held"), [(AWAY, 90.0, 2.0), (ConnectionView("connected", SINCE_NS), 0.0, 0.0)]
)
def test_metrics_say_it_too(connection: ConnectionView, away_s: float, held: float) -> None:
    metrics = Metrics()
    show_status(metrics, status_with(AWAY), 0)
    show_status(metrics, status_with(connection), 0)
    value = metrics.registry.get_sample_value
    assert value("livetrader_brokerage_state", {"state": connection.state}) == 1
    assert value("livetrader_brokerage_away_seconds") == away_s
    assert value("livetrader_held_orders") == held
    if connection.state == "connected":
        assert value("livetrader_brokerage_state", {"state": "overdue"}) is None, "the past is not shown"
