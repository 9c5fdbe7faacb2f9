"""Notifications, exported signals, commands, and where and how the algorithm runs."""

from __future__ import annotations

import inspect
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_lean.algorithm.part import Part
from livetrader_lean.downloading import download
from livetrader_lean.enums import AlgorithmMode, AlgorithmStatus, DeploymentTarget
from livetrader_lean.insights import flat
from livetrader_lean.names import hook, known_as
from livetrader_lean.notify import NotificationManager
from livetrader_lean.outside import Command, SignalExportManager


class OutsideMixin(Part):
    """What has to do with the world around an algorithm."""

    @property
    def notify(self) -> NotificationManager:
        """Send messages."""
        return NotificationManager(self._lean)

    @property
    def signal_export(self) -> SignalExportManager:
        """Send targets to others."""
        found: SignalExportManager = self._lean.signal_export
        return found

    def emit_insights(self, *insights: Any) -> None:
        """Predict: each insight gets its times and is shown to who watches; nothing is traded for it.

        Raises AlgorithmError for what is no insight, or an insight of a symbol that was not added.
        """
        self._lean.insights.emit(flat(insights))

    def download(self, address: str, headers: Any = None, user_name: str = "", password: str = "") -> str:
        """Return the text at an http or https address; the step waits for it. Raises AlgorithmError."""
        return download(address, headers, user_name, password)

    @known_as(type="command")
    def add_command(self, command: type[Command]) -> None:
        """Register a command by its class name."""
        if not inspect.isclass(command) or not issubclass(command, Command):
            raise AlgorithmError(f"add_command takes a class that derives from Command, not {command!r}")
        self._lean.commands[command.__name__] = command

    @hook
    def on_command(self, data: Any) -> bool | None:
        """A command without a class of its own arrived; nothing sends any here."""

    @property
    def algorithm_id(self) -> str:
        """Name under which the run is known."""
        return self._lean.name or type(self).__name__

    @property
    def algorithm_mode(self) -> int:
        """LIVE or BACKTESTING."""
        return AlgorithmMode.LIVE if self._lean.run.live else AlgorithmMode.BACKTESTING

    @property
    def deployment_target(self) -> int:
        """LOCAL_PLATFORM: it runs on a machine of its owner's."""
        return DeploymentTarget.LOCAL_PLATFORM

    @property
    def status(self) -> int:
        """INITIALIZING, then RUNNING."""
        return AlgorithmStatus.RUNNING if self._lean.initialized else AlgorithmStatus.INITIALIZING

    @property
    def debug_mode(self) -> bool:
        """Whether debug lines are shown: always."""
        return True
