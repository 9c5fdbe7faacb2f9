"""Factor files out of announced splits and dividends, and the closes before them. Pure.

Source of the arithmetic: LEAN's Common/Data/Auxiliary/CorporateFactorRow.cs, Apply, and the layout of its
ToolBox/FactorFileGenerator.cs. A row holds up to and including the last session before the ex-date: its price
factor is that of the row after it times `1 - dividend / close`, to 7 significant digits, its split factor
that of the row after it times the split's, to 6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import groupby
from typing import Final, NamedTuple

from livetrader_engine.spi_data import AnnouncedDividend, AnnouncedSplit, Announcement
from livetrader_plugins.lean_data.convert import FactorFile

ALIVE: Final = date(2050, 12, 31)  # LEAN's end of time: the row whose factors are one
PRICE_DIGITS: Final = 7
SPLIT_DIGITS: Final = 6

_ONE: Final = Decimal(1)


class FactorRow(NamedTuple):
    """Factors up to and including a date; `reference` is that date's close, 0 where it is not known."""

    day: date
    price: Decimal
    split: Decimal
    reference: Decimal


Close = Callable[[date], Decimal | None]


def factor_rows(
    base: FactorFile | None,
    announced: Sequence[Announcement],
    session_before: Callable[[date], date],
    close_of: Close,
    first: date | None,
) -> list[FactorRow]:
    """Return the rows of a factor file, ascending, the last with factors of one.

    `base` is the file that was there before: its rows stay, multiplied by what came after its last event.
    `first` is the first date of the data, None for none. A dividend whose close before it is not known has no
    row: see `unpriced`.
    """
    known_until = last_event(base)
    rows = [FactorRow(ALIVE, _ONE, _ONE, Decimal(0))]
    later = [each for each in announced if known_until is None or session_before(each.ex_date) > known_until]
    for ex_date, group in groupby(sorted(later, key=_newest_first), key=lambda each: each.ex_date):
        before = session_before(ex_date)
        row = _applied(rows[-1], before, close_of(before), list(group))
        if row is not None:
            rows.append(row)
    _, price, split, _ = rows[-1]
    if base is not None:
        kept = zip(base.days, base.prices, base.splits, base.references, strict=True)
        rows += [
            FactorRow(
                day, _rounded(price * own, PRICE_DIGITS), _rounded(split * parts, SPLIT_DIGITS), reference
            )
            for day, own, parts, reference in reversed(list(kept))
            if day < ALIVE
        ]
    elif first is not None and (len(rows) == 1 or first < rows[-1].day):
        rows.append(FactorRow(first, price, split, _ONE))
    rows.reverse()
    return rows


def last_event(base: FactorFile | None) -> date | None:
    """Return the last date of a file's rows but that at the end of time; None without one."""
    days = [] if base is None else [day for day in base.days if day < ALIVE]
    return days[-1] if days else None


def unpriced(
    announced: Sequence[Announcement], session_before: Callable[[date], date], close_of: Close, since: date
) -> list[date]:
    """Return the ex-dates whose last session before, from `since` on, has no known close."""
    return sorted(
        {
            each.ex_date
            for each in announced
            if (before := session_before(each.ex_date)) >= since and close_of(before) is None
        }
    )


def factor_text(rows: Sequence[FactorRow]) -> str:
    """Return the text of a factor file: date, price factor, split factor, reference price."""
    return "".join(
        f"{day:%Y%m%d},{_plain(price)},{_plain(split)},{_plain(reference)}\n"
        for day, price, split, reference in rows
    )


def _applied(
    following: FactorRow, day: date, close: Decimal | None, announced: Sequence[Announcement]
) -> FactorRow | None:
    """Return the row before an ex-date, None where nothing can be said: a dividend without a close."""
    price, split = following.price, following.split
    changed = False
    for each in announced:
        if isinstance(each, AnnouncedSplit):
            split = _rounded(split * each.factor, SPLIT_DIGITS)
            changed = True
        elif close is not None and each.amount < close:
            price = _rounded(price * (_ONE - each.amount / close), PRICE_DIGITS)
            changed = True
    return FactorRow(day, price, split, close or Decimal(0)) if changed else None


def _newest_first(each: Announcement) -> tuple[int, bool]:
    return -each.ex_date.toordinal(), not isinstance(each, AnnouncedDividend)


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.normalize(Context(prec=digits, rounding=ROUND_HALF_EVEN))


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
