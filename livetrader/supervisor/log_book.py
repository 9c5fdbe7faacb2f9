"""The newest lines of the log, for the operator: the algorithm's, the engine process's and the daemon's."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from livetrader.control.operations import LogPage, LogView, LogWritten
from livetrader.control.stream import EventHub
from livetrader.telemetry.logs import event

LINES_KEPT: Final = 5_000  # about 1 MB

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

    def page(self, after: int, limit: int) -> LogPage:
        """Return at most `limit` of the newest lines whose sequence is above `after`, oldest first."""
        if limit <= 0:
            return LogPage((), after)
        lines = [line for line in self._lines if line.sequence > after]
        lost = max(0, lines[0].sequence - after - 1) if lines else 0
        shown = tuple(lines[-limit:])
        return LogPage(shown, shown[-1].sequence if shown else max(after, self._sequence), lost)

    def _keep(self, time_ns: int, level: str, source: str, message: str) -> None:
        self._sequence += 1
        line = LogView(self._sequence, time_ns, level, source, message)
        self._lines.append(line)
        if self._hub.readers:
            self._hub.publish(LogWritten(line))
