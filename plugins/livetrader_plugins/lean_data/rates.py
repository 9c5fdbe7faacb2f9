"""Interest rates of a LEAN data folder: the yearly rate without risk that statistics compare with."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

RATES_FILE: Final = "alternative/interest-rate/usa/interest-rate.csv"
DEFAULT_RATE: Final = Decimal("0.01")  # without a file; LEAN: InterestRateProvider.DefaultRiskFreeRate


class InterestRates:
    """Rates by day: each holds until the next, the first one also for all days before it.

    Source: LEAN's Common/Data/InterestRateProvider.cs. The file has a heading and lines of date and percent;
    lines that are neither are left out, as LEAN does.
    """

    def __init__(self, text: str) -> None:
        rows = sorted(row for line in text.splitlines()[1:] if (row := _row(line)) is not None)
        self._days = [day for day, _ in rows]
        self._rates = [rate for _, rate in rows]

    def rate(self, day: date) -> Decimal:
        """Return the yearly rate of a day; 0.01 is one percent."""
        if not self._days:
            return DEFAULT_RATE
        return self._rates[max(0, bisect_right(self._days, day) - 1)]


def _row(line: str) -> tuple[date, Decimal] | None:
    parts = line.split(",")
    try:
        return date.fromisoformat(parts[0]), Decimal(parts[1]) / 100
    except (ValueError, IndexError, InvalidOperation):
        return None
