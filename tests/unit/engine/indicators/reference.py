"""Runs an indicator over a table of bars and compares it with the columns of expected values.

The tables under `lean_data/` are rows of LEAN's Tests/TestData (facts; trimmed to the columns used and to
what shows the warm-up and some tens of values). As in LEAN's own tests, a row counts once the indicator is
ready and the expected cell is not empty.
"""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import pytest

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.indicators import Indicator, InputKind
from livetrader_engine.symbols import NS_PER_DAY, SecurityType, Symbol

FOLDER = Path(__file__).parent / "lean_data"
VALUE = "value"  # of the indicator itself; other columns name a line of it, such as `upper_band`


class Case(NamedTuple):
    """An indicator, the file it is checked with, and which column is expected of which line."""

    file: str
    make: Callable[[], Indicator]
    columns: Mapping[str, str]  # column heading -> line
    tolerance: float = 1e-3  # absolute; LEAN's own unless its test says otherwise

    @property
    def name(self) -> str:
        """What the case is called in the report."""
        return f"{self.make().name}-{self.file}"


# what does not take periods only
PARAMETERS: dict[str, tuple[float, ...]] = {
    "AutoRegressiveIntegratedMovingAverage": (2, 1, 2, 30), "ValueAtRisk": (10, 0.95),
    "Momersion": (10,), "MomersionIndicator": (10,),
}  # fmt: skip


def example_arguments(cls: type[Indicator]) -> tuple[float, ...]:
    """Return small parameters that rise from left to right (fast before slow)."""
    if cls.__name__ in PARAMETERS:
        return PARAMETERS[cls.__name__]
    periods = iter((4, 6, 8, 10, 12, 14, 16, 18, 20, 22))
    return tuple(
        next(periods) if parameter.annotation.startswith("int") else 2.0
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    )


def symbol_of(ticker: str) -> Symbol:
    """Return a symbol of this ticker."""
    return Symbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa")


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows, headings in lower case."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            yield {key.strip().lower(): (value or "").strip() for key, value in row.items() if key}


def bars_of(path: Path) -> Iterator[tuple[TradeBar, dict[str, str]]]:
    """Yield a daily bar for each row; rows of one date are at one time."""
    days: dict[str, int] = {}
    for row in rows_of(path):
        moment = row.get("date") or row["time"]
        day = days.setdefault(moment, len(days) + 1)
        opens, high, low, close = (
            float(row.get(name) or row["close"]) for name in ("open", "high", "low", "close")
        )
        ticker = row.get("symbol") or row.get("ticker") or "SPY"
        start_ns, volume = day * NS_PER_DAY, float(row.get("volume") or 0)
        bar = TradeBar(symbol_of(ticker), start_ns, start_ns + NS_PER_DAY, opens, high, low, close, volume)
        yield bar, row


def check(case: Case, folder: Path = FOLDER) -> int:
    """Compare every row, twice: the second time after a reset. Return how many values were compared."""
    indicator = case.make()
    compared = 0
    for _ in range(2):
        for number, (bar, row) in enumerate(bars_of(folder / case.file), 2):
            if indicator.kind is InputKind.VALUE:
                indicator.push(bar.end_time_ns, bar.close)
            else:
                indicator.push_bar(bar)
            for column, line in case.columns.items():
                cell = row[column.lower()]
                if not indicator.is_ready or not cell:
                    continue
                value = attrgetter(line if line == VALUE else f"{line}.{VALUE}")(indicator)
                wanted = pytest.approx(float(cell), abs=case.tolerance)
                assert value == wanted, f"{column} in line {number}"
                compared += 1
        indicator.reset()
        assert indicator.samples == 0 and indicator.value == 0.0 and not indicator.is_ready
    return compared
