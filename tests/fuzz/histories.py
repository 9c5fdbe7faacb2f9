"""Questions to real histories whose venue answers with mutations: right points or one of two errors, soon."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import Context, VenueError
from livetrader_engine.spi_data import (
    AnnouncedSplit,
    Announcement,
    DateSpan,
    Downloader,
    DownloadRequest,
)
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from tests.fuzz.judge import flaw
from tests.fuzz.stopwatch import undisturbed_s

HANG_S = 1.0
BETWEEN_S = 4_000.0  # two questions: the longest that a venue may make us wait is over
MOST_QUESTIONS = 10  # for each answer
DAY = date(2025, 6, 16)
SPAN = DateSpan(DAY, date(2025, 6, 17))
NOW_NS = 1_752_000_000_000_000_000  # three weeks later
AAPL = Symbol.create("AAPL R735QTJ8XC9X", "AAPL", SecurityType.EQUITY, "usa")


class Skipping:
    """A clock whose waits are over at once; elsewhere it runs as clocks do. `wait` is for histories."""

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def monotonic_s(self) -> float:
        """Return seconds."""
        return time.monotonic() + self._skipped_s

    def wait(self, seconds: float) -> None:
        """Let so much time have passed."""
        self._skipped_s += seconds


@dataclass
class Findings:
    """What came of the questions. `flaws` are bugs, told with the number of the question."""

    asked: int = 0
    points: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    flaws: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def context(folder: Path, clock: Skipping) -> Context:
    """Return what a history needs."""

    def no_tasks(name: str, coroutine: object) -> None:
        raise AssertionError("histories start no tasks")

    return Context(
        name="fuzz",
        state_directory=folder,
        data_folder=None,
        now_ns=lambda: NOW_NS,
        monotonic_s=clock.monotonic_s,
        random=Random(1),
        spawn=no_tasks,
        report=lambda action, **fields: None,
    )


def ask(history: Downloader, answered: Callable[[], int], clock: Skipping, count: int, seed: int) -> Findings:
    """Ask until so many answers were given; a question may take several, or none: see what is known."""
    found, random = Findings(), Random(seed)
    begun = answered()
    while (done := answered() - begun) < count:
        _one(history, found, random)
        clock.wait(BETWEEN_S)
        if found.asked > MOST_QUESTIONS * count:
            found.flaws.append(f"{found.asked} questions made it ask {done} times only: {found.ends}")
            break
    return found


def _one(history: Downloader, found: Findings, random: Random) -> None:
    found.asked += 1
    started_s = undisturbed_s()
    try:
        if history.downloads.announces and random.random() < 0.2:
            _judge_announcements(history.announcements(AAPL, SPAN), found)
        else:
            request = DownloadRequest(
                AAPL,
                random.choice(sorted(history.downloads.resolutions)),
                random.choice(sorted(history.downloads.tick_types)),
                SPAN,
            )
            _judge_points(history.download(request), request, found)
        found.ends["whole"] += 1
    except (VenueError, DataError) as error:
        found.ends[type(error).__name__] += 1
        if not str(error):
            found.flaws.append(f"question {found.asked}: {type(error).__name__} without a word")
    except Exception as error:  # noqa: BLE001 — what the port does not promise is what is looked for
        found.flaws.append(f"question {found.asked}: {type(error).__name__}: {error}"[:300])
    took_s = undisturbed_s() - started_s
    found.slowest_s = max(found.slowest_s, took_s)
    if took_s > HANG_S and found.asked > 1:  # the first one imports
        found.flaws.append(f"question {found.asked} took {took_s:.2f} s")


def _judge_points(points: Iterable[MarketPoint], request: DownloadRequest, found: Findings) -> None:
    newest_ns = 0
    for point in points:
        found.points += 1
        wrong = flaw(point)
        if point.end_time_ns < newest_ns:
            wrong = wrong or "goes back in time"
        if request.resolution is not Resolution.TICK and request.tick_type is TickType.TRADE:
            again = point.end_time_ns == newest_ns
            wrong = wrong or ("the same period again" if again else "")
        newest_ns = point.end_time_ns
        if wrong:
            found.flaws.append(f"question {found.asked}: {wrong}: {point}"[:300])


def _judge_announcements(announced: Sequence[Announcement], found: Findings) -> None:
    for each in announced:
        found.points += 1
        amount = each.factor if isinstance(each, AnnouncedSplit) else each.amount
        if not amount.is_finite() or amount <= 0 or not SPAN.first <= each.ex_date <= SPAN.last:
            found.flaws.append(f"question {found.asked}: {each}"[:300])
