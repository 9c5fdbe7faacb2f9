"""Rows of LEAN data files to points and reference facts. Pure: no file is opened here.

Row formats: LEAN, Common/Util/LeanData.cs. Factors: Common/Data/Auxiliary/CorporateFactorProvider.cs.
Every function that reads rows raises DataError naming the place and the row that cannot be read, or leaves
the row out where its layout says who hears of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from livetrader_engine.data.bars import MarketPoint, PriceScale, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import Normalization
from livetrader_engine.errors import DataError
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.symbols import Symbol

NS_PER_MS: Final = 1_000_000
EQUITY_UNIT: Final = Decimal("0.0001")

_TRADE_COLUMNS: Final = (4, 6)  # of rows that tell what is suspicious: crypto's, and all others
_QUOTE_COLUMNS: Final = (6, 7, 8)  # crypto's, options', and equities'
_ONE: Final = Decimal(1)
_NO_SIDE: Final = (0.0, 0.0, 0.0, 0.0, 0.0)


class Adjustment(NamedTuple):
    """How the prices of one day become the ones asked for: `price * factor + dividends`."""

    factor: float = 1.0
    dividends: float = 0.0
    scale: PriceScale | None = None

    def ratio(self, divisor: float) -> tuple[float, float]:
        """Return (multiplier, divider) that turn a stored price into an adjusted one.

        Both are whole wherever the factor is a decimal, so that the price is rounded once: it is the float
        nearest to the decimal price, which is what LEAN hands to Python.
        """
        if self.scale is None or self.factor == 1.0:
            return self.factor, divisor
        numerator, denominator = self.scale.factor.as_integer_ratio()
        return float(numerator), divisor * denominator


class Layout(NamedTuple):
    """What the rows of one file share.

    `divisor` turns a stored price into currency (10000 for equities), `start_ns(key)` gives a bar's start
    from its first column, `period_ns` its length. `midnight_ns` is what a first column of milliseconds counts
    from, None where it is no such column or the clock changes that day; `first_row` numbers the rows.
    `problem(place, words)` hears of rows that cannot be read; they are left out.
    """

    place: str
    symbol: Symbol
    divisor: float
    start_ns: Callable[[str], int]
    period_ns: int
    midnight_ns: int | None = None
    first_row: int = 1
    problem: Callable[[str, str], None] | None = None

    def leave_out(self, number: int, row: str, error: Exception) -> None:
        """Tell of a row that cannot be read; raise DataError where nobody wants to hear."""
        if self.problem is None:
            raise bad_row(self.place, number, row) from error
        self.problem(self.place, f"row {number} cannot be read: {row[:120]!r}")


def trade_bars(rows: Sequence[str], layout: Layout, how: Adjustment) -> Iterator[TradeBar]:
    """Yield the trade bars of rows `time,open,high,low,close,volume`."""
    _, symbol, divisor, start_of, period_ns, *_ = layout
    factor, dividends, scale = how
    plain = factor == 1.0 and dividends == 0.0
    times, by = how.ratio(divisor)
    for number, row in enumerate(rows, layout.first_row):
        try:
            when, opens, high, low, close, volume = row.split(",")
            prices = (
                float(opens) * times / by,
                float(high) * times / by,
                float(low) * times / by,
                float(close) * times / by,
            )
            quantity = float(volume)
            start_ns = start_of(when)
        except ValueError as error:
            if not row.strip():
                continue
            layout.leave_out(number, row, error)
            continue
        if not plain:
            one, two, three, four = prices
            prices = (one + dividends, two + dividends, three + dividends, four + dividends)
            quantity = float(round(quantity / factor))
        yield TradeBar(symbol, start_ns, start_ns + period_ns, *prices, quantity, False, scale)


def quote_bars(rows: Sequence[str], layout: Layout, how: Adjustment) -> Iterator[QuoteBar]:
    """Yield the quote bars of rows `time,bid o,h,l,c,size,ask o,h,l,c,size`; an empty side is all zero."""
    _, symbol, divisor, start_of, period_ns, *_ = layout
    scale = how.scale
    for number, row in enumerate(rows, layout.first_row):
        try:
            when, *columns = row.split(",")
            start_ns = start_of(when)
            bid, ask = _side(columns[:5], divisor, how), _side(columns[5:], divisor, how)
        except (ValueError, IndexError) as error:
            if not row.strip():
                continue
            layout.leave_out(number, row, error)
            continue
        yield QuoteBar(symbol, start_ns, start_ns + period_ns, *bid, *ask, False, scale)


def _side(
    columns: Sequence[str], divisor: float, how: Adjustment
) -> tuple[float, float, float, float, float]:
    if not (columns[0] and columns[3]):
        if len(columns) != 5:
            raise ValueError("a side has five columns")
        return _NO_SIDE
    opens, high, low, close, size = map(float, columns) if columns[4] else map(float, (*columns[:4], "0"))
    if not close:
        return _NO_SIDE
    factor, dividends, _ = how
    if factor != 1.0 or dividends:
        size = float(round(size / factor))
    times, by = how.ratio(divisor)
    return (
        opens * times / by + dividends,
        high * times / by + dividends,
        low * times / by + dividends,
        close * times / by + dividends,
        size,
    )


def trade_ticks(rows: Sequence[str], layout: Layout, how: Adjustment) -> Iterator[Tick]:
    """Yield the trades of rows `time,price,quantity[,exchange,condition][,suspicious]`."""
    for number, row in enumerate(rows, layout.first_row):
        try:
            columns = row.split(",")
            times, by = how.ratio(layout.divisor)
            price = float(columns[1]) * times / by + how.dividends
            quantity = (
                float(columns[2]) if how.factor == 1.0 else float(round(float(columns[2]) / how.factor))
            )
            suspicious = columns[-1] == "1" and len(columns) in _TRADE_COLUMNS
            yield Tick(layout.symbol, layout.start_ns(columns[0]), price, quantity, suspicious=suspicious)
        except (ValueError, IndexError) as error:
            if row.strip():
                layout.leave_out(number, row, error)


def quote_ticks(rows: Sequence[str], layout: Layout, how: Adjustment) -> Iterator[Tick]:
    """Yield the quotes of rows `time,bid,bid size,ask,ask size[,exchange][,condition][,suspicious]`.

    Forex and cfd have `time,bid,ask`.
    """
    for number, row in enumerate(rows, layout.first_row):
        try:
            columns = row.split(",")
            if len(columns) == 3:  # forex and cfd: bid and ask only
                columns = [columns[0], columns[1], "", columns[2], ""]
            times, by = how.ratio(layout.divisor)
            bid, ask = (float(columns[at] or 0.0) * times / by for at in (1, 3))
            yield Tick(
                layout.symbol,
                layout.start_ns(columns[0]),
                bid_price=bid + how.dividends if bid else 0.0,
                bid_size=float(columns[2] or 0.0),
                ask_price=ask + how.dividends if ask else 0.0,
                ask_size=float(columns[4] or 0.0),
                suspicious=columns[-1] == "1" and len(columns) in _QUOTE_COLUMNS,
            )
        except (ValueError, IndexError) as error:
            if row.strip():
                layout.leave_out(number, row, error)


RowReader = Callable[[Sequence[str], Layout, Adjustment], Iterator[MarketPoint]]


def bad_row(place: str, number: int, row: str) -> DataError:
    """Return the error of a row that cannot be read."""
    return DataError(f"{place}: row {number} cannot be read: {row[:120]!r}")


def day_of(text: str) -> date:
    """Return the date of a text that begins with yyyyMMdd. Raises ValueError for another text."""
    if len(text) < 8:
        raise ValueError(f"{text!r} does not begin with yyyyMMdd")
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


class MapFile(NamedTuple):
    """The tickers of one company over time. `days[i]` is the last date of `tickers[i]`."""

    days: tuple[date, ...]
    tickers: tuple[str, ...]

    @property
    def first_date(self) -> date:
        """The first date it traded."""
        return self.days[0]

    def ticker_on(self, day: date) -> str | None:
        """Return the ticker of this date; None before the first and after the last row."""
        if not self.days[0] <= day <= self.days[-1]:
            return None
        return self.tickers[bisect_left(self.days, day)]


def read_map_file(place: str, text: str) -> MapFile:
    """Return the map file of rows `yyyyMMdd,ticker[,exchange]`."""
    rows: list[tuple[date, str]] = []
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        columns = row.split(",")
        try:
            rows.append((day_of(columns[0]), columns[1].strip().upper()))
        except (ValueError, IndexError) as error:
            raise bad_row(place, number, row) from error
    if not rows:
        raise DataError(f"{place}: the map file has no rows")
    rows.sort(key=lambda entry: entry[0])
    return MapFile(tuple(day for day, _ in rows), tuple(ticker for _, ticker in rows))


class FactorFile(NamedTuple):
    """Price and split factor by date: row i holds up to and including `days[i]`; later ones are 1."""

    days: tuple[date, ...]
    prices: tuple[Decimal, ...]
    splits: tuple[Decimal, ...]
    references: tuple[Decimal, ...]

    def adjustment(self, day: date, how: Normalization, unit: Decimal, since: date = date.min) -> Adjustment:
        """Return what turns the raw prices of `day` into the normalization asked for.

        Total-return prices add the dividends that a stream which began on `since` was told of, as LEAN's do
        (DividendEventProvider counts them up in the stream's configuration).
        """
        at = bisect_left(self.days, day)
        if how is Normalization.RAW or at == len(self.days):
            factor = _ONE
        elif how is Normalization.ADJUSTED:
            factor = self.prices[at] * self.splits[at]
        else:
            factor = self.splits[at]
        dividends = self._paid(since, at) if how is Normalization.TOTAL_RETURN else 0.0
        # with dividends added a price is no longer a multiple of the file's unit: no exact form
        scale = None if dividends else PriceScale(unit, factor)
        return Adjustment(float(factor), dividends, scale)

    def _paid(self, since: date, until: int) -> float:
        total = 0.0
        for index in range(bisect_left(self.days, since), min(until, len(self.days) - 1)):
            ratio = self.prices[index] / self.prices[index + 1]
            reference = self.references[index]
            total += float(round(reference - reference * ratio, 2))
        return total


def read_factor_file(place: str, text: str) -> FactorFile:
    """Return the factor file of rows `yyyyMMdd,price factor,split factor[,reference price]`.

    Rows with infinite or exponent numbers are skipped, as LEAN does.
    """
    rows: list[tuple[date, Decimal, Decimal, Decimal]] = []
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip() or "inf" in row or "e+" in row:
            continue
        columns = row.split(",")
        try:
            reference = Decimal(columns[3]) if len(columns) > 3 and columns[3] else Decimal(0)
            rows.append((day_of(columns[0]), Decimal(columns[1]), Decimal(columns[2]), reference))
        except (ValueError, IndexError, InvalidOperation) as error:
            raise bad_row(place, number, row) from error
        if rows[-1][1] <= 0 or rows[-1][2] <= 0:
            raise bad_row(place, number, row)
    rows.sort(key=lambda entry: entry[0])
    days, prices, splits, references = zip(*rows, strict=True) if rows else ((), (), (), ())
    return FactorFile(days, prices, splits, references)


def read_properties(place: str, text: str) -> dict[tuple[str, str, str], SecurityProperties]:
    """Return symbol-properties rows by (market, ticker or [*], type in lower case)."""
    table: dict[tuple[str, str, str], SecurityProperties] = {}
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip() or row.startswith(("#", "market,")):
            continue
        columns = _csv_columns(row)
        try:
            market, ticker, kind, description, currency, multiplier, variation, lot = columns[:8]
            name, smallest, magnifier, strikes = [*columns[8:12], "", "", "", ""][:4]
            table[market, ticker.upper(), kind.lower()] = SecurityProperties(
                description=description,
                quote_currency=currency,
                contract_multiplier=Decimal(multiplier),
                minimum_price_variation=Decimal(variation or "0.01"),
                lot_size=Decimal(lot or "1"),
                market_ticker=name,
                minimum_order_size=Decimal(smallest) if smallest else None,
                price_magnifier=Decimal(magnifier or "1"),
                strike_multiplier=Decimal(strikes or "1"),
            )
        except (ValueError, InvalidOperation) as error:
            raise bad_row(place, number, row) from error
    return table


def _csv_columns(row: str) -> list[str]:
    if '"' not in row:
        return [column.strip() for column in row.split(",")]
    import csv

    return [column.strip() for column in next(csv.reader([row]))]
