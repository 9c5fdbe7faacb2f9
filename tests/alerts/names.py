"""The names of metrics: those that are declared, and those that an expression of PromQL asks for."""

from __future__ import annotations

import re
from functools import cache

from livetrader.telemetry.metrics import Metrics


@cache
def declared() -> frozenset[str]:
    """Return the name of every series that the daemon may expose, and of the one that Prometheus adds."""
    names = {"up"}
    for family in Metrics().registry._collector_to_names.values():
        names |= set(family)
    return frozenset(names)


def metrics_of(expression: str) -> set[str]:
    """Return the metrics that an expression names."""
    return set(re.findall(r"\b(?:livetrader_[a-z_]+|up)\b(?=[\[{ )+]|$)", expression)) - {"livetrader_action"}
