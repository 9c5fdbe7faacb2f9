"""Fewer candles of a long equity curve, for the summary file. Source: LEAN's Common/SeriesSampler.cs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from livetrader_engine.symbols import NS_PER_DAY

MAX_DAYS: Final = 7  # between two candles of a summary
CANDLES_PER_DAY: Final = 100  # a day is added to the distance for every so many candles

Candle = tuple[int, Decimal, Decimal, Decimal, Decimal]  # UTC ns of the end, open, high, low, close


def summary_candles(candles: Sequence[Candle]) -> list[Candle]:
    """Return the candles of an equity curve as LEAN's summary has them: all of a short run."""
    days = min(MAX_DAYS, len(candles) // CANDLES_PER_DAY)
    return sampled(candles, days * NS_PER_DAY) if days > 1 else list(candles)


def sampled(candles: Sequence[Candle], step_ns: int) -> list[Candle]:
    """Return one candle every `step_ns`, values cut to whole numbers; needs ascending candles.

    A candle holds what happened since the one before; between far-away candles its close lies on the line
    from one to the other.
    """
    if len(candles) < 2:
        return [(candle[0], *map(_whole, candle[1:])) for candle in candles]  # type: ignore[misc]  # four of them
    result = [candles[0]]
    next_ns = candles[0][0] + step_ns
    begin = 1
    for index in range(1, len(candles)):
        end_ns = candles[index][0]
        if next_ns > end_ns:
            continue
        span = candles[begin : index + 1]
        opened_ns, opened, close = candles[begin - 1][0], span[0][1], span[-1][4]
        top = _whole(max(max(item[1:]) for item in span))
        bottom = _whole(min(min(item[1:]) for item in span))
        start = _whole(opened)
        while next_ns <= end_ns:
            share = Decimal(next_ns - opened_ns) / Decimal(end_ns - opened_ns)
            finish = opened + (close - opened) * share
            if begin == index:  # one candle is cut into several: each spans open to close
                top, bottom = max(start, finish), min(start, finish)
            result.append((next_ns, start, top, bottom, finish))
            start = finish
            next_ns += step_ns
        begin = index + 1
    return result


def _whole(value: Decimal) -> Decimal:
    return value.to_integral_value(rounding="ROUND_DOWN")
