"""Performance figures as LEAN writes them: trade statistics, portfolio statistics, closed trades.

LEAN writes these decimals as texts with at most four decimals. Sources: LEAN's TradeStatistics.cs,
PortfolioStatistics.cs, Trade.cs, JsonRoundingConverter.cs.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from livetrader.results.json_text import Json, time_text
from livetrader.results.orders import symbol_json
from livetrader_engine.statistics.portfolio_statistics import PortfolioStatistics
from livetrader_engine.statistics.results import Performance
from livetrader_engine.statistics.trade_statistics import TradeStatistics
from livetrader_engine.statistics.trades import Trade
from livetrader_engine.symbols import NS_PER_SECOND

_DECIMALS: Final = 4
_FRACTION: Final = Decimal(1).scaleb(-_DECIMALS)
_NS_PER_TICK: Final = 100
_TRADE_MONEY: Final = (
    "total_profit_loss", "total_profit", "total_loss", "largest_profit", "largest_loss",
    "average_profit_loss", "average_profit", "average_loss",
)  # fmt: skip
_TRADE_RATIOS: Final = (
    "profit_loss_ratio", "win_loss_ratio", "win_rate", "loss_rate", "average_mae", "average_mfe",
    "largest_mae", "largest_mfe", "maximum_closed_trade_drawdown", "maximum_intra_trade_drawdown",
    "profit_loss_standard_deviation", "profit_loss_downside_deviation", "profit_factor", "sharpe_ratio",
    "sortino_ratio", "profit_to_max_drawdown_ratio", "maximum_end_trade_drawdown",
    "average_end_trade_drawdown",
)  # fmt: skip
_CAPITALS: Final = ("Mae", "Mfe")  # LEAN writes these words in capitals


def performance_json(figures: Performance, *, trades: bool = True) -> dict[str, Json]:
    """Return the figures of a period; without `trades` the list of closed trades stays empty."""
    closed = [trade_json(item) for item in figures.closed_trades] if trades else []
    return {
        "tradeStatistics": trade_statistics_json(figures.trade_statistics),
        "portfolioStatistics": portfolio_statistics_json(figures.portfolio_statistics),
        "closedTrades": closed,
    }


def trade_statistics_json(figures: TradeStatistics) -> dict[str, Json]:
    """Return the figures over closed trades."""
    durations = (figures.durations, figures.winning_durations, figures.losing_durations)
    row: dict[str, Json] = {
        "startDateTime": None if figures.start_ns is None else time_text(figures.start_ns),
        "endDateTime": None if figures.end_ns is None else time_text(figures.end_ns),
        "totalNumberOfTrades": figures.total_number_of_trades,
        "numberOfWinningTrades": figures.number_of_winning_trades,
        "numberOfLosingTrades": figures.number_of_losing_trades,
    }
    row.update((_camel(name), _short(getattr(figures, name))) for name in _TRADE_MONEY)
    for word, select in (("average", "average_ns"), ("median", "median_ns")):
        for kind, duration in zip(("", "Winning", "Losing"), durations, strict=True):
            row[f"{word}{kind}TradeDuration"] = span_text(getattr(duration, select))
    row["maxConsecutiveWinningTrades"] = figures.max_consecutive_winning_trades
    row["maxConsecutiveLosingTrades"] = figures.max_consecutive_losing_trades
    row.update((_camel(name), _short(getattr(figures, name))) for name in _TRADE_RATIOS)
    row["maximumDrawdownDuration"] = span_text(figures.maximum_drawdown_duration_ns)
    row["totalFees"] = _short(figures.total_fees)
    return row


def portfolio_statistics_json(figures: PortfolioStatistics) -> dict[str, Json]:
    """Return the figures of an account; the fields are declared in LEAN's order."""
    names = type(figures).__struct_fields__
    return {_camel(name): _short(Decimal(getattr(figures, name))) for name in names}


def trade_json(trade: Trade) -> dict[str, Json]:
    """Return one closed trade; its id is its number, where LEAN draws one by chance."""
    return {
        "id": str(trade.number),
        "symbols": [symbol_json(trade.symbol)],
        "entryTime": time_text(trade.entry_ns),
        "entryPrice": trade.entry_price,
        "direction": int(trade.direction),
        "quantity": trade.quantity,
        "exitTime": time_text(trade.exit_ns),
        "exitPrice": trade.exit_price,
        "profitLoss": trade.profit,
        "totalFees": trade.fees,
        "mae": trade.adverse,
        "mfe": trade.favorable,
        "duration": span_text(trade.duration_ns),
        "endTradeDrawdown": trade.drawdown,
        "isWin": trade.won,
        "orderIds": [int(order) for order in trade.orders],
    }


def span_text(duration_ns: int) -> str:
    """Return a duration as .NET writes it: [-][d.]hh:mm:ss[.fffffff]."""
    seconds, rest_ns = divmod(abs(duration_ns), NS_PER_SECOND)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    sign = "-" if duration_ns < 0 else ""
    whole = f"{sign}{f'{days}.' if days else ''}{hour:02d}:{minute:02d}:{second:02d}"
    return f"{whole}.{rest_ns // _NS_PER_TICK:07d}" if rest_ns else whole


def _short(value: Decimal) -> str:
    """Return a decimal with at most four decimals, as text; half goes to even."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_DECIMALS:
        value = value.quantize(_FRACTION, rounding=ROUND_HALF_EVEN)
    text = f"{value:f}"
    return text if value else text.lstrip("-")


def _camel(name: str) -> str:
    """Return LEAN's spelling of a field: words in capitals, the letters MAE and MFE all of them."""
    first, *rest = name.split("_")
    words = [word.capitalize() for word in rest]
    return first + "".join(word.upper() if word in _CAPITALS else word for word in words)
