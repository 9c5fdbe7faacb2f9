"""Write bars and reference data as a LEAN data folder: demo data, test data, recorded feeds."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns
from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_plugins.lean_data.reference import HOURS_FILE, PROPERTIES_FILE

_PRICE_UNITS: Final = 10_000  # stored integers per dollar
_ALIVE: Final = "20501231"  # LEAN's delisting date of what still trades
_MS_PER_DAY: Final = 86_400_000
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)  # fixed, so that equal data gives equal files


def write_daily(
    folder: Path, ticker: str, rows: Iterable[tuple[date, float, float, float, float, int]]
) -> None:
    """Write the daily trade bars (date, open, high, low, close, volume) of a US equity, replacing the file.

    Prices are dollars and kept to a hundredth of a cent. Raises DataError for rows out of order or whose
    high and low do not enclose open and close. The file appears whole or not at all.
    """
    lines = []
    before: date | None = None
    for day, opens, high, low, close, volume in rows:
        if before is not None and day <= before:
            raise DataError(f"{ticker}: {day} comes after {before}; daily rows must ascend")
        before = day
        place = f"{ticker} {day}"
        lines.append(f"{day:%Y%m%d} 00:00,{_prices(place, opens, high, low, close)},{int(volume)}")
    path = folder / "equity" / "usa" / "daily" / f"{ticker.lower()}.zip"
    _write_zip(path, f"{ticker.lower()}.csv", lines)


def write_minute(
    folder: Path, ticker: str, day: date, rows: Iterable[tuple[int, float, float, float, float, int]]
) -> None:
    """Write one day of minute trade bars (ms since New York midnight, open, high, low, close, volume)."""
    lines = []
    before = -1
    for when_ms, opens, high, low, close, volume in rows:
        if not before < when_ms < _MS_PER_DAY:
            raise DataError(f"{ticker} {day}: {when_ms} ms does not follow {before} ms within the day")
        before = when_ms
        place = f"{ticker} {day} {when_ms} ms"
        lines.append(f"{when_ms},{_prices(place, opens, high, low, close)},{int(volume)}")
    stem = f"{day:%Y%m%d}"
    path = folder / "equity" / "usa" / "minute" / ticker.lower() / f"{stem}_trade.zip"
    _write_zip(path, f"{stem}_{ticker.lower()}_minute_trade.csv", lines)


def write_reference(folder: Path, tickers: Mapping[str, date], start: date, end: date) -> None:
    """Write market hours, symbol properties and map files for US equities; prices count as adjusted.

    `tickers` maps each to its first trading date. Holidays and early closes of [start, end] come from
    exchange_calendars. No factor files are written: without one LEAN takes prices as they are.
    """
    hours = hours_from_exchange_calendars("XNYS")
    entry = _hours_entry(hours, start, end)
    text = json.dumps({"entries": {"Equity-usa-[*]": entry}}, indent=1)
    _write_atomically(folder / HOURS_FILE, text.encode())
    _write_atomically(
        folder / PROPERTIES_FILE,
        b"market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size\n"
        b"usa,[*],equity,,USD,1,0.01,1\n",
    )
    for ticker, first in tickers.items():
        name = ticker.lower()
        rows = f"{first:%Y%m%d},{name},Q\n{_ALIVE},{name},Q\n"
        _write_atomically(folder / "equity" / "usa" / "map_files" / f"{name}.csv", rows.encode())


def _hours_entry(hours: ExchangeHours, start: date, end: date) -> dict[str, object]:
    usual = [
        {"start": "04:00:00", "end": "09:30:00", "state": "premarket"},
        {"start": "09:30:00", "end": "16:00:00", "state": "market"},
        {"start": "16:00:00", "end": "20:00:00", "state": "postmarket"},
    ]
    entry: dict[str, object] = {
        "dataTimeZone": hours.timezone.key,
        "exchangeTimeZone": hours.timezone.key,
        **{name: usual if number < 5 else [] for number, name in enumerate(_WEEKDAYS)},
    }
    holidays: list[str] = []
    early_closes: dict[str, str] = {}
    day = start
    while day <= end:
        session = hours.session(day)
        name = f"{day.month}/{day.day}/{day.year}"
        if session is None:
            if day.weekday() < 5:
                holidays.append(name)
        else:
            seconds = (session.close_ns - local_to_utc_ns(day, 0, hours.timezone)) // NS_PER_SECOND
            if seconds < 16 * 3600:
                early_closes[name] = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        day += timedelta(days=1)
    return entry | {"holidays": holidays, "earlyCloses": early_closes}


def _prices(place: str, opens: float, high: float, low: float, close: float) -> str:
    if not (low <= opens <= high and low <= close <= high and low > 0):
        raise DataError(f"{place}: open {opens}, high {high}, low {low}, close {close} cannot be a bar")
    return ",".join(str(round(price * _PRICE_UNITS)) for price in (opens, high, low, close))


def _write_zip(path: Path, entry: str, lines: list[str]) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(entry, _ZIP_TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, "\n".join(lines) + "\n" if lines else "")
    _write_atomically(path, buffer.getvalue())


def _write_atomically(path: Path, data: bytes) -> None:
    """Write beside the file and rename: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
