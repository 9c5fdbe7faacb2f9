"""What the results of a live run are made of, and when what is written."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from livetrader import __version__
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.timing import Timing
from livetrader.results.live_folder import Plan
from livetrader.results.live_settings import ResultSettings
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.states import DaemonState, StateMachine
from livetrader_engine.commands import NoteOrderEvent
from livetrader_engine.statistics.portfolio_statistics import RateOf

FULL_S: Final = 60.0  # between two writes of everything; LEAN: ChartUpdateInterval
AFTER_FILL_S: Final = 10.0  # a fill is in the files this soon; LEAN: holdings-changed-store-delay
REST: Final = 20  # a write that took a second is not repeated in full for so many
MAX_PENDING: Final = 20_000  # order events, log lines that wait to be written; then the oldest go

_STATUS: Final = {  # LEAN's words: AlgorithmStatus
    DaemonState.RUNNING: "Running", DaemonState.HALTED: "Running", DaemonState.LIQUIDATING: "Liquidated",
    DaemonState.FLAT: "Liquidated", DaemonState.STOPPED: "Stopped", DaemonState.FAILED: "RuntimeError",
}  # fmt: skip
_VALUED: Final = frozenset(
    {DaemonState.RUNNING, DaemonState.HALTED, DaemonState.LIQUIDATING, DaemonState.FLAT}
)


def _none() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class ResultPorts:
    """Whom the results ask. `trading` says whether the account may be valued now.

    `own` are what the algorithm set by set_runtime_statistic. `status` is LEAN's word for how it stands, at
    the end or before. `chance` is in [0, 1).
    """

    root: Path
    settings: ResultSettings
    plan: Plan
    timing: Timing
    gateway: Gateway
    chance: Callable[[], float]
    report: Callable[..., None]
    rate: RateOf
    trading: Callable[[], bool]
    own: Callable[[], dict[str, str]]
    status: Callable[[bool], str]
    keeps_time: bool = False
    insights: Callable[[], int] = _none  # how many the algorithm emitted


def ports_of(
    parts: Parts,
    state: StateMachine,
    own: Callable[[], dict[str, str]],
    insights: Callable[[], int],
) -> ResultPorts:
    """Return the ports of a daemon's results; `own` and `insights` as in ResultPorts."""
    settings, gateway = parts.settings, parts.gateway
    return ResultPorts(
        root=settings.results.folder or parts.directory.results,
        settings=settings.results,
        plan=Plan(
            algorithm=settings.algorithm.path,
            account=settings.account.name,
            brokerage=settings.brokerage.plugin,
            feeds=tuple(name for name, _ in parts.feeds),
            parameters=dict(settings.algorithm.parameters),
            version=__version__,
            left_out=(parts.directory.root, settings.data.folder),
        ),
        timing=parts.timing,
        gateway=gateway,
        chance=parts.chance,
        report=parts.logs.daemon,
        rate=parts.history.reference.interest_rate,
        trading=lambda: state.current in _VALUED and bool(gateway.cash) and not gateway.warming,
        own=own,
        status=lambda end: _status(state.current, end=end),
        keeps_time=parts.feed.capabilities.keeps_time,
        insights=insights,
    )


def _status(state: DaemonState, *, end: bool) -> str:
    word = _STATUS.get(state, "Initializing")
    return "Stopped" if end and word == "Running" else word


class Pace:
    """When what was written last, on the monotonic clock."""

    def __init__(self) -> None:
        self._last_s: dict[str, float] = {}
        self._fills = 0
        self._fill_seen_s: float | None = None
        self.took_s = 0.0  # the last full write

    def due(self, what: str, now_s: float, every_s: float, *, end: bool) -> bool:
        """Return whether it is time for something again, and take note that it is done now."""
        is_due = end or now_s - self._last_s.get(what, -math.inf) >= every_s
        if is_due:
            self._last_s[what] = now_s
        return is_due

    def full_due(self, now_s: float, fills: int, *, end: bool) -> bool:
        """Return whether everything is to be written: once a minute, and soon after trades."""
        if fills != self._fills and self._fill_seen_s is None:
            self._fill_seen_s = now_s
        rest_s = max(FULL_S, REST * self.took_s)
        if self._fill_seen_s is not None and now_s - self._fill_seen_s >= AFTER_FILL_S:
            rest_s = REST * self.took_s
        if not self.due("full", now_s, rest_s, end=end):
            return False
        self._fills, self._fill_seen_s = fills, None
        return True


@dataclass(slots=True)
class Waiting:
    """What waits to be written; where that takes too long the oldest goes."""

    events: deque[NoteOrderEvent] = field(default_factory=lambda: deque(maxlen=MAX_PENDING))
    logs: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_PENDING))
    own_logs: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_PENDING))

    def take(self) -> tuple[Sequence[str], Sequence[str], Sequence[NoteOrderEvent]]:
        """Return all that waits, which waits no longer."""
        taken = tuple(self.logs), tuple(self.own_logs), tuple(self.events)
        for each in (self.logs, self.own_logs, self.events):
            each.clear()
        return taken

    def put_back(
        self, logs: Sequence[str], own_logs: Sequence[str], events: Sequence[NoteOrderEvent]
    ) -> None:
        """Have what could not be written wait again, before what has come since, as far as there is room."""
        self.logs = deque((*logs, *self.logs), maxlen=MAX_PENDING)
        self.own_logs = deque((*own_logs, *self.own_logs), maxlen=MAX_PENDING)
        self.events = deque((*events, *self.events), maxlen=MAX_PENDING)
