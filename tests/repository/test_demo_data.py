"""The demo's data folder: complete, plausible, and read by the plugin that will replay it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.repository.sources import ROOT

pytest.importorskip("bokeh_sampledata", reason="the prices come from the bokeh_sampledata package")
TICKERS = ("aapl", "goog", "ibm", "msft")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("demo-data")
    script = ROOT / "examples" / "demo" / "make_data.py"
    done = subprocess.run(
        [sys.executable, str(script), str(target)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"11958 daily bars in {target}\n"), done.stderr
    return target


def _rows(folder: Path, ticker: str) -> list[list[str]]:
    with zipfile.ZipFile(folder / "equity/usa/daily" / f"{ticker}.zip") as archive:
        return [line.split(",") for line in archive.read(f"{ticker}.csv").decode().splitlines()]


@pytest.mark.parametrize("ticker", TICKERS)
def test_bars_are_in_order_and_make_sense(folder: Path, ticker: str) -> None:
    rows = _rows(folder, ticker)
    days = [row[0] for row in rows]
    assert days == sorted(set(days))
    assert days[-1] == "20130301 00:00"
    for _, opens, high, low, close, volume in rows:
        assert 0 < int(low) <= int(close) <= int(high)
        assert int(low) <= int(opens) <= int(high) < 10_000_000
        assert int(volume) >= 0


def test_a_split_leaves_no_jump(folder: Path) -> None:
    """Apple split two for one on 28 February 2005; unadjusted, its price halves over that weekend."""
    closes = {row[0][:8]: int(row[4]) for row in _rows(folder, "aapl")}
    assert 0.9 < closes["20050228"] / closes["20050225"] < 1.1


def test_hours_know_holidays_and_early_closes(folder: Path) -> None:
    database = json.loads((folder / "market-hours" / "market-hours-database.json").read_text())
    entry = database["entries"]["Equity-usa-[*]"]
    assert {"7/4/2000", "9/11/2001", "12/25/2012", "10/29/2012"} <= set(entry["holidays"])
    assert entry["earlyCloses"]["11/23/2012"] == "13:00:00"
    assert entry["saturday"] == entry["sunday"] == []
