"""What the daemon under fire is given: a made-up data folder, a configuration, a state directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from livetrader_plugins.lean_data.writer import write_minute

TICKERS = ("AAA", "BBB", "CCC")
FIRST_DAY = date(2013, 1, 2)
OPEN_MS = (9 * 60 + 30) * 60_000
MINUTES = 390
DELAY_MS = 1000  # acknowledgements and the wire: 0 to this
PAUSE_S = 0.02  # the algorithm's work per bar; keeps the tape from running out and the two cores free

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
REGULAR = [{"start": "09:30:00", "end": "16:00:00", "state": "market"}]


@dataclass(frozen=True)
class Workload:
    """Where everything lies."""

    root: Path

    @property
    def state(self) -> Path:
        """The daemon's state directory."""
        return self.root / "state"

    def config(self, *, quiet: bool) -> Path:
        """Return the configuration file; `quiet`: the algorithm orders nothing and cancels what works."""
        return self.root / ("quiet.toml" if quiet else "fire.toml")


def prepare(root: Path, days: int, seed: int) -> Workload:
    """Write data for this many trading days and both configurations."""
    workload = Workload(root)
    data = root / "data"
    last = _write_data(data, days, Random(seed))
    workload.state.mkdir(parents=True, exist_ok=True)
    for quiet in (False, True):
        text = _config(workload, data, last, quiet=quiet)
        workload.config(quiet=quiet).write_text(text, encoding="utf-8")
    return workload


def _write_data(folder: Path, days: int, random: Random) -> date:
    week = dict.fromkeys(WEEKDAYS, REGULAR)
    zone = "America/New_York"
    entry = {"dataTimeZone": zone, "exchangeTimeZone": zone, "saturday": [], "sunday": [], **week}
    hours = folder / "market-hours" / "market-hours-database.json"
    properties = folder / "symbol-properties" / "symbol-properties-database.csv"
    for path in (hours, properties):
        path.parent.mkdir(parents=True, exist_ok=True)
    hours.write_text(json.dumps({"entries": {"Equity-usa-[*]": entry}}), encoding="utf-8")
    properties.write_text(
        "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size\n"
        "usa,[*],equity,,USD,1,0.01,1\n",
        encoding="utf-8",
    )
    day = FIRST_DAY
    for _ in range(days):
        while day.weekday() >= 5:
            day += timedelta(days=1)
        for ticker in TICKERS:
            write_minute(folder, ticker, day, _minutes(random))
        last, day = day, day + timedelta(days=1)
    return last


def _minutes(random: Random) -> list[tuple[int, float, float, float, float, int]]:
    rows = []
    for minute in range(MINUTES):
        price = 100 + random.randrange(-200, 201) / 100
        rows.append((OPEN_MS + minute * 60_000, price, price + 0.5, price - 0.5, price, 10_000))
    return rows


def _config(workload: Workload, data: Path, last: date, *, quiet: bool) -> str:
    algorithm = Path(__file__).with_name("algorithm.py")
    text = json.dumps  # a TOML string is written like a JSON one
    return f"""
[algorithm]
path = {text(str(algorithm))}
parameters = {{ tickers = {text(",".join(TICKERS))}, pause_s = "{PAUSE_S}", quiet = "{int(quiet)}" }}

[account]
name = "campaign"
state_directory = {text(str(workload.state))}

[data]
folder = {text(str(data))}

[brokerage]
plugin = "paper"
cash = 100000000.0
fee_model = "none"
ack_delay_ms = [0, {DELAY_MS}]
wire_delay_ms = [0, {DELAY_MS}]

[feed]
plugin = "replay"
start = {FIRST_DAY.isoformat()}
end = {last.isoformat()}
speed = "max"

[engine]
restarts = 1000
restart_window_s = 1.0
restart_delay_s = 0.01
restart_delay_max_s = 0.05

[limits]
orders_per_minute = 0
duplicate_window_s = 0.0

[control]
port = 0

[daemon]
on_feed_end = "wait"
log_level = "info"
"""
