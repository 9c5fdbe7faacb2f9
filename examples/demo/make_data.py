"""Write a LEAN data folder from the daily prices in the bokeh_sampledata package.

    python examples/demo/make_data.py FOLDER

AAPL, GOOG, IBM and MSFT, daily, from 2000 (GOOG: August 2004) to March 2013. Prices are written adjusted for splits and
dividends, which makes the folder complete in itself: its factor files say 1. Exchange hours and holidays are those
of exchange_calendars. Nothing outside FOLDER is touched, and nothing is downloaded.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zipfile
from datetime import date, time, timedelta
from importlib.resources import files
from pathlib import Path

TICKERS = ("AAPL", "GOOG", "IBM", "MSFT")
PRICE_UNITS = 10_000  # LEAN stores equity prices in ten-thousandths
FIRST, LAST = date(2000, 1, 3), date(2013, 12, 31)
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")

Row = tuple[str, float, float, float, float, int]


def read_prices() -> dict[str, list[Row]]:
    """Return per ticker the rows (day, open, high, low, close, volume), adjusted, oldest first."""
    packed = files("bokeh_sampledata").joinpath("_data", "stocks.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").splitlines()
    found: dict[str, list[Row]] = {ticker: [] for ticker in TICKERS}
    for ticker, day, *numbers in csv.reader(lines[1:]):
        if ticker not in found:
            continue
        opens, high, low, close, volume, adjusted = (float(number) for number in numbers)
        factor = adjusted / close
        prices = (opens * factor, high * factor, low * factor, adjusted)
        found[ticker].append((day.replace("-", ""), *prices, round(volume)))
    return {ticker: sorted(rows) for ticker, rows in found.items()}


def write_daily(folder: Path, ticker: str, rows: list[Row]) -> None:
    """Write one equity: prices, a map file (never renamed) and a factor file (nothing left to adjust)."""
    name = ticker.lower()
    lines = [
        f"{day} 00:00,{','.join(str(round(price * PRICE_UNITS)) for price in prices)},{volume}\n"
        for day, *prices, volume in rows
    ]
    path = folder / "equity" / "usa" / "daily" / f"{name}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", "".join(lines))
    first = rows[0][0]
    write(folder / "equity/usa/map_files" / f"{name}.csv", f"{first},{name},Q\n20501231,{name},Q\n")
    write(folder / "equity/usa/factor_files" / f"{name}.csv", f"{first},1,1,0\n20501231,1,1,0\n")


def write(path: Path, text: str) -> None:
    """Write a small text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def market_hours() -> dict[str, object]:
    """Return the entry of US equities for the market-hours database."""
    from exchange_calendars import get_calendar

    calendar = get_calendar("XNYS", start=str(FIRST - timedelta(days=10)), end=str(LAST))
    sessions = {session.date() for session in calendar.sessions}
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    early = {session.date(): calendar.session_close(session).tz_convert(calendar.tz).time() for session in calendar.early_closes}
    regular = [
        {"start": "04:00:00", "end": "09:30:00", "state": "premarket"},
        {"start": "09:30:00", "end": "16:00:00", "state": "market"},
        {"start": "16:00:00", "end": "20:00:00", "state": "postmarket"},
    ]
    entry: dict[str, object] = {"dataTimeZone": "America/New_York", "exchangeTimeZone": "America/New_York"}
    for weekday in WEEKDAYS:
        entry[weekday] = [] if weekday in ("saturday", "sunday") else regular
    entry["holidays"] = [us_date(day) for day in days if day.weekday() < 5 and day not in sessions]
    entry["earlyCloses"] = {us_date(day): at.isoformat() for day, at in sorted(early.items()) if at != time(16)}
    return entry


def us_date(day: date) -> str:
    """Return month/day/year as LEAN's databases have it."""
    return f"{day.month}/{day.day}/{day.year}"


def make(folder: Path) -> int:
    """Write the whole data folder; return how many bars it has."""
    prices = read_prices()
    for ticker, rows in prices.items():
        write_daily(folder, ticker, rows)
    database = {"entries": {"Equity-usa-[*]": market_hours()}}
    write(folder / "market-hours" / "market-hours-database.json", json.dumps(database, indent=1))
    header = "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size"
    write(folder / "symbol-properties" / "symbol-properties-database.csv", f"{header}\nusa,[*],equity,,USD,1,0.01,1\n")
    return sum(len(rows) for rows in prices.values())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = Path(sys.argv[1])
    sys.stdout.write(f"{make(target)} daily bars in {target}\n")
