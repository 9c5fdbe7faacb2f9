"""What brokerages lent of a security, by date: files of date, quantity, rebate and fee in percent.

Source: LEAN's Common/Data/Shortable/LocalDiskShortableProvider.cs. Fields may be empty or missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from livetrader_engine.shortable import Shortable


def read_shortable(text: str) -> Mapping[date, Shortable]:
    """Return the rows of a file by date; comments and lines that are no row are left out."""
    found: dict[date, Shortable] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            row = _row(line.split(","))
            if row is not None:
                found[row[0]] = row[1]
    return found


def _row(fields: list[str]) -> tuple[date, Shortable] | None:
    first, quantity, rebate, fee = (*(field.strip() for field in fields), "", "", "")[:4]
    try:
        day = datetime.strptime(first, "%Y%m%d").date()  # noqa: DTZ007 — a date of the exchange
        lent = int(quantity) if quantity else None
        return day, Shortable(lent, _ratio(rebate), _ratio(fee))
    except (ValueError, InvalidOperation):
        return None


def _ratio(percent: str) -> Decimal:
    return Decimal(percent) / 100 if percent else Decimal(0)
