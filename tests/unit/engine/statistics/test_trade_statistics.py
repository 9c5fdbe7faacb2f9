"""Statistics of trades against LEAN's TradeStatisticsTests."""

from __future__ import annotations

from decimal import Decimal

from livetrader_engine.orders.order import OrderId
from livetrader_engine.statistics.trade_statistics import TradeStatistics, trade_statistics
from livetrader_engine.statistics.trades import Trade, TradeDirection
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND
from tests.unit.engine.statistics.figures import floats
from tests.unit.engine.world import EURUSD


def trade(minutes: tuple[int, int], profit: int, marks: tuple[int, int, int]) -> Trade:
    """Return a trade from one minute to another with its profit, MAE, MFE and drawdown."""
    adverse, favorable, fall = (Decimal(mark) for mark in marks)
    return Trade(
        1, EURUSD, minutes[0] * NS_PER_MINUTE, Decimal("1.08"), TradeDirection.LONG, Decimal(1000),
        minutes[1] * NS_PER_MINUTE, Decimal("1.09"), Decimal(profit), Decimal(2), (OrderId(1),),
        adverse, favorable, fall,
    )  # fmt: skip


THREE_WINNERS = [
    trade((0, 20), 20, (-5, 30, 10)),
    trade((10, 40), 20, (-30, 40, 20)),
    trade((30, 40), 10, (-15, 30, 20)),
]
LOSER_TWO_WINNERS = [
    trade((0, 20), -20, (-30, 5, 25)),
    trade((10, 20), 20, (-40, 30, 10)),
    trade((30, 40), 10, (-15, 30, 20)),
]


def test_no_trades() -> None:
    assert trade_statistics([]) == TradeStatistics()


def test_three_winners() -> None:
    figures = trade_statistics(THREE_WINNERS)
    assert (figures.start_ns, figures.end_ns) == (0, 40 * NS_PER_MINUTE)
    assert floats(figures.total_profit_loss, figures.largest_profit, figures.largest_loss) == (50, 20, 0)
    assert str(figures.average_profit_loss) == "16.66666666666666666666666667"
    assert figures.durations.average_ns == 20 * NS_PER_MINUTE
    assert (figures.max_consecutive_winning_trades, figures.max_consecutive_losing_trades) == (3, 0)
    assert floats(figures.win_loss_ratio, figures.profit_factor, figures.profit_to_max_drawdown_ratio) == (
        10,
        10,
        10,
    )
    assert floats(figures.largest_mae, figures.largest_mfe, figures.maximum_intra_trade_drawdown) == (
        -30,
        40,
        -70,
    )
    assert str(figures.profit_loss_standard_deviation) == "5.77350269189626"
    assert round(figures.sharpe_ratio, 25) == Decimal("2.8867513459481276450914878")
    assert floats(figures.sortino_ratio, figures.maximum_end_trade_drawdown, figures.total_fees) == (0, 20, 6)


def test_a_loser_and_two_winners() -> None:
    figures = trade_statistics(LOSER_TWO_WINNERS)
    assert floats(figures.total_profit_loss, figures.total_profit, figures.total_loss) == (10, 30, -20)
    assert floats(figures.average_profit, figures.average_loss) == (15, -20)
    assert figures.durations.average_ns == 800 * NS_PER_SECOND
    assert figures.winning_durations.average_ns == 10 * NS_PER_MINUTE
    assert figures.losing_durations.average_ns == 20 * NS_PER_MINUTE
    assert (figures.max_consecutive_winning_trades, figures.max_consecutive_losing_trades) == (2, 1)
    assert floats(figures.profit_loss_ratio, figures.win_loss_ratio, figures.profit_factor) == (
        0.75, 2, 1.5,
    )  # fmt: skip
    assert (figures.win_rate, figures.loss_rate) == (Decimal(2) / 3, 1 - Decimal(2) / 3)
    assert floats(figures.maximum_closed_trade_drawdown, figures.maximum_intra_trade_drawdown) == (-20, -70)
    assert str(figures.profit_loss_standard_deviation) == "20.8166599946613"
    assert figures.profit_loss_downside_deviation == 0
    assert figures.profit_to_max_drawdown_ratio == Decimal("0.5")
    assert figures.maximum_drawdown_duration_ns == 40 * NS_PER_MINUTE


def test_medians_of_an_even_number_lie_in_the_middle() -> None:
    figures = trade_statistics(LOSER_TWO_WINNERS[:2])
    assert figures.durations.median_ns == 15 * NS_PER_MINUTE
