"""Figures over closed trades. Pure. Source: LEAN's Common/Statistics/TradeStatistics.cs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.money import ZERO
from livetrader_engine.statistics.numbers import cast
from livetrader_engine.statistics.trades import Trade

NO_LOSS: Final = Decimal(10)  # what LEAN says for a ratio to losses where there were none


class Durations(msgspec.Struct, frozen=True):
    """How long trades took, nanoseconds."""

    average_ns: int = 0
    median_ns: int = 0


class TradeStatistics(msgspec.Struct, frozen=True):
    """What closed trades came to. Money is in account currency, `None` times where there are no trades."""

    start_ns: int | None = None
    end_ns: int | None = None
    total_number_of_trades: int = 0
    number_of_winning_trades: int = 0
    number_of_losing_trades: int = 0
    total_profit_loss: Decimal = ZERO
    total_profit: Decimal = ZERO
    total_loss: Decimal = ZERO
    largest_profit: Decimal = ZERO
    largest_loss: Decimal = ZERO
    average_profit_loss: Decimal = ZERO
    average_profit: Decimal = ZERO
    average_loss: Decimal = ZERO
    durations: Durations = Durations()
    winning_durations: Durations = Durations()
    losing_durations: Durations = Durations()
    max_consecutive_winning_trades: int = 0
    max_consecutive_losing_trades: int = 0
    profit_loss_ratio: Decimal = ZERO
    win_loss_ratio: Decimal = ZERO
    win_rate: Decimal = ZERO
    loss_rate: Decimal = ZERO
    average_mae: Decimal = ZERO
    average_mfe: Decimal = ZERO
    largest_mae: Decimal = ZERO
    largest_mfe: Decimal = ZERO
    maximum_closed_trade_drawdown: Decimal = ZERO
    maximum_intra_trade_drawdown: Decimal = ZERO
    profit_loss_standard_deviation: Decimal = ZERO
    profit_loss_downside_deviation: Decimal = ZERO
    profit_factor: Decimal = ZERO
    sharpe_ratio: Decimal = ZERO
    sortino_ratio: Decimal = ZERO
    profit_to_max_drawdown_ratio: Decimal = ZERO
    maximum_end_trade_drawdown: Decimal = ZERO
    average_end_trade_drawdown: Decimal = ZERO
    maximum_drawdown_duration_ns: int = 0
    total_fees: Decimal = ZERO


def trade_statistics(trades: Sequence[Trade]) -> TradeStatistics:
    """Return the figures of the trades, taken in the order in which they were closed."""
    if not trades:
        return TradeStatistics()
    figures = _profit_figures(trades)
    average_mfe = _running_mean(trade.favorable for trade in trades)
    return msgspec.structs.replace(
        figures,
        start_ns=min(trade.entry_ns for trade in trades),
        end_ns=max(trade.exit_ns for trade in trades),
        max_consecutive_winning_trades=_longest_run(trades, won=True),
        max_consecutive_losing_trades=_longest_run(trades, won=False),
        average_mae=_running_mean(trade.adverse for trade in trades),
        average_mfe=average_mfe,
        largest_mae=min(ZERO, *(trade.adverse for trade in trades)),
        largest_mfe=max(ZERO, *(trade.favorable for trade in trades)),
        maximum_end_trade_drawdown=max(ZERO, *(trade.drawdown for trade in trades)),
        average_end_trade_drawdown=figures.average_profit_loss - average_mfe,
        total_fees=sum((trade.fees for trade in trades), ZERO),
    )


def _profit_figures(trades: Sequence[Trade]) -> TradeStatistics:
    """Return what follows from profits and durations; the other figures are left at zero."""
    wins = [trade for trade in trades if trade.profit > 0]
    losses = [trade for trade in trades if trade.profit <= 0]
    profit = sum((trade.profit for trade in wins), ZERO)
    loss = sum((trade.profit for trade in losses), ZERO)
    average, deviation = _mean_and_deviation(trade.profit for trade in trades)
    average_loss, downside = _mean_and_deviation(trade.profit for trade in losses)
    average_profit = _running_mean(trade.profit for trade in wins)
    win_rate = Decimal(len(wins)) / len(trades)
    total = profit + loss
    falls = _falls(trades)
    return TradeStatistics(
        total_number_of_trades=len(trades),
        number_of_winning_trades=len(wins),
        number_of_losing_trades=len(losses),
        total_profit_loss=total,
        total_profit=profit,
        total_loss=loss,
        largest_profit=max((trade.profit for trade in wins), default=ZERO),
        largest_loss=min((trade.profit for trade in losses), default=ZERO),
        average_profit_loss=average,
        average_profit=average_profit,
        average_loss=average_loss,
        durations=_durations(trades),
        winning_durations=_durations(wins),
        losing_durations=_durations(losses),
        profit_loss_ratio=average_profit / abs(average_loss) if average_loss else ZERO,
        win_loss_ratio=Decimal(len(wins)) / len(losses) if losses else NO_LOSS,
        win_rate=win_rate,
        loss_rate=1 - win_rate,
        maximum_closed_trade_drawdown=falls.closed,
        maximum_intra_trade_drawdown=falls.within,
        profit_loss_standard_deviation=deviation,
        profit_loss_downside_deviation=downside,
        profit_factor=_over_losses(profit, loss),
        sharpe_ratio=average / deviation if deviation > 0 else ZERO,
        sortino_ratio=average / downside if downside > 0 else ZERO,
        profit_to_max_drawdown_ratio=_over_losses(total, falls.closed),
        maximum_drawdown_duration_ns=falls.longest_ns,
    )


class _Falls(msgspec.Struct, frozen=True):
    """How far the sum of profits fell, and how long it took to be made good (nanoseconds)."""

    closed: Decimal
    within: Decimal
    longest_ns: int


def _falls(trades: Sequence[Trade]) -> _Falls:
    total = peak = peak_within = closed = within = ZERO
    peak_ns, longest_ns, below = trades[0].entry_ns, 0, False
    for trade in trades:
        peak_within = max(peak_within, total + trade.favorable)
        within = min(within, total + trade.adverse - peak_within)
        total += trade.profit
        if trade.profit <= 0:
            closed = min(closed, total - peak)
            below = True
        elif total > peak:
            peak = total
            if below:
                longest_ns = max(longest_ns, trade.exit_ns - peak_ns)
            peak_ns, below = trade.exit_ns, False
    return _Falls(closed, within, longest_ns)


def _running_mean(values: Iterable[Decimal]) -> Decimal:
    """Return the mean, moved on value by value as LEAN does; zero for none."""
    result = ZERO
    for count, value in enumerate(values, 1):
        result += (value - result) / count
    return result


def _mean_and_deviation(values: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    """Return what `_running_mean` does, and the sample standard deviation; that is zero below 2 values."""
    centre = spread = ZERO
    count = 0
    for value in values:
        count += 1
        before = centre
        centre += (value - centre) / count
        spread += (value - before) * (value - centre)
    return centre, cast(math.sqrt(float(spread / (count - 1)))) if count > 1 else ZERO


def _over_losses(gain: Decimal, loss: Decimal) -> Decimal:
    if not gain:
        return ZERO
    return gain / abs(loss) if loss < 0 else NO_LOSS


def _longest_run(trades: Sequence[Trade], *, won: bool) -> int:
    longest = current = 0
    for trade in trades:
        current = current + 1 if trade.won is won else 0
        longest = max(longest, current)
    return longest


def _durations(trades: Sequence[Trade]) -> Durations:
    """Return average and median; the median of an even number is the mean of the two in the middle."""
    if not trades:
        return Durations()
    lengths = sorted(trade.duration_ns for trade in trades)
    middle = len(lengths) // 2
    median = lengths[middle] if len(lengths) % 2 else (lengths[middle - 1] + lengths[middle]) // 2
    return Durations(sum(lengths) // len(lengths), median)
