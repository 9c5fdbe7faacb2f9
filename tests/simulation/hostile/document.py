"""Writes the week down: `python -m tests.simulation.hostile.document` makes docs/hostile-week.md."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from livetrader.telemetry.notifications import Urgency
from tests.simulation.hostile.week import Alert, Line, Played, play

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs" / "hostile-week.md"
INTRODUCTION: Final = """# A hostile week

What a week at Interactive Brokers looks like to an operator when everything happens in it that can: nightly
restarts and resets, lost lines, a flapping one, a crash of the gateway in which two orders vanish and order
ids go back, trades by hand, a corrected trade and one that is taken back, IB's weekend, and a weekly login
that nobody confirms in time.

Nobody wrote this page: `make docs` plays the week and writes down what was said. Script and algorithm are in
`tests/simulation/hostile/script.py`. Engine, journal, gateway, session, plugin and client library are the
real ones; TWS is the [simulated venue](venues.md), and the clock is virtual. A test plays the week with
ib_insync and with ib_async, compares this page, and compares journal, algorithm and brokerage at the end.
Times are UTC; New York is four hours behind.

The algorithm holds SPY with a stop at the brokerage, buys 20 more at ten every morning, bids for 5 more in
the afternoon, and leaves an order for AAPL at 23:44 New York time, a minute before the gateway restarts.
"""


def text_of(played: Played) -> str:
    """Return the page."""
    return "\n".join((INTRODUCTION, _alerts(played), _ends(played), _days(played)))


def _clock(time_ns: int, form: str = "%a %H:%M") -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime(form)


def _alerts(played: Played) -> str:
    counts = Counter(alert.urgency for alert in played.alerts)
    told = ", ".join(f"{counts[urgency]} {urgency.name.lower()}" for urgency in reversed(Urgency))
    rows = [
        f"| {_clock(alert.time_ns)} | {_urgency(alert)} | {alert.title} | {_told(alert)} |"
        for alert in played.alerts
    ]
    return "\n".join(
        (
            "## What people were told",
            "",
            f"In all: {told}. Whoever wants to sleep takes the alarms only.",
            "",
            "| when | how loud | what | in words, and what to do |",
            "|---|---|---|---|",
            *rows,
            "",
        )
    )


def _urgency(alert: Alert) -> str:
    name = alert.urgency.name.lower()
    return f"**{name}**" if alert.urgency is Urgency.ALARM else name


def _told(alert: Alert) -> str:
    return f"{alert.message} → {alert.next_step}" if alert.next_step else alert.message


def _ends(played: Played) -> str:
    rows = [f"| {' | '.join(row)} |" for row in played.ends]
    heads = ("## How it ended", "", "| | journal | algorithm | brokerage |", "|---|---|---|---|")
    return "\n".join((*heads, *rows, ""))


def _days(played: Played) -> str:
    parts = ["## Line by line", ""]
    for day, lines in groupby(played.lines, lambda line: _clock(line.time_ns, "%A")):
        parts += [f"### {day}", "", "| when | who | what |", "|---|---|---|"]
        parts += [f"| {_clock(line.time_ns, '%H:%M')} | {line.who} | {_plain(line)} |" for line in lines]
        parts.append("")
    return "\n".join(parts)


def _plain(line: Line) -> str:
    return line.words.replace("|", "/").replace("\n", " ")


if __name__ == "__main__":
    DOCUMENT.write_text(text_of(play()), encoding="utf-8")
