"""The machine: versions, clock, time zones and calendars, limits, GPU, and what is installed beside us.

Each check takes what it judges as arguments with the machine's own as default, so that a test can show it
another machine.
"""

from __future__ import annotations

import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from livetrader import __version__
from livetrader.doctor.findings import Finding, note, ok, problem, warning
from livetrader.telemetry.machine_clock import ClockState, read_clock

PYTHON_LEAST: Final = (3, 11)
SQLITE_LEAST: Final = (3, 37, 0)  # STRICT tables
SYSTEMD_LEAST: Final = 247  # LoadCredential= and SetCredential=; 252 is what we test with
OFFSET_LIMIT_S: Final = 0.5  # a clock so far off puts bars into the wrong minute
ERROR_LIMIT_S: Final = 1.0
TZDATA_OLD: Final = timedelta(days=550)  # a year and a half: rules change a few times a year
DESCRIPTORS_LEAST: Final = 4096
CALENDAR: Final = "XNYS"
CALENDAR_AHEAD: Final = timedelta(days=30)
TOOL_LIMIT_S: Final = 10.0
_NVIDIA: Final = Path("/proc/driver/nvidia/version")
_TZDATA: Final = re.compile(r"(\d{4})\.(\d+)")


def versions() -> list[Finding]:
    """Look at Python, SQLite and systemd."""
    python = ".".join(map(str, sys.version_info[:3]))
    findings = [ok("livetrader", f"{__version__} in {sys.prefix}")]
    if sys.version_info[:2] < PYTHON_LEAST:
        findings.append(problem("python", f"{python} is too old", "use Python 3.11 or newer"))
    else:
        findings.append(ok("python", python))
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        remedy = "use a Python that was built with SQLite 3.37 or newer"
        findings.append(problem("sqlite", f"{sqlite3.sqlite_version} is too old for the journal", remedy))
    else:
        findings.append(ok("sqlite", sqlite3.sqlite_version))
    findings.append(_systemd(_first_line(("systemctl", "--version"))))
    return findings


def _systemd(line: str | None) -> Finding:
    found = re.match(r"systemd (\d+)", line or "")
    if found is None:
        return note("systemd", "not on this machine", "something else has to watch and restart the daemon")
    if int(found[1]) < SYSTEMD_LEAST:
        return problem("systemd", f"{found[1]} is too old for the units", f"use {SYSTEMD_LEAST} or newer")
    return ok("systemd", found[1])


def clock(state: ClockState | None = None) -> Finding:
    """Look whether this machine's clock is kept: orders, bars and schedules hang on it."""
    found = state or read_clock()
    remedy = "install chrony or systemd-timesyncd, and let it reach a time server"
    if found.synchronized is None:
        return note("clock", "nobody tells whether it is synchronized", "timedatectl tells on the host")
    if not found.synchronized:
        return problem("clock", "not synchronized with a time server", remedy)
    if found.offset_s is not None and abs(found.offset_s) > OFFSET_LIMIT_S:
        return problem("clock", f"{found.offset_s:+.3f} s off", remedy)
    if found.max_error_s is not None and found.max_error_s > ERROR_LIMIT_S:
        return warning(
            "clock", f"may be {found.max_error_s:.1f} s off", f"look at the time server, or {remedy}"
        )
    offset = "" if found.offset_s is None else f", {found.offset_s * 1000:+.1f} ms off"
    return ok("clock", f"synchronized{offset} ({found.source})")


def zones(today: date, tzdata: str | None = None) -> Finding:
    """Look at the rules of time zones: daylight saving decides when a market opens."""
    try:
        ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        return problem("time zones", "America/New_York is not known", "pip install tzdata")
    text = tzdata if tzdata is not None else _installed("tzdata")
    found = _TZDATA.match(text or "")
    if found is None:
        return note("time zones", "the package tzdata is not installed; the system's rules are used")
    if today - date(int(found[1]), 1, 1) > TZDATA_OLD:
        return warning("time zones", f"the rules are of {text}", "pip install --upgrade tzdata")
    return ok("time zones", f"tzdata {text}")


def calendars(today: date, last_session: Callable[[], date] | None = None) -> Finding:
    """Look whether the exchanges' sessions are known for long enough."""
    try:
        last = (last_session or _last_session)()
    except Exception as error:  # noqa: BLE001 — boundary: whatever a broken package raises is the finding
        return problem("calendars", f"{CALENDAR} cannot be read: {error}", "pip install exchange_calendars")
    if last < today + CALENDAR_AHEAD:
        remedy = "pip install --upgrade exchange_calendars"
        return problem("calendars", f"{CALENDAR} is known until {last} only", remedy)
    return ok("calendars", f"{CALENDAR} is known until {last}")


def _last_session() -> date:
    import exchange_calendars  # pandas comes with it: a second that only this check costs

    last: date = exchange_calendars.get_calendar(CALENDAR).last_session.date()
    return last


def descriptors(limit: int | None = None) -> Finding:
    """Look how many files and connections a process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    if 0 <= soft < DESCRIPTORS_LEAST:
        remedy = "ulimit -n 65536; the systemd unit has LimitNOFILE="
        return warning("descriptors", f"a process may have {soft} open", remedy)
    return ok("descriptors", "unlimited" if soft < 0 else str(soft))


def gpu(driver: Path = _NVIDIA) -> list[Finding]:
    """Look for NVIDIA's GPUs, and whether an installed torch can use them."""
    if not driver.exists():
        return [note("gpu", "none; models train on the CPU")]
    names = _first_line(("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"), every=True)
    if names is None:
        return [
            warning(
                "gpu", "the driver is loaded and nvidia-smi does not answer", "dmesg; reinstall the driver"
            )
        ]
    findings = [ok("gpu", names)]
    torch = _installed("torch")
    if torch is not None and torch.endswith("+cpu"):
        remedy = "pip install torch from PyTorch's index for your CUDA"
        findings.append(warning("gpu", f"torch {torch} was built without CUDA", remedy))
    return findings


def extras() -> Finding:
    """Say which optional extras are installed."""
    wanted: dict[str, list[str]] = {}
    for text in requires("livetrader") or ():
        name, _, marker = text.partition(";")
        found = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        if found and not name.strip().startswith("livetrader"):  # an extra made of others
            wanted.setdefault(found[1], []).append(re.split(r"[\[<>=!~ ;(]", name.strip())[0])
    have = [extra for extra, names in wanted.items() if all(_installed(name) for name in names)]
    lack = sorted(set(wanted) - set(have))
    remedy = f"pip install 'livetrader[{lack[0]}]' where one is needed" if lack else ""
    shown = ", ".join(sorted(have)) or "none"
    return note("extras", f"installed: {shown}; not: {', '.join(lack) or 'none'}", remedy)


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _first_line(words: tuple[str, ...], *, every: bool = False) -> str | None:
    """Return what a tool says, its first line or every one; None where there is no such tool or it fails."""
    if shutil.which(words[0]) is None:
        return None
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=TOOL_LIMIT_S, check=False, stdin=subprocess.DEVNULL
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        return None
    return "; ".join(lines) if every else lines[0]


def today_of(now_ns: int) -> date:
    """Return the UTC date of an instant."""
    return datetime.fromtimestamp(now_ns // 10**9, UTC).date()
