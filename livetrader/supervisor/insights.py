"""The newest predictions of the algorithm, for operators."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from livetrader.control.insight_views import InsightsView, InsightView
from livetrader.control.queries import InsightsQuery
from livetrader_engine.commands import NoteInsight

INSIGHTS_KEPT: Final = 1_000  # about 1 MB


class InsightBook:
    """Owns them. Belongs to the loop's thread; keeps nothing over a restart of the daemon."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._kept: deque[NoteInsight] = deque(maxlen=INSIGHTS_KEPT)
        self.total = 0

    def take(self, noted: NoteInsight) -> None:
        """Take one insight."""
        self.total += 1
        self._kept.append(noted)

    def view(self, query: InsightsQuery) -> InsightsView:
        """Return those asked for, newest first."""
        now_ns = self._now_ns()
        found = (each for each in reversed(self._kept) if _fits(each, query, now_ns))
        shown = tuple(_view(each, now_ns) for each, _ in zip(found, range(query.limit), strict=False))
        return InsightsView(shown, self.total)


def _fits(noted: NoteInsight, query: InsightsQuery, now_ns: int) -> bool:
    if query.active and noted.close_ns < now_ns:
        return False
    return not query.symbol or query.symbol in (noted.symbol.value, noted.symbol.text)


def _view(noted: NoteInsight, now_ns: int) -> InsightView:
    return InsightView(
        id=noted.id,
        time_ns=noted.time_ns,
        close_ns=noted.close_ns,
        symbol=noted.symbol.text,
        ticker=noted.symbol.value,
        kind=noted.kind,
        direction=noted.direction,
        magnitude=noted.magnitude,
        confidence=noted.confidence,
        weight=noted.weight,
        source=noted.source,
        group=noted.group,
        tag=noted.tag,
        active=now_ns <= noted.close_ns,
    )
