"""What the algorithm predicted, as it said."""

from __future__ import annotations

import msgspec


class InsightView(msgspec.Struct, frozen=True):
    """One prediction that the algorithm emitted. `kind`: price or volatility; `direction`: up, flat, down.

    `time_ns` and `close_ns` (when it ends) are session time.
    """

    id: str
    time_ns: int
    close_ns: int
    symbol: str
    ticker: str
    kind: str
    direction: str
    magnitude: float | None = None
    confidence: float | None = None
    weight: float | None = None
    source: str = ""
    group: str = ""
    tag: str = ""
    active: bool = True


class InsightsView(msgspec.Struct, frozen=True):
    """The newest insights, newest first. `total` counts all since the daemon started."""

    insights: tuple[InsightView, ...]
    total: int = 0
