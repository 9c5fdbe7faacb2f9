"""What an algorithm exchanges with others beside orders and messages: exported signals, commands.

In a backtest nothing is sent, as in LEAN: the calls answer what LEAN's answer there. Live no signals are
exported, so that is refused by name rather than forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from livetrader_engine.commands import LogLevel
from livetrader_lean.binding import Binding
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import Twins


class SignalExport(Twins):
    """Base of LEAN's signal exports: where targets would go to. Keeps what it was made with."""

    def __init__(self, *settings: Any, **named: Any) -> None:
        self.settings = (*settings, *named.values())


class Collective2SignalExport(SignalExport):
    """Would send targets to Collective2."""


class CrunchDAOSignalExport(SignalExport):
    """Would send targets to CrunchDAO."""


class NumeraiSignalExport(SignalExport):
    """Would send targets to Numerai."""


class VBaseSignalExport(SignalExport):
    """Would send targets to vBase."""


class SignalExportManager(Twins):
    """`self.signal_export`: True in a backtest, where LEAN sends nothing either and says so once."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._providers: list[Any] = []
        self._warned = False
        self.automatic_export_time_span: timedelta | None = timedelta(seconds=5)

    def add_signal_export_provider(self, signal_export: Any) -> None:
        """Have targets sent there. Raises NotInLivetrader live."""
        if self._binding.run.live:
            raise NotInLivetrader("signal_export.add_signal_export_provider", "no signals are exported")
        self._providers.append(signal_export)

    def add_signal_export_providers(self, *signal_exports: Any) -> None:
        """Have targets sent to several places."""
        for given in signal_exports:
            for provider in given if isinstance(given, Iterable) else (given,):
                self.add_signal_export_provider(provider)

    def set_target_portfolio(self, *portfolio_targets: Any) -> bool:
        """Send these targets."""
        if not self._warned:
            self._warned = True
            self._binding.log(LogLevel.DEBUG, "Portfolio targets are only sent in live mode")
        return True

    def set_target_portfolio_from_portfolio(self) -> bool:
        """Send the positions as targets."""
        return self.set_target_portfolio()


class Command(Twins):
    """Base of commands that `add_command` registers; `run(algorithm)` is the user's."""

    def run(self, algorithm: Any) -> bool | None:
        """Do what the command is for; None where it failed."""
        raise NotInLivetrader("Command.run", "a command of the user's own defines it")
