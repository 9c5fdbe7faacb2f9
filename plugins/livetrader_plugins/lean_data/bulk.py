"""Whole files of digits to points at once, by numpy. Pure: no file is opened here.

Only what is written plainly is read here: rows of one shape, numbers without sign or exponent. Anything else
is left to the careful readers of `convert`, which give the same points and name the row that is wrong. The
arithmetic is theirs, operation by operation, so that both agree in every bit.
"""

from __future__ import annotations

from itertools import repeat
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_plugins.lean_data.convert import NS_PER_MS, Adjustment, Layout

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MAX_DIGITS: Final = 15  # of one number: below 2**53, so that a float holds it exactly

_COMMA, _NEWLINE, _DOT, _ZERO = b",\n.0"


class _Table(NamedTuple):
    """The wanted columns of a text, and which of their fields are empty (those count as zero)."""

    values: Floats
    empty: npt.NDArray[np.bool_]


def _table(text: bytes, columns: int, wanted: int) -> _Table | None:
    """Return the first `wanted` columns of rows with `columns` fields each; None for any other text."""
    characters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((characters == _COMMA) | (characters == _NEWLINE))
    if len(ends) % columns:
        return None
    marks = characters[ends].reshape(-1, columns)
    if not ((marks[:, -1] == _NEWLINE).all() and (marks[:, :-1] == _COMMA).all()):
        return None
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    ends = ends.reshape(-1, columns)[:, :wanted].ravel()
    lengths = ends - starts.reshape(-1, columns)[:, :wanted].ravel()
    numbers = _decimals(characters, ends, lengths) if b"." in text else _integers(characters, ends, lengths)
    if numbers is None:
        return None
    return _Table(numbers.reshape(-1, wanted), (lengths == 0).reshape(-1, wanted))


def _integers(characters: npt.NDArray[np.uint8], ends: Integers, lengths: Integers) -> Floats | None:
    longest = int(lengths.max())
    if longest > MAX_DIGITS:
        return None
    values = np.zeros(len(ends), dtype=np.int64)
    for place in range(longest):
        digits = characters.take(ends - (place + 1), mode="clip").astype(np.int64) - _ZERO
        inside = lengths > place
        digits *= inside
        if digits.min() < 0 or digits.max() > 9:
            return None
        values += digits * 10**place
    return values.astype(np.float64)


def _decimals(characters: npt.NDArray[np.uint8], ends: Integers, lengths: Integers) -> Floats | None:
    """Return digits / 10**places: one correctly rounded division, as reading the text would give."""
    longest = int(lengths.max())
    if longest > MAX_DIGITS + 1:
        return None
    values = np.zeros(len(ends), dtype=np.int64)
    weights = np.ones(len(ends), dtype=np.int64)
    places = np.zeros(len(ends), dtype=np.int64)
    dots = np.zeros(len(ends), dtype=np.int64)
    for place in range(longest):
        found = characters.take(ends - (place + 1), mode="clip")
        inside = lengths > place
        dot = inside & (found == _DOT)
        digit = inside & ~dot
        digits = (found.astype(np.int64) - _ZERO) * digit
        if digits.min() < 0 or digits.max() > 9:
            return None
        values += digits * weights
        weights = np.where(digit, weights * 10, weights)
        places[dot] = place
        dots += dot
    if dots.max() > 1 or (lengths == 1)[dots == 1].any():
        return None
    quotients: Floats = values.astype(np.float64) / (10.0**places)
    return quotients


def trade_bars(text: bytes, layout: Layout, how: Adjustment) -> list[MarketPoint] | None:
    """Return the trade bars of rows `ms,open,high,low,close,volume`; None where one is not plain."""
    table = _table(text, 6, 6)
    if table is None or table.empty.any():
        return None
    starts = _starts(table.values[:, 0], layout)
    times, by = how.ratio(layout.divisor)
    prices = table.values[:, 1:5] * times / by
    volumes = table.values[:, 5]
    if how.factor != 1.0 or how.dividends:
        prices = prices + how.dividends
        volumes = np.rint(volumes / how.factor)
    columns = (starts, starts + layout.period_ns, *prices.T, volumes)
    lists = (column.tolist() for column in columns)
    return list(map(TradeBar, repeat(layout.symbol), *lists, repeat(False), repeat(how.scale)))


def quote_bars(text: bytes, layout: Layout, how: Adjustment) -> list[MarketPoint] | None:
    """Return the quote bars of rows `ms,bid o,h,l,c,size,ask o,h,l,c,size`; None where one is not plain."""
    table = _table(text, 11, 11)
    if table is None or table.empty[:, 0].any():
        return None
    starts = _starts(table.values[:, 0], layout)
    sides: list[Floats] = []
    times, by = how.ratio(layout.divisor)
    for low in (1, 6):
        values, empty = table.values[:, low : low + 5], table.empty[:, low : low + 5]
        absent = empty[:, 0] | empty[:, 3] | (values[:, 3] == 0.0)
        if (empty[:, 1:3].any(axis=1) & ~absent).any():
            return None
        prices = values[:, :4] * times / by + how.dividends
        sizes = values[:, 4]
        if how.factor != 1.0 or how.dividends:
            sizes = np.rint(sizes / how.factor)
        side = np.column_stack((prices, sizes))
        side[absent] = 0.0
        sides.extend(side.T)
    columns = (starts, starts + layout.period_ns, *sides)
    lists = (column.tolist() for column in columns)
    return list(map(QuoteBar, repeat(layout.symbol), *lists, repeat(False), repeat(how.scale)))


def trade_ticks(text: bytes, layout: Layout, how: Adjustment) -> list[MarketPoint] | None:
    """Return the trades of rows `ms,price,quantity,exchange,condition,suspicious`; None where not plain."""
    table = _table(text, 6, 3)
    if table is None or table.empty.any():
        return None
    starts = _starts(table.values[:, 0], layout)
    times, by = how.ratio(layout.divisor)
    prices = table.values[:, 1] * times / by + how.dividends
    quantities = table.values[:, 2]
    if how.factor != 1.0:
        quantities = np.rint(quantities / how.factor)
    made: list[MarketPoint] = list(
        map(Tick, repeat(layout.symbol), starts.tolist(), prices.tolist(), quantities.tolist())
    )
    return _doubted(made, text)


def quote_ticks(text: bytes, layout: Layout, how: Adjustment) -> list[MarketPoint] | None:
    """Return the quotes of rows `ms,bid,size,ask,size,exchange,condition,suspicious`; None as above."""
    table = _table(text, 8, 5)
    if table is None or table.empty[:, 0].any():
        return None
    starts = _starts(table.values[:, 0], layout)
    times, by = how.ratio(layout.divisor)
    sides: list[list[float]] = []
    for low in (1, 3):
        prices = table.values[:, low] * times / by
        sides.append(np.where(prices != 0.0, prices + how.dividends, 0.0).tolist())
        sides.append(table.values[:, low + 1].tolist())
    made: list[MarketPoint] = list(
        map(Tick, repeat(layout.symbol), starts.tolist(), repeat(0.0), repeat(0.0), *sides)
    )
    return _doubted(made, text)


def _doubted(ticks: list[MarketPoint], text: bytes) -> list[MarketPoint]:
    """Mark the suspicious ticks: those whose last field is 1."""
    if b",1\n" in text:
        for tick, row in zip(ticks, text.split(b"\n"), strict=False):
            if row.endswith(b",1") and isinstance(tick, Tick):
                tick.suspicious = True
    return ticks


def _starts(milliseconds: Floats, layout: Layout) -> Integers:
    assert layout.midnight_ns is not None, "the careful readers know the days on which the clock changes"
    return layout.midnight_ns + np.rint(milliseconds * NS_PER_MS).astype(np.int64)
