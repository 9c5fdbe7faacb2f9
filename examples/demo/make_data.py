"""Write a LEAN data folder from the daily prices in the bokeh_sampledata package.

    python examples/demo/make_data.py FOLDER

AAPL, GOOG, IBM and MSFT, daily, from March 2000 (GOOG: August 2004) to March 2013. Prices are written adjusted for splits
and dividends, so that nothing is left to adjust. Where the package has an opening price outside the day's range, the
range is widened to it. Nothing outside FOLDER is touched, and nothing is downloaded.
"""

from __future__ import annotations

import csv
import gzip
import sys
from datetime import date
from importlib.resources import files
from pathlib import Path

from livetrader_plugins.lean_data.writer import write_daily, write_reference

TICKERS = ("AAPL", "GOOG", "IBM", "MSFT")

Row = tuple[date, float, float, float, float, int]


def read_prices() -> dict[str, list[Row]]:
    """Return per ticker the rows (day, open, high, low, close, volume), adjusted, oldest first."""
    packed = files("bokeh_sampledata").joinpath("_data", "stocks.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").splitlines()
    found: dict[str, list[Row]] = {ticker: [] for ticker in TICKERS}
    for ticker, day, *numbers in csv.reader(lines[1:]):
        if ticker in found:
            opens, high, low, close, volume, adjusted = (float(number) for number in numbers)
            factor = adjusted / close
            high, low = max(high, opens, close), min(low, opens, close)
            opens, high, low, close = (price * factor for price in (opens, high, low, close))
            found[ticker].append((date.fromisoformat(day), opens, high, low, close, round(volume)))
    return {ticker: sorted(rows) for ticker, rows in found.items()}


def make(folder: Path) -> int:
    """Write the whole data folder; return how many bars it has."""
    prices = read_prices()
    for ticker, rows in prices.items():
        write_daily(folder, ticker, rows)
    first_days = {ticker: rows[0][0] for ticker, rows in prices.items()}
    write_reference(folder, first_days, date(2000, 1, 1), date(2013, 12, 31))
    return sum(len(rows) for rows in prices.values())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(f"{make(Path(sys.argv[1]))} daily bars in {sys.argv[1]}\n")
