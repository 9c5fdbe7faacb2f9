from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from livetrader.telemetry import metrics as declared
from livetrader.telemetry.metrics import DERIVED, Metrics
from livetrader_engine.errors import InvariantError

PACKAGE = Path(declared.__file__).parents[1]


def test_every_metric_is_ours_described_and_in_a_registry_of_its_own() -> None:
    metrics, other = Metrics(), Metrics()
    metrics.fills.inc()
    families = {family.name: family for family in metrics.registry.collect()}
    assert all(name.startswith("livetrader_") and family.documentation for name, family in families.items())
    assert "livetrader_fills_total 1.0" in metrics.exposition().decode()
    assert "livetrader_fills_total 0.0" in other.exposition().decode()
    assert list(text_string_to_metric_families(metrics.exposition().decode()))


def test_counted_elsewhere_is_read_at_the_scrape() -> None:
    metrics, count = Metrics(), 3
    metrics.derive("late_fills", lambda: count)
    assert "livetrader_late_fills_total 3.0" in metrics.exposition().decode()
    count = 4
    assert "livetrader_late_fills_total 4.0" in metrics.exposition().decode()
    with pytest.raises(InvariantError):
        metrics.derive("invented", lambda: 1)


def test_every_metric_that_is_declared_is_moved_by_somebody() -> None:
    own = Path(declared.__file__).read_text()
    names = re.findall(r"self\.([a-z_]+) = self\._(?:counter|gauge|histogram)\(", own)
    assert len(names) > 30
    shown = own.partition("def show(")[2]
    rest = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path != Path(declared.__file__))
    unmoved = [
        name
        for name in names
        if not re.search(rf"self\.{name}(\.set|,)", shown) and not re.search(rf"metrics\.{name}\b", rest)
    ]
    assert unmoved == []
    assert [name for name in DERIVED if f'derive("{name}"' not in rest] == []
