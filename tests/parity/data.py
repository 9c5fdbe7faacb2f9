"""LEAN's sample data read without our readers: zip, csv and the factor rule, in a dozen lines."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd


def daily(folder: Path, ticker: str) -> pd.DataFrame:
    """Return adjusted daily bars by date: each day's factor is that of the first row at or after it."""
    with (
        zipfile.ZipFile(folder / f"equity/usa/daily/{ticker}.zip") as archive,
        archive.open(f"{ticker}.csv") as file,
    ):
        frame = pd.read_csv(file, names=["day", "open", "high", "low", "close", "volume"])
    frame["day"] = pd.to_datetime(frame["day"].str[:8])
    rows = (folder / f"equity/usa/factor_files/{ticker}.csv").read_text().split()
    factors = [(row.split(",")[0], float(row.split(",")[1]) * float(row.split(",")[2])) for row in rows]
    keys = frame["day"].dt.strftime("%Y%m%d")
    factor = [next((value for last, value in factors if last >= key), 1.0) for key in keys]
    for column in ("open", "high", "low", "close"):
        frame[column] = frame[column] / 10_000 * factor
    return frame.set_index("day")
