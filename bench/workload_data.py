"""Write the data of the three workloads, the same bytes every time.

    python bench/workload_data.py FOLDER

W1: one symbol, minute bars of the regular sessions of 2023 and 2024. W2: a hundred symbols, minute bars of
the sessions of February 2024. W3: one symbol, a million trades in the five sessions from 2024-02-05. Each as
.npz for the peers and, together, as a LEAN data folder for us. Prices are seeded random walks that are drawn
back to where they began.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.symbols import NS_PER_MINUTE
from livetrader_plugins.lean_data.writer import write_minute, write_reference

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]

NS_PER_MS = 1_000_000
SPANS = {
    "w1": (date(2023, 1, 1), date(2024, 12, 31)),
    "w2": (date(2024, 2, 1), date(2024, 2, 29)),
    "w3": (date(2024, 2, 5), date(2024, 2, 9)),
}
SYMBOLS = tuple(f"S{number:03d}" for number in range(100))
TRADES = 1_000_000
PULL = 2e-5  # of its distance that the logarithm of a price goes back in each step


def sessions(workload: str) -> Iterator[tuple[date, int, int, int]]:
    """Yield day, midnight, open and close (ns UTC) of each session of a workload's span."""
    hours = hours_from_exchange_calendars("XNYS")
    first, last = SPANS[workload]
    day = hours.next_trading_day(hours.previous_trading_day(first))
    while day <= last:
        session = hours.session(day)
        assert session is not None, "a trading day has a session"
        yield day, hours.local_midnight(day), session.open_ns, session.close_ns
        day = hours.next_trading_day(day)


def walk(random: np.random.Generator, steps: int, start: float, step: float) -> Floats:
    """Return a price that wanders and is drawn back to `start`."""
    distance = 0.0
    distances = np.empty(steps)
    for number, shock in enumerate(random.normal(0.0, step, steps).tolist()):
        distance += shock - PULL * distance
        distances[number] = distance
    return start * np.exp(distances)


def bars(random: np.random.Generator, times: Integers, start: float) -> Columns:
    """Return the minute bars that begin at `times`."""
    count = len(times)
    close = np.round(walk(random, count, start, 6e-4), 2)
    opens = np.round(np.concatenate([[start], close[:-1]]) + random.normal(0, 0.01, count), 2)
    high = np.round(np.maximum(opens, close) + np.abs(random.normal(0, 0.02, count)), 2)
    low = np.round(np.minimum(opens, close) - np.abs(random.normal(0, 0.02, count)), 2)
    return {
        "ts": times,
        "o": opens,
        "h": high,
        "l": low,
        "c": close,
        "v": random.integers(20_000, 60_000, count),
    }


def minutes(workload: str) -> Integers:
    """Return when the minutes of a workload begin."""
    return np.concatenate(
        [np.arange(opens, closes, NS_PER_MINUTE) for _, _, opens, closes in sessions(workload)]
    )


def write_bars(folder: Path, workload: str, ticker: str, columns: Columns) -> None:
    """Write one symbol's minutes in LEAN's format."""
    at = 0
    for day, midnight_ns, opens_ns, closes_ns in sessions(workload):
        rows = slice(at, at + (closes_ns - opens_ns) // NS_PER_MINUTE)
        at = rows.stop
        when = ((columns["ts"][rows] - midnight_ns) // NS_PER_MS).tolist()
        write_minute(
            folder, ticker, day, zip(when, *(columns[key][rows].tolist() for key in "ohlcv"), strict=True)
        )


def write_w1(folder: Path, lean: Path) -> None:
    """One symbol."""
    columns = bars(np.random.default_rng(1), minutes("w1"), 100.0)
    np.savez(folder / "w1.npz", **columns)  # type: ignore[arg-type]  # numpy's stub knows allow_pickle only
    write_bars(lean, "w1", "BENCH", columns)


def write_w2(folder: Path, lean: Path) -> None:
    """A hundred symbols; the rows of the .npz go by time, then symbol."""
    times = minutes("w2")
    each = []
    for number, ticker in enumerate(SYMBOLS):
        random = np.random.default_rng(1000 + number)
        each.append(bars(random, times, round(random.uniform(20.0, 300.0), 2)))
        write_bars(lean, "w2", ticker, each[-1])
    columns: Columns = {key: np.stack([one[key] for one in each], axis=1).ravel() for key in each[0]}
    columns["sym"] = np.tile(np.arange(len(SYMBOLS), dtype=np.int16), len(times))
    columns["symbols"] = np.array(SYMBOLS)
    np.savez(folder / "w2.npz", **columns)  # type: ignore[arg-type]  # as above


def write_w3(folder: Path, lean: Path) -> None:
    """A million trades, no two at the same millisecond."""
    random = np.random.default_rng(3)
    days = list(sessions("w3"))
    each = TRADES // len(days)
    times = np.concatenate(
        [
            opens + NS_PER_MS * np.sort(random.choice((closes - opens) // NS_PER_MS, each, replace=False))
            for _, _, opens, closes in days
        ]
    )
    price = np.round(walk(random, TRADES, 100.0, 2e-5) + random.choice([-0.01, 0.0, 0.01], TRADES), 2)
    size = random.integers(1, 400, TRADES)
    np.savez(folder / "w3.npz", ts=times, price=price, size=size)
    target = lean / "equity" / "usa" / "tick" / "tick"
    target.mkdir(parents=True)
    for number, (day, midnight_ns, _, _) in enumerate(days):
        rows = slice(number * each, (number + 1) * each)
        columns = (
            (times[rows] - midnight_ns) // NS_PER_MS,
            np.round(price[rows] * 10_000).astype(np.int64),
            size[rows],
        )  # fmt: skip
        lines = zip(*(column.tolist() for column in columns), strict=True)
        text = "".join(f"{when},{paid},{count},Q,00000000,0\n" for when, paid, count in lines)
        entry = zipfile.ZipInfo(f"{day:%Y%m%d}_tick_Trade_Tick.csv", (2024, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(target / f"{day:%Y%m%d}_trade.zip", "w") as archive:
            archive.writestr(entry, text)


def write(folder: Path) -> None:
    """Write everything; a folder that is complete is left as it is."""
    done = folder / "complete"
    if done.exists():
        return
    lean = folder / "lean"
    lean.mkdir(parents=True, exist_ok=True)
    write_w1(folder, lean)
    write_w2(folder, lean)
    write_w3(folder, lean)
    tickers = dict.fromkeys(("BENCH", "TICK", *SYMBOLS), SPANS["w1"][0])
    write_reference(lean, tickers, *SPANS["w1"])
    done.touch()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder)
