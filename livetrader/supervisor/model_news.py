"""What the engine process says about its models: into the log and the metrics, and trouble to people."""

from __future__ import annotations

from typing import Final

from livetrader.ipc.messages import ModelReported
from livetrader.supervisor.parts import Parts

MAX_MODELS: Final = 256  # shown in the metrics; an engine may not fill the daemon's memory with names
NAME_LENGTH: Final = 64  # characters
TROUBLE_LENGTH: Final = 1000
_NEXT_STEP: Final = "the last good version serves, where there is one; see `livetrader models show {name}`"


class ModelNews:
    """Passes news on. Belongs to the loop's thread; owns the names in the gauge of versions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._names: set[str] = set()

    def engine_started(self) -> None:
        """Forget what the engine process before had loaded."""
        self._names.clear()
        self._parts.metrics.model_version.clear()
        self._parts.metrics.model_drift.clear()

    def __call__(self, report: ModelReported) -> None:
        """Take note of one piece of news."""
        parts, name = self._parts, report.name[:NAME_LENGTH]
        if report.trouble:
            trouble = report.trouble[:TROUBLE_LENGTH]
            parts.metrics.model_trouble.inc()
            parts.logs.daemon("model_trouble", level="error", name=name, reason=trouble)
            parts.notify(f"model {name}", trouble, _NEXT_STEP.format(name=name))
        if report.number is not None:
            parts.logs.daemon("model_serves", name=name, version=report.number)
        if name in self._names or len(self._names) < MAX_MODELS:
            self._names.add(name)
            self._show(name, report)

    def _show(self, name: str, report: ModelReported) -> None:
        metrics = self._parts.metrics
        if report.number is not None:
            metrics.model_version.labels(name).set(report.number)
        if report.drift is not None:
            metrics.model_drift.labels(name).set(report.drift)
