from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from livetrader.control.gauges import show_curve
from livetrader.gateway.rules import HostRules
from livetrader.supervisor.figures import exposure
from livetrader.telemetry.metrics import DERIVED_BY, Metrics
from livetrader_engine.errors import InvariantError
from tests.unit.daemon.money import IBM, SPY, new_venue, open_desk, spec
from tests.unit.daemon.virtual_time import run


def test_exposure_adds_up_long_and_short_at_the_newest_prices_and_in_units(tmp_path: Path) -> None:
    async def body() -> None:
        async with open_desk(new_venue(SPY=100, IBM=50), tmp_path) as desk:
            assert exposure(desk.gateway) == (0.0, 0.0)
            await desk.submit(spec(1, 10))
            await desk.submit(spec(2, -4, IBM))
            await desk.settle()
            assert exposure(desk.gateway) == (1200.0, 800.0), "no price seen: the average price counts"
            desk.gateway.observe_price(SPY, 110.0)
            assert exposure(desk.gateway) == (1300.0, 900.0)
            desk.gateway.rules = HostRules(multiplier=lambda symbol: Decimal(100 if symbol is IBM else 1))
            assert exposure(desk.gateway) == (21_100.0, -18_900.0)

    run(body())


def test_drawdown_is_a_share_and_unknown_before_there_is_a_curve() -> None:
    metrics = Metrics()
    show_curve(metrics, None, 0.0)
    assert "livetrader_drawdown_ratio NaN" in metrics.exposition().decode()
    show_curve(metrics, Decimal(110_000), -12.5)
    shown = metrics.exposition().decode()
    assert "livetrader_drawdown_ratio 0.125" in shown
    assert "livetrader_equity_peak 110000.0" in shown


def test_what_is_refreshed_and_counted_elsewhere_is_read_at_each_scrape() -> None:
    metrics, looks = Metrics(), 0

    def refresh() -> None:
        nonlocal looks
        looks += 1
        metrics.journal_pending.set(looks)

    metrics.refreshed_by(refresh)
    metrics.derive_by("process_cpu_seconds", lambda: {"engine": 2.5})
    assert "livetrader_journal_pending_records 1.0" in metrics.exposition().decode()
    text, _ = metrics.exposition_as("application/openmetrics-text")
    assert "livetrader_journal_pending_records 2.0" in text.decode()
    assert 'livetrader_process_cpu_seconds_total{process="engine"} 2.5' in text.decode()
    with pytest.raises(InvariantError):
        metrics.derive_by("invented", dict)


def test_labels_take_few_known_values_by_their_names() -> None:
    """A symbol, an order or a message as a label would make a series of each."""
    labels = {label for each in Metrics().declared for label in each.labels}
    assert not labels & {
        "symbol",
        "ticker",
        "order",
        "order_id",
        "client_order_id",
        "message",
        "trace_id",
        "user",
    }
    assert set(DERIVED_BY) == {"process_cpu_seconds"}
    names = [each.name for each in Metrics().declared]
    assert len(names) == len(set(names))
    for each in Metrics().declared:
        assert each.name.startswith("livetrader_")
        assert (each.kind == "counter") == each.name.endswith("_total"), each.name
        assert (
            each.text[0].isupper() or each.text[0].isdigit() or each.text.startswith(("limits.", "engine."))
        )
