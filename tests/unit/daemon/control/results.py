"""Results of a run that never was: one value of the account, one chart, one trade."""

from __future__ import annotations

from decimal import Decimal

from livetrader.results.live import (
    MAX_POINTS_SHOWN,
    MAX_TRADES_SHOWN,
    ChartName,
    ChartPoint,
    ChartView,
    DeploymentView,
    EquityPoint,
    EquityView,
    SeriesView,
    Spacing,
    StatisticsView,
    TradeView,
)

TIME_NS = 1_700_000_000_000_000_000
EQUITY = Decimal("101500.25")


class FakeResults:
    """Knows one deployment, or none yet."""

    def __init__(self) -> None:
        self.named = True

    def deployment(self) -> DeploymentView | None:
        return DeploymentView("L-123456789", "BuyAndHold", "/results", TIME_NS) if self.named else None

    def equity(self, spacing: Spacing, *, since_ns: int = 0, limit: int = MAX_POINTS_SHOWN) -> EquityView:
        point = EquityPoint(TIME_NS, EQUITY, EQUITY, EQUITY, EQUITY, -0.5, 4500.0)
        return EquityView(spacing, "USD", (point,) if since_ns < TIME_NS else (), EQUITY, -0.5, -2.0, EQUITY)

    def charts(self) -> tuple[ChartName, ...]:
        return (ChartName("Own", ("price",), own=True),)

    def chart_view(self, name: str, *, since_ns: int = 0, limit: int = MAX_POINTS_SHOWN) -> ChartView | None:
        if name != "Own":
            return None
        points = tuple(ChartPoint(TIME_NS + number, (float(number),)) for number in range(5))
        shown = tuple(point for point in points if point.time_ns > since_ns)[-limit:]
        return ChartView(name, True, (SeriesView("price", 0, "$", 0, "#0000ff", "none", shown),))

    def statistics(self) -> StatisticsView:
        return StatisticsView(TIME_NS, {"Sharpe Ratio": "1.5"}, {"Equity": "$101,500.25"})

    def trades(self, *, limit: int = MAX_TRADES_SHOWN) -> tuple[TradeView, ...]:
        trade = TradeView(
            1, "SPY R735QTJ8XC9X", "SPY", "long", Decimal(10), TIME_NS, Decimal(149), TIME_NS + 1,
            Decimal(150), Decimal(10), Decimal(1),
        )  # fmt: skip
        return (trade,) * min(limit, 1)
