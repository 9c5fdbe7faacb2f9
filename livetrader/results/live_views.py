"""The daemon's own charts and the closed trades, as readers get them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from livetrader.results.charts import CANDLE
from livetrader.results.live import ChartPoint, ChartView, EquityPoint, SeriesView, TradeView
from livetrader.results.live_charts import series_view
from livetrader.results.live_curve import EquityCurve
from livetrader.results.live_figures import Day
from livetrader_engine.commands import SeriesStyle
from livetrader_engine.statistics.trades import Trade

OWN_CHARTS: Final[dict[str, tuple[str, ...]]] = {  # LEAN's names
    "Strategy Equity": ("Equity", "Return"),
    "Drawdown": ("Equity Drawdown",),
    "Benchmark": ("Benchmark",),
    "Portfolio Turnover": ("Portfolio Turnover",),
    "Exposure": ("Long Ratio", "Short Ratio"),
}
BENCHMARK: Final = ("Benchmark", "Benchmark")
PERCENT: Final = SeriesStyle(unit="%")
PLAIN: Final = SeriesStyle(unit="")
DOLLARS: Final = SeriesStyle()
EQUITY: Final = SeriesStyle(kind=CANDLE)
RETURN: Final = SeriesStyle(kind=3, unit="%", index=1)  # 3: bars


def own_chart(
    name: str, curve: EquityCurve, days: Iterable[Day], since_ns: int, limit: int
) -> ChartView | None:
    """Return one of the daemon's charts: what is sampled by ten minutes and days, or by days alone."""

    def series(of: str, style: SeriesStyle, rows: Iterable[tuple[int, Sequence[float]]]) -> SeriesView:
        points = [ChartPoint(time_ns, tuple(values)) for time_ns, values in rows if time_ns > since_ns]
        return series_view(of, style, tuple(points[-limit:]) if limit > 0 else ())

    points, midnights = curve.long_points(), tuple(days)
    match name:
        case "Strategy Equity":
            shown = (
                series("Equity", EQUITY, ((point.time_ns, _candle(point)) for point in points)),
                series("Return", RETURN, ((day.time_ns, (float(day.return_pct),)) for day in midnights)),
            )
        case "Drawdown":
            falls = ((point.time_ns, (point.drawdown_pct,)) for point in points)
            return ChartView(name, own=False, series=(series("Equity Drawdown", PERCENT, falls),))
        case "Benchmark":
            values = ((item.time_ns, (item.benchmark,)) for item in points if item.benchmark is not None)
            return ChartView(name, own=False, series=(series("Benchmark", DOLLARS, values),))
        case "Portfolio Turnover":
            turnovers = ((day.time_ns, (float(day.turnover),)) for day in midnights)
            return ChartView(name, own=False, series=(series(name, PERCENT, turnovers),))
        case "Exposure":
            shown = (
                series("Long Ratio", PLAIN, ((day.time_ns, (float(day.long_ratio),)) for day in midnights)),
                series("Short Ratio", PLAIN, ((day.time_ns, (float(day.short_ratio),)) for day in midnights)),
            )
        case _:
            return None
    return ChartView(name, own=False, series=shown)


def _candle(point: EquityPoint) -> tuple[float, float, float, float]:
    return float(point.open), float(point.high), float(point.low), float(point.close)


def trade_views(trades: Sequence[Trade], limit: int) -> tuple[TradeView, ...]:
    """Return at most `limit` trades, newest first."""
    return tuple(
        TradeView(
            number=trade.number,
            symbol=trade.symbol.text,
            ticker=trade.symbol.value,
            direction=trade.direction.name.lower(),
            quantity=trade.quantity,
            entry_ns=trade.entry_ns,
            entry_price=trade.entry_price,
            exit_ns=trade.exit_ns,
            exit_price=trade.exit_price,
            profit=trade.profit,
            fees=trade.fees,
        )
        for trade in (trades[-limit:][::-1] if limit > 0 else ())
    )
