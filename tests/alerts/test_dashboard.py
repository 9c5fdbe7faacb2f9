"""config/grafana-dashboard.json is what docs/grafana.py makes, and asks for nothing that is not declared."""

from __future__ import annotations

import json
import runpy
from itertools import combinations
from typing import Any

from tests.alerts.names import declared, metrics_of
from tests.repository.sources import ROOT

FILE = ROOT / "config" / "grafana-dashboard.json"


def panels() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text(encoding="utf-8"))["panels"])


def test_the_file_is_that_of_its_table() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "grafana.py"))
    assert FILE.read_text(encoding="utf-8") == made["text"](), "run `make docs`"


def test_every_metric_of_the_dashboard_is_declared_and_bound_to_the_chosen_daemons() -> None:
    for panel in panels():
        for target in panel.get("targets", ()):
            assert metrics_of(target["expr"]) and metrics_of(target["expr"]) <= declared(), target
            bound = target["expr"].count('{account=~"$account",instance=~"$instance"')
            assert bound == target["expr"].count("livetrader_")


def test_panels_lie_side_by_side_and_have_ids_of_their_own() -> None:
    drawn = panels()
    assert len({panel["id"] for panel in drawn}) == len(drawn)
    for one, other in combinations([panel["gridPos"] for panel in drawn], 2):
        apart = (
            one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        )  # fmt: skip
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in drawn)


def test_what_the_rules_watch_can_be_seen() -> None:
    """Whoever is woken by an alert finds its metric on the dashboard."""
    import yaml

    rules = yaml.safe_load((ROOT / "config" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    watched = set().union(*(metrics_of(rule["expr"]) for group in rules for rule in group["rules"]))
    seen = set().union(*(metrics_of(ask["expr"]) for panel in panels() for ask in panel.get("targets", ())))
    assert not watched - seen - {"up"}
