"""Alpha Vantage's answers become rows, oldest first: CSV as asked for, JSON where it comes instead. Pure.

Times are New York's wall clock and say when a bar begins. Rows come newest first; a row out of order, twice
or unreadable means that the answer cannot be trusted: VenueError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from livetrader_engine.spi import VenueError

COLUMNS: Final = ("timestamp", "open", "high", "low", "close", "volume")
_JSON_COLUMNS: Final = ("1. open", "2. high", "3. low", "4. close", "5. volume")
MOST: Final = 1e15  # of a price or volume: more is no number of shares or dollars
LEAST_ANNOUNCED: Final = Decimal("1e-9")  # less is nothing
MOST_ANNOUNCED: Final = Decimal(10**6)  # shares for one, or dollars for one: more is damage
MOST_SHARES: Final = 20  # old shares in the ratio of a split, at most
MOST_MERGED: Final = 1_000  # old shares that become one, at most
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MINUTE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:00")
_NOTHING: Final = frozenset({"", "None", "null"})


class Row(NamedTuple):
    """One bar; `start` is New York's wall clock."""

    start: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class Announced(NamedTuple):
    """A split or dividend: what one share becomes, or is paid."""

    day: date
    number: Decimal


def rows_of(what: str, text: str, within: str = "") -> list[Row]:
    """Return the rows of an answer, ascending; the days, or the minutes of the month `within` (yyyy-MM).

    Raises VenueError for an answer that cannot be trusted.
    """
    fields = _fields_of_json(what, text) if text.lstrip().startswith("{") else _fields_of_csv(what, text)
    made = [_row(what, columns, within) for columns in fields]
    if len(made) > 1 and made[0].start > made[-1].start:
        made.reverse()
    for before, row in pairwise(made):
        if row.start <= before.start:
            raise VenueError(
                f"alphavantage sent rows of {what} out of order: {row.start} behind {before.start}"
            )
    return made


def _fields_of_csv(what: str, text: str) -> Iterator[list[str]]:
    lines = iter(text.splitlines())
    if tuple(next(lines, "").split(",")) != COLUMNS:
        raise VenueError(f"alphavantage sent {what} with other columns than {','.join(COLUMNS)}")
    for line in lines:
        if line.strip():
            yield line.split(",")


def _fields_of_json(what: str, text: str) -> Iterator[list[str]]:
    try:
        parts = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        name = next(name for name in parts if name.startswith("Time Series"))
        series = msgspec.json.decode(parts[name], type=dict[str, dict[str, str]])
    except (msgspec.MsgspecError, RecursionError, StopIteration) as error:
        raise VenueError(f"alphavantage sent {what} in another form: no time series") from error
    for start, columns in series.items():
        yield [start, *(columns.get(column, "") for column in _JSON_COLUMNS)]


def _row(what: str, columns: list[str], within: str) -> Row:
    try:
        start, *numbers = columns
        opens, high, low, close, volume = map(float, numbers)
        inside = all(0 < low <= price <= high < MOST for price in (opens, close))  # of NaN nothing is true
        if not (inside and 0 <= volume < MOST):
            raise ValueError("no bar can have these prices")
        if not ((_MINUTE if within else _DAY).fullmatch(start) and start.startswith(within)):
            raise ValueError("this time was not asked for")
        return Row(datetime.fromisoformat(start), opens, high, low, close, volume)
    except ValueError as error:
        raise VenueError(
            f"alphavantage sent a row of {what} that cannot be: {','.join(columns)[:120]!r}"
        ) from error


def announced_of(what: str, text: str, day_name: str, number_name: str) -> list[Announced]:
    """Return splits or dividends of an answer, ascending. Raises VenueError for what cannot be read."""
    try:
        parts = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        entries = msgspec.json.decode(parts["data"], type=list[dict[str, str | None]])
    except (msgspec.MsgspecError, RecursionError, KeyError) as error:
        raise VenueError(f"alphavantage sent {what} in another form: no list of data") from error
    return sorted(_announced(what, entries, day_name, number_name))


def _announced(
    what: str, entries: Iterable[dict[str, str | None]], day_name: str, number_name: str
) -> Iterator[Announced]:
    for entry in entries:
        day, number = entry.get(day_name) or "", entry.get(number_name) or ""
        if day in _NOTHING or number in _NOTHING:
            continue  # announced without its date or its size: not known yet
        try:
            found = Announced(date.fromisoformat(day), Decimal(number))
            if not (found.number.is_finite() and 0 <= found.number < MOST_ANNOUNCED):
                raise ValueError("no split or dividend can have this number")
        except (ValueError, InvalidOperation) as error:
            raise VenueError(f"alphavantage sent {what} with {day[:20]!r}, {number[:20]!r}") from error
        if found.number >= LEAST_ANNOUNCED:
            yield found


def split_factor(told: Decimal) -> Decimal:
    """Return the factor of a split of which the venue tells the new shares for an old one, in four digits.

    It is that of the simplest ratio which rounds to the told number: 0.3333 is 1 for 3, 1.5 is 3 for 2.
    """
    digits = Decimal(1).scaleb(min(_exponent(told), 0))
    for shares in range(1, MOST_MERGED + 1):
        new = round(told * shares)
        usual = new == 1 or shares <= MOST_SHARES  # 1 for 30 is; 91 for 87 is a number that happens to fit
        if new and usual and (Decimal(new) / shares).quantize(digits) == told:
            return Decimal(shares) / new
    return Decimal(1) / told


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "only finite numbers get here"
    return exponent
