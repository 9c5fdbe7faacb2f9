"""What the daemon under fire is given: a made-up data folder, a configuration, a state directory.

On paper it trades replayed minutes as fast as they come, through Interactive Brokers the seconds of the
clock, in a market that never closes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from livetrader_plugins.lean_data.writer import write_minute

TICKERS = ("AAA", "BBB", "CCC")
LIVE_TICKERS = (*TICKERS, "DDD", "EEE", "FFF")  # at Interactive Brokers: so many orders a second
FIRST_DAY = date(2013, 1, 2)
OPEN_MS = (9 * 60 + 30) * 60_000
MINUTES = 390
DELAY_MS = 1000  # acknowledgements and the wire: 0 to this
PAUSE_S = 0.02  # the algorithm's work per bar; keeps the tape from running out and the two cores free

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
REGULAR = [{"start": "09:30:00", "end": "16:00:00", "state": "market"}]
ALWAYS = [{"start": "00:00:00", "end": "1.00:00:00", "state": "market"}]


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


def prepare_paper(root: Path, days: int, seed: int) -> Workload:
    """Write data for this many trading days and both configurations."""
    workload = Workload(root)
    data = root / "data"
    _write_reference(data, dict.fromkeys(WEEKDAYS, REGULAR))
    last = _write_days(data, days, Random(seed))
    return _configured(workload, lambda quiet: _paper(workload, data, last, quiet=quiet))


def prepare_ibkr(
    root: Path, port: int, algorithm: Path, parameters: dict[str, str], *, fence_s: float
) -> Workload:
    """Write market hours and both configurations for a TWS on this port."""
    workload = Workload(root)
    data = root / "data"
    _write_reference(data, dict.fromkeys((*WEEKDAYS, "saturday", "sunday"), ALWAYS))
    common = _common(workload, data)

    def text_of(quiet: bool) -> str:
        given = {**parameters, "quiet": str(int(quiet))}
        return _ibkr(algorithm, given, port, fence_s) + common

    return _configured(workload, text_of)


def _configured(workload: Workload, text_of: Callable[[bool], str]) -> Workload:
    workload.state.mkdir(parents=True, exist_ok=True)
    for quiet in (False, True):
        workload.config(quiet=quiet).write_text(text_of(quiet), encoding="utf-8")
    return workload


def _write_reference(folder: Path, week: dict[str, list[dict[str, str]]]) -> None:
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


def _write_days(folder: Path, days: int, random: Random) -> date:
    last = day = FIRST_DAY
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


def _paper(workload: Workload, data: Path, last: date, *, quiet: bool) -> str:
    text = json.dumps  # a TOML string is written like a JSON one
    parameters = f'{{ tickers = {text(",".join(TICKERS))}, pause_s = "{PAUSE_S}", quiet = "{int(quiet)}" }}'
    return f"""
[algorithm]
path = {text(str(Path(__file__).with_name("algorithm.py")))}
parameters = {parameters}

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
{_common(workload, data)}
on_feed_end = "wait"
"""


def _ibkr(algorithm: Path, parameters: dict[str, str], port: int, fence_s: float) -> str:
    text = json.dumps
    given = ", ".join(f"{name} = {text(value)}" for name, value in parameters.items())
    return f"""
[algorithm]
path = {text(str(algorithm))}
parameters = {{ {given} }}

[brokerage]
plugin = "ibkr"
port = {port}
absence_fence_s = {fence_s}

[feed]
plugin = "ibkr"
port = {port}
"""


def _common(workload: Workload, data: Path) -> str:
    """Return the sections that do not depend on the venue; the last one is [daemon]."""
    text = json.dumps
    return f"""
[account]
name = "campaign"
state_directory = {text(str(workload.state))}
any_file_system = true

[data]
folder = {text(str(data))}

[engine]
restarts = 1000
restart_window_s = 1.0
restart_delay_s = 0.01
restart_delay_max_s = 0.05

[limits]
orders_per_minute = 0
duplicate_window_s = 0.0
unknown_orders = 0

[control]
port = 0

[daemon]
log_level = "info"\
"""
