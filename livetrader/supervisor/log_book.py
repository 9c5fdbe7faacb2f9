"""The newest lines of the log, for the operator: the algorithm's, the engine process's and the daemon's."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from livetrader.control.operations import LogPage, LogView, LogWritten
from livetrader.control.queries import LogQuery
from livetrader.control.stream import EventHub
from livetrader.telemetry.logs import event

LINES_KEPT: Final = 5_000  # about 1 MB

# LEAN's words of the algorithm's lines are among them: log and debug.
SEVERITY: Final = {
    "debug": logging.DEBUG, "log": logging.INFO, "info": logging.INFO, "warning": logging.WARNING,
    "error": logging.ERROR, "critical": logging.CRITICAL,
}  # fmt: skip

ALGORITHM: Final = logging.getLogger("livetrader.algorithm")
ENGINE: Final = logging.getLogger("livetrader.engine_process")
DAEMON: Final = logging.getLogger("livetrader.daemon")


class LogBook:
    """Owns the ring of lines; writes each to the log as well. Belongs to the loop's thread."""

    def __init__(self, now_ns: Callable[[], int], hub: EventHub) -> None:
        self._now_ns = now_ns
        self._hub = hub
        self._lines: deque[LogView] = deque(maxlen=LINES_KEPT)
        self._sequence = 0
        self.listener: Callable[[LogView], None] | None = None  # who keeps lines in files; never waits

    def algorithm(self, time_ns: int, level: str, message: str) -> None:
        """Write a line of the algorithm's; `level` is LEAN's log, debug or error."""
        severity = {"error": logging.ERROR, "debug": logging.DEBUG}.get(level, logging.INFO)
        event(ALGORITHM, severity, "algorithm_log", text=message)
        self._keep(time_ns, level, "algorithm", message)

    def engine(self, line: str) -> None:
        """Write a line that the engine process printed."""
        event(ENGINE, logging.INFO, "engine_output", text=line)
        self._keep(self._now_ns(), "info", "engine", line)

    def daemon(self, action: str, *, level: str = "info", **fields: object) -> None:
        """Write a record of the daemon's own: `action` is a fixed word, `fields` say the rest."""
        event(DAEMON, logging.getLevelNamesMapping()[level.upper()], action, **fields)
        details = " ".join(f"{name}={value}" for name, value in fields.items())
        self._keep(self._now_ns(), level, "daemon", f"{action} {details}".rstrip())

    def page(self, query: LogQuery) -> LogPage:
        """Return the newest lines that fit, oldest first; `lost` counts what is gone since `after`."""
        oldest = self._lines[0].sequence if self._lines else self._sequence + 1
        lost = max(0, oldest - query.after - 1) if not query.before else 0
        shown: list[LogView] = []
        for line in reversed(self._lines):
            if line.sequence <= query.after or len(shown) >= query.limit:
                break
            if fits(line, query):
                shown.append(line)
        return LogPage(tuple(reversed(shown)), max(query.after, self._sequence), lost)

    def _keep(self, time_ns: int, level: str, source: str, message: str) -> None:
        self._sequence += 1
        line = LogView(self._sequence, time_ns, level, source, message)
        self._lines.append(line)
        if self.listener is not None:
            self.listener(line)
        if self._hub.readers:
            self._hub.publish(LogWritten(line))


def fits(line: LogView, query: LogQuery) -> bool:
    """Return whether a line is among those asked for, wherever it stands after `query.after`."""
    if query.before and line.sequence >= query.before:
        return False
    if SEVERITY.get(line.level, logging.INFO) < SEVERITY[query.level] or line.time_ns < query.since_ns:
        return False
    if query.source and line.source != query.source:
        return False
    return query.text.casefold() in line.message.casefold()
