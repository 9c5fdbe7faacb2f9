"""Interest rates hold until the next one; the first holds for all days before it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_plugins.lean_data import LeanDataHistory
from livetrader_plugins.lean_data.rates import InterestRates

TEXT = "DATE,PCREDIT8\n2003-01-09,2.25\nno date,1\n2003-06-26,none\n2004-07-01,2.00\n\n2008-12-16\n"


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(1998, 1, 1), "0.0225"),
        (date(2003, 1, 9), "0.0225"),
        (date(2004, 6, 30), "0.0225"),  # lines that are no rates are left out
        (date(2004, 7, 1), "0.02"),
        (date(2026, 1, 1), "0.02"),
    ],
)
def test_a_rate_holds_until_the_next(day: date, rate: str) -> None:
    assert InterestRates(TEXT).rate(day) == Decimal(rate)


def test_without_a_file_the_rate_is_one_percent() -> None:
    assert InterestRates("").rate(date(2013, 1, 1)) == Decimal("0.01")


def test_the_folder_knows_the_rate_of_a_day(tmp_path: Path) -> None:
    file = tmp_path / "alternative" / "interest-rate" / "usa" / "interest-rate.csv"
    file.parent.mkdir(parents=True)
    file.write_text(TEXT, encoding="utf-8")
    reference = LeanDataHistory.open(tmp_path).reference
    assert reference.interest_rate(date(2004, 7, 2)) == Decimal("0.02")


def test_the_sample_folder_has_leans_rates(lean_data: Path) -> None:
    reference = LeanDataHistory.open(lean_data).reference
    assert reference.interest_rate(date(2013, 10, 7)) == Decimal("0.0075")
